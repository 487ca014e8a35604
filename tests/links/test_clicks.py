"""A click on a page counts for the mail that led there, and for its offer."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notifications.dunning import attribution, clicks
from notifications.keys import message_of
from sync.stripe_writes import StripeWrites
from tests.links.conftest import KEY, Visit
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW

CREDITED = "SELECT credited_key FROM evergreen.dunning_campaign"


def failing(visit: Visit) -> str:
    """Let a charge fail and its first mail fall due; return the mail's key."""
    subjects = [shop.customer(), shop.product(), shop.subscription(status="past_due")]
    shop.mirror(visit.engine, *subjects)
    failed = [shop.declined(), shop.invoice()]
    shop.plan(visit.engine, shop.mirror(visit.engine, *failed))
    (key,) = shop.rows(visit.engine, "key")[0]
    return str(key)


def pay(visit: Visit, key: str, method: str = "POST") -> int:
    path = visit.path("pay", "in_1", message_of(key))
    return visit.browser().open(path, method=method).status_code


def test_a_payment_after_a_click_is_credited_to_the_mail(visit: Visit) -> None:
    key = failing(visit)
    visit.clock.at = NOW + HOUR
    assert pay(visit, key) == 303
    paid = shop.invoice(status="paid", amount_paid=2900, amount_remaining=0)
    shop.plan(visit.engine, shop.mirror(visit.engine, paid, at=NOW + 2 * HOUR))

    with visit.engine.connect() as conn:
        assert conn.execute(text(CREDITED)).scalar_one() == key
        (month,) = attribution.by_month(conn, [""], NOW)
    assert (month.recovered_minor, month.credited_minor) == (2900, 2900)


@pytest.mark.parametrize(
    ("method", "clicked_at"),
    [
        pytest.param("GET", NOW + HOUR, id="only-looked"),
        pytest.param("HEAD", NOW + HOUR, id="scanned"),
        pytest.param("POST", NOW + 3 * HOUR, id="after-the-payment"),
    ],
)
def test_nothing_else_claims_a_payment(visit: Visit, method: str, clicked_at: Any) -> None:
    key = failing(visit)
    visit.clock.at = clicked_at
    pay(visit, key, method)
    paid = shop.invoice(status="paid", amount_paid=2900, amount_remaining=0)
    shop.plan(visit.engine, shop.mirror(visit.engine, paid, at=NOW + 2 * HOUR))

    with visit.engine.connect() as conn:
        assert conn.execute(text(CREDITED)).scalar_one() is None


def test_the_first_click_counts_once(visit: Visit) -> None:
    key = failing(visit)
    for hours in (1, 2):
        visit.clock.at = NOW + hours * HOUR
        pay(visit, key)

    with visit.engine.connect() as conn:
        found = conn.execute(text("SELECT clicked_at FROM evergreen.dunning_click")).scalars()
        assert list(found) == [NOW + HOUR]
        assert clicks.credited(conn, 1, NOW + HOUR - timedelta(seconds=1)) is None


def test_a_mail_that_was_only_shown_has_no_clicks(visit: Visit) -> None:
    failing(visit)
    before = visit.rows()
    path = visit.path("pay", "in_1", message_of("preview:payment_failed"))

    assert visit.browser().post(path).status_code == 303
    assert visit.rows() == before


@pytest.mark.parametrize("is_used", [False, True])
def test_the_mails_own_code_is_applied_while_it_is_good(visit: Visit, is_used: bool) -> None:
    ended = shop.ended(NOW - 30 * DAY, "too_expensive")
    shop.mirror(visit.engine, shop.customer(), shop.product(), ended)
    shop.scan(visit.engine)
    key = str(shop.rows(visit.engine, "key")[0][0])
    with StripeWrites(KEY, base=visit.base) as writes:
        code = writes.promotion_code(
            "BACK20", "cus_1", expires_at=visit.api.account.now() + DAY, key=message_of(key)
        )
    if is_used:
        known = visit.api.account.get("promotion_code", code.id)
        visit.api.account.put({**(known or {}), "active": False})
    answer = visit.browser().post(visit.path("return", "sub_1", message_of(key)))

    made = list(visit.api.account.answered.values())[-1].answer
    assert (answer.status_code, answer.location) == (303, made["url"])
    assert [each["promotion_code"] for each in made["discounts"]] == [code.id] * (not is_used)
    assert made["allow_promotion_codes"] is (True if is_used else None)
