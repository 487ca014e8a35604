"""Whose record a change touches."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync.changes import Change
from sync.crm.planning import plan

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
        pytest.param(change("refund", None), [], id="refund-that-names-nobody"),
        pytest.param(change("price", None), [], id="price"),
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
    assert plan([change("customer", "cus_1")], NOW, []) == []
