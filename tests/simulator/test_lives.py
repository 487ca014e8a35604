"""What each life is for: the story it promises really happens."""

from itertools import groupby
from operator import itemgetter

import pytest

from app.simulator.lives import LIVES
from tests.simulator.histories import snapshots, statuses, told

SEEDS = range(8)


def types(seed: int, life: str) -> list[str]:
    return [event["type"] for event in told(seed, life).events]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("life", "path"),
    [
        ("trial_to_active", ["trialing", "active"]),
        ("trial_canceled", ["trialing", "canceled"]),
        ("trial_ended_without_card", ["trialing", "paused", "active"]),
        ("incomplete_to_active", ["incomplete", "active"]),
        ("incomplete_expired", ["incomplete", "incomplete_expired"]),
        ("renewal", ["incomplete", "active"]),
        ("send_invoice", ["active"]),
        ("failed_payment_recovered", ["incomplete", "active", "past_due", "active"]),
        ("failed_payment_canceled", ["incomplete", "active", "past_due", "canceled"]),
        ("expired_card_updated", ["incomplete", "active", "past_due", "active"]),
        ("action_required", ["incomplete", "active", "past_due", "active"]),
        ("voided_invoice", ["incomplete", "active", "past_due", "active"]),
        ("cancel_at_period_end_ends", ["incomplete", "active", "canceled"]),
        ("cancel_now", ["incomplete", "active", "canceled"]),
        ("customer_deleted", ["incomplete", "active", "canceled"]),
        ("dispute_won", ["incomplete", "active"]),
        ("dispute_lost", ["incomplete", "active", "canceled"]),
        ("metered_usage", ["active"]),
        ("paid_out_of_band", ["incomplete", "active", "past_due", "active"]),
        ("paid_in_two_parts", ["active"]),
        ("scheduled_change", ["incomplete", "active"]),
        ("entitled", ["incomplete", "active", "canceled"]),
    ],
)
def test_subscription_goes_the_way_of_its_life(seed: int, life: str, path: list[str]) -> None:
    assert statuses(told(seed, life), "subscription") == [path]


@pytest.mark.parametrize(
    ("life", "event_type", "least"),
    [
        ("trial_to_active", "customer.subscription.trial_will_end", 1),
        ("trial_ended_without_card", "customer.subscription.paused", 1),
        ("trial_ended_without_card", "customer.subscription.resumed", 1),
        ("renewal", "invoice.upcoming", 12),
        ("renewal", "invoice_payment.paid", 13),
        ("annual_renewal", "invoice.paid", 3),
        ("send_invoice", "invoice.sent", 3),
        ("upgrade_with_proration", "invoiceitem.created", 2),
        ("failed_payment_recovered", "invoice.payment_failed", 1),
        ("failed_payment_canceled", "invoice.payment_failed", 4),
        ("failed_payment_canceled", "customer.subscription.deleted", 1),
        ("expired_card_updated", "payment_method.detached", 1),
        ("card_updated_by_network", "payment_method.automatically_updated", 1),
        ("action_required", "invoice.payment_action_required", 1),
        ("action_required", "payment_intent.requires_action", 1),
        ("voided_invoice", "invoice.voided", 1),
        ("refund_full", "charge.refunded", 1),
        ("refund_partial", "credit_note.created", 1),
        ("product_and_price_updates", "product.deleted", 1),
        ("product_and_price_updates", "price.updated", 2),
        ("customer_deleted", "customer.deleted", 1),
        ("coupon_forever", "customer.discount.created", 1),
        ("coupon_forever", "coupon.deleted", 1),
        ("coupon_forever", "customer.discount.deleted", 1),
        ("coupon_repeating_that_ends", "customer.discount.deleted", 1),
        ("promotion_code_redeemed", "promotion_code.updated", 1),
        ("promotion_code_redeemed", "customer.discount.deleted", 1),
        ("customer_coupon", "customer.discount.updated", 1),
        ("customer_coupon", "customer.discount.deleted", 1),
        ("dispute_won", "charge.dispute.funds_reinstated", 1),
        ("dispute_won", "radar.early_fraud_warning.updated", 1),
        ("dispute_won", "review.closed", 1),
        ("dispute_lost", "charge.dispute.closed", 1),
        ("many_lines", "invoiceitem.created", 13),
        ("tiered_seats", "price.created", 1),
        ("metered_usage", "billing.meter.created", 1),
        ("scheduled_change", "subscription_schedule.updated", 2),
        ("scheduled_change", "subscription_schedule.released", 1),
        ("gives_up_unpaid", "invoice.payment_failed", 4),
        ("paid_out_of_band", "payment_intent.canceled", 1),
        ("paid_in_two_parts", "invoice_payment.paid", 4),
        ("tax_ids", "customer.tax_id.deleted", 1),
        ("tax_ids", "customer.tax_id.updated", 2),
        ("tax_rate_on_top", "tax_rate.updated", 1),
        ("entitled", "entitlements.active_entitlement_summary.updated", 3),
        ("payouts", "payout.failed", 1),
        ("payouts", "payout.paid", 1),
        ("product_and_price_updates", "plan.updated", 2),
        ("quote_accepted", "quote.accepted", 1),
        ("payment_link_followed", "payment_link.updated", 1),
        ("test_clock_advanced", "test_helpers.test_clock.ready", 2),
    ],
)
def test_life_holds_the_events_it_is_for(life: str, event_type: str, least: int) -> None:
    for seed in SEEDS:
        assert types(seed, life).count(event_type) >= least


