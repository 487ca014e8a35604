"""What must hold for every history, whatever the seed and the life."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.history import API_VERSION
from app.simulator.lives import LIVES
from app.simulator.objects.catalogue import plan_of
from app.simulator.simulate import simulate
from app.simulator.world import tells_previous
from tests.simulator.histories import (
    START,
    SUMMARY,
    Source,
    key_of,
    named_before,
    snapshots,
    statuses,
    told,
)

SEEDS = st.integers(0, 10_000)
LIFE_NAMES = st.sampled_from(sorted(LIVES))
SOURCES = st.one_of(
    st.builds(Source, SEEDS, LIFE_NAMES),
    st.builds(Source, st.integers(0, 3), st.none()),
)
MAY_FOLLOW = {
    "subscription": {
        "incomplete": {"active", "incomplete_expired"},
        "trialing": {"active", "canceled", "paused", "past_due"},
        "active": {"past_due", "canceled"},
        "past_due": {"active", "canceled", "unpaid"},
        "unpaid": {"active", "canceled"},
        "paused": {"active", "canceled"},
    },
    "invoice": {
        "draft": {"open", "paid"},
        "open": {"paid", "void", "uncollectible"},
    },
    "payment_intent": {
        "requires_payment_method": {"succeeded", "requires_action", "canceled"},
        "requires_action": {"succeeded", "requires_payment_method", "canceled"},
    },
    "dispute": {
        "needs_response": {"under_review", "lost"},
        "under_review": {"won", "lost"},
    },
    "subscription_schedule": {
        "not_started": {"active", "canceled"},
        "active": {"released", "completed", "canceled"},
    },
}
BEGINS = {
    "subscription": {"incomplete", "trialing", "active"},
    "invoice": {"draft"},
    "payment_intent": {"requires_payment_method"},
    "dispute": {"needs_response"},
    "subscription_schedule": {"not_started", "active"},
}
GONE = {
    "coupon.deleted",
    "customer.deleted",
    "customer.discount.deleted",
    "customer.tax_id.deleted",
    "product.deleted",
    "test_helpers.test_clock.deleted",
}
# Stripe's percentages are the only numbers with a fraction.
PERCENTAGES = {"effective_percentage", "percent_off", "percentage"}
LISTS = {"entitlements", "items", "lines"}
PRE_BASIL = {
    "subscription": {"current_period_end", "current_period_start", "discount", "start"},
    "invoice": {
        "charge",
        "discount",
        "paid",
        "payment_intent",
        "paid_out_of_band",
        "quote",
        "subscription",
        "subscription_details",
        "tax",
        "total_tax_amounts",
    },
    "line_item": {"invoice_item", "plan", "price", "proration", "subscription_item", "type"},
    "discount": {"coupon"},
    "payment_intent": {"charges", "invoice"},
    "promotion_code": {"coupon"},
    "charge": {"invoice"},
    "credit_note": {"refund", "tax_amounts"},
    "invoiceitem": {"plan", "price", "subscription", "subscription_item", "unit_amount"},
}

every_history = settings(max_examples=60, deadline=None)


@every_history
@given(SOURCES)
def test_ids_are_unique_and_time_never_goes_back(source: Source) -> None:
    ids = [event["id"] for event in source.history.events]
    times = [event["created"] for event in source.history.events]

    assert len(set(ids)) == len(ids)
    assert times == sorted(times)
    assert ids != sorted(ids)


@every_history
@given(SOURCES)
def test_every_event_has_the_envelope_of_the_current_version(source: Source) -> None:
    for event in source.history.events:
        assert event["object"] == "event"
        assert event["api_version"] == API_VERSION
        assert event["livemode"] is False
        assert isinstance(event["created"], int)
        assert set(event["request"]) == {"id", "idempotency_key"}
        assert (event["request"]["id"] is None) == (event["request"]["idempotency_key"] is None)
        assert "deleted" not in event["data"]["object"]


@every_history
@given(SOURCES)
def test_previous_attributes_name_what_the_snapshot_before_held(source: Source) -> None:
    for events in snapshots(source.history).values():
        for before, after in pairwise(events):
            previous = after["data"].get("previous_attributes")
            assert (previous is not None) == tells_previous(after["type"])
            held, holds = before["data"]["object"], after["data"]["object"]
            if previous is not None:
                assert previous
                retold = held == holds and previous == before["data"]["previous_attributes"]
                assert retold or list(named_before(held, previous)) == []
                assert list(named_before(holds, previous)) != []


@every_history
@given(SOURCES)
def test_first_event_of_an_object_tells_no_previous_attributes(source: Source) -> None:
    """But for summaries of entitlements, which begin with an update."""
    for (kind, _), events in snapshots(source.history).items():
        assert ("previous_attributes" in events[0]["data"]) == (kind == SUMMARY)


@every_history
@given(SOURCES)
def test_final_objects_are_what_their_last_events_carried(source: Source) -> None:
    last = {key: events[-1]["data"]["object"] for key, events in snapshots(source.history).items()}

    assert dict(source.history.objects) == last


@every_history
@given(SOURCES)
def test_what_is_deleted_ends_with_its_deletion(source: Source) -> None:
    gone = {
        key for event in source.history.events if event["type"] in GONE and (key := key_of(event))
    }

    assert source.history.deleted == gone
    for key in gone:
        assert snapshots(source.history)[key][-1]["type"].endswith(".deleted")


@pytest.mark.parametrize("kind", sorted(MAY_FOLLOW))
@every_history
@given(source=SOURCES)
def test_statuses_follow_each_other_as_stripe_allows(kind: str, source: Source) -> None:
    for path in statuses(source.history, kind):
        assert path[0] in BEGINS[kind]
        for earlier, later in pairwise(path):
            assert later in MAY_FOLLOW[kind].get(earlier, set())


@every_history
@given(SOURCES)
def test_amounts_of_every_invoice_add_up(source: Source) -> None:
    for event in source.history.events:
        invoice = event["data"]["object"]
        if invoice["object"] != "invoice":
            continue
        assert sum(line["amount"] for line in lines_of(source, event)) == invoice["subtotal"]
        assert invoice["amount_paid"] + invoice["amount_remaining"] == invoice["amount_due"]
        assert (invoice["status"] == "paid") >= (
            invoice["amount_remaining"] == 0 < invoice["total"]
        )
        taxes = sum(tax["amount"] for tax in invoice["total_taxes"])
        taxed = invoice["currency"] in {"eur", "thb"} or invoice["default_tax_rates"]
        assert (taxes != 0) == bool(taxed and invoice["total"] != 0)
        assert invoice["total_excluding_tax"] + taxes == invoice["total"]
        off = sum(taken["amount"] for taken in invoice["total_discount_amounts"])
        on_top = taxes if invoice["default_tax_rates"] else 0
        assert invoice["subtotal"] - off + on_top == invoice["total"] >= min(0, invoice["subtotal"])


@every_history
@given(SOURCES)
def test_discounts_and_taxes_of_the_lines_add_up_to_those_of_the_invoice(source: Source) -> None:
    for event in source.history.events:
        invoice = event["data"]["object"]
        if invoice["object"] != "invoice":
            continue
        off, taxes = Counter[str](), Counter[str]()
        for line in lines_of(source, event):
            for taken in line["discount_amounts"]:
                off[taken["discount"]] += taken["amount"]
            for tax in line["taxes"]:
                taxes[tax["tax_rate_details"]["tax_rate"]] += tax["amount"]
        told_off = {t["discount"]: t["amount"] for t in invoice["total_discount_amounts"]}
        told_taxes = {
            tax["tax_rate_details"]["tax_rate"]: tax["amount"] for tax in invoice["total_taxes"]
        }
        assert (dict(off), dict(taxes)) == (told_off, told_taxes)
        assert invoice["total_pretax_credit_amounts"] == [
            {**taken, "type": "discount"} for taken in invoice["total_discount_amounts"]
        ]
        assert set(told_off) == set(invoice["discounts"])
        assert all(("discount", each) in source.history.objects for each in invoice["discounts"])


@every_history
@given(SOURCES)
def test_an_event_shows_the_first_ten_of_a_longer_list(source: Source) -> None:
    for event in source.history.events:
        shown = event["data"]["object"]
        whole = source.history.whole.get(event["id"], shown)
        for field in LISTS & shown.keys():
            all_ids = [each["id"] for each in whole[field]["data"]]
            assert [each["id"] for each in shown[field]["data"]] == all_ids[:10]
            assert shown[field]["has_more"] == (len(all_ids) > 10)
            assert shown[field].get("total_count", len(all_ids)) == len(all_ids)
        assert b'"tiers":' not in orjson.dumps(shown)


@every_history
@given(SOURCES)
def test_a_price_and_its_plan_tell_the_same(source: Source) -> None:
    objects = source.history.objects
    plans = {of for (kind, of) in objects if kind == "plan"}
    for (kind, of), price in objects.items():
        if kind == "price":
            assert (of in plans) == bool(price["recurring"])
            assert of not in plans or plan_of(price) == objects["plan", of]


@every_history
@given(SOURCES)
def test_no_renewal_comes_late(source: Source) -> None:
    late = [
        event["created"] - event["data"]["object"]["period_end"]
        for event in source.history.events
        if event["type"] == "invoice.created"
        and event["data"]["object"]["billing_reason"] == "subscription_cycle"
    ]

    assert all(0 <= seconds < 60 for seconds in late)


@every_history
@given(SOURCES)
def test_money_is_whole_minor_units(source: Source) -> None:
    def floats(value: Any) -> int:
        if isinstance(value, Mapping):
            return sum(floats(each) for name, each in value.items() if name not in PERCENTAGES)
        return sum(map(floats, value)) if isinstance(value, list) else isinstance(value, float)

    assert sum(map(floats, source.history.events)) == 0


@every_history
@given(SOURCES)
def test_charges_and_refunds_match_what_invoices_say(source: Source) -> None:
    objects = source.history.objects
    charged = Counter[str]()
    for (kind, _), snapshot in objects.items():
        if kind == "charge" and snapshot["status"] == "succeeded":
            charged[snapshot["payment_intent"]] += snapshot["amount"]
    paid = Counter[str]()
    for (kind, _), tie in objects.items():
        if kind == "invoice_payment":
            assert tie["amount_paid"] == charged[tie["payment"]["payment_intent"]]
            paid[tie["invoice"]] += tie["amount_paid"]
    for (kind, object_id), tie in objects.items():
        if kind == "invoice":
            assert tie["amount_paid"] == paid[object_id] + tie["amount_paid_off_stripe"]
        if kind == "charge":
            back = [r["amount"] for (k, _), r in objects.items() if _refunds(k, r, tie["id"])]
            assert tie["amount_refunded"] == sum(back)


def lines_of(source: Source, event: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return all lines of an invoice, also those that its event did not show."""
    whole = source.history.whole.get(event["id"], event["data"]["object"])
    found: Sequence[Mapping[str, Any]] = whole["lines"]["data"]
    return found


