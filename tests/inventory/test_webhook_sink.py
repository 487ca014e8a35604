"""Movements by webhook: the body of the specification, one id for ever, signed each time."""

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from standardwebhooks import Webhook as Verifier

from sync.inventory import ledger
from sync.inventory.delivery import Ways
from sync.inventory.ledger import Count
from sync.inventory.policy import InventoryPolicy
from sync.inventory.sink import Level
from sync.inventory.sinks.webhook import WebhookSink
from sync.inventory.telling import Origin, tell
from sync.webhook import Webhook
from sync.webhook_signature import Endpoint
from tests.delivery.server import Provider, answer, cut, providing
from tests.inventory import sales
from tests.inventory.shelf import NOW, happen, rows, settle_all

KEYS = (b"k" * 24, b"o" * 24)
PRICE = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)
LINE = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
PAID = sales.event("invoice.paid", sales.invoice("in_1", "paid", [LINE]), 20)


@pytest.fixture
def receiver() -> Iterator[Provider]:
    with providing() as provider:
        yield provider


def ways(engine: Engine, receiver: Provider) -> Ways:
    sink = WebhookSink(Webhook(Endpoint(receiver.url, KEYS)), engine)
    policy = InventoryPolicy(followers=("webhook",), listeners=("webhook",))
    return Ways(policy, {"webhook": sink})


def got(receiver: Provider) -> list[tuple[dict[str, str], bytes]]:
    """Return the headers and the body of each post."""
    found = []
    for request in receiver.got:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line.partition(":") for line in head.decode().splitlines()[1:]]
        found.append(({name.lower(): value.strip() for name, _, value in lines}, body))
    return found


def test_a_movement_is_told_as_specified_and_signed_with_every_key(
    engine: Engine, receiver: Provider
) -> None:
    happen(engine, [PRICE, PAID], ways(engine, receiver))
    headers, body = next(post for post in got(receiver) if b"inventory.movement" in post[1])
    ((moved,),) = rows(engine, "SELECT id FROM evergreen.stock_movement")

    assert json.loads(body) == {
        "type": "inventory.movement",
        "timestamp": "2099-11-23T08:00:00Z",
        "data": {
            "movement_id": moved,
            "sku": "MUG",
            "location": "main",
            "delta": -2,
            "on_hand_after": -2,
            "cause": "invoice_paid",
            "source_line": "in_1:il_1",
            "revision": 1,
        },
    }
    for key in KEYS:  # the reference verifier raises where a signature is not ours
        Verifier(b64encode(key).decode()).verify(body, headers)


def test_every_attempt_has_the_same_id_and_the_same_body(
    engine: Engine, receiver: Provider
) -> None:
    """Lost before, lost after, and refused for now; the shelf moves on meanwhile."""
    receiver.acts = [cut, answer(500), answer(503), answer()]
    rules = ways(engine, receiver)
    happen(engine, [PRICE, PAID])
    with engine.begin() as conn:
        booked = ledger.count(conn, [Count("MUG", "main", 9)], NOW, opens=False)
        tell(conn, booked, rules.policy, Origin(now=NOW))
    settle_all(engine, rules, again=True)
    posts = [post for post in got(receiver) if b"inventory.movement" in post[1]]

    assert len(posts) >= 2
    assert len({headers["webhook-id"] for headers, _ in posts}) == 1
    assert {body for _, body in posts} == {posts[0][1]}


def test_a_notice_is_told_once(engine: Engine, receiver: Provider) -> None:
    happen(engine, [PRICE, PAID], ways(engine, receiver))
    (told,) = [json.loads(body) for _, body in got(receiver) if b"inventory.notice" in body]

    assert told["data"]["kind"] == "oversold"
    assert (told["data"]["sku"], told["data"]["on_hand"]) == ("MUG", -2)


def test_a_receiver_that_is_gone_is_left_alone(engine: Engine, receiver: Provider) -> None:
    receiver.acts = [answer(410)]
    happen(engine, [PRICE, PAID], ways(engine, receiver))
    states = rows(
        engine,
        "SELECT state, reason FROM evergreen.outbox WHERE kind IN ('movement', 'notice')",
    )

    assert len(receiver.got) == 1
    assert states == [("failed", "webhook_gone")] * 2


def test_levels_are_not_for_webhooks(engine: Engine, receiver: Provider) -> None:
    sink = ways(engine, receiver).sinks["webhook"]
    (outcome,) = sink.deliver([Level("MUG", "main", 3, "key")])

    assert getattr(outcome, "reason", "") == "not_for_webhooks"
    assert sink.policy.key_lives == timedelta(days=366)
    assert sink.setup()[0].level == "ok"
    assert receiver.got == []
