"""One return, told by what ties a refund to its invoice, in both ages of the API."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sync.inventory.delivery import Ways
from sync.inventory.policy import InventoryPolicy
from sync.mirror import payment_queries
from sync.mirror.payments import Charge, Payments, Refund, refunded_minor
from tests.inventory import sales
from tests.inventory.shelf import Json, happen, ledger, levels, rows

RESERVING = Ways(InventoryPolicy(reserve_open=True))
LINE = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
PRICE = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)


def of_today() -> list[Json]:
    """Since basil only the invoice payment knows both sides."""
    return [
        sales.event("invoice.paid", sales.invoice("in_1", "paid", [LINE]), 20),
        sales.event("invoice_payment.paid", sales.invoice_payment("in_1", "pi_1"), 21),
        sales.event("charge.refunded", sales.charge("ch_1", "pi_1", 2000, 2000), 22),
        sales.event("refund.created", sales.refund("re_1", "ch_1", None, 2000, "succeeded"), 22),
    ]


def before_basil() -> list[Json]:
    """Invoice and charge named each other; lines embedded their price."""
    line = {
        "id": "il_1",
        "object": "line_item",
        "amount": 2000,
        "quantity": 2,
        "proration": False,
        "price": sales.price("price_1", "prod_1", sku="MUG"),
    }
    paid = sales.invoice("in_1", "paid", [LINE], charge="ch_1", payment_intent="pi_1", paid=True)
    paid["lines"] = {"object": "list", "data": [line], "has_more": False}
    charged = sales.charge("ch_1", "pi_1", 2000, 2000, invoice="in_1")
    return [
        sales.event("invoice.payment_succeeded", paid, 20),
        sales.event("charge.refunded", charged, 22),
    ]


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_a_full_refund_returns_all_in_any_order(engine: Engine, order: tuple[int, ...]) -> None:
    told = of_today()
    happen(engine, [PRICE, *(told[place] for place in order)])

    assert levels(engine) == ledger(engine) == {}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=str)
def test_a_refund_is_tied_as_it_was_before_basil(engine: Engine, order: tuple[int, ...]) -> None:
    told = before_basil()
    happen(engine, [told[order[0]]])
    happen(engine, [told[order[1]]])

    assert levels(engine) == {}
    assert rows(engine, "SELECT count(*) FROM evergreen.stock_alloc") == [(1,)]


def test_a_refund_that_names_only_the_intent_of_the_invoices_charge(engine: Engine) -> None:
    """Before basil, when the invoice is told without its payment and the charge lags behind."""
    paid = of_today()[0]
    charged = sales.charge("ch_1", "pi_1", 2000, 0, invoice="in_1")
    back = sales.refund("re_1", "ch_1", "pi_1", 2000, "succeeded") | {"charge": None}
    told = [sales.event("charge.succeeded", charged, 20), sales.event("refund.created", back, 22)]
    happen(engine, [PRICE, paid, *told])

    assert levels(engine) == {}


def test_goods_that_are_shipped_stay_gone_and_open_a_review(engine: Engine) -> None:
    shipped = sales.invoice("in_1", "paid", [LINE], metadata={"shipped": "true"})
    happen(engine, [PRICE, sales.event("invoice.updated", shipped, 20), *of_today()[1:]])

    assert levels(engine) == {"MUG": -2}
    assert rows(engine, "SELECT reason FROM evergreen.stock_review") == [
        ("refunded_after_shipping",)
    ]


def test_a_review_closes_when_a_credit_note_explains_the_refund(engine: Engine) -> None:
    told = of_today()
    part = sales.event(
        "refund.created", sales.refund("re_1", "ch_1", "pi_1", 1000, "succeeded"), 22
    )
    happen(engine, [PRICE, *told[:2], part])
    opened = rows(engine, "SELECT reason FROM evergreen.stock_review")
    note = sales.credit_note("cn_1", "in_1", {"il_1": 1}, 1000)
    happen(engine, [sales.event("credit_note.created", note, 23)])

    assert opened == [("partial_refund",)]
    assert rows(engine, "SELECT reason FROM evergreen.stock_review") == []
    assert levels(engine) == {"MUG": -1}


def test_open_invoices_reserve_and_release_where_that_is_wanted(engine: Engine) -> None:
    opened = sales.event("invoice.finalized", sales.invoice("in_1", "open", [LINE]), 19)
    happen(engine, [PRICE, opened], RESERVING)
    reserved = levels(engine, "reserved")
    happen(engine, of_today()[:2], RESERVING)

    assert reserved == {"MUG": 2}
    assert (levels(engine, "reserved"), levels(engine)) == ({}, {"MUG": -2})


def charge(amount_refunded_minor: int) -> Charge:
    return Charge(
        id="ch_1",
        payment_intent="pi_1",
        status="succeeded",
        currency="usd",
        amount_refunded_minor=amount_refunded_minor,
        created=None,
    )


def refund(amount_minor: int, status: str = "succeeded", **given: Any) -> Refund:
    facts = {"id": "re_1", "charge": "ch_1", "payment_intent": None, "currency": "usd"}
    return Refund(amount_minor=amount_minor, status=status, **(facts | given))


BY_INTENT: dict[str, Any] = {"charge": None, "payment_intent": "pi_1"}


@pytest.mark.parametrize(
    ("known", "expected_minor"),
    [
        pytest.param(Payments((charge(0),), ()), 0, id="nothing"),
        pytest.param(Payments((charge(700),), ()), 700, id="told-by-the-charge-alone"),
        pytest.param(Payments((), (refund(700),)), 700, id="told-by-the-refund-alone"),
        pytest.param(Payments((charge(700),), (refund(700),)), 700, id="told-by-both"),
        pytest.param(Payments((charge(700),), (refund(700, **BY_INTENT),)), 700, id="by-intent"),
        pytest.param(Payments((charge(300),), (refund(300), refund(400))), 700, id="late-charge"),
        pytest.param(Payments((charge(700),), (refund(300),)), 700, id="late-refund"),
        pytest.param(Payments((charge(700),), (refund(700, "pending"),)), 700, id="pending"),
        pytest.param(Payments((charge(700),), (refund(700, "failed"),)), 0, id="failed"),
        pytest.param(
            Payments((charge(0),), (refund(700, "failed"),)), 0, id="failed-and-uncounted"
        ),
        pytest.param(Payments((charge(700),), (refund(700, "canceled"),)), 0, id="canceled"),
    ],
)
def test_each_refund_counts_once(known: Payments, expected_minor: int) -> None:
    assert refunded_minor(known) == expected_minor


# table -> the columns that name others, by the prefix of what they name
NAMED = {
    "charges": {"payment_intent": "pi_", "customer": "cus_"},
    "credit_notes": {"invoice": "in_"},
    "credit_note_line_items": {"credit_note": "credit_notes"},
    "invoice_payments": {"invoice": "in_", "payment_intent": "pi_", "charge": "charges"},
    "refunds": {"charge": "charges", "payment_intent": "pi_"},
}


def many(table: str) -> str:
    """Return the statement that fills a table; charges name their invoice as of old."""
    names = NAMED[table]
    return f"""
        INSERT INTO stripe.{table} (id, livemode, as_of, data, {", ".join(names)})
        SELECT '{table}' || n, false, now(), jsonb_build_object('invoice', 'in_' || n),
               {", ".join(f"'{prefix}' || n" for prefix in names.values())}
          FROM generate_series(1, 3000) AS n"""


@pytest.mark.parametrize(
    "query",
    [
        "TIES",
        "CREDIT_NOTES",
        "CHARGES_OF_CUSTOMER",
        "CHARGES_OF_INVOICE",
        "REFUNDS",
        "INVOICES_PAID_BY",
    ],
)
def test_no_lookup_reads_a_whole_table(engine: Engine, query: str) -> None:
    wanted = {
        "account": "",
        "customer": "cus_1",
        "invoice": "in_1",
        "invoices": ["in_1"],
        "intents": ["pi_1"],
        "charges": ["charges1"],
        "payment": "pi_1",
    }
    with engine.begin() as conn:
        for table in NAMED:
            conn.execute(text(many(table)))
            conn.exec_driver_sql(f"ANALYZE stripe.{table}")
        asked = text(f"EXPLAIN {getattr(payment_queries, query).text}")
        steps = "\n".join(conn.execute(asked, wanted).scalars())

    assert "Index" in steps
    assert "Seq Scan" not in steps
