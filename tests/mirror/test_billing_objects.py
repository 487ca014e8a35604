"""The objects around subscriptions and invoices: one truth in any shape, in tables of their own."""

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, select

from sync.mirror.objects import OBJECTS
from sync.mirror.shapes import exact
from tests.mirror.billing_documents import ALL, CREDIT_NOTE, DOCUMENTS
from tests.mirror.billing_shapes import CATALOG, DISCOUNT, PLAN, SUMMARY, WHOLE_COUPON, Json
from tests.mirror.fold import empty, fold, rows

NAMES = sorted(ALL)
NUMBERS: Iterator[int] = count()


def event(subject: Json, type_: str = "updated", created: int = 1_000) -> dict[str, Any]:
    return {
        "id": f"evt_{next(NUMBERS)}",
        "type": f"{subject['object']}.{type_}",
        "created": created,
        "livemode": True,
        "data": {"object": subject},
    }


@pytest.mark.parametrize("name", NAMES)
def test_all_typed_columns_of_an_object_in_any_shape(name: str) -> None:
    shapes, project = ALL[name], OBJECTS[name].project

    assert project(shapes.newest(name)) == shapes.columns
    assert project(shapes.oldest(name)) == shapes.columns


@pytest.mark.parametrize("name", NAMES)
def test_old_and_new_fields_at_once(name: str) -> None:
    shapes = ALL[name]

    assert OBJECTS[name].project({**shapes.oldest(name), **shapes.new}) == shapes.columns


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name, shapes in ALL.items() for path in shapes.refs]
)
def test_another_object_by_id_or_whole(name: str, path: str) -> None:
    expanded = deepcopy(ALL[name].newest(name))
    *way, last = path.split(".")
    inner: Any = expanded
    for step in way:
        inner = inner[int(step) if step.isdigit() else step]
    inner[last] = {"id": inner[last], "object": "some"}

    assert OBJECTS[name].project(expanded) == ALL[name].columns


@pytest.mark.parametrize("shape", ["newest", "oldest"])
def test_the_tables_hold_what_the_projections_tell(engine: Engine, shape: str) -> None:
    for name, shapes in ALL.items():
        fold(engine, [[event(getattr(shapes, shape)(name))]])

    for name, shapes in ALL.items():
        table = OBJECTS[name].table
        with engine.connect() as conn:
            row = conn.execute(select(table)).one()
        assert {key: row._mapping[key] for key in shapes.columns} == _stored(shapes.columns)
        assert (row.livemode, row.data) == (True, getattr(shapes, shape)(name))


def _stored(columns: Json) -> Json:
    numeric = ("percent_off", "percentage")
    return {
        key: Decimal(value) if key in numeric and value else value for key, value in columns.items()
    }


def test_the_examples_show_every_column() -> None:
    """A column that the examples leave out is one that no test has seen filled."""
    shared = set(OBJECTS["coupon"].table.c.keys()) - set(CATALOG["coupon"].columns)

    for name, shapes in ALL.items():
        assert set(OBJECTS[name].table.c.keys()) - shared == set(shapes.columns), name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(33.33, "33.33", id="fraction"),
        pytest.param(100, "100", id="whole"),
        pytest.param(1e-7, "0.0000001", id="small"),
        pytest.param("7.250", "7.25", id="text"),
        pytest.param(0, "0", id="none-at-all"),
        pytest.param("10 %", None, id="words"),
        pytest.param("NaN", None, id="not-a-number"),
        pytest.param("1e30", f"1{'0' * 30}", id="the-largest"),
        pytest.param("1e31", None, id="larger-than-any-rate"),
        pytest.param(True, None, id="truth"),
        pytest.param([1], None, id="list"),
    ],
)
def test_a_percentage_is_kept_exactly(value: object, expected: str | None) -> None:
    assert exact(value) == expected


@pytest.mark.parametrize(
    ("name", "field", "odd"),
    [
        ("coupon", "percent_off", "much"),
        ("credit_note", "refunds", [None, {"refund": None}, "re_1"]),
        ("credit_note", "lines", ["cnli_1"]),
        ("discount", "source", "SPRING"),
        ("entitlements.active_entitlement_summary", "entitlements", [{"id": 1}]),
        ("promotion_code", "restrictions", None),
        ("subscription_schedule", "phases", [None, "phase", {"items": "price_1"}]),
        ("subscription_schedule", "default_settings", []),
        ("invoiceitem", "pricing", "price_1"),
        ("invoiceitem", "quantity", 2**63),
        ("test_helpers.test_clock", "frozen_time", 10**18),
    ],
)
def test_odd_input_is_stored_without_an_error(
    engine: Engine, name: str, field: str, odd: object
) -> None:
    subject = {**ALL[name].newest(name), field: odd}

    fold(engine, [[event(subject)]])

    assert len(rows(engine, f"SELECT id FROM {OBJECTS[name].table.fullname}")) == 1


def test_a_status_of_tomorrow_is_kept_as_text() -> None:
    shapes = DOCUMENTS["credit_note"]

    row = OBJECTS["credit_note"].project({**shapes.newest("credit_note"), "status": "pondered"})

    assert row["status"] == "pondered"


@pytest.mark.parametrize(
    ("name", "gone"),
    [(name, name in "tax_id plan coupon discount invoiceitem test_helpers.test_clock".split())
     for name in NAMES],
)  # fmt: skip
def test_what_deleted_means(engine: Engine, name: str, *, gone: bool) -> None:
    """Some of these objects can be deleted; the others have no such event."""
    subject = ALL[name].newest(name)
    fold(
        engine,
        [[event(subject), event(subject, "deleted", 2_000)], [event(subject, created=3_000)]],
    )

    table = OBJECTS[name].table.fullname
    assert rows(engine, f"SELECT deleted_at IS NOT NULL FROM {table}") == [(gone,)]


