"""What lists show, in which order, and which questions they refuse."""

import inspect
import re
from importlib import import_module
from typing import Any

import orjson
import pytest
import stripe

from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.answer import EVENTS_KEPT, answer, parsed
from app.simulator.stripe_api.refusal import Refused
from app.simulator.stripe_api.resources import EVENTS, RESOURCES, Resource
from tests.stripe_api.objects import NOW, NOW_S, event, obj, subscription


@pytest.fixture
def account() -> Account:
    return Account(now=lambda: NOW)


def asked(account: Account, address: str) -> Any:
    path, _, query = address.partition("?")
    return answer(account, path, parsed(query))


def ids(account: Account, address: str) -> list[str]:
    return [each["id"] for each in asked(account, address)["data"]]


SERVICES = {
    "checkout.session": "checkout.sessions",
    "radar.early_fraud_warning": "radar.early_fraud_warnings",
    "billing.meter": "billing.meters",
    "entitlements.active_entitlement": "entitlements.active_entitlements",
    "test_helpers.test_clock": "test_helpers.test_clocks",
    "invoiceitem": "invoice_items",
}


def service_of(resource: Resource) -> Any:
    """Return the SDK's service for a resource."""
    found: Any = stripe.StripeClient("sk_test_none").v1
    for name in SERVICES.get(resource.type, f"{resource.type}s").split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("resource", [*RESOURCES, EVENTS], ids=lambda each: each.type)
def test_paths_and_parameters_are_those_of_stripes_package(resource: Resource) -> None:
    service = service_of(resource)
    source = inspect.getsource(type(service).list)
    params = inspect.signature(type(service).list).parameters["params"].annotation
    name = re.search(r"\w+ListParams", str(params))
    assert name
    module = import_module(f"stripe.params.{resource.type.rpartition('.')[0]}".rstrip("."))
    known = set(getattr(module, name[0]).__annotations__)

    assert f'"/v1/{resource.path}"' in source
    assert {each.partition("[")[0] for each in resource.parameters} <= known
    assert ("created" in known) == resource.created


def test_objects_of_one_second_are_ordered_by_id(account: Account) -> None:
    account.put(obj("customer", "cus_b"), obj("customer", "cus_c"), obj("customer", "cus_a"))

    assert ids(account, "/v1/customers") == ["cus_c", "cus_b", "cus_a"]


@pytest.mark.parametrize(
    ("query", "page", "has_more"),
    [
        ("limit=2", ["cus_5", "cus_4"], True),
        ("limit=2&starting_after=cus_4", ["cus_3", "cus_2"], True),
        ("limit=2&starting_after=cus_3", ["cus_2", "cus_1"], False),
        ("starting_after=cus_1", [], False),
        ("limit=2&ending_before=cus_2", ["cus_4", "cus_3"], True),
        ("limit=2&ending_before=cus_3", ["cus_5", "cus_4"], False),
        ("created[gte]=3", ["cus_5", "cus_4", "cus_3"], False),
        ("created[gt]=3", ["cus_5", "cus_4"], False),
        ("created[lte]=2", ["cus_2", "cus_1"], False),
        ("created[lt]=2", ["cus_1"], False),
        ("created=2", ["cus_2"], False),
    ],
)
def test_a_page(account: Account, query: str, page: list[str], has_more: bool) -> None:
    account.put(*(obj("customer", f"cus_{n}", n) for n in range(1, 6)))

    assert ids(account, f"/v1/customers?{query}") == page
    assert asked(account, f"/v1/customers?{query}")["has_more"] is has_more


