"""Readings from the API stand beside events under one rule: the later knowledge wins."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from sync.mirror.apply import Applied
from sync.mirror.reading import Told, fold, ids_in
from tests.mirror.fold import fold as fold_events
from tests.mirror.fold import mirrored, rows

Json = Mapping[str, Any]
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def customer(tier: str) -> dict[str, Any]:
    return {"id": "cus_1", "object": "customer", "livemode": False, "metadata": {"tier": tier}}


def updated(at: datetime, tier: str, before: str, event_id: str = "evt_1") -> Json:
    return {
        "id": event_id,
        "object": "event",
        "type": "customer.updated",
        "created": int(at.timestamp()),
        "livemode": False,
        "data": {
            "object": customer(tier),
            "previous_attributes": {"metadata": {"tier": before}},
        },
    }


def told(at: datetime, shown: Json | None, *, object_type: str = "customer") -> Told:
    return Told(
        object_type=object_type,
        object_id=str(shown["id"]) if shown else "cus_1",
        account="",
        livemode=False,
        object=shown,
        as_of=at,
    )


def read(engine: Engine, *readings: Told) -> Applied:
    with engine.begin() as conn:
        return fold(conn, readings)


def tier(engine: Engine) -> str:
    found: str = mirrored(engine)["customer", "cus_1"]["metadata"]["tier"]
    return found


@pytest.mark.parametrize(
    ("read_at", "stands"),
    [
        pytest.param(AT - SECOND, "event", id="a-reading-from-before-the-event-loses"),
        pytest.param(AT + SECOND, "read", id="a-reading-from-after-the-event-wins"),
        pytest.param(AT, "read", id="in-the-same-second-a-state-no-step-leads-to-wins-for-now"),
    ],
)
@pytest.mark.parametrize("first", ["event", "reading"])
def test_the_time_of_the_request_decides(
    engine: Engine, read_at: datetime, stands: str, first: str
) -> None:
    event, reading = updated(AT, "event", "A"), told(read_at, customer("read"))
    if first == "event":
        fold_events(engine, [[event]])
    read(engine, reading)
    if first == "reading":
        fold_events(engine, [[event]])

    assert tier(engine) == stands
    undecided = rows(engine, "SELECT undecided FROM stripe.customers")
    assert undecided == [(read_at == AT,)]


@pytest.mark.parametrize("seen", ["A", "B"])
def test_in_one_second_a_reading_of_a_passed_state_gives_way_to_the_chains_end(
    engine: Engine, seen: str
) -> None:
    fold_events(engine, [[updated(AT, "B", "A"), updated(AT, "C", "B", "evt_2")]])
    read(engine, told(AT, customer(seen)))

    assert tier(engine) == "C"
    assert rows(engine, "SELECT undecided, source FROM stripe.customers") == [(False, "event")]


def test_a_slow_answer_never_undoes_a_later_one(engine: Engine) -> None:
    read(engine, told(AT + SECOND, customer("new")))
    read(engine, told(AT, customer("old")))

    assert tier(engine) == "new"


def test_no_such_object_is_a_deletion_with_what_was_known_last(engine: Engine) -> None:
    fold_events(engine, [[updated(AT, "B", "A")]])
    applied = read(engine, told(AT + SECOND, None))

    assert [(change.deleted, change.after) for change in applied.changes] == [(True, customer("B"))]
    assert rows(engine, "SELECT deleted_at, source FROM stripe.customers") == [(AT + SECOND, "api")]
    assert tier(engine) == "B"


def test_no_such_object_before_its_newest_event_deletes_nothing(engine: Engine) -> None:
    """An answer may be older than the object, or be another account's."""
    fold_events(engine, [[updated(AT, "B", "A")]])
    read(engine, told(AT - SECOND, None))

    assert rows(engine, "SELECT deleted_at FROM stripe.customers") == [(None,)]


def test_what_is_gone_does_not_come_back_by_a_reading(engine: Engine) -> None:
    read(engine, told(AT, customer("A")))
    read(engine, told(AT + SECOND, None))
    read(engine, told(AT + 2 * SECOND, customer("B")))

    assert rows(engine, "SELECT deleted_at FROM stripe.customers") == [(AT + SECOND,)]
    assert tier(engine) == "A"


def test_nobody_mourns_what_nobody_knew(engine: Engine) -> None:
    applied = read(engine, told(AT, None))

    assert (applied.changes, applied.winners) == ([], [])
    assert mirrored(engine) == {}


def test_reading_the_same_again_changes_nothing_but_its_time(engine: Engine) -> None:
    first = read(engine, told(AT, customer("A")))
    again = read(engine, told(AT + SECOND, customer("A")))

    assert (len(first.changes), again.changes) == (1, [])
    assert rows(engine, "SELECT as_of FROM stripe.customers") == [(AT + SECOND,)]


def test_what_follows_is_told_as_following_from_the_event_that_asked(engine: Engine) -> None:
    asked = Told(
        object_type="customer",
        object_id="cus_1",
        account="",
        livemode=False,
        object=customer("A"),
        as_of=AT,
        event_id="evt_thin",
        event_type="customer.updated",
    )

    (change,) = read(engine, asked).changes
    assert (change.event_id, change.event_type, change.at) == ("evt_thin", "customer.updated", AT)


def test_whole_objects_inside_a_reading_go_into_their_own_tables(engine: Engine) -> None:
    coupon = {"id": "25% OFF", "object": "coupon", "percent_off": 25, "duration": "forever"}
    discount = {
        "id": "di_1",
        "object": "discount",
        "source": {"type": "coupon", "coupon": coupon},
        "subscription": "sub_1",
        "start": 1,
        "end": None,
    }
    subscription = {
        "id": "sub_1",
        "object": "subscription",
        "status": "active",
        "items": {"object": "list", "data": [], "has_more": False},
        "discounts": [discount],
    }
    reading = told(AT, subscription, object_type="subscription")
    read(engine, reading)

    assert ids_in([reading]) == ["25% OFF", "di_1", "sub_1"]
    assert rows(engine, "SELECT id, coupon FROM stripe.discounts") == [("di_1", "25% OFF")]
    assert rows(engine, "SELECT id, source FROM stripe.coupons") == [("25% OFF", "api")]