def test_a_plan_and_its_price_share_an_id(engine: Engine) -> None:
    plan = {**PLAN, "object": "plan"}
    price = {"id": plan["id"], "object": "price", "unit_amount": 900}

    fold(engine, [[event(plan), event(price)]])

    assert rows(engine, "SELECT id, amount_minor FROM stripe.plans") == [("price_1", 900)]
    assert rows(engine, "SELECT id, unit_amount_minor FROM stripe.prices") == [("price_1", 900)]


def test_a_summary_stands_under_its_customer_with_the_entitlements_of_now(engine: Engine) -> None:
    name = "entitlements.active_entitlement_summary"
    summary = CATALOG[name].newest(name)
    query = "SELECT id, customer, feature, lookup_key FROM stripe.active_entitlements"
    fold(engine, [[event(summary)]])
    before = rows(engine, query)
    entitlements = SUMMARY["entitlements"]
    assert isinstance(entitlements, dict)
    fewer = {**summary, "entitlements": {**entitlements, "data": entitlements["data"][:1]}}
    fold(engine, [[event(fewer, created=2_000)]])

    first, second = ("ent_1", "cus_1", "feat_1", "export"), ("ent_2", "cus_1", "feat_2", "sso")
    assert before == [first, second]
    assert rows(engine, query) == [first]
    assert rows(engine, "SELECT id FROM stripe.active_entitlement_summaries") == [("cus_1",)]


@pytest.mark.parametrize("shape", ["newest", "oldest"])
def test_the_lines_of_a_credit_note(engine: Engine, shape: str) -> None:
    fold(engine, [[event(getattr(DOCUMENTS["credit_note"], shape)("credit_note"))]])

    columns = "credit_note, invoice_line_item, type, description, unit_amount_decimal"
    amounts = "quantity, currency, amount_minor, unit_amount_minor, discount_minor"
    query = f"SELECT id, {columns}, {amounts} FROM stripe.credit_note_line_items"
    (line,) = rows(engine, query)
    assert line[:6] == ("cnli_1", "cn_1", "il_1", "invoice_line_item", "T-shirt", "1000")
    assert line[6:] == (1, "usd", 1_000, 1_000, 0)


def test_a_credit_note_whose_lines_were_cut_short_is_marked(engine: Engine) -> None:
    note = {**CREDIT_NOTE, "object": "credit_note", "lines": {"data": [], "has_more": True}}

    fold(engine, [[event(note)]])

    assert rows(engine, "SELECT incomplete FROM stripe.credit_notes") == [(True,)]


@pytest.mark.parametrize(
    ("name", "subject", "incomplete"),
    [
        pytest.param("price", {"billing_scheme": "tiered"}, True, id="tiers-not-shown"),
        pytest.param("plan", {"billing_scheme": "tiered"}, True, id="a-plans-tiers-not-shown"),
        pytest.param("plan", {"billing_scheme": "tiered", "tiers": [{}]}, False, id="tiers-shown"),
        pytest.param("plan", {"billing_scheme": "per_unit"}, False, id="no-tiers"),
        pytest.param("quote", {}, True, id="what-is-offered-not-shown"),
        pytest.param("quote", {"line_items": {"data": []}}, False, id="what-is-offered-shown"),
    ],
)
def test_what_is_rendered_on_request_only(name: str, subject: Json, *, incomplete: bool) -> None:
    assert OBJECTS[name].is_incomplete(subject) is incomplete


def test_everything_is_forgotten(engine: Engine) -> None:
    """The fixture of other tests: no child outlives its parent."""
    fold(engine, [[event(DOCUMENTS["credit_note"].newest("credit_note"))]])

    empty(engine)

    assert rows(engine, "SELECT id FROM stripe.credit_note_line_items") == []


DI = {**DISCOUNT, "object": "discount", "source": {"coupon": WHOLE_COUPON}}
PAYMENT = DOCUMENTS["invoice_payment"].newest("invoice_payment")
TAX_ID = CATALOG["tax_id"].newest("tax_id")


@pytest.mark.parametrize(
    ("name", "subject", "inside"),
    [
        pytest.param("subscription", {"discounts": ["di_1"]}, [], id="ids-only"),
        pytest.param("subscription", {"discounts": [DI]}, ["di_1", "SPRING"], id="discounts"),
        pytest.param("subscription", {"discount": DI}, ["di_1", "SPRING"], id="one-discount"),
        pytest.param(
            "subscription",
            {"items": {"data": [{"id": "si_1", "discounts": [DI]}]}},
            ["di_1", "SPRING"],
            id="on-an-item",
        ),
        pytest.param(
            "customer",
            {"discount": DI, "tax_ids": {"data": [TAX_ID]}},
            ["di_1", "SPRING", "txi_1"],
            id="customer",
        ),
        pytest.param(
            "invoice",
            {"discounts": [DI], "payments": {"data": [PAYMENT]}},
            ["di_1", "SPRING", "inpay_1"],
            id="invoice",
        ),
        pytest.param("invoiceitem", {"discounts": [DI]}, ["di_1", "SPRING"], id="invoice-item"),
        pytest.param("quote", {"discounts": [DI]}, ["di_1", "SPRING"], id="quote"),
        pytest.param(
            "promotion_code", {"promotion": {"coupon": WHOLE_COUPON}}, ["SPRING"], id="code"
        ),
        pytest.param("invoice", {"payments": None, "discounts": "di_1"}, [], id="odd"),
    ],
)
def test_whole_objects_inside_a_reading(name: str, subject: Json, inside: list[str]) -> None:
    assert [each["id"] for each in OBJECTS[name].embedded(subject)] == inside
