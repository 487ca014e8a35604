"""How long each mail is of use, and which may go out at night."""

from datetime import timedelta

import pytest

from notifications.kinds import KINDS
from notifications.timing import TIMINGS
from tests.notifications.shop import DAY, HOUR, NOW

# Source: lifecycle, section 7.
NAMES = """
    subscription_started trial_ending promo_ending trial_ended_no_card renewal_reminder
    annual_terms_reminder price_change card_expiring action_required payment_failed final_notice
    payment_recovered access_suspended ended_nonpayment cancel_scheduled cancel_reversed
    ended_voluntary paused resuming receipt refund_confirmed invoice_due winback_delinquent
    winback_voluntary dispute_alert digest
""".split()
AT_ONCE = """
    action_required access_suspended ended_nonpayment ended_voluntary cancel_scheduled
    cancel_reversed paused receipt refund_confirmed payment_recovered subscription_started
    trial_ended_no_card
""".split()


def test_all_kinds_stand_in_the_table() -> None:
    assert [name for name in TIMINGS if name in NAMES] == NAMES


def test_only_what_answers_at_once_may_go_out_at_night() -> None:
    customers = {name for name, timing in TIMINGS.items() if timing.category != "internal"}

    assert {name for name in customers if TIMINGS[name].at_once} == set(AT_ONCE)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_what_the_table_says(name: str) -> None:
    assert KINDS[name].category == TIMINGS[name].category


@pytest.mark.parametrize(
    ("name", "lives"),
    [
        pytest.param("refund_confirmed", 24 * HOUR, id="most"),
        pytest.param("receipt", 7 * DAY, id="receipt"),
        pytest.param("ended_voluntary", 7 * DAY, id="ended"),
        pytest.param("subscription_started", 72 * HOUR, id="started"),
        pytest.param("access_suspended", 72 * HOUR, id="suspended"),
        pytest.param("cancel_scheduled", 72 * HOUR, id="cancel"),
        pytest.param("paused", 72 * HOUR, id="paused"),
        pytest.param("winback_voluntary", 7 * DAY, id="winback"),
        pytest.param("invoice_due", 3 * DAY, id="invoice-due"),
    ],
)
def test_what_happened_is_news_for_a_while(name: str, lives: timedelta) -> None:
    assert TIMINGS[name].expires_at(NOW) == NOW + lives


@pytest.mark.parametrize(
    ("name", "margin"),
    [
        pytest.param("renewal_reminder", DAY, id="announces-a-date"),
        pytest.param("payment_failed", 0 * DAY, id="until-the-next-step"),
        pytest.param("final_notice", 0 * DAY, id="until-the-end"),
        pytest.param("dispute_alert", 0 * DAY, id="until-evidence-is-due"),
    ],
)
def test_what_lies_ahead_is_told_until_shortly_before(name: str, margin: timedelta) -> None:
    assert TIMINGS[name].expires_at(NOW, NOW + 9 * DAY) == NOW + 9 * DAY - margin