def _refunds(kind: str, snapshot: Mapping[str, Any], charge_id: str) -> bool:
    return kind == "refund" and snapshot["charge"] == charge_id


@every_history
@given(SOURCES)
def test_no_field_of_an_older_version_appears(source: Source) -> None:
    def old_fields(value: Any) -> list[str]:
        if isinstance(value, list):
            return [found for part in value for found in old_fields(part)]
        if not isinstance(value, Mapping):
            return []
        kind = str(value.get("object"))
        here = [f"{kind}.{name}" for name in PRE_BASIL.get(kind, set()) & value.keys()]
        return here + [found for part in value.values() for found in old_fields(part)]

    assert [old for event in source.history.events for old in old_fields(event["data"])] == []


@every_history
@given(SEEDS, LIFE_NAMES)
def test_the_same_seed_gives_the_same_bytes(seed: int, life: str) -> None:
    again = simulate(seed, life, start=START)

    assert orjson.dumps(again.events) == orjson.dumps(told(seed, life).events)


def test_another_seed_gives_another_history() -> None:
    assert told(1, "renewal").events[0]["id"] != told(2, "renewal").events[0]["id"]


@pytest.mark.parametrize("life", sorted(LIVES))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_life_holds_an_object_with_several_events_in_one_second(
    life: str,
    seed: int,
) -> None:
    ties = Counter((key_of(event), event["created"]) for event in told(seed, life).events)

    assert max(ties.values()) >= 2
