"""Payments in the database: what ties charges to invoices, and how rows came into their tables."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import orjson
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from sync.mirror.objects import OBJECTS
from sync.store.engine import make_engine
from tests.mirror.fold import fold, rows
from tests.mirror.test_payment_objects import SHAPES

Json = Mapping[str, Any]
NUMBERS = count(1)
TIES = "SELECT account, invoice, payment_intent, charge FROM stripe.invoice_charges"


def event(subject: Json, *, type_: str = "updated", account: str = "", created: int = 10) -> Json:
    return {
        "id": f"evt_{next(NUMBERS)}",
        "object": "event",
        "type": f"{subject['object']}.{type_}",
        "account": account or None,
        "created": created,
        "livemode": False,
        "data": {"object": {"created": 1, "customer": "cus_1", **subject}},
    }


def invoice(**named: Any) -> Json:
    return {"id": "in_1", "object": "invoice", "lines": {"data": [], "has_more": False}, **named}


def charge(charge_id: str, **named: Any) -> Json:
    return {"id": charge_id, "object": "charge", "payment_intent": None, **named}


def invoice_payment(**payment: Any) -> Json:
    return {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "payment": payment}


BY_INTENT = [charge("ch_1", payment_intent="pi_1"), charge("ch_2", payment_intent="pi_1")]
BOTH_TRIES = [("", "in_1", "pi_1", "ch_1"), ("", "in_1", "pi_1", "ch_2")]
DIRECT = [("", "in_1", None, "ch_1")]
EXPANDED = {"id": "pi_1", "object": "payment_intent"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(
            [*BY_INTENT, invoice(), invoice_payment(type="payment_intent", payment_intent="pi_1")],
            BOTH_TRIES,
            id="basil",
        ),
        pytest.param(
            [charge("ch_1"), invoice_payment(type="charge", charge="ch_1")],
            DIRECT,
            id="basil-by-charge",
        ),
        pytest.param(
            [*BY_INTENT, invoice(payment_intent="pi_1", charge="ch_2")],
            BOTH_TRIES,
            id="named-by-an-old-invoice",
        ),
        pytest.param(
            [charge("ch_1"), invoice(charge="ch_1")], DIRECT, id="named-by-an-invoice-of-2019"
        ),
        pytest.param(
            [*BY_INTENT, invoice(payment_intent=EXPANDED, charge=None)],
            BOTH_TRIES,
            id="named-by-an-old-invoice-that-is-expanded",
        ),
        pytest.param([charge("ch_1", invoice="in_1")], DIRECT, id="named-by-an-old-charge"),
        pytest.param(
            [charge("ch_1", invoice={"id": "in_1", "object": "invoice"})],
            DIRECT,
            id="named-by-an-old-charge-that-is-expanded",
        ),
        pytest.param(
            [
                *({**each, "invoice": "in_1"} for each in BY_INTENT),
                invoice(payment_intent="pi_1", charge="ch_2"),
                invoice_payment(type="payment_intent", payment_intent="pi_1"),
            ],
            BOTH_TRIES,
            id="by-all-at-once",
        ),
        pytest.param([charge("ch_1"), invoice(charge=None)], [], id="not-at-all"),
        pytest.param([invoice(charge="ch_1")], [], id="by-a-charge-that-is-not-mirrored"),
    ],
)
def test_an_invoices_charges(
    engine: Engine, told: list[Json], expected: list[tuple[Any, ...]]
) -> None:
    fold(engine, [[event(each) for each in told]])

    assert rows(engine, TIES) == expected


def test_a_charge_of_another_account_is_not_an_invoices(engine: Engine) -> None:
    ours = event(invoice_payment(payment_intent="pi_1"))
    theirs = [event(each, account="acct_2") for each in BY_INTENT]
    fold(engine, [[ours, *theirs]])

    assert rows(engine, TIES) == []


def test_one_invoices_charges_are_found_without_reading_a_whole_table(engine: Engine) -> None:
    with engine.begin() as conn:
        for table, names in {
            "charges (id, payment_intent,": "'ch_' || n, 'pi_' || n,",
            "invoice_payments (id, invoice, payment_intent,": "n, 'in_' || n, 'pi_' || n,",
            "invoices (id,": "'in_' || n,",
        }.items():
            conn.execute(
                text(f"""
                    INSERT INTO stripe.{table} livemode, as_of, data)
                    SELECT {names} false, now(), '{{}}' FROM generate_series(1, 3000) AS n""")
            )
        conn.exec_driver_sql("ANALYZE stripe.charges, stripe.invoice_payments, stripe.invoices")
        asked = text(f"EXPLAIN {TIES} WHERE invoice = 'in_1'")
        steps = "\n".join(conn.execute(asked).scalars())

    assert "Seq Scan" not in steps


def test_a_detached_payment_method_stays_without_its_customer(engine: Engine) -> None:
    method = {"id": "pm_1", "object": "payment_method", "type": "card"}
    attached = event(method, type_="attached", created=10)
    fold(engine, [[attached, event({**method, "customer": None}, type_="detached", created=11)]])

    kept = rows(engine, "SELECT id, customer, deleted_at FROM stripe.payment_methods")
    assert kept == [("pm_1", None, None)]


def migrate(conn: Connection, revision: str, *, back: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", "migrations")
    config.attributes["connection"] = conn
    (command.downgrade if back else command.upgrade)(config, revision)
    conn.commit()


KEPT = """
    INSERT INTO stripe.other_objects
           (id, object, account, created, customer, status, livemode, data, as_of, source,
            undecided, deleted_at)
    VALUES (:id, :object, 'acct_1', to_timestamp(1), 'cus_1', 'odd', true, CAST(:data AS jsonb),
            to_timestamp(2), 'api', true, to_timestamp(3))"""
SHARED = """
    SELECT account, livemode, data ->> 'id', extract(epoch FROM as_of)::int, source, undecided,
           extract(epoch FROM deleted_at)::int FROM stripe."""


def test_rows_move_into_their_tables_and_back(empty_database_url: str) -> None:
    """Each type's rows with all that is known of them; what has no table stays where it is."""
    data = {shapes.newest["object"]: shapes.newest for shapes in SHAPES}
    tables = {OBJECTS[name].table.name: name for name in data}
    engine = make_engine(empty_database_url)
    try:
        with engine.connect() as conn:
            migrate(conn, "0009")
            for name in (*data, "balance_transaction"):
                told = {"id": f"{name}_1", "object": name, "status": "odd", "customer": "cus_1"}
                _keep(conn, name, {**data.get(name, {}), **told, "created": 1})
            before = _all(conn, "SELECT * FROM stripe.other_objects")
            migrate(conn, "0010")
            left = _all(conn, "SELECT object FROM stripe.other_objects")
            moved = {name: _all(conn, SHARED + table) for table, name in tables.items()}
            refunds = _all(conn, "SELECT charge, payment_intent, amount_minor FROM stripe.refunds")
            migrate(conn, "0009", back=True)
            after = _all(conn, "SELECT * FROM stripe.other_objects")
    finally:
        engine.dispose()

    assert left == [("balance_transaction",)]
    assert moved == {name: [("acct_1", True, f"{name}_1", 2, "api", True, 3)] for name in data}
    assert refunds == [("ch_1", "pi_1", 900)]
    assert after == before


def _keep(conn: Connection, name: str, data: dict[str, Any]) -> None:

    conn.execute(
        text(KEPT), {"id": data["id"], "object": name, "data": orjson.dumps(data).decode()}
    )


def _all(conn: Connection, query: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in conn.execute(text(query))), key=str)
