"""What an event of the simulator looks like at an old API version."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
import pytest

from app.simulator.history import API_VERSION, Json
from app.simulator.lives import LIVES
from app.simulator.versions import VERSIONS, rendered
from app.simulator.versions.changelog import CHANGELOG
from tests.simulator.histories import named_before, told

GONE = object()


def event(subject: Json, previous: Json | None = None, kind: str = "some.updated") -> Json:
    data = {"object": subject} | ({} if previous is None else {"previous_attributes": previous})
    return {"id": "evt_1", "type": kind, "api_version": API_VERSION, "data": data}


def shown(subject: Json, version: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = rendered(event(subject), version)["data"]["object"]
    return found


ITEM = {
    "id": "si_1",
    "object": "subscription_item",
    "current_period_start": 1,
    "current_period_end": 2,
    "plan": {"id": "price_1", "object": "plan"},
    "price": {"id": "price_1", "object": "price"},
}
SUBSCRIPTION = {
    "id": "sub_1",
    "object": "subscription",
    "collection_method": "send_invoice",
    "discounts": ["di_1", "di_2"],
    "items": {"object": "list", "data": [ITEM]},
    "start_date": 1,
}
INVOICE = {
    "id": "in_1",
    "object": "invoice",
    "amount_due": 900,
    "amount_paid": 900,
    "amount_paid_off_stripe": 900,
    "amount_remaining": 0,
    "collection_method": "send_invoice",
    "created": 5,
    "parent": {
        "quote_details": None,
        "subscription_details": {"metadata": {"a": "b"}, "subscription": "sub_1"},
    },
    "rendering": {"pdf": None},
    "status": "paid",
    "status_transitions": {"finalized_at": 6, "paid_at": 7},
    "total_taxes": [
        {"amount": 150, "tax_behavior": "inclusive", "tax_rate_details": {"tax_rate": "txr_1"}}
    ],
}
LINE = {
    "id": "il_1",
    "object": "line_item",
    "amount": 900,
    "currency": "usd",
    "parent": {
        "invoice_item_details": {
            "invoice_item": "ii_1",
            "proration": True,
            "subscription": "sub_1",
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    },
    "pricing": {
        "price_details": {"price": "price_1", "product": "prod_1"},
        "unit_amount_decimal": "900",
    },
    "taxes": [],
}
BOUGHT_ONCE = {**LINE, "parent": {"invoice_item_details": {"invoice_item": "ii_1"}}}
INVOICE_ITEM = {
    **LINE,
    "id": "ii_1",
    "object": "invoiceitem",
    "parent": {"subscription_details": {"subscription": "sub_1", "subscription_item": "si_1"}},
}
NOTE_LINE = {"id": "cnli_1", "object": "credit_note_line_item", "amount": 5, "taxes": []}
SCHEDULE = {
    "id": "sub_sched_1",
    "object": "subscription_schedule",
    "default_settings": {"collection_method": "send_invoice", "default_payment_method": "pm_1"},
    "end_behavior": "cancel",
    "phases": [{"items": [{"price": "price_1", "quantity": 2}]}],
}
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "latest_charge": "ch_1",
    "payment_details": {"order_reference": "in_1"},
}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount_refunded": 5,
    "payment_method_details": {"card": {"three_d_secure": {"result": "authenticated"}}},
}
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "collected_information": {"shipping_details": {"name": "Ada"}},
    "ui_mode": "hosted_page",
}
DISCOUNT = {"id": "di_1", "object": "discount", "source": {"coupon": "co_1", "type": "coupon"}}
CODE = {"id": "promo_1", "object": "promotion_code", "promotion": {"coupon": "co_1"}}
NOTE = {
    "id": "cn_1",
    "object": "credit_note",
    "refunds": [{"refund": "re_1", "amount_refunded": 5}],
    "total_taxes": [],
}
CUSTOMER = {"id": "cus_1", "object": "customer", "balance": -5, "discount": DISCOUNT}
PRODUCT = {"id": "prod_1", "object": "product", "marketing_features": []}


class Moved(NamedTuple):
    """A place in an object: what stands there in the last version before a change, and since."""

    subject: Json
    before: str
    since: str
    path: str
    old: Any
    new: Any


MOVED = [
    Moved(SUBSCRIPTION, "2024-12-18.acacia", "2025-03-31.basil", "current_period_end", 2, GONE),
    Moved(SUBSCRIPTION, "2024-12-18.acacia", "2025-03-31.basil", "discount.id", "di_1", GONE),
    Moved(SUBSCRIPTION, "2019-09-09", "2019-10-17", "billing", "send_invoice", GONE),
    Moved(SUBSCRIPTION, "2019-09-09", "2019-10-17", "start", 1, GONE),
    Moved(SUBSCRIPTION, "2019-09-09", "2019-10-17", "start_date", GONE, 1),
    Moved(SUBSCRIPTION, "2020-03-02", "2020-08-27", "tax_percent", None, GONE),
    Moved(ITEM, "2020-03-02", "2020-08-27", "price", GONE, {"id": "price_1", "object": "price"}),
    Moved(INVOICE, "2024-12-18.acacia", "2025-03-31.basil", "subscription", "sub_1", GONE),
    Moved(INVOICE, "2024-12-18.acacia", "2025-03-31.basil", "paid", True, GONE),
    Moved(INVOICE, "2024-12-18.acacia", "2025-03-31.basil", "paid_out_of_band", True, GONE),
    Moved(INVOICE, "2024-12-18.acacia", "2025-03-31.basil", "amount_paid", 0, 900),
    Moved(INVOICE, "2024-12-18.acacia", "2025-03-31.basil", "amount_remaining", 900, 0),
    Moved(INVOICE, "2024-12-18.acacia", "2025-03-31.basil", "tax", 150, GONE),
    Moved(INVOICE, "2020-03-02", "2020-08-27", "tax_percent", None, GONE),
    Moved(INVOICE, "2019-09-09", "2019-10-17", "billing", "send_invoice", GONE),
    Moved(INVOICE, "2023-10-16", "2024-04-10", "rendering_options", {"pdf": None}, GONE),
    Moved(INVOICE, "2019-02-19", "2019-03-14", "date", 5, GONE),
    Moved(INVOICE, "2019-02-19", "2019-03-14", "finalized_at", 6, GONE),
    Moved(INVOICE, "2019-02-19", "2019-03-14", "status_transitions.finalized_at", GONE, 6),
    Moved(LINE, "2024-12-18.acacia", "2025-03-31.basil", "price.product", "prod_1", GONE),
    Moved(LINE, "2024-12-18.acacia", "2025-03-31.basil", "plan.amount", 900, GONE),
    Moved(LINE, "2024-12-18.acacia", "2025-03-31.basil", "type", "invoiceitem", GONE),
    Moved(LINE, "2024-12-18.acacia", "2025-03-31.basil", "proration", True, GONE),
    Moved(LINE, "2024-12-18.acacia", "2025-03-31.basil", "amount_excluding_tax", 900, GONE),
    Moved(LINE, "2019-11-05", "2019-12-03", "id", "ii_1", "il_1"),
    Moved(LINE, "2019-11-05", "2019-12-03", "unique_id", "il_1", GONE),
    Moved(BOUGHT_ONCE, "2024-12-18.acacia", "2025-03-31.basil", "plan", None, GONE),
    Moved(BOUGHT_ONCE, "2020-03-02", "2020-08-27", "price.id", "price_1", "price_1"),
    Moved(INVOICE_ITEM, "2024-12-18.acacia", "2025-03-31.basil", "subscription_item", "si_1", GONE),
    Moved(INVOICE_ITEM, "2024-12-18.acacia", "2025-03-31.basil", "unit_amount", 900, GONE),
    Moved(INVOICE_ITEM, "2024-12-18.acacia", "2025-03-31.basil", "price.unit_amount", 900, GONE),
    Moved(INVOICE_ITEM, "2020-03-02", "2020-08-27", "price.id", GONE, "price_1"),
    Moved(NOTE_LINE, "2024-12-18.acacia", "2025-03-31.basil", "tax_amounts", [], GONE),
    Moved(SCHEDULE, "2020-03-02", "2020-08-27", "phases.0.plans.0.plan", "price_1", GONE),
    Moved(SCHEDULE, "2019-10-17", "2019-11-05", "default_payment_method", "pm_1", GONE),
    Moved(SCHEDULE, "2019-09-09", "2019-10-17", "billing", "send_invoice", GONE),
    Moved(SCHEDULE, "2019-09-09", "2019-10-17", "renewal_behavior", "none", GONE),
    Moved(INTENT, "2024-12-18.acacia", "2025-03-31.basil", "invoice", "in_1", GONE),
    Moved(INTENT, "2022-08-01", "2022-11-15", "charges.data.0.id", "ch_1", GONE),
    Moved(CHARGE, "2022-08-01", "2022-11-15", "refunds.has_more", True, GONE),
    Moved(
        CHARGE,
        "2020-03-02",
        "2020-08-27",
        "payment_method_details.card.three_d_secure.succeeded",
        True,
        GONE,
    ),
    Moved(SESSION, "2025-09-30.clover", "2026-03-25.dahlia", "ui_mode", "hosted", "hosted_page"),
    Moved(SESSION, "2024-12-18.acacia", "2025-03-31.basil", "shipping_details.name", "Ada", GONE),
    Moved(SESSION, "2020-08-27", "2022-08-01", "shipping.name", "Ada", GONE),
    Moved(DISCOUNT, "2025-08-27.basil", "2025-09-30.clover", "coupon.id", "co_1", GONE),
    Moved(CODE, "2025-08-27.basil", "2025-09-30.clover", "coupon.id", "co_1", GONE),
    Moved(NOTE, "2024-12-18.acacia", "2025-03-31.basil", "refund", "re_1", GONE),
    Moved(NOTE, "2024-12-18.acacia", "2025-03-31.basil", "tax_amounts", [], GONE),
    Moved(CUSTOMER, "2025-08-27.basil", "2025-09-30.clover", "discount.coupon.id", "co_1", GONE),
    Moved(CUSTOMER, "2020-03-02", "2020-08-27", "subscriptions.has_more", True, GONE),
    Moved(CUSTOMER, "2019-09-09", "2019-10-17", "account_balance", -5, GONE),
    Moved(PRODUCT, "2023-10-16", "2024-04-10", "features", [], GONE),
]


def place(subject: Any, path: str) -> Any:
    for name in path.split("."):
        try:
            subject = subject[int(name) if isinstance(subject, list) else name]
        except (KeyError, IndexError, TypeError):
            return GONE
    return subject


@pytest.mark.parametrize(
    "moved", [pytest.param(each, id=f"{each.subject['object']}-{each.path}") for each in MOVED]
)
def test_a_field_stands_where_its_version_has_it(moved: Moved) -> None:
    assert place(shown(moved.subject, moved.before), moved.path) == moved.old
    assert place(shown(moved.subject, moved.since), moved.path) == moved.new


def test_every_change_of_the_list_has_an_example() -> None:
    changed = {(name, change.since) for change in CHANGELOG for name in change.objects}
    examples = {(moved.subject["object"], moved.since) for moved in MOVED}

    assert changed - examples == set()


def test_the_list_goes_back_in_time() -> None:
    assert [change.since for change in CHANGELOG] == sorted(
        (change.since for change in CHANGELOG), reverse=True
    )


def test_an_update_names_what_changed_in_the_old_shape() -> None:
    """Of a renewal old versions name the period on top, newer ones the list of items."""
    before = [{**ITEM, "current_period_end": 1}]
    told_now = event(SUBSCRIPTION, {"items": {"data": before}})

    then = rendered(told_now, "2024-12-18.acacia")["data"]
    assert then["previous_attributes"] == {"current_period_end": 1}
    assert rendered(told_now, API_VERSION) == told_now


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_update_names_differs_in_any_version(version: str) -> None:
    for now in (each for life in sorted(LIVES) for each in told(7, life).events):
        untouched = orjson.dumps(now)
        then = rendered(now, version)
        previous = then["data"].get("previous_attributes")

        assert orjson.dumps(now) == untouched
        assert orjson.loads(orjson.dumps(then)) == {**then, "api_version": version}
        assert (previous is None) == ("previous_attributes" not in now["data"])
        assert previous is None or list(named_before(then["data"]["object"], previous))


def test_the_newest_version_is_told_as_it_is() -> None:
    events = told(7, "upgrade_with_proration").events

    assert [rendered(each, API_VERSION) for each in events] == list(events)


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("2020-03-02", "payment_method.card_automatically_updated"),
        ("2020-08-27", "payment_method.automatically_updated"),
    ],
)
def test_an_event_bears_the_name_of_its_time(version: str, name: str) -> None:
    method = {"id": "pm_1", "object": "payment_method"}
    renewed = event(method, kind="payment_method.automatically_updated")

    assert rendered(renewed, version)["type"] == name
