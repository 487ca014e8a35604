"""The card that will be charged is asked for anew before it expires; no other is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications.kinds import card_expiring
from notifications.kinds.card_expiring import Month
from notifications.policy import parse_renewal_reminders
from sync.changes import Done, Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, SECOND

ONLY_THESE = shop.policy(renewal_reminders=parse_renewal_reminders(""))
IN_BANGKOK = shop.policy(timezone="Asia/Bangkok", renewal_reminders=parse_renewal_reminders(""))
# A card good until the end of January 2027; noon of a day between.
JANUARY = Month(2027, 1)
FIRST_DUE = datetime(2026, 12, 1, 10, tzinfo=UTC)
LAST_DAY_OVER = datetime(2027, 2, 1, tzinfo=UTC)
RENEWS = datetime(2027, 2, 15, 12, tzinfo=UTC)


def card(month: int = 1, year: int = 2027, **changed: Any) -> dict[str, Any]:
    return {
        "id": "pm_1",
        "object": "payment_method",
        "customer": "cus_1",
        "type": "card",
        "card": {"brand": "visa", "last4": "4242", "exp_month": month, "exp_year": year},
        "created": 1,
        **changed,
    }


def paying(method: str | None = "pm_1") -> dict[str, Any]:
    return shop.customer(invoice_settings={"default_payment_method": method})


def renewing(at: datetime = RENEWS, began: datetime | None = None, **changed: Any) -> Any:
    begins = shop.seconds(began or at - 31 * DAY)
    item = shop.item(current_period_start=begins, **changed.pop("item", {}))
    return shop.subscription(at, items=[item], current_period_start=begins, **changed)


def found(engine: Engine, columns: str = "subject ->> 'step', due_at, expires_at") -> list[Any]:
    return [row[1:] for row in shop.rows(engine, f"kind, {columns}") if row[0] == "card_expiring"]


@pytest.mark.parametrize(
    ("now", "settings", "due_at"),
    [
        pytest.param(FIRST_DUE - 26 * HOUR, ONLY_THESE, None, id="not-yet"),
        pytest.param(FIRST_DUE - 25 * HOUR, ONLY_THESE, FIRST_DUE, id="due-within-the-tick"),
        pytest.param(FIRST_DUE, IN_BANGKOK, FIRST_DUE - 7 * HOUR, id="ten-in-the-shops-zone"),
        pytest.param(LAST_DAY_OVER - 24 * HOUR - SECOND, ONLY_THESE, FIRST_DUE, id="caught-up"),
        pytest.param(LAST_DAY_OVER - 24 * HOUR, ONLY_THESE, None, id="too-late"),
    ],
)
def test_the_first_is_due_on_the_first_of_the_month_before(
    engine: Engine, now: datetime, settings: Any, due_at: datetime | None
) -> None:
    shop.mirror(engine, paying(), card(), renewing())
    shop.scan(engine, now, settings)
    shop.scan(engine, now, settings)

    expires_at = card_expiring.Month(2027, 1).ends(settings.zone) - DAY
    assert found(engine) == ([("1", due_at, expires_at)] if due_at else [])


@pytest.mark.parametrize(
    ("now", "is_due"),
    [
        pytest.param(RENEWS - 7 * DAY - 25 * HOUR - SECOND, False, id="not-yet"),
        pytest.param(RENEWS - 7 * DAY - 25 * HOUR, True, id="due-within-the-tick"),
        pytest.param(RENEWS - DAY - SECOND, True, id="caught-up"),
        pytest.param(RENEWS - DAY, False, id="too-late"),
    ],
)
def test_the_second_is_due_a_week_before_the_first_charge_after_it(
    engine: Engine, now: datetime, is_due: bool
) -> None:
    shop.mirror(engine, paying(), card(), renewing())
    shop.scan(engine, now, ONLY_THESE)

    second = [row for row in found(engine) if row[0] == "2"]
    assert second == ([("2", RENEWS - 7 * DAY, RENEWS - DAY)] if is_due else [])


def test_each_card_twice_at_most(engine: Engine) -> None:
    shop.mirror(engine, paying(), card(), renewing(), renewing(RENEWS + DAY, id="sub_2"))
    for days in (*range(-2, 3), *range(65, 72)):
        shop.scan(engine, FIRST_DUE + timedelta(days=days), ONLY_THESE)

    assert found(engine, "key") == [
        (":test:card_expiring:pm_1:202701:1",),
        (":test:card_expiring:pm_1:202701:2",),
    ]


LATER = card(year=2030)
YEARLY = {"interval": "year"}


@pytest.mark.parametrize(
    "mirrored",
    [
        pytest.param([paying(), card(2), renewing()], id="a-month-later"),
        pytest.param([paying(None), card(), renewing()], id="nothing-to-charge"),
        pytest.param([paying("pm_2"), card(), renewing()], id="another-is-charged"),
        pytest.param([paying(), card(customer=None), renewing()], id="detached"),
        pytest.param(
            [paying(), card(), renewing(default_payment_method="pm_2")], id="the-subscriptions-own"
        ),
        pytest.param([paying(), card(), renewing(status="canceled")], id="canceled"),
        pytest.param([paying(), card(), renewing(cancel_at_period_end=True)], id="cancel-set"),
        pytest.param(
            [paying(), card(), renewing(collection_method="send_invoice")], id="paid-by-hand"
        ),
        pytest.param([paying(), card(), renewing(item={"unit_amount": 0})], id="free"),
        pytest.param(
            [paying(), card(), renewing(LAST_DAY_OVER + 60 * DAY + SECOND, item=YEARLY)],
            id="no-charge-soon",
        ),
    ],
)
def test_what_is_no_candidate_leaves_no_trace(engine: Engine, mirrored: list[Any]) -> None:
    shop.mirror(engine, *mirrored)
    shop.scan(engine, FIRST_DUE, ONLY_THESE)

    assert found(engine) == []


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        pytest.param([], None, id="expires"),
        pytest.param([LATER], "card_updated", id="updated"),
        pytest.param([paying("pm_2")], "method_changed", id="another-method"),
        pytest.param([renewing(status="canceled")], "canceled", id="canceled"),
        pytest.param([renewing(cancel_at_period_end=True)], "cancel_set", id="cancel-set"),
        pytest.param([renewing(collection_method="send_invoice")], "not_charged", id="by-hand"),
        pytest.param(
            [renewing(LAST_DAY_OVER + 60 * DAY, item=YEARLY)], None, id="within-two-months"
        ),
        pytest.param(
            [renewing(LAST_DAY_OVER + 60 * DAY + SECOND, item=YEARLY)],
            "no_charge_soon",
            id="charged-much-later",
        ),
    ],
)
def test_what_stops_it(engine: Engine, tmp_path: Any, also: list[Any], reason: str | None) -> None:
    shop.mirror(engine, paying(), card(), renewing())
    shop.scan(engine, FIRST_DUE, ONLY_THESE)
    shop.mirror(engine, *also, at=shop.NOW + SECOND)
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), FIRST_DUE, ONLY_THESE)

    assert outcome == Skipped(reason) if reason else isinstance(outcome, Done)


def test_the_first_gives_way_when_the_second_is_due(engine: Engine, tmp_path: Any) -> None:
    """Whoever is first seen on the last days gets one mail."""
    renews = LAST_DAY_OVER + 4 * DAY
    now = LAST_DAY_OVER - 2 * DAY + 12 * HOUR
    shop.mirror(engine, paying(), card(), renewing(renews))
    shop.scan(engine, now, ONLY_THESE)
    outcomes = shop.deliver_due(engine, tmp_path.as_uri(), now, ONLY_THESE)

    assert [type(one) for one in outcomes] == [Skipped, Done]
    assert outcomes[0] == Skipped("second_is_due")


@pytest.mark.parametrize(
    ("month", "months", "found_"),
    [
        pytest.param(Month(2026, 12), 1, Month(2027, 1), id="into-the-next-year"),
        pytest.param(Month(2027, 1), -1, Month(2026, 12), id="into-the-last-year"),
        pytest.param(Month(2027, 1), 25, Month(2029, 2), id="two-years"),
    ],
)
def test_months_are_counted_across_years(month: Month, months: int, found_: Month) -> None:
    assert month.after(months) == found_
