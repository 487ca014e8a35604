"""Revision 0009: what was kept as other objects moves to tables of its own, and back."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from sync.mirror.objects import OBJECTS
from sync.mirror.objects.other import project
from sync.store.engine import make_engine
from tests.mirror.billing_documents import ALL

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
SUMMARY = "entitlements.active_entitlement_summary"
OTHER = {"id": "ich_1", "object": "issuing.cardholder", "created": 7, "status": "active"}
# A summary had no id to be kept under; should there be one all the same, it moves, too.
KEPT = {OTHER["object"]: OTHER} | {
    name: {"id": "none", **shapes.oldest(name)} for name, shapes in ALL.items()
}
INSERT = text("""
    INSERT INTO stripe.other_objects (id, account, object, created, customer, status, livemode,
      data, as_of, as_of_event_id, source, provisional, undecided, incomplete, deleted_at)
    VALUES (:id, 'acct_1', :object, :created, :customer, :status, true, CAST(:data AS jsonb),
      to_timestamp(1000), 'evt_1', 'event', true, true, true, to_timestamp(2000))
""")


def migrate(engine: Engine, revision: str, way: Callable[[Config, str], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with engine.connect() as conn:
        config.attributes["connection"] = conn
        way(config, revision)
        conn.commit()


def whole_rows(engine: Engine, table: str) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        return list(conn.execute(text(f"SELECT to_jsonb(t) FROM {table} AS t")).scalars())


def others(engine: Engine) -> dict[str, dict[str, Any]]:
    return {row["object"]: row for row in whole_rows(engine, "stripe.other_objects")}


@pytest.fixture
def earlier(empty_database_url: str) -> Iterator[Engine]:
    """A database just before the revision, with one object of each type as it was kept."""
    engine = make_engine(empty_database_url)
    migrate(engine, "0008", command.upgrade)
    with engine.begin() as conn:
        for subject in KEPT.values():
            data = orjson.dumps(subject).decode()
            conn.execute(INSERT, {"id": subject["id"], "data": data, **project(subject)})
    yield engine
    engine.dispose()


def test_every_row_moves_as_it_stood(earlier: Engine) -> None:
    before = others(earlier)

    migrate(earlier, "0009", command.upgrade)

    for name in set(ALL) - {SUMMARY}:
        (row,) = whole_rows(earlier, OBJECTS[name].table.fullname)
        shared = row.keys() & before[name].keys()
        assert {key: row[key] for key in shared} == {key: before[name][key] for key in shared}
    assert others(earlier) == {OTHER["object"]: before["issuing.cardholder"]}


def test_a_summary_moves_to_its_customers_id(earlier: Engine) -> None:
    migrate(earlier, "0009", command.upgrade)

    (row,) = whole_rows(earlier, "stripe.active_entitlement_summaries")
    assert (row["id"], row["customer"]) == ("cus_1", "cus_1")


def test_payments_are_tied_to_their_invoices_at_once(earlier: Engine) -> None:
    """What is owed, refunded and shipped rests on them, and `reproject` may come much later."""
    migrate(earlier, "0009", command.upgrade)

    (payment,) = whole_rows(earlier, "stripe.invoice_payments")
    (note,) = whole_rows(earlier, "stripe.credit_notes")
    assert (payment["invoice"], payment["payment_intent"]) == ("in_1", "pi_1")
    assert (payment["charge"], note["invoice"]) == (None, "in_1")


def test_the_way_back(earlier: Engine) -> None:
    before = others(earlier)
    migrate(earlier, "0009", command.upgrade)

    migrate(earlier, "0008", command.downgrade)

    assert others(earlier) == before | {SUMMARY: before[SUMMARY] | {"id": "cus_1"}}
