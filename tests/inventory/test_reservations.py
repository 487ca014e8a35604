"""Stock held for a checkout: never promised twice, and let go of in every way it may end."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app import api
from sync.access import AccessPolicy
from sync.inventory import items, ledger, reservations
from sync.inventory.delivery import Ways
from sync.inventory.ledger import Count
from sync.inventory.policy import InventoryPolicy
from sync.inventory.reservations import NotEnough, Reservation, grant
from sync.inventory.reserving import Wish
from sync.store.engine import make_engine
from tests.inventory import sales
from tests.inventory.shelf import NOW, happen, levels, rows, settle_all
from tests.inventory.shelf import ledger as booked
from tests.workers.world import StandingClock

TOKEN = "a-token-for-tests"
PRICE = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)
LINE = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
URL = "/api/stock/reservations"


def count(engine: Engine, **on_hand: int) -> None:
    with engine.begin() as conn:
        ledger.count(conn, [Count(sku, "main", n) for sku, n in on_hand.items()], NOW)


def hold(engine: Engine, ttl_s: int = 600, key: str | None = None, **wanted: int) -> Reservation:
    wish = Wish(tuple(((sku, "main"), n) for sku, n in sorted(wanted.items())), ttl_s)
    with engine.begin() as conn:
        return reservations.reserve(conn, wish, NOW, key=key)


def state(engine: Engine, held: Reservation) -> str:
    with engine.connect() as conn:
        found = reservations.find(conn, held.id)
    assert found
    return found.state


@pytest.fixture
def shop(engine: Engine) -> FlaskClient:
    app = Flask(__name__)
    clock = StandingClock(NOW)
    app.register_blueprint(api.blueprint(engine, clock, TOKEN, AccessPolicy()))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return client


def ask(shop: FlaskClient, *given: Mapping[str, Any], **headers: str) -> tuple[int, Any]:
    answer = shop.post(URL, json={"items": list(given)}, headers=headers)
    return answer.status_code, answer.get_json()


MUGS = {"sku": "MUG", "quantity": 2}


def test_what_is_held_is_shown_and_given_back(engine: Engine, shop: FlaskClient) -> None:
    count(engine, MUG=5)
    status, held = ask(shop, MUGS, {"sku": "MUG", "quantity": 1})
    during = levels(engine, "reserved")
    shown = shop.get(f"{URL}/{held['id']}").get_json()
    after = shop.delete(f"{URL}/{held['id']}").get_json()

    assert status == 201
    assert held["items"] == [{"sku": "MUG", "location": "main", "quantity": 3}]
    assert held["expires_at"] == "2099-11-23T08:30:00Z"
    assert (during, shown["state"]) == ({"MUG": 3}, "held")
    assert (after["state"], levels(engine, "reserved")) == ("released", {})
    assert booked(engine, "reserved") == {}
    assert shop.delete(f"{URL}/{held['id']}").get_json()["state"] == "released"


def test_all_is_held_or_nothing(engine: Engine, shop: FlaskClient) -> None:
    count(engine, MUG=5, TEA=1)
    status, said = ask(shop, MUGS, {"sku": "TEA", "quantity": 2})

    assert status == 409
    assert said["short"] == [{"sku": "TEA", "location": "main", "available": 1}]
    assert levels(engine, "reserved") == {}
    assert rows(engine, "SELECT * FROM evergreen.stock_reservation") == []


def test_the_same_key_holds_once(engine: Engine, shop: FlaskClient) -> None:
    count(engine, MUG=5)
    first = ask(shop, MUGS, **{"Idempotency-Key": "cart-1"})
    again = ask(shop, MUGS, **{"Idempotency-Key": "cart-1"})
    other = ask(shop, {"sku": "MUG", "quantity": 1}, **{"Idempotency-Key": "cart-1"})

    assert first == again
    assert (other[0], other[1]["error"]) == (409, "idempotency_key_reused")
    assert levels(engine, "reserved") == {"MUG": 2}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"{", "the request is no JSON", id="no-json"),
        pytest.param(b"[]", "send a JSON object with a list of items", id="no-object"),
        pytest.param(b'{"items": []}', "items: from 1 to 100", id="nothing"),
        pytest.param(b'{"items": [1]}', "items[0]: an object", id="no-item"),
        pytest.param(b'{"items": [{"sku": "MUG", "quantity": 0}]}', "quantity: a whole", id="zero"),
        pytest.param(b'{"items": [{"sku": "MUG", "quantity": true}]}', "quantity", id="bool"),
        pytest.param(b'{"items": [{"sku": " ", "quantity": 1}]}', "items[0].sku: a name", id="sku"),
        pytest.param(
            b'{"items": [{"sku": "MUG", "quantity": 1}], "ttl_s": 9}', "ttl_s: whole", id="ttl"
        ),
        pytest.param(b'{"items": [{"sku": "MUC", "quantity": 1}]}', "unknown SKU: MUC", id="known"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    engine: Engine, shop: FlaskClient, body: bytes, message: str
) -> None:
    count(engine, MUG=5)
    answer = shop.post(URL, data=body)

    assert answer.status_code == 422
    assert message in answer.get_json()["message"]


@pytest.mark.parametrize("key", ["", "a\0b", "x" * 256], ids=["empty", "nul", "long"])
def test_a_key_that_cannot_be_kept_is_refused(engine: Engine, shop: FlaskClient, key: str) -> None:
    count(engine, MUG=5)
    status, said = ask(shop, MUGS, **{"Idempotency-Key": key})

    assert (status, said["message"]) == (422, "Idempotency-Key: 1 to 255 printable characters")


def test_nobody_without_the_token_is_let_in(shop: FlaskClient) -> None:
    refused = shop.post(URL, json={}, headers={"Authorization": "Bearer guess"})

    assert (refused.status_code, refused.get_json()) == (401, {"error": "unauthorized"})
    assert shop.get(f"{URL}/rsv_9").status_code == 404


@pytest.mark.parametrize(
    ("policy", "track", "wanted", "left", "held"),
    [
        pytest.param("only_if_available", True, 3, 3, 3, id="just-enough"),
        pytest.param("only_if_available", True, 3, 2, 0, id="too-few"),
        pytest.param("partial", True, 3, 2, 2, id="what-is-left"),
        pytest.param("partial", True, 3, 0, 0, id="nothing-left"),
        pytest.param("always", True, 3, 0, 3, id="a-backorder"),
        pytest.param("only_if_available", False, 3, 0, 3, id="untracked"),
    ],
)
def test_how_much_a_policy_grants(
    policy: items.SellPolicy, track: bool, wanted: int, left: int, held: int
) -> None:
    assert grant(items.Item(sku="MUG", policy=policy, track=track), wanted, left) == held


def test_what_is_kept_back_is_not_promised(engine: Engine) -> None:
    count(engine, MUG=5)
    with engine.begin() as conn:
        items.change(conn, "MUG", {"safety": 3})
    hold(engine, MUG=2)

    with pytest.raises(NotEnough) as short:
        hold(engine, MUG=1)
    assert short.value.short == {("MUG", "main"): 0}


def test_time_gives_back_what_nobody_paid_for(engine: Engine) -> None:
    count(engine, MUG=5)
    short, long = hold(engine, ttl_s=60, MUG=1), hold(engine, ttl_s=61, MUG=1)
    with engine.begin() as conn:
        expired = reservations.expire(conn, NOW + timedelta(seconds=60))

    assert (expired, state(engine, short), state(engine, long)) == (1, "expired", "held")
    assert levels(engine, "reserved") == booked(engine, "reserved") == {"MUG": 1}


def session(held: Reservation, status: str, **extra: Any) -> dict[str, Any]:
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "status": status,
        "payment_status": "paid" if status == "complete" else "unpaid",
        "client_reference_id": held.id,
        "created": 9,
        **extra,
    }


def test_a_paid_invoice_takes_the_place_of_what_was_held(engine: Engine) -> None:
    """In whichever order the invoice and its session are told."""
    count(engine, MUG=10)
    held = hold(engine, MUG=2)
    paid = sales.event("invoice.paid", sales.invoice("in_1", "paid", [LINE]), 20)
    done = session(held, "complete", invoice="in_1")
    happen(engine, [PRICE, paid])
    between = levels(engine, "reserved")
    happen(engine, [sales.event("checkout.session.completed", done, 21), paid])

    assert between == {"MUG": 2}
    assert (levels(engine), levels(engine, "reserved")) == ({"MUG": 8}, {})
    assert state(engine, held) == "committed"


@pytest.mark.parametrize(
    ("status", "ends", "left", "reserved"),
    [
        pytest.param("paid", "committed", 8, {}, id="paid"),
        pytest.param("void", "released", 10, {}, id="void"),
        pytest.param("draft", "held", 10, {"MUG": 2}, id="draft"),
        pytest.param("open", "held", 10, {"MUG": 2}, id="open"),
    ],
)
def test_an_invoice_that_names_a_reservation_ends_it(
    engine: Engine, status: str, ends: str, left: int, reserved: Mapping[str, int]
) -> None:
    count(engine, MUG=10)
    held = hold(engine, MUG=2)
    named = sales.invoice("in_1", status, [LINE], metadata={"reservation": held.id})
    happen(engine, [PRICE, sales.event("invoice.updated", named, 20)])

    assert (state(engine, held), levels(engine)) == (ends, {"MUG": left})
    assert levels(engine, "reserved") == reserved


def test_an_open_invoice_that_reserves_takes_over_from_the_hold(engine: Engine) -> None:
    count(engine, MUG=10)
    held = hold(engine, MUG=2)
    opened = sales.invoice("in_1", "open", [LINE], metadata={"reservation": held.id})
    reserving = Ways(InventoryPolicy(reserve_open=True))
    happen(engine, [PRICE, sales.event("invoice.finalized", opened, 20)], reserving)

    assert (state(engine, held), levels(engine, "reserved")) == ("committed", {"MUG": 2})


@pytest.mark.parametrize(
    ("status", "payment", "ends", "left"),
    [
        pytest.param("expired", "unpaid", "released", 10, id="expired"),
        pytest.param("complete", "paid", "committed", 8, id="paid-without-an-invoice"),
        pytest.param("complete", "unpaid", "held", 10, id="paid-for-in-days"),
        pytest.param("open", "unpaid", "held", 10, id="open"),
    ],
)
def test_a_session_without_an_invoice_settles_by_itself(
    engine: Engine, status: str, payment: str, ends: str, left: int
) -> None:
    count(engine, MUG=10)
    held = hold(engine, MUG=2)
    told = session(held, status, payment_status=payment)
    happen(engine, [sales.event("checkout.session.updated", told, 21)] * 2)

    assert (state(engine, held), levels(engine)) == (ends, {"MUG": left})
    assert booked(engine, "reserved") == levels(engine, "reserved")


def test_many_threads_and_few_units(engine: Engine, database_url: str) -> None:
    """Every hold takes two kinds, in both orders; nothing is promised twice, nobody waits on."""
    count(engine, MUG=7, TEA=30)
    many = make_engine(database_url, pool_size=8)
    ended: Counter[str] = Counter()

    def run() -> None:
        for _ in range(5):
            try:
                hold(many, MUG=1, TEA=2)
                ended["held"] += 1
            except NotEnough:
                ended["short"] += 1

    threads = [threading.Thread(target=run) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    many.dispose()

    assert ended == {"held": 7, "short": 33}
    assert levels(engine, "reserved") == booked(engine, "reserved") == {"MUG": 7, "TEA": 14}


BUY = """
import sys
from tests.inventory.test_reservations import NotEnough, hold, make_engine
engine, held = make_engine(sys.argv[1]), 0
for _ in range(6):
    try:
        hold(engine, MUG=1)
        held += 1
    except NotEnough:
        pass
