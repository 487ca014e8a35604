"""Which objects Stripe serves at which path, and what their lists can be asked.

Source: the services and list parameters of stripe-python, compared by a test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.simulator.history import Json

Query = Mapping[str, Sequence[str]]
"""A request's parameters; the name of a list ends in `[]`."""


def _all(_obj: Json, _query: Query) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One object type's place in the API.

    `filters`: parameter -> place in the object with which it is compared. `shown` says of an
    object whether a list holds it, and may read the parameters in `also`. `required` must be
    given. Without `created` the list takes no such range.
    """

    type: str
    path: str
    filters: Mapping[str, str]
    created: bool = True
    required: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    shown: Callable[[Json, Query], bool] = _all

    @property
    def parameters(self) -> frozenset[str]:
        """Return the names of all parameters that its list takes, besides those for paging."""
        return frozenset((*self.filters, *self.also, *(("created",) if self.created else ())))


def _resource(
    object_type: str,
    path: str,
    filters: str = "",
    *,
    created: bool = True,
    required: str = "",
    also: str = "",
    shown: Callable[[Json, Query], bool] = _all,
) -> Resource:
    """Each of `filters` is `name`, or `name=place` where the place is called otherwise."""
    pairs = (each.partition("=")[::2] for each in filters.split())
    return Resource(
        type=object_type,
        path=path,
        filters={name: place or name for name, place in pairs},
        created=created,
        required=tuple(required.split()),
        also=tuple(also.split()),
        shown=shown,
    )


def _real_clock(obj: Json, query: Query) -> bool:
    """What lives on a test clock is listed only with that clock."""
    return "test_clock" in query or not obj.get("test_clock")


def _running(subscription: Json, query: Query) -> bool:
    """Unasked, canceled ones are left out; `ended` are the canceled and the expired."""
    if not _real_clock(subscription, query):
        return False
    asked, status = query.get("status", ["unasked"])[-1], subscription["status"]
    if asked == "unasked":
        return bool(status != "canceled")
    return asked == "all" or status in _STATUSES.get(asked, {asked})


_STATUSES = {"ended": {"canceled", "incomplete_expired"}}


def _open(review: Json, _query: Query) -> bool:
    return bool(review.get("open"))


def _active(price: Json, query: Query) -> bool:
    """Stripe lists active prices, and the others only when asked for by `active=false`."""
    return "active" in query or price.get("active") is not False


def _owned(tax_id: Json, query: Query) -> bool:
    """Unasked, the account's own; a customer's are listed by `owner` or below the customer."""
    return "owner[type]" in query or not tax_id.get("customer")


RESOURCES: Sequence[Resource] = (
    _resource("customer", "customers", "email test_clock", shown=_real_clock),
    _resource(
        "tax_id",
        "tax_ids",
        "owner[type]=owner.type owner[customer]=customer",
        created=False,
        shown=_owned,
    ),
    _resource("product", "products", "active ids[]=id shippable type url"),
    _resource(
        "price",
        "prices",
        "active currency lookup_keys[]=lookup_key product type",
        shown=_active,
    ),
    _resource("plan", "plans", "active product"),
    _resource("coupon", "coupons"),
    _resource("promotion_code", "promotion_codes", "active code coupon=promotion.coupon customer"),
    _resource(
        "subscription",
        "subscriptions",
        "collection_method customer price=items.data.price plan=items.data.plan test_clock",
        also="status",
        shown=_running,
    ),
    _resource(
        "subscription_item",
        "subscription_items",
        "subscription",
        created=False,
        required="subscription",
    ),
    _resource("subscription_schedule", "subscription_schedules", "customer"),
    _resource(
        "invoice",
        "invoices",
        "collection_method customer status subscription=parent.subscription_details.subscription",
    ),
    _resource("invoiceitem", "invoiceitems", "customer invoice"),
    _resource(
        "invoice_payment",
        "invoice_payments",
        "invoice status payment[type]=payment.type payment[payment_intent]=payment.payment_intent",
    ),
    _resource("credit_note", "credit_notes", "customer invoice"),
    _resource("payment_intent", "payment_intents", "customer"),
    _resource("setup_intent", "setup_intents", "customer payment_method"),
    _resource("charge", "charges", "customer payment_intent transfer_group"),
    _resource("refund", "refunds", "charge payment_intent"),
    _resource("dispute", "disputes", "charge payment_intent"),
    _resource("radar.early_fraud_warning", "radar/early_fraud_warnings", "charge payment_intent"),
    _resource("review", "reviews", shown=_open),
    _resource("payment_method", "payment_methods", "customer type", created=False),
    _resource(
        "checkout.session",
        "checkout/sessions",
        "customer payment_intent payment_link status subscription",
    ),
    _resource("payment_link", "payment_links", "active", created=False),
    _resource("quote", "quotes", "customer status test_clock", created=False, shown=_real_clock),
    _resource("tax_rate", "tax_rates", "active inclusive"),
    _resource("billing.meter", "billing/meters", "status", created=False),
    _resource(
        "entitlements.active_entitlement",
        "entitlements/active_entitlements",
        "customer",
        created=False,
        required="customer",
    ),
    _resource("test_helpers.test_clock", "test_helpers/test_clocks", created=False),
    _resource("payout", "payouts", "destination status"),
)
EVENTS = _resource("event", "events", "type types[]=type")
BY_PATH: Mapping[str, Resource] = {each.path: each for each in (*RESOURCES, EVENTS)}

# Lists below an object that hold objects of their own: (path, name) -> (type, place of parent).
OWNED_LISTS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("customers", "payment_methods"): ("payment_method", "customer"),
    ("customers", "subscriptions"): ("subscription", "customer"),
    ("customers", "tax_ids"): ("tax_id", "customer"),
    ("charges", "refunds"): ("refund", "charge"),
}
# Lists below an object that are part of it: (path, name), the name being its field.
EMBEDDED_LISTS = {
    ("checkout/sessions", "line_items"),
    ("credit_notes", "lines"),
    ("invoices", "lines"),
    ("payment_links", "line_items"),
    ("quotes", "line_items"),
}
# Fields that are there only when expanded, and whence a list comes that no object holds:
# (its type, the place of its parent's id, its address).
EXPAND_ONLY: Mapping[str, Mapping[str, tuple[str, str, str] | None]] = {
    "charge": {"refunds": ("refund", "charge", "/v1/charges/{}/refunds")},
    "checkout.session": {"line_items": None},
    "coupon": {"applies_to": None, "currency_options": None},
    "customer": {
        "cash_balance": None,
        "invoice_credit_balance": None,
        "sources": ("source", "customer", "/v1/customers/{}/sources"),
        "subscriptions": ("subscription", "customer", "/v1/customers/{}/subscriptions"),
        "tax_ids": ("tax_id", "customer", "/v1/customers/{}/tax_ids"),
    },
    "invoice": {"payments": ("invoice_payment", "invoice", "/v1/invoice_payments?invoice={}")},
    "payment_link": {"line_items": None},
    "plan": {"tiers": None},
    "price": {"currency_options": None, "tiers": None},
    "quote": {"line_items": None},
}
