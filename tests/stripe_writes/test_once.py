"""What is asked for twice is done once: lost answers, crashes, days between, changed coupons."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.simulator.stripe_api.faults import Fault
from sync.errors import Rejected, Unavailable
from sync.stripe_writes import PromotionCode, StripeWrites
from tests.stripe_writes.conftest import KEY, NOW, NOW_S, Stripe, coupon, obj

EXPIRES_AT = NOW + timedelta(days=14)
TWICE_LOST = (Fault.DROPPED, Fault.DROPPED)


def code(writes: StripeWrites, key: str = "k", coupon_id: str = "BACK20") -> PromotionCode:
    return writes.promotion_code(coupon_id, "cus_1", expires_at=EXPIRES_AT, key=key)


def made(stripe: Stripe) -> list[dict[str, Any]]:
    return [dict(each) for each in stripe.account.all("promotion_code")]


def page(writes: StripeWrites, **changed: Any) -> str:
    asked: dict[str, Any] = {"prices": [("price_1", 1)], "key": "k", **changed}
    return writes.checkout_session(
        "cus_1", success_url="https://b.example/s", cancel_url="https://b.example/c", **asked
    )


def test_a_code_is_for_one_customer_and_one_use(stripe: Stripe, writes: StripeWrites) -> None:
    found = code(writes)

    assert (found.percent_off, found.months, found.is_active) == (Decimal(20), None, True)
    assert found.expires_at == EXPIRES_AT
    (at_stripe,) = made(stripe)
    assert (at_stripe["code"], at_stripe["customer"]) == (found.code, "cus_1")
    assert at_stripe["max_redemptions"] == 1
    assert at_stripe["promotion"] == {"type": "coupon", "coupon": "BACK20"}


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        pytest.param({"percent_off": 12.5}, (Decimal("12.5"), None, None, None), id="percent"),
        pytest.param(
            {"percent_off": None, "amount_off": 500, "currency": "eur", "duration": "forever"},
            (None, 500, "eur", 0),
            id="amount-for-ever",
        ),
        pytest.param(
            {"duration": "repeating", "duration_in_months": 3},
            (Decimal(20), None, None, 3),
            id="three-months",
        ),
    ],
)
def test_the_terms_are_the_coupons(
    stripe: Stripe, writes: StripeWrites, terms: dict[str, Any], told: tuple[Any, ...]
) -> None:
    stripe.account.put(coupon(**terms))
    found = code(writes)

    assert (found.percent_off, found.amount_off_minor, found.currency, found.months) == told


@pytest.mark.parametrize(
    "script",
    [
        pytest.param((None, Fault.LOST), id="lost-on-the-way"),
        pytest.param((None, Fault.DROPPED), id="answer-lost"),
        pytest.param((None, Fault.HALF), id="half-an-answer"),
        pytest.param((Fault.ERROR, None, Fault.ERROR), id="errors"),
        pytest.param((Fault.DROPPED, None, Fault.DROPPED), id="all-answers-lost-once"),
    ],
)
def test_one_code_whatever_is_lost(
    stripe: Stripe, writes: StripeWrites, script: tuple[Fault | None, ...]
) -> None:
    stripe.fail(*script)
    found = code(writes)

    assert [each["code"] for each in made(stripe)] == [found.code]


@pytest.mark.parametrize("hours", [0, 23, 25, 24 * 13], ids=lambda hours: f"{hours}h-later")
def test_after_a_crash_the_same_code_comes_back(
    stripe: Stripe, writes: StripeWrites, hours: int
) -> None:
    """Stripe forgets idempotency keys after a day; the mail may wait for a week."""
    stripe.fail(None, *TWICE_LOST)
    with pytest.raises(Unavailable):
        code(writes)
    stripe.pass_time(hours)
    with StripeWrites(KEY, base=stripe.base) as after_the_crash:
        found = code(after_the_crash)

    assert [each["code"] for each in made(stripe)] == [found.code]
    assert found == code(writes)


def test_another_key_makes_another_code(stripe: Stripe, writes: StripeWrites) -> None:
    assert code(writes, "k").code != code(writes, "j").code
    assert len(made(stripe)) == 2


def test_an_exchanged_coupon_does_not_change_a_promise(
    stripe: Stripe, writes: StripeWrites
) -> None:
    stripe.account.put(coupon("OTHER", percent_off=5))
    first = code(writes)

    assert code(writes, coupon_id="OTHER") == first
    assert len(made(stripe)) == 1


def test_a_mended_coupon_works_at_the_next_try(stripe: Stripe, writes: StripeWrites) -> None:
    with pytest.raises(Rejected):
        code(writes, coupon_id="NEW")
    stripe.account.put(coupon("NEW"))

    assert code(writes, coupon_id="NEW").is_active


def test_a_used_code_is_told_as_used(stripe: Stripe, writes: StripeWrites) -> None:
    first = code(writes)
    (at_stripe,) = made(stripe)
    stripe.account.put({**at_stripe, "active": False, "times_redeemed": 1})

    found = writes.find_promotion_code("cus_1", key="k")
    assert found is not None
    assert (found.code, found.is_active) == (first.code, False)
    assert writes.find_promotion_code("cus_2", key="k") is None
    assert writes.find_promotion_code("cus_1", key="j") is None


def test_one_checkout_page_per_key(stripe: Stripe, writes: StripeWrites) -> None:
    stripe.fail(Fault.DROPPED)
    first = page(writes)

    assert page(writes) == first
    assert len(list(stripe.account.all("checkout.session"))) == 1
    assert page(writes, key="j") != first
    assert page(writes, locale="th") != first


def test_a_code_is_applied_before_anything_is_typed(stripe: Stripe, writes: StripeWrites) -> None:
    page(writes, promotion_code=code(writes).id)
    (session,) = stripe.account.all("checkout.session")

    assert session["discounts"][0]["promotion_code"] == made(stripe)[0]["id"]
    assert session["allow_promotion_codes"] is None


def test_two_portals_are_two_addresses(writes: StripeWrites) -> None:
    urls = {writes.portal_session("cus_1", return_url="https://b.example/r") for _ in range(2)}

    assert len(urls) == 2


CANCELED_AT = NOW_S - 60
BY_FLAG = {"cancel_at_period_end": True, "cancel_at": NOW_S + 9, "canceled_at": CANCELED_AT}
BY_INSTANT = {"cancel_at_period_end": False, "cancel_at": NOW_S + 9, "canceled_at": CANCELED_AT}
KEPT = {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}


def schedule(stripe: Stripe, end: dict[str, Any], **changed: Any) -> None:
    stripe.account.put(obj("subscription", "sub_1", **{"status": "active", **end, **changed}))


@pytest.mark.parametrize("end", [BY_FLAG, BY_INSTANT], ids=["flag", "instant"])
def test_a_kept_subscription_goes_on_and_says_so(
    stripe: Stripe, writes: StripeWrites, end: dict[str, Any]
) -> None:
    schedule(stripe, end)
    stripe.fail(None, Fault.DROPPED)
    writes.keep_subscription("sub_1", key="k")

    kept = stripe.account.get("subscription", "sub_1")
    assert kept is not None
    assert {name: kept[name] for name in KEPT} == KEPT
    (event,) = stripe.account.events
    assert event["type"] == "customer.subscription.updated"
    assert event["data"]["previous_attributes"].items() <= end.items()


def test_who_cancels_once_more_can_keep_once_more(stripe: Stripe, writes: StripeWrites) -> None:
    for again_s in (0, 1):
        schedule(stripe, {**BY_FLAG, "canceled_at": CANCELED_AT + again_s})
        writes.keep_subscription("sub_1", key="k")

    assert len(stripe.account.events) == 2


def test_what_is_kept_already_is_left_alone(stripe: Stripe, writes: StripeWrites) -> None:
    writes.keep_subscription("sub_1", key="k")

    assert stripe.posts() == []


@pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
def test_what_has_ended_cannot_be_kept(stripe: Stripe, writes: StripeWrites, status: str) -> None:
    schedule(stripe, BY_FLAG, status=status)
    with pytest.raises(Rejected, match="ended"):
        writes.keep_subscription("sub_1", key="k")

    assert stripe.posts() == []


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda w: w.keep_subscription("sub_0", key="k"), id="subscription"),
        pytest.param(lambda w: page(w, prices=[("price_0", 1)]), id="price"),
        pytest.param(lambda w: page(w, promotion_code="promo_0"), id="promotion-code"),
        pytest.param(lambda w: code(w, coupon_id="NONE"), id="coupon"),
    ],
)
def test_what_is_not_there_is_for_a_person(
    writes: StripeWrites, call: Callable[[StripeWrites], object]
) -> None:
    with pytest.raises(Rejected):
        call(writes)
