"""A coupon's, plan's or product's id may be used again: then it is another object."""

from itertools import permutations

import pytest
from sqlalchemy import Engine

from tests.mirror.fold import Json, empty, fold, rows


def told(event_id: str, kind: str, at: int, born: int, name: str) -> Json:
    """Return an event of a coupon that was made at `born`."""
    coupon = {"id": "WELCOME", "object": "coupon", "created": born, "name": name}
    return {
        "id": event_id,
        "type": f"coupon.{kind}",
        "created": at,
        "livemode": False,
        "data": {"object": coupon},
    }


FIRST = [told("evt_1", "created", 10, 10, "first"), told("evt_2", "deleted", 20, 10, "first")]
SECOND = [told("evt_3", "created", 30, 30, "second"), told("evt_4", "updated", 40, 30, "again")]
SHOWN = "SELECT name, deleted_at IS NOT NULL FROM stripe.coupons"


def test_the_last_use_of_an_id_stands_in_any_order(engine: Engine) -> None:
    for order in permutations([*FIRST, *SECOND]):
        empty(engine)
        fold(engine, [[event] for event in order])

        assert rows(engine, SHOWN) == [("again", False)]


def test_the_last_use_may_end_too(engine: Engine) -> None:
    gone = told("evt_5", "deleted", 50, 30, "again")
    for order in permutations([FIRST[1], SECOND[1], gone]):
        empty(engine)
        fold(engine, [[event] for event in order])

        assert rows(engine, SHOWN) == [("again", True)]


@pytest.mark.parametrize("late", [30, 1_000], ids=["soon", "much-later"])
def test_news_of_what_is_gone_revives_nothing(engine: Engine, late: int) -> None:
    fold(engine, [FIRST, [told("evt_9", "updated", late, 10, "ghost")]])

    assert rows(engine, SHOWN) == [("first", True)]
