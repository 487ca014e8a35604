"""Whose record a change touches."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync.changes import DEBOUNCE_S, Change
from sync.crm.planning import SPREAD, plan

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def change(object_type: str, customer: str | None, **given: Any) -> Change:
    facts: dict[str, Any] = {
        "account": "",
        "id": "x_1",
        "before": None,
        "after": {},
        "at": NOW,
        "event_id": "evt_1",
        "event_type": "x",
        "livemode": True,
    }
    return Change(object=object_type, customer_id=customer, **(facts | given))


@pytest.mark.parametrize(
    ("changed", "customers"),
    [
        pytest.param(change("customer", "cus_1"), ["cus_1"], id="customer"),
        pytest.param(change("subscription", "cus_1"), ["cus_1"], id="subscription"),
        pytest.param(change("charge", "cus_1"), ["cus_1"], id="charge"),
        pytest.param(change("payment_intent", "cus_1"), [], id="not-shown"),
        pytest.param(
            change("payment_method", None, before={"customer": "cus_1"}), ["cus_1"],
            id="detached-card",
        ),
        pytest.param(
            change("payment_method", "cus_2", before={"customer": "cus_1"}), ["cus_1", "cus_2"],
            id="card-that-moved",
        ),
    ],
)  # fmt: skip
def test_whom_a_change_is_about(changed: Change, customers: list[str]) -> None:
    assert [effect.customer_id for effect in plan([changed], NOW, ["local"])] == customers


def test_one_effect_per_sink_account_and_customer() -> None:
    changes = [change("invoice", "cus_1"), change("charge", "cus_1")]
    elsewhere = change("invoice", "cus_1", account="acct_1")

    effects = plan([*changes, elsewhere], NOW, ["local", "webhook"])

    assert [effect.key for effect in effects] == [
        "crm:local::cus_1",
        "crm:webhook::cus_1",
        "crm:local:acct_1:cus_1",
        "crm:webhook:acct_1:cus_1",
    ]
    assert {(e.shape, e.due_at, e.livemode) for e in effects} == {("state", NOW, True)}
    assert effects[1].subject == {"sink": "webhook", "customer": "cus_1"}


def test_nothing_without_sinks() -> None:
    changes = [change("customer", "cus_1"), change("refund", None)]

    assert plan(changes, NOW, []) == []


RENAMED = {"before": {"name": "Tea"}, "after": {"name": "Coffee"}}


@pytest.mark.parametrize(
    ("changed", "subjects"),
    [
        pytest.param(change("refund", None), [{"refund": "x_1"}], id="refund"),
        pytest.param(change("refund", "cus_1"), [], id="refund-that-names-its-customer"),
        pytest.param(change("dispute", None), [{"dispute": "x_1"}], id="dispute"),
        pytest.param(change("invoice_payment", None), [{"invoice_payment": "x_1"}], id="tie"),
        pytest.param(change("discount", None), [{"discount": "x_1"}], id="discount"),
        pytest.param(change("product", None, **RENAMED), [{"product": "x_1"}], id="renamed"),
        pytest.param(change("product", None, deleted=True), [{"product": "x_1"}], id="deleted"),
        pytest.param(
            change("product", None, before={"name": "Tea"}, after={"name": "Tea", "active": False}),
            [],
            id="archived-shows-nowhere",
        ),
        pytest.param(change("coupon", None), [{"coupon": "x_1"}], id="coupon"),
        pytest.param(change("price", None), [{"price": "x_1"}], id="price"),
        pytest.param(
            change("price", None, before={"active": True}, after={"active": False}),
            [],
            id="a-price-that-costs-the-same",
        ),
    ],
)
def test_what_names_nobody_is_looked_up_later(changed: Change, subjects: list[Any]) -> None:
    effects = [each for each in plan([changed], NOW, ["local"]) if each.kind == SPREAD]

    assert [each.subject for each in effects] == subjects


def test_only_vendors_are_told_late() -> None:
    told = plan([change("customer", "cus_1")], NOW, ["local", "hubspot"])

    assert [each.debounce_s for each in told] == [0, DEBOUNCE_S]
