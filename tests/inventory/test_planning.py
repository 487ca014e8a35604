"""Which changes ask for which invoices, without reading anything."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync.changes import Change
from sync.inventory.planning import plan

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def change(object_type: str, after: dict[str, Any], before: dict[str, Any] | None = None) -> Change:
    return Change(
        account="",
        object=object_type,
        id=after.get("id", "x_1"),
        before=before,
        after=after,
        at=NOW,
        event_id="evt_1",
        event_type="x",
        livemode=False,
    )


REFUNDED = {"id": "ch_1", "amount_refunded": 1}


@pytest.mark.parametrize(
    ("changed", "subject"),
    [
        pytest.param(change("invoice", {"id": "in_1", "status": "paid"}), "in_1", id="invoice"),
        pytest.param(change("invoice", {"id": "in_1", "status": "draft"}), None, id="draft"),
        pytest.param(
            change("invoice", {"id": "in_1", "status": "draft"}, {"status": "open"}), "in_1",
            id="draft-again",
        ),
        pytest.param(change("invoice_payment", {"invoice": "in_1"}), "in_1", id="tie"),
        pytest.param(change("credit_note", {"invoice": {"id": "in_1"}}), "in_1", id="credit-note"),
        pytest.param(change("refund", {"payment_intent": "pi_1"}), "pi_1", id="refund"),
        pytest.param(change("refund", {"charge": "ch_1"}), "ch_1", id="refund-of-a-charge"),
        pytest.param(change("charge", {"id": "ch_1"}), None, id="charge-without-refund"),
        pytest.param(change("charge", REFUNDED), "ch_1", id="charge-alone"),
        pytest.param(change("charge", {**REFUNDED, "payment_intent": "pi_1"}), "pi_1", id="charge"),
        pytest.param(change("charge", {**REFUNDED, "invoice": "in_1"}), "in_1", id="before-basil"),
        pytest.param(change("price", {"id": "price_1"}), "price_1", id="new-price"),
        pytest.param(
            change("price", {"id": "price_1", "active": False}, {"active": True}), None,
            id="price-archived",
        ),
        pytest.param(
            change("product", {"id": "prod_1", "metadata": {"sku": "A"}}, {"metadata": {}}),
            "prod_1", id="product-gets-a-sku",
        ),
        pytest.param(change("subscription", {"id": "sub_1"}), "sub_1", id="new-subscription"),
        pytest.param(change("subscription", {"id": "sub_1"}, {}), None, id="known-subscription"),
        pytest.param(change("customer", {"id": "cus_1"}), None, id="customer"),
    ],
)  # fmt: skip
def test_what_a_change_asks_for(changed: Change, subject: str | None) -> None:
    found = plan([changed], NOW)

    assert [list(effect.subject.values()) for effect in found] == ([[subject]] if subject else [])
    kinds = [kind for effect in found for kind in effect.subject]
    assert [effect.key for effect in found] == [f"inventory::{k}:{subject}" for k in kinds]


def test_many_changes_of_one_invoice_ask_once() -> None:
    paid = change("invoice", {"id": "in_1", "status": "paid"})
    tie = change("invoice_payment", {"invoice": "in_1"})

    (effect,) = plan([paid, tie, paid], NOW)

    assert (effect.shape, effect.due_at, effect.channel) == ("state", NOW, "inventory")