def test_ten_are_shown_unasked(account: Account) -> None:
    account.put(*(obj("customer", f"cus_{n}", n) for n in range(11)))

    assert len(ids(account, "/v1/customers")) == 10


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/v1/prices", ["price_on"]),
        ("/v1/prices?active=false", ["price_off"]),
        ("/v1/reviews", ["prv_open"]),
        ("/v1/tax_ids", ["txi_own"]),
        ("/v1/tax_ids?owner[type]=customer&owner[customer]=cus_1", ["txi_theirs"]),
        ("/v1/customers/cus_1/tax_ids", ["txi_theirs"]),
        ("/v1/customers", ["cus_1"]),
        ("/v1/customers?test_clock=clock_1", ["cus_2"]),
        ("/v1/invoice_payments?invoice=in_2", ["inpay_2"]),
        ("/v1/subscription_items?subscription=sub_1", ["si_1"]),
        ("/v1/subscriptions?price=price_on", ["sub_1"]),
        ("/v1/customers/cus_1/payment_methods", ["pm_1"]),
    ],
)
def test_what_a_list_shows(account: Account, address: str, found: list[str]) -> None:
    item = obj("subscription_item", "si_1", subscription="sub_1", price={"id": "price_on"})
    account.put(
        obj("price", "price_on", active=True),
        obj("price", "price_off", active=False),
        obj("review", "prv_open", open=True),
        obj("review", "prv_closed", open=False),
        obj("tax_id", "txi_own", customer=None, owner={"type": "self"}),
        obj("tax_id", "txi_theirs", customer="cus_1", owner={"type": "customer"}),
        obj("customer", "cus_1", test_clock=None),
        obj("customer", "cus_2", test_clock="clock_1"),
        obj("invoice_payment", "inpay_1", invoice="in_1"),
        obj("invoice_payment", "inpay_2", invoice="in_2"),
        subscription("sub_1", items={"object": "list", "data": [item]}),
        subscription("sub_2", items={"object": "list", "data": []}),
        obj("payment_method", "pm_1", customer="cus_1"),
        obj("payment_method", "pm_2", customer=None),
    )

    assert ids(account, address) == found


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/v1/customers?colour=green", 400, "parameter_unknown"),
        ("/v1/payment_links?created[gte]=1", 400, "parameter_unknown"),
        ("/v1/subscription_items", 400, "parameter_missing"),
        ("/v1/customers?limit=101", 400, "parameter_invalid_integer"),
        ("/v1/customers?limit=0", 400, "parameter_invalid_integer"),
        ("/v1/invoices?starting_after=in_gone", 400, "resource_missing"),
        ("/v1/invoices/in_gone/lines", 404, "resource_missing"),
        ("/v2/customers", 404, None),
        ("/v1/customers/cus_1/trees", 404, None),
    ],
)
def test_what_is_refused(account: Account, address: str, status: int, code: str | None) -> None:
    with pytest.raises(Refused) as refused:
        asked(account, address)

    assert (refused.value.status, refused.value.body["error"].get("code")) == (status, code)


def test_a_deleted_customer_still_serves_as_a_cursor(account: Account) -> None:
    account.put(*(obj("customer", f"cus_{n}", n) for n in range(1, 4)))
    account.remove("customer", "cus_2")

    assert ids(account, "/v1/customers?starting_after=cus_2") == ["cus_1"]


def test_events_are_kept_for_thirty_days_and_none_is_of_tomorrow(account: Account) -> None:
    oldest = NOW_S - int(EVENTS_KEPT.total_seconds())
    times = {
        "evt_forgotten": oldest - 1,
        "evt_oldest": oldest,
        "evt_now": NOW_S,
        "evt_x": NOW_S + 1,
    }
    customer = obj("customer", "cus_1")
    account.tell(
        *(event(name, created, customer, "customer.updated") for name, created in times.items())
    )

    assert ids(account, "/v1/events") == ["evt_now", "evt_oldest"]
    assert ids(account, "/v1/events?type=customer.*&limit=1") == ["evt_now"]
    assert ids(account, "/v1/events?types[]=invoice.paid") == []
    with pytest.raises(Refused):
        asked(account, "/v1/events/evt_forgotten")


def test_an_event_is_served_as_it_was_sent(account: Account) -> None:
    told = event("evt_1", NOW_S, obj("price", "price_1", tiers=[{"up_to": 1}]), "price.updated")
    account.tell(told)

    assert orjson.dumps(asked(account, "/v1/events/evt_1")) == orjson.dumps(told)


def test_telling_events_brings_the_objects_along(account: Account) -> None:
    account.tell(
        event("evt_1", 1, subscription("sub_1"), "customer.subscription.created"),
        event("evt_2", 2, subscription("sub_1", "canceled"), "customer.subscription.deleted"),
        event("evt_3", 3, obj("coupon", "HALF"), "coupon.created"),
        event("evt_4", 4, obj("coupon", "HALF"), "coupon.deleted"),
        event("evt_5", 5, {"object": "invoice", "status": "draft"}, "invoice.upcoming"),
    )

    assert account.keys() == {("subscription", "sub_1")}
    assert asked(account, "/v1/subscriptions/sub_1")["status"] == "canceled"
