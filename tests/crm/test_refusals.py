"""Failed attempts that only events tell of: the customer confirmed, and nothing else remains."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from app.envelope import delivery
from sync.crm.refusals import load_refusals
from sync.crm.sinks import open_sinks
from sync.store import inbox
from tests.crm.service import deliver_all, records, take_in
from tests.crm.shop import DAY, customer, paid, told

Json = Mapping[str, Any]
OPEN = {**paid("cus_1"), "status": "open", "amount_paid": 0}
FAILED = "payment_failed"


def test_a_failure_that_is_told_late_is_counted(engine: Engine) -> None:
    """The mirror knows better by then, so that nothing changes in it."""
    sinks = open_sinks(engine, ["local"])
    take_in(engine, [told(customer("cus_1")), told(paid("cus_1"), 9, "paid")], ["local"])
    deliver_all(engine, sinks)
    assert records(engine)["cus_1"][0]["failed_payment_count"] == 0
    take_in(engine, [told(OPEN, 5, FAILED)], ["local"])
    deliver_all(engine, sinks)

    data, _ = records(engine)["cus_1"]
    assert data["failed_payment_count"] == 1
    assert data["last_failed_at"] == "2026-01-01T00:00:05Z"


def thin(number: int) -> Json:
    return {
        "id": f"evt_thin_{number}",
        "object": "v2.core.event",
        "type": "v1.invoice.payment_failed",
        "created": f"2026-01-0{number}T00:00:00.123Z",
        "livemode": False,
        "related_object": {
            "id": "in_cus_1_1",
            "type": "invoice",
            "url": "/v1/invoices/in_cus_1_1",
        },
    }


FIRST, AGAIN = told({**OPEN, "attempt_count": 1}, 1, FAILED), told(OPEN, 2, FAILED)
SECOND = told({**OPEN, "attempt_count": 2}, 3, FAILED)


@pytest.mark.parametrize(
    ("events", "attempts"),
    [
        pytest.param([FIRST, AGAIN], 1, id="one-attempt-told-twice"),
        pytest.param([FIRST, SECOND, FIRST], 2, id="two-attempts-and-a-duplicate"),
        pytest.param([thin(1), thin(2)], 2, id="thin"),
        pytest.param([thin(1), thin(2), FIRST, SECOND], 2, id="thin-and-whole"),
        pytest.param([told(OPEN, 1, "updated")], None, id="another-event"),
    ],
)
def test_each_attempt_counts_once(engine: Engine, events: list[Json], attempts: int | None) -> None:
    with engine.begin() as conn:
        for event in events:
            inbox.store(conn, delivery(orjson.dumps(event), None))
        found = load_refusals(conn, "", ["in_cus_1_1"]).get("in_cus_1_1")

    assert (found and found.attempts) == attempts
    assert found is None or (found.last_at is not None and found.last_at.timestamp() > DAY)
