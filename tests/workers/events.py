"""A few hand-made events: a customer, an invoice whose charge failed and why, the same paid."""

from datetime import datetime, timedelta
from typing import Any

from tests.workers.world import Json

# When Stripe tries again, so that the campaign about it runs its full time.
RETRY_AFTER = timedelta(days=3)


def event(event_id: str, kind: str, subject: Json, at: datetime, **more: Any) -> Json:
    """Return a snapshot event as Stripe sends it."""
    return {
        "id": event_id,
        "object": "event",
        "type": kind,
        "created": int(at.timestamp()),
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": subject},
        **more,
    }


def customer(at: datetime, *, email: str = "ada@example.com", customer_id: str = "cus_1") -> Json:
    """Return a customer event."""
    subject = {"id": customer_id, "object": "customer", "email": email, "name": "Ada", "created": 1}
    return event(f"evt_{customer_id}", "customer.created", subject, at)


def failed_invoice(at: datetime, *, invoice_id: str = "in_1", customer_id: str = "cus_1") -> Json:
    """Return the event of an invoice whose first charge failed; Stripe will try again."""
    again_at = int((at + RETRY_AFTER).timestamp())
    subject = {**_invoice(invoice_id, customer_id, "open"), "next_payment_attempt": again_at}
    return event(f"evt_{invoice_id}_failed", "invoice.payment_failed", subject, at)


def expired_card(at: datetime, *, invoice_id: str = "in_1", customer_id: str = "cus_1") -> Json:
    """Return the event that tells why its charge failed: a mail is due at once."""
    subject = {
        "id": f"pi_{invoice_id}",
        "object": "payment_intent",
        "customer": customer_id,
        "status": "requires_payment_method",
        "currency": "usd",
        "amount": 1999,
        "amount_received": 0,
        "last_payment_error": {"type": "card_error", "code": "expired_card"},
        "payment_details": {"order_reference": invoice_id},
        "created": 1,
    }
    return event(f"evt_pi_{invoice_id}", "payment_intent.payment_failed", subject, at)


def paid_invoice(at: datetime, *, invoice_id: str = "in_1", customer_id: str = "cus_1") -> Json:
    """Return the event of the same invoice when it is paid."""
    return event(
        f"evt_{invoice_id}_paid", "invoice.paid", _invoice(invoice_id, customer_id, "paid"), at
    )


def _invoice(invoice_id: str, customer_id: str, status: str) -> Json:
    owed = 0 if status == "paid" else 1999
    return {
        "id": invoice_id,
        "object": "invoice",
        "customer": customer_id,
        "status": status,
        "currency": "usd",
        "number": "A-1",
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "attempt_count": 1,
        "attempted": True,
        "amount_due": 1999,
        "amount_paid": 1999 - owed,
        "amount_remaining": owed,
        "total": 1999,
        "next_payment_attempt": None,
        "hosted_invoice_url": "https://invoice.stripe.com/i/test",
        "created": 1,
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "lines": {"data": [], "has_more": False, "total_count": 0},
    }
