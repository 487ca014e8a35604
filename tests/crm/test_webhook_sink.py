"""The shop's own receiver: what it gets, signed, and when it wants no more."""

from base64 import b64encode
from collections.abc import Iterator
from itertools import pairwise

import orjson
import pytest
from sqlalchemy import Engine, text
from standardwebhooks import Webhook

from sync.crm.sink import CrmSink
from sync.crm.sinks import open_sinks
from sync.crm.vendors import Vendors
from sync.store import outbox
from sync.store.outbox import Lane
from sync.webhook_signature import Endpoint, keys
from tests.access.receiver import Receiver, receiving
from tests.crm.service import NOW, deliver_all, deliver_due, retry_now, take_in
from tests.crm.shop import customer, paid, subscription, told
from tests.crm.test_hubspot import states

SINK = ["webhook"]
SECRET = "whsec_" + b64encode(b"k" * 32).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def sinks(engine: Engine, receiver: Receiver) -> dict[str, CrmSink]:
    return open_sinks(engine, SINK, Vendors(webhook=Endpoint(receiver.url, keys(SECRET))))


def test_a_snapshot_is_signed_versioned_and_without_contact_data(
    engine: Engine, sinks: dict[str, CrmSink], receiver: Receiver
) -> None:
    take_in(engine, [told(customer("cus_1", "ada@example.com", name="Ada"))], SINK)
    deliver_all(engine, sinks)
    take_in(engine, [told(paid("cus_1"))], SINK)
    deliver_all(engine, sinks)

    for _, headers, body in receiver.got:
        # The reference verifier: it raises where the signature is not ours.
        Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()})
        assert b"ada" not in body.lower()
    said = [orjson.loads(body) for _, _, body in receiver.got]
    assert {each["type"] for each in said} == {"crm.customer.snapshot"}
    assert [each["data"]["ltv_gross_minor"] for each in said] == [0, 1000]
    assert all(a["data"]["version"] < b["data"]["version"] for a, b in pairwise(said))


def test_a_try_again_is_the_same_message(
    engine: Engine, sinks: dict[str, CrmSink], receiver: Receiver
) -> None:
    receiver.status = 503
    take_in(engine, [told(customer("cus_1"))], SINK)
    deliver_due(engine, sinks)
    receiver.status = 204
    retry_now(engine)
    deliver_all(engine, sinks)

    ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    assert len(set(ids)) == 1
    assert states(engine) == {"cus_1": ("done", None)}


def test_what_comes_back_is_a_new_message(
    engine: Engine, sinks: dict[str, CrmSink], receiver: Receiver
) -> None:
    """A receiver drops an id that it knows: who cancels and thinks again is not canceled."""
    runs = subscription("cus_1")
    for second, cancels in enumerate([False, True, False]):
        take_in(engine, [told({**runs, "cancel_at_period_end": cancels}, second)], SINK)
        deliver_all(engine, sinks)

    said = [orjson.loads(body)["data"] for _, _, body in receiver.got]
    assert [each["billing_lifecycle"] for each in said] == ["active", "at_risk", "active"]
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 3


def test_what_confirms_a_write_is_a_new_message(
    engine: Engine, sinks: dict[str, CrmSink], receiver: Receiver
) -> None:
    take_in(engine, [told(customer("cus_1"))], SINK)
    with engine.begin() as conn:
        outbox.claim(conn, NOW, lane=Lane("crm", "webhook"), simulated=True)
    with engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET lease_until = now() - interval '1 s'"))
    deliver_all(engine, sinks)

    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 2


def test_a_receiver_that_is_gone_gets_nothing_more(
    engine: Engine, sinks: dict[str, CrmSink], receiver: Receiver
) -> None:
    receiver.status = 410
    take_in(engine, [told(customer(f"cus_{n}")) for n in range(3)], SINK)
    deliver_all(engine, sinks)

    assert len(receiver.got) == 1
    assert set(states(engine).values()) == {("failed", "webhook_gone")}
    assert [each.level for each in sinks["webhook"].setup()] == ["wrong"]
