"""The objects around subscriptions and invoices, as the newest and as an old API renders them.

Written by hand after Stripe's documentation of each version; of what no column shows, only
what must not disturb.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """One object in two shapes, and the typed columns that both of them give.

    `always` is the same in both; `refs` tells where the newest names other objects by id.
    """

    always: Json
    new: Json = field(default_factory=dict)
    old: Json = field(default_factory=dict)
    refs: tuple[str, ...] = ()
    columns: Json

    def newest(self, name: str) -> dict[str, Any]:
        """Return the object as the newest API renders it."""
        return {"object": name, **self.always, **self.new}

    def oldest(self, name: str) -> dict[str, Any]:
        """Return the object as an old API rendered it."""
        return {"object": name, **self.always, **self.old}


def instant(epoch_s: int) -> datetime:
    """Return an instant as the columns hold it."""
    return datetime.fromtimestamp(epoch_s, UTC)


def same(always: Json, *names: str) -> dict[str, Any]:
    """Return the fields that a column shows under the field's own name."""
    return {name: always[name] for name in names}


COUPON = {
    "id": "SPRING",
    "name": "Spring",
    "created": 100,
    "amount_off": None,
    "currency": None,
    "duration": "repeating",
    "duration_in_months": 3,
    "max_redemptions": 50,
    "times_redeemed": 7,
    "redeem_by": 900,
    "valid": True,
}
WHOLE_COUPON = {"object": "coupon", **COUPON, "percent_off": 12.5}
TAX_ID = {
    "id": "txi_1",
    "created": 100,
    "type": "eu_vat",
    "value": "DE123456789",
    "country": "DE",
    "verification": {"status": "verified", "verified_name": "A GmbH"},
}
PROMOTION_CODE = {
    "id": "promo_1",
    "created": 100,
    "code": "HELLO",
    "customer": "cus_1",
    "active": True,
    "expires_at": 900,
    "max_redemptions": 1,
    "times_redeemed": 0,
    "restrictions": {
        "first_time_transaction": True,
        "minimum_amount": 5_000,
        "minimum_amount_currency": "usd",
    },
}
DISCOUNT = {
    "id": "di_1",
    "promotion_code": "promo_1",
    "customer": "cus_1",
    "subscription": "sub_1",
    "invoice": None,
    "invoice_item": None,
    "start": 200,
    "end": 800,
}
PLAN = {
    "id": "price_1",
    "created": 100,
    "product": "prod_1",
    "active": True,
    "currency": "usd",
    "amount": 900,
    "amount_decimal": "900",
    "interval": "month",
    "interval_count": 3,
    "billing_scheme": "per_unit",
    "tiers_mode": None,
    "usage_type": "licensed",
    "trial_period_days": 14,
    "nickname": "Quarterly",
}
TAX_RATE = {
    "id": "txr_1",
    "created": 100,
    "display_name": "VAT",
    "description": "VAT Germany",
    "active": True,
    "inclusive": False,
    "country": "DE",
    "jurisdiction": "DE",
    "tax_type": "vat",
}
METER = {
    "id": "mtr_1",
    "created": 100,
    "updated": 300,
    "display_name": "Calls",
    "event_name": "api_call",
    "status": "inactive",
    "default_aggregation": {"formula": "sum"},
    "event_time_window": "hour",
    "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
    "value_settings": {"event_payload_key": "calls"},
    "status_transitions": {"deactivated_at": 300},
}
TEST_CLOCK = {
    "id": "clock_1",
    "created": 100,
    "name": "A year",
    "status": "ready",
    "frozen_time": 500,
    "deletes_after": 900,
}
SUMMARY = {
    "customer": "cus_1",
    "entitlements": {
        "object": "list",
        "data": [
            {"id": "ent_1", "object": "entitlements.active_entitlement", "lookup_key": "export"}
            | {"feature": "feat_1"},
            {"id": "ent_2", "object": "entitlements.active_entitlement", "lookup_key": "sso"}
            | {"feature": {"id": "feat_2", "object": "entitlements.feature"}},
        ],
        "has_more": False,
        "url": "/v1/customer/cus_1/entitlements",
    },
}