def test_registry_names_every_life_after_its_function() -> None:
    assert {name: life.__name__ for name, life in LIVES.items()} == {n: n for n in LIVES}


@pytest.mark.parametrize("seed", SEEDS)
def test_metadata_toggle_goes_from_a_to_b_and_back_within_one_second(seed: int) -> None:
    for (kind, _), events in snapshots(told(seed, "metadata_toggle")).items():
        if kind not in {"subscription", "customer"}:
            continue
        notes = [
            (event["created"], event["data"]["object"]["metadata"].get("gift_note"))
            for event in events
        ]
        seconds = {at: [note for _, note in some] for at, some in groupby(notes, itemgetter(0))}
        (circuit,) = [at for at, told_then in seconds.items() if told_then == ["B", "A"]]
        assert [note for at, note in notes if at < circuit][-1] == "A"


@pytest.mark.parametrize("seed", SEEDS)
def test_cancellation_that_is_taken_back_leaves_no_trace(seed: int) -> None:
    objects = told(seed, "cancel_at_period_end_and_come_back").objects
    (subscription,) = [s for (kind, _), s in objects.items() if kind == "subscription"]

    assert subscription["status"] == "active"
    assert subscription["cancel_at"] is None
    assert subscription["canceled_at"] is None
    assert not subscription["cancel_at_period_end"]
    assert set(subscription["cancellation_details"].values()) == {None}


@pytest.mark.parametrize(
    ("life", "reason", "has_feedback"),
    [
        ("cancel_at_period_end_ends", "cancellation_requested", True),
        ("cancel_now", "cancellation_requested", True),
        ("failed_payment_canceled", "payment_failed", False),
    ],
)
def test_end_says_why(life: str, reason: str, has_feedback: bool) -> None:
    for seed in SEEDS:
        (ended,) = [
            event["data"]["object"]
            for event in told(seed, life).events
            if event["type"] == "customer.subscription.deleted"
        ]
        assert ended["cancellation_details"]["reason"] == reason
        assert (ended["cancellation_details"]["feedback"] is not None) == has_feedback
        assert ended["ended_at"] is not None


@pytest.mark.parametrize(
    ("life", "currency"),
    [("thb", "thb"), ("jpy", "jpy")],
)
def test_currency_lives_pay_in_their_currency(life: str, currency: str) -> None:
    for seed in SEEDS:
        objects = told(seed, life).objects
        paid = {o["currency"] for (kind, _), o in objects.items() if kind == "charge"}
        assert paid == {currency}


def test_thai_customers_read_thai() -> None:
    (customer,) = [c for (kind, _), c in told(1, "thb").objects.items() if kind == "customer"]

    assert customer["preferred_locales"] == ["th"]
    assert customer["name"][0] > "\u0e00"


def test_bundle_names_its_goods() -> None:
    prices = [p for (kind, _), p in told(1, "bundle").objects.items() if kind == "price"]

    assert [p["metadata"] for p in prices] == [{"sku_bundle": "COFFEE-250:2,MUG-SEASON:1"}]


@pytest.mark.parametrize("seed", SEEDS)
def test_multi_item_holds_several_items_and_no_single_plan(seed: int) -> None:
    objects = told(seed, "multi_item").objects
    (subscription,) = [s for (kind, _), s in objects.items() if kind == "subscription"]

    assert len(subscription["items"]["data"]) in {2, 3}
    assert subscription["plan"] is None


@pytest.mark.parametrize("seed", SEEDS)
def test_downgrade_gives_the_difference_back(seed: int) -> None:
    objects = told(seed, "downgrade").objects
    given_back = [
        line["amount"]
        for (kind, _), invoice in objects.items()
        if kind == "invoice"
        for line in invoice["lines"]["data"]
        if line["amount"] < 0
    ]

    assert len(given_back) == 1


def test_hard_decline_counts_retries_without_charging_again() -> None:
    hard = [
        told(seed, "failed_payment_canceled").events
        for seed in range(20)
        if types(seed, "failed_payment_canceled").count("charge.failed") == 1
    ]

    assert hard
    for events in hard:
        failed = [e for e in events if e["type"] == "invoice.payment_failed"]
        assert [e["data"]["object"]["attempt_count"] for e in failed] == [1, 2, 3, 4]
        assert failed[-1]["data"]["object"]["next_payment_attempt"] is None