print(held)
"""


def test_many_processes_and_few_units(engine: Engine, database_url: str) -> None:
    count(engine, MUG=10)
    words: Sequence[str] = [sys.executable, "-c", BUY, database_url]
    running = [
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ})
        for _ in range(3)
    ]
    held = [int(each.communicate(timeout=120)[0]) for each in running]

    assert sum(held) == 10
    assert levels(engine, "reserved") == {"MUG": 10}


def test_who_keeps_levels_is_told_of_what_is_held(engine: Engine) -> None:
    count(engine, MUG=5)
    wish = Wish(((("MUG", "main"), 2),), 60)
    policy = InventoryPolicy(levels=("shopify",), followers=("webhook",))
    with engine.begin() as conn:
        reservations.reserve(conn, wish, NOW, policy=policy)

    asked = "SELECT kind, key FROM evergreen.outbox ORDER BY key"
    assert rows(engine, asked) == [
        ("look", "inventory:look:MUG"),
        ("level", "inventory:shopify:level:main:MUG"),
    ]


def test_the_look_that_follows_a_hold_is_asked_for(engine: Engine) -> None:
    count(engine, MUG=1)
    hold(engine, MUG=1)
    settle_all(engine)

    assert rows(engine, "SELECT sku, standing FROM evergreen.stock_standing") == [("MUG", "out")]
