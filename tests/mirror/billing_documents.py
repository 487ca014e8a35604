"""Schedules, quotes, invoice items, their payments and credit notes, in a new and an old shape."""

from collections.abc import Mapping

from tests.mirror.billing_shapes import CATALOG, PLAN, Shapes, instant, same

SCHEDULE = {
    "id": "sub_sched_1",
    "created": 100,
    "customer": "cus_1",
    "subscription": "sub_1",
    "released_subscription": None,
    "status": "active",
    "current_phase": {"start_date": 100, "end_date": 200},
    "canceled_at": None,
    "completed_at": None,
    "released_at": None,
    "test_clock": None,
}
INVOICE_ITEM = {
    "id": "ii_1",
    "date": 100,
    "customer": "cus_1",
    "invoice": "in_1",
    "description": "Unused time",
    "quantity": 2,
    "currency": "usd",
    "amount": -450,
    "proration": True,
    "discountable": False,
    "period": {"start": 100, "end": 200},
    "test_clock": None,
}
INVOICE_PAYMENT = {
    "id": "inpay_1",
    "created": 100,
    "invoice": "in_1",
    "status": "paid",
    "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
    "currency": "usd",
    "amount_requested": 900,
    "amount_paid": 900,
    "is_default": True,
    "status_transitions": {"paid_at": 300, "canceled_at": None},
}
CREDIT_NOTE = {
    "id": "cn_1",
    "created": 100,
    "customer": "cus_1",
    "invoice": "in_1",
    "status": "issued",
    "number": "A-CN-01",
    "type": "post_payment",
    "reason": "duplicate",
    "memo": None,
    "currency": "usd",
    "amount": 1_190,
    "subtotal": 1_000,
    "total": 1_190,
    "discount_amount": 0,
    "out_of_band_amount": None,
    "customer_balance_transaction": None,
    "effective_at": 100,
    "voided_at": None,
    "pdf": "https://pay.stripe.com/credit_notes/cn_1/pdf",
}
CREDIT_NOTE_LINE = {
    "id": "cnli_1",
    "object": "credit_note_line_item",
    "invoice_line_item": "il_1",
    "type": "invoice_line_item",
    "description": "T-shirt",
    "quantity": 1,
    "amount": 1_000,
    "unit_amount": 1_000,
    "unit_amount_decimal": "1000",
    "discount_amount": 0,
}
QUOTE = {
    "id": "qt_1",
    "created": 100,
    "customer": "cus_1",
    "status": "accepted",
    "number": "QT-1",
    "description": None,
    "collection_method": "send_invoice",
    "currency": "usd",
    "amount_subtotal": 1_000,
    "amount_total": 1_090,
    "total_details": {"amount_discount": 100, "amount_tax": 190},
    "invoice": None,
    "subscription": "sub_1",
    "subscription_schedule": "sub_sched_1",
    "from_quote": {"is_revision": True, "quote": "qt_0"},
    "expires_at": 900,
    "status_transitions": {"finalized_at": 200, "accepted_at": 300, "canceled_at": None},
    "test_clock": None,
}

