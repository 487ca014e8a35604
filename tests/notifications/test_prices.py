"""A price in a mail is true of every period that is sold: no sum of months and years."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from babel import Locale

from notifications import samples
from notifications.case import Case
from notifications.kinds import KINDS
from notifications.render import render
from notifications.terms import PriceFacts
from sync.changes import RetryIn
from tests.notifications import shop
from tests.notifications.shop import DAY, SECOND

YEARLY = replace(
    samples.ITEM, id="si_year", price="price_year", unit_amount_minor=29000, interval="year"
)
FREE = replace(samples.ITEM, unit_amount_minor=0)
BOTH = (samples.ITEM, YEARLY)
ENGLISH = "$29.00 per month and $290.00 per year"
THAI = "US$29.00 ต่อเดือน และ US$290.00 ต่อปี"
NAMING_A_PRICE = {
    "subscription_started": "paid",
    "trial_ending": "card",
    "trial_ended_no_card": "no-card",
    "renewal_reminder": "card",
    "annual_terms_reminder": "card",
    "resuming": "charge-known",
    "promo_ending": "coupon-unknown",
    "cancel_reversed": "reversed",
}


def sold(kind: str, sample: str, *items: Any) -> Case:
    """Return a kind's sample of somebody who is sold `items`."""
    cases = KINDS[kind].samples(shop.policy())
    case = cases.get(sample) or next(iter(cases.values()))
    assert case.subscription is not None
    return replace(case, subscription=replace(case.subscription, items=items))


def words(kind: str, case: Case, language: str = "en") -> str:
    return render(KINDS[kind], case, Locale.parse(language)).text


@pytest.mark.parametrize(("language", "said"), [("en_US", ENGLISH), ("th", THAI)])
@pytest.mark.parametrize(("kind", "sample"), NAMING_A_PRICE.items())
def test_each_period_has_its_own_price(kind: str, sample: str, language: str, said: str) -> None:
    assert said in words(kind, sold(kind, sample, *BOTH), language)


HIGHER = PriceFacts(
    id="price_new",
    product_name="Garden Box",
    currency="usd",
    unit_amount_minor=3400,
    interval="month",
    interval_count=1,
)
# From when on the next phase sells at the higher price, and the price that is told then.
PHASES = [
    pytest.param("trial_ending", "card", timedelta(0), "$34.00 per month", id="trial"),
    pytest.param("renewal_reminder", "card", timedelta(0), "$34.00 per month", id="renewal"),
    pytest.param("promo_ending", "discount", timedelta(0), "$34.00 per month", id="promo"),
    pytest.param("promo_ending", "discount", -DAY, "$17.00 per month", id="promo-old-price"),
    pytest.param("resuming", "charge-known", timedelta(0), "$34.00 per month", id="resuming"),
    pytest.param("resuming", "charge-known", SECOND, "$29.00 per month", id="after-the-charge"),
    pytest.param(
        "annual_terms_reminder",
        "card",
        samples.NOW - samples.PERIOD_END,
        "$34.00 per month",
        id="terms",
    ),
]


def in_phases(kind: str, sample: str, begins: datetime, *, known: bool = True) -> Case:
    """Return a kind's sample whose schedule goes over to the higher price at `begins`."""
    case = KINDS[kind].samples(shop.policy())[sample]
    phase = {"start_date": shop.seconds(begins), "items": [{"price": HIGHER.id}]}
    plan = {"status": "active", "phases": [phase]}
    prices = {HIGHER.id: HIGHER} if known else {}
    return replace(case, terms=replace(case.terms, schedule=plan, prices=prices))


@pytest.mark.parametrize(("kind", "sample", "after", "said"), PHASES)
def test_a_phase_to_come_has_its_own_price(
    kind: str, sample: str, after: timedelta, said: str
) -> None:
    case = in_phases(kind, sample, samples.PERIOD_END + after)

    assert KINDS[kind].check(case) is None
    assert said in words(kind, case)


@pytest.mark.parametrize("kind", ["promo_ending", "annual_terms_reminder", "resuming"])
def test_a_mail_waits_for_the_price_it_names(kind: str) -> None:
    sample = next(iter(KINDS[kind].samples(shop.policy())))
    begins = samples.NOW - timedelta(days=1)

    unknown = in_phases(kind, sample, begins, known=False)
    assert KINDS[kind].check(unknown) == RetryIn(3600.0, "price_unknown")


def test_a_change_of_price_and_period_names_both() -> None:
    case = sold("price_change", "another-interval", *BOTH)
    written = words("price_change", case)

    assert f"Price until then: {ENGLISH}" in written
    assert "Price from then on: $360.00 per year" in written


@pytest.mark.parametrize(
    ("items", "said"),
    [
        pytest.param(
            (*BOTH, samples.ITEM_METERED), f"Price: {ENGLISH}, plus usage", id="plus-usage"
        ),
        pytest.param((samples.ITEM_METERED,), "Price: depends on your usage", id="usage"),
        pytest.param((FREE, YEARLY), "Price: $290.00 per year", id="one-is-free"),
        pytest.param((FREE,), "Price: free of charge", id="free"),
        pytest.param((FREE, samples.ITEM_METERED), "Price: depends on your usage", id="free-part"),
    ],
)
def test_use_and_what_is_free_beside_amounts(items: Any, said: str) -> None:
    assert said in words("cancel_reversed", sold("cancel_reversed", "reversed", *items))


@pytest.mark.parametrize(
    ("kind", "sample", "said"),
    [
        pytest.param("trial_ending", "card", f"After that, it is {ENGLISH}. You can", id="trial"),
        pytest.param("renewal_reminder", "card", f"{ENGLISH}. There is nothing", id="renewal"),
        pytest.param(
            "price_change", "another-interval", f"From {ENGLISH} to $360.00 per year.", id="change"
        ),
        pytest.param(
            "promo_ending",
            "discount",
            f"from $14.50 per month and $145.00 per year to {ENGLISH}.",
            id="promo",
        ),
    ],
)
def test_the_line_under_the_subject_is_as_true(kind: str, sample: str, said: str) -> None:
    html = render(KINDS[kind], sold(kind, sample, *BOTH), Locale.parse("en_US")).html

    assert said in html.replace("\N{NO-BREAK SPACE}", " ")


def test_a_price_that_was_nothing_is_not_set_against_the_next() -> None:
    case = KINDS["promo_ending"].samples(shop.policy())["discount"]
    (half,) = case.terms.discounts
    given_away = replace(case.terms, discounts=(replace(half, percent_off=half.percent_off * 2),))
    rendered = render(KINDS["promo_ending"], replace(case, terms=given_away), Locale.parse("en_US"))

    assert "Price until then: free of charge" in rendered.text
    assert "The regular price applies after that." in rendered.html