CATALOG: Mapping[str, Shapes] = {
    "tax_id": Shapes(
        always=TAX_ID,
        new={"customer": None, "owner": {"type": "customer", "customer": "cus_1"}},
        old={"customer": "cus_1"},
        refs=("owner.customer",),
        columns=same(TAX_ID, "type", "value", "country")
        | {"created": instant(100), "customer": "cus_1", "verification_status": "verified"},
    ),
    "coupon": Shapes(
        always=COUPON,
        new={"percent_off": 12.5, "currency_options": {}},
        old={"percent_off": "12.50", "percent_off_precise": 12.5},
        columns=same(COUPON, "name", "currency", "duration", "duration_in_months")
        | same(COUPON, "max_redemptions", "times_redeemed", "valid")
        | {"created": instant(100), "redeem_by": instant(900)}
        | {"percent_off": "12.5", "amount_off_minor": None},
    ),
    "promotion_code": Shapes(
        always=PROMOTION_CODE,
        new={"promotion": {"type": "coupon", "coupon": "SPRING"}},
        old={"coupon": WHOLE_COUPON},
        refs=("promotion.coupon", "customer"),
        columns=same(PROMOTION_CODE, "code", "customer", "active")
        | same(PROMOTION_CODE, "max_redemptions", "times_redeemed")
        | {"created": instant(100), "expires_at": instant(900), "coupon": "SPRING"}
        | {"first_time_transaction": True}
        | {"minimum_amount_minor": 5_000, "minimum_amount_currency": "usd"},
    ),
    "discount": Shapes(
        always=DISCOUNT,
        new={"source": {"type": "coupon", "coupon": "SPRING"}, "checkout_session": None},
        old={"coupon": WHOLE_COUPON},
        refs=("source.coupon", "promotion_code", "customer"),
        columns=same(DISCOUNT, "promotion_code", "customer", "subscription")
        | same(DISCOUNT, "invoice", "invoice_item")
        | {"coupon": "SPRING", "subscription_item": None, "checkout_session": None}
        | {"starts_at": instant(200), "ends_at": instant(800)},
    ),
    "plan": Shapes(
        always=PLAN,
        new={"meter": None},
        old={"aggregate_usage": None, "tiers": None},
        refs=("product",),
        columns=same(PLAN, "product", "active", "currency", "interval", "interval_count")
        | same(PLAN, "amount_decimal", "billing_scheme", "tiers_mode", "usage_type", "nickname")
        | same(PLAN, "trial_period_days")
        | {"created": instant(100), "amount_minor": 900, "meter": None},
    ),
    "tax_rate": Shapes(
        always=TAX_RATE,
        new={"percentage": 19.0, "rate_type": "percentage", "state": None},
        old={"percentage": 19},
        columns=same(TAX_RATE, "display_name", "description", "active", "inclusive")
        | same(TAX_RATE, "country", "jurisdiction", "tax_type")
        | {"created": instant(100), "percentage": "19", "state": None},
    ),
    "billing.meter": Shapes(
        always=METER,
        columns=same(METER, "display_name", "event_name", "status", "event_time_window")
        | {"created": instant(100), "updated": instant(300), "deactivated_at": instant(300)}
        | {"default_aggregation_formula": "sum", "value_payload_key": "calls"}
        | {"customer_payload_key": "stripe_customer_id"},
    ),
    "test_helpers.test_clock": Shapes(
        always=TEST_CLOCK,
        new={"status_details": {}},
        columns=same(TEST_CLOCK, "name", "status")
        | {"created": instant(100), "frozen_time": instant(500), "deletes_after": instant(900)},
    ),
    "entitlements.active_entitlement_summary": Shapes(
        always=SUMMARY, refs=("customer",), columns={"customer": "cus_1"}
    ),
}