DOCUMENTS: Mapping[str, Shapes] = {
    "subscription_schedule": Shapes(
        always=SCHEDULE,
        new={
            "end_behavior": "cancel",
            "default_settings": {"collection_method": "send_invoice"},
            "phases": [
                {"start_date": 100, "end_date": 200, "items": [{"price": "price_1"}]},
                {
                    "start_date": 200,
                    "end_date": 400,
                    "items": [
                        {"price": {"id": "price_2"}, "plan": {"id": "price_2"}},
                        {"price": "price_1", "plan": "price_1"},
                    ],
                },
            ],
        },
        old={
            "renewal_behavior": "none",
            "billing": "send_invoice",
            "phases": [
                {"start_date": 100, "end_date": 200, "plans": [{"plan": "price_1"}]},
                {
                    "start_date": 200,
                    "end_date": 400,
                    "plans": [{"plan": {"id": "price_2"}}, {"plan": "price_1"}],
                },
            ],
        },
        refs=("customer", "subscription"),
        columns=same(SCHEDULE, "customer", "subscription", "released_subscription", "status")
        | same(SCHEDULE, "canceled_at", "completed_at", "released_at", "test_clock")
        | {"created": instant(100), "collection_method": "send_invoice"}
        | {"current_phase_start": instant(100), "current_phase_end": instant(200)}
        | {"starts_at": instant(100), "ends_at": instant(400)}
        | {"end_behavior": "cancel", "prices": ["price_1", "price_2"]},
    ),
    "invoiceitem": Shapes(
        always=INVOICE_ITEM,
        new={
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": "sub_1", "subscription_item": "si_1"},
            },
            "pricing": {
                "type": "price_details",
                "price_details": {"price": "price_1", "product": "prod_1"},
                "unit_amount_decimal": "-225",
            },
        },
        old={
            "subscription": "sub_1",
            "subscription_item": "si_1",
            "plan": {**PLAN, "object": "plan"},
            "unit_amount": -225,
        },
        refs=("customer", "invoice", "pricing.price_details.price"),
        columns=same(INVOICE_ITEM, "customer", "invoice", "description", "quantity", "currency")
        | same(INVOICE_ITEM, "proration", "discountable", "test_clock")
        | {"date": instant(100), "amount_minor": -450}
        | {"period_start": instant(100), "period_end": instant(200)}
        | {"subscription": "sub_1", "subscription_item": "si_1"}
        | {"price": "price_1", "product": "prod_1"},
    ),
    "invoice_payment": Shapes(
        always=INVOICE_PAYMENT,
        refs=("invoice", "payment.payment_intent"),
        columns=same(INVOICE_PAYMENT, "invoice", "status", "currency", "is_default")
        | {"created": instant(100), "paid_at": instant(300), "canceled_at": None}
        | {"payment_type": "payment_intent", "payment_intent": "pi_1"}
        | {"charge": None, "payment_record": None}
        | {"amount_requested_minor": 900, "amount_paid_minor": 900},
    ),
    "credit_note": Shapes(
        always=CREDIT_NOTE,
        new={
            "refunds": [{"amount_refunded": 1_190, "refund": "re_1", "type": "refund"}],
            "total_taxes": [{"amount": 150}, {"amount": 40}],
            "post_payment_amount": 1_190,
            "lines": {"object": "list", "data": [{**CREDIT_NOTE_LINE, "taxes": []}]},
        },
        old={
            "refund": {"id": "re_1", "object": "refund"},
            "tax_amounts": [{"amount": 150}, {"amount": 40}],
            "lines": {"object": "list", "data": [{**CREDIT_NOTE_LINE, "tax_amounts": []}]},
        },
        refs=("customer", "invoice", "refunds.0.refund"),
        columns=same(CREDIT_NOTE, "customer", "invoice", "status", "number", "type", "reason")
        | same(CREDIT_NOTE, "memo", "currency", "customer_balance_transaction", "pdf")
        | {"created": instant(100), "effective_at": instant(100), "voided_at": None}
        | {"amount_minor": 1_190, "subtotal_minor": 1_000, "total_minor": 1_190}
        | {"tax_minor": 190, "discount_minor": 0, "out_of_band_amount_minor": None}
        | {"refunds": ["re_1"]},
    ),
    "quote": Shapes(
        always=QUOTE,
        refs=("customer", "subscription", "subscription_schedule", "from_quote.quote"),
        columns=same(QUOTE, "customer", "status", "number", "description", "currency")
        | same(QUOTE, "collection_method", "invoice", "subscription", "subscription_schedule")
        | same(QUOTE, "test_clock")
        | {"created": instant(100), "expires_at": instant(900), "finalized_at": instant(200)}
        | {"accepted_at": instant(300), "canceled_at": None, "from_quote": "qt_0"}
        | {"amount_subtotal_minor": 1_000, "amount_total_minor": 1_090}
        | {"discount_minor": 100, "tax_minor": 190},
    ),
}
ALL: Mapping[str, Shapes] = {**CATALOG, **DOCUMENTS}
