"""A pause's end is announced three days ahead."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications.kind import LOOK_AHEAD
from notifications.kinds import resuming
from sync.changes import Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW, SECOND


def paused(resumes_in: timedelta = 3 * DAY, **changed: Any) -> Any:
    pause = {"behavior": "void", "resumes_at": shop.seconds(NOW + resumes_in)}
    return shop.subscription(NOW + 20 * DAY, **{"pause_collection": pause, **changed})


@pytest.mark.parametrize(
    ("resumes_in", "found"),
    [
        pytest.param(3 * DAY + LOOK_AHEAD + SECOND, 0, id="not-yet"),
        pytest.param(3 * DAY + LOOK_AHEAD, 1, id="due-within-the-tick"),
        pytest.param(2 * DAY + SECOND, 1, id="caught-up"),
        pytest.param(2 * DAY, 0, id="past-its-use"),
    ],
)
def test_the_window(engine: Engine, resumes_in: timedelta, found: int) -> None:
    shop.mirror(engine, paused(resumes_in))

    assert [shop.scan(engine), shop.scan(engine)] == [found, 0]
    ends = NOW + resumes_in
    key = f":test:resuming:sub_1:{shop.seconds(ends)}:resuming"
    expected = [(key, ends - 3 * DAY, ends - 2 * DAY)] if found else []
    assert shop.rows(engine, "key, due_at, expires_at") == expected


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({}, None, id="still-paused"),
        pytest.param({"pause_collection": None}, "resumed", id="resumed"),
        pytest.param(
            {"pause_collection": {"behavior": "void", "resumes_at": None}}, "date_moved", id="open"
        ),
        pytest.param({"status": "canceled"}, "canceled", id="canceled"),
        pytest.param({"cancel_at_period_end": True}, "cancel_set", id="cancel-set"),
        pytest.param({"cancel_at": shop.seconds(NOW + 3 * DAY)}, "cancel_set", id="ends-that-day"),
        pytest.param({"cancel_at": shop.seconds(NOW + 4 * DAY)}, None, id="ends-later"),
        pytest.param({"items": [shop.item(unit_amount=0)]}, "free", id="free"),
    ],
)
def test_what_stops_it(
    engine: Engine, tmp_path: Any, changed: dict[str, Any], reason: str | None
) -> None:
    shop.mirror(engine, shop.customer(), paused())
    shop.scan(engine)
    shop.mirror(engine, paused(**changed), at=NOW + SECOND)
    outcomes = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert [one for one in outcomes if isinstance(one, Skipped)] == (
        [Skipped(reason)] if reason else []
    )


def test_the_next_charge_is_told_where_it_is_known() -> None:
    cases = resuming.sample_cases(shop.policy())
    known = {name: resuming.context(case)["next_charge"] for name, case in cases.items()}

    assert known["charge-known"] == cases["charge-known"].subscription.current_period_end  # type: ignore[union-attr]
    assert known["charge-later"] is None
