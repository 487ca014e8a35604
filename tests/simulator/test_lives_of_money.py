"""Discounts, disputes, usage and parts: the amounts that these lives are for."""

import pytest

from app.simulator.history import Json
from tests.simulator.histories import snapshots, told

SEEDS = range(8)


def last(seed: int, life: str, kind: str) -> list[Json]:
    """Return the objects of a kind as they were in the end, oldest first."""
    return [shown for (name, _), shown in told(seed, life).objects.items() if name == kind]


def taken_off(invoice: Json) -> int:
    return sum(int(each["amount"]) for each in invoice["total_discount_amounts"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("life", "discounted"),
    [
        ("coupon_forever", [True, True, True, True, False]),
        ("coupon_repeating_that_ends", [True, True, True, False, False]),
        ("promotion_code_redeemed", [True, True, False, False]),
        ("customer_coupon", [False, True, True, False]),
    ],
)
def test_invoices_are_lower_for_as_long_as_the_discount_lasts(
    seed: int, life: str, discounted: list[bool]
) -> None:
    invoices = last(seed, life, "invoice")

    assert [taken_off(invoice) > 0 for invoice in invoices] == discounted
    assert [bool(invoice["discounts"]) for invoice in invoices] == discounted
    assert all(invoice["status"] == "paid" for invoice in invoices)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_subscription_names_its_discount_for_as_long_as_there_is_one(seed: int) -> None:
    history = told(seed, "promotion_code_redeemed")
    (discount,) = [of for (kind, of) in history.objects if kind == "discount"]
    (events,) = [each for (kind, _), each in snapshots(history).items() if kind == "subscription"]
    named = [event["data"]["object"]["discounts"] for event in events]

    assert named[0] == [discount]
    assert named[-1] == []
    assert ("discount", discount) in history.deleted


@pytest.mark.parametrize("seed", SEEDS)
def test_a_code_that_was_redeemed_is_counted_with_its_coupon(seed: int) -> None:
    (code,) = last(seed, "promotion_code_redeemed", "promotion_code")
    (coupon,) = last(seed, "promotion_code_redeemed", "coupon")
    (session,) = last(seed, "promotion_code_redeemed", "checkout.session")

    assert (code["times_redeemed"], coupon["times_redeemed"]) == (1, 1)
    assert code["promotion"] == {"coupon": coupon["id"], "type": "coupon"}
    assert session["discounts"] == [{"coupon": None, "promotion_code": code["id"]}]
    assert (
        session["amount_subtotal"] - session["total_details"]["amount_discount"]
        == (session["amount_total"])
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("life", "kept"), [("dispute_won", 0), ("dispute_lost", -1)])
def test_a_dispute_moves_the_money_and_what_was_won_comes_back(
    seed: int, life: str, kept: int
) -> None:
    (dispute,) = last(seed, life, "dispute")
    moved = sum(each["amount"] for each in dispute["balance_transactions"])
    fees = sum(each["fee"] for each in dispute["balance_transactions"])

    assert moved == kept * dispute["amount"]
    assert (fees == 0) == (kept == 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_used_is_billed_for_the_period_that_is_over(seed: int) -> None:
    first, *later = last(seed, "metered_usage", "invoice")

    assert (first["total"], first["status"]) == (0, "paid")
    assert all(invoice["total"] > 0 for invoice in later)
    for invoice in later:
        assert {line["period"]["end"] for line in invoice["lines"]["data"]} == {
            invoice["period_end"]
        }
    assert sum(line["quantity"] for line in later[-1]["lines"]["data"]) == 700


@pytest.mark.parametrize("seed", SEEDS)
def test_an_invoice_in_parts_is_paid_by_several_intents(seed: int) -> None:
    ties = last(seed, "paid_in_two_parts", "invoice_payment")
    by_invoice: dict[str, list[Json]] = {}
    for tie in ties:
        by_invoice.setdefault(tie["invoice"], []).append(tie)

    assert [len(parts) for parts in by_invoice.values()] == [2, 2]
    assert not any(tie["is_default"] for tie in ties)
    assert len({tie["payment"]["payment_intent"] for tie in ties}) == len(ties)


@pytest.mark.parametrize("seed", SEEDS)
def test_who_gives_up_is_unpaid_and_gets_drafts(seed: int) -> None:
    history = told(seed, "gives_up_unpaid")
    (events,) = [each for (kind, _), each in snapshots(history).items() if kind == "subscription"]
    unpaid = [e["created"] for e in events if e["data"]["object"]["status"] == "unpaid"]
    drafts = [
        event["data"]["object"]["auto_advance"]
        for event in history.events
        if event["type"] == "invoice.created" and unpaid[0] <= event["created"] <= unpaid[-1]
    ]

    assert drafts == [False]
    assert events[-1]["data"]["object"]["status"] in {"active", "canceled"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_that_lies_ahead_takes_effect_with_the_next_period(seed: int) -> None:
    (schedule,) = last(seed, "scheduled_change", "subscription_schedule")
    (subscription,) = last(seed, "scheduled_change", "subscription")
    first, second = schedule["phases"]

    assert first["end_date"] == second["start_date"]
    assert schedule["released_subscription"] == subscription["id"]
    assert subscription["schedule"] is None
    assert subscription["items"]["data"][0]["price"]["id"] == second["items"][0]["price"]
    assert first["items"][0]["price"] != second["items"][0]["price"]
