"""`evergreen reproject`: after an upgrade every column is as if this code had always run."""

import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text, update

from app.simulator.simulate import simulate
from sync.mirror import reproject
from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.rewrite import _typed_names
from sync.mirror.upsert import upsert
from sync.store import lanes, progress
from tests.mirror.all_rows import MIRROR, held
from tests.mirror.fold import fold, rows
from tests.mirror.old_rows import START, TOO_LONG, customer, customers, keep


def forget_typed_columns(engine: Engine) -> None:
    """Leave every table as an upgrade does that adds all of its columns anew."""
    with engine.begin() as conn:
        for table in MIRROR:
            empty = {n: None for n in _typed_names(table) if table.c[n].nullable}
            conn.execute(update(table).values(**empty, incomplete=True))


def all_steps(engine: Engine, *names: str, batch_rows: int = 500) -> list[reproject.Step]:
    """Recompute these parts, or all, from their beginning."""
    chosen = names or tuple(reproject.names())
    with engine.begin() as conn:
        reproject.begin(conn, chosen)
    return [step for name in chosen for step in parts_steps(engine, name, batch_rows)]


def parts_steps(engine: Engine, name: str, batch_rows: int = 500) -> Iterator[reproject.Step]:
    """Go on with one part."""
    return reproject.run(engine, name, lanes=2, batch_rows=batch_rows)


@pytest.mark.parametrize("life", ["upgrade_with_proration", "refund_partial", "bundle"])
@pytest.mark.parametrize("batch_rows", [2, 500])
def test_every_typed_column_comes_back(engine: Engine, life: str, batch_rows: int) -> None:
    fold(engine, [simulate(1, life, start=START).events])
    before = held(engine)
    forget_typed_columns(engine)
    forgotten = held(engine)

    steps = all_steps(engine, batch_rows=batch_rows)

    assert forgotten != before
    assert held(engine) == before
    assert sum(step.changed for step in steps) == sum(map(len, before.values()))
    assert not any(step.failed for step in steps)


def test_what_is_up_to_date_is_not_written_again(engine: Engine) -> None:
    fold(engine, [simulate(1, "bundle", start=START).events])

    steps = all_steps(engine)

    assert sum(step.rows for step in steps) > 0
    assert sum(step.changed + step.moved for step in steps) == 0


def test_children_that_are_missing_are_added_and_ghosts_are_removed(engine: Engine) -> None:
    fold(engine, [simulate(1, "bundle", start=START).events])
    before = held(engine)
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM stripe.invoice_line_items"))
        conn.execute(text("UPDATE stripe.subscription_items SET id = id || '_ghost'"))

    all_steps(engine, "invoice", "subscription")

    assert held(engine) == before


def test_a_list_cut_short_removes_nothing(engine: Engine) -> None:
    """Its other children stand by their own data."""
    fold(engine, [simulate(1, "bundle", start=START).events])
    cut = text(
        "UPDATE stripe.subscriptions SET data = jsonb_set(jsonb_set(data,"
        " '{items,has_more}', 'true'), '{items,data}', '[]')"
    )
    with engine.begin() as conn:
        conn.execute(cut)
        conn.execute(text("UPDATE stripe.subscription_items SET quantity = -1"))
    items = rows(engine, "SELECT id FROM stripe.subscription_items")

    all_steps(engine, "subscription")

    assert rows(engine, "SELECT id FROM stripe.subscription_items") == items
    assert rows(engine, "SELECT min(quantity) > 0 FROM stripe.subscription_items") == [(True,)]
    assert rows(engine, "SELECT DISTINCT incomplete FROM stripe.subscriptions") == [(True,)]


def test_an_interrupted_run_goes_on_where_it_stopped(engine: Engine) -> None:
    keep(engine, OBJECTS["customer"].table, *map(customer, range(7)))
    with engine.begin() as conn:
        reproject.begin(conn, ["customer"])
    begun = parts_steps(engine, "customer", 2)
    assert [next(begun).rows, next(begun).rows] == [2, 2]
    begun.close()  # type: ignore[attr-defined]

    with engine.begin() as conn:
        reproject.begin(conn, ["customer"], resume=True)
        assert reproject.left(conn, "customer") == 3
    rest = list(parts_steps(engine, "customer", 2))
    again = list(parts_steps(engine, "customer", 2))

    assert [step.rows for step in rest] == [2, 1]
    assert again == []
    assert customers(engine, "name") == ["Ann"] * 7


def test_what_other_code_began_starts_anew(engine: Engine) -> None:
    keep(engine, OBJECTS["customer"].table, *map(customer, range(3)))
    all_steps(engine, "customer")
    of_other_code = reproject.Cursor("other", ("cus_00001", "")).text()
    with engine.begin() as conn:
        progress.advance(conn, "reproject", "customer", of_other_code, done=0)
        reproject.begin(conn, ["customer"], resume=True)

    assert [step.rows for step in parts_steps(engine, "customer")] == [3]


def test_one_customer_in_two_accounts_is_two_rows(engine: Engine) -> None:
    """The batch ends between them."""
    for account in ("", "acct_1", "acct_2"):
        keep(engine, OBJECTS["customer"].table, customer(1), account=account)

    steps = all_steps(engine, "customer", batch_rows=1)

    assert [step.rows for step in steps] == [1, 1, 1]
    assert customers(engine, "name") == ["Ann"] * 3


def test_data_that_breaks_the_projection_stops_nobody_else(engine: Engine) -> None:
    table = OBJECTS["customer"].table
    keep(engine, table, *map(customer, range(3)), customer(3, email=TOO_LONG))
    with engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == "cus_00001").values(data=[]))

    (step,) = all_steps(engine, "customer")

    assert step.failed == ("cus_00001 (AttributeError)", "cus_00003 (OperationalError)")
    assert step.changed == 2
    assert customers(engine, "name") == ["Ann", None, "Ann", None]
    with engine.connect() as conn:
        assert "customer" in reproject.due(conn)


GONE = {"deleted_at": START}
STRAYS = [
    pytest.param(None, {}, "stray", False, id="no row yet"),
    pytest.param(-1, {}, "stray", False, id="older row"),
    pytest.param(0, {}, "row", False, id="row of the same second"),
    pytest.param(1, {}, "row", False, id="newer row"),
    pytest.param(1, GONE, "stray", True, id="gone, whatever the row says"),
]


@pytest.mark.parametrize(("row_age_s", "stray", "stands", "gone"), STRAYS)
def test_a_stray_comes_home_unless_something_newer_stands(
    engine: Engine, row_age_s: int | None, stray: Mapping[str, Any], stands: str, gone: bool
) -> None:
    table = OBJECTS["customer"].table
    keep(engine, OTHER.table, customer(name="stray"), object="customer", **stray)
    if row_age_s is not None:
        as_of = START + timedelta(seconds=row_age_s)
        keep(engine, table, customer(name="row"), as_of=as_of)

    steps = all_steps(engine, "customer")

    assert sum(step.moved for step in steps) == 1
    assert customers(engine, "name") == [stands]
    assert customers(engine, "deleted_at IS NOT NULL") == [gone]
    assert rows(engine, "SELECT id FROM stripe.other_objects") == []


def test_a_stray_revives_nothing(engine: Engine) -> None:
    old = START - timedelta(days=1)
    keep(engine, OBJECTS["customer"].table, customer(name="gone"), as_of=old, deleted_at=old)
    keep(engine, OTHER.table, customer(name="stray"), object="customer")

    all_steps(engine, "customer")

    assert customers(engine, "name") == ["gone"]
    assert customers(engine, "deleted_at IS NOT NULL") == [True]


def test_a_stray_brings_its_children_and_others_stay(engine: Engine) -> None:
    """A subscription that ended is not gone, though the old table marked it so."""
    events = [simulate(1, "bundle", start=START).events]
    fold(engine, events)
    before = held(engine)
    with engine.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO stripe.other_objects (id, account, object, livemode, data, as_of,"
                " as_of_event_id, source, deleted_at) SELECT id, account, 'subscription',"
                " livemode, data, as_of, as_of_event_id, source, as_of FROM stripe.subscriptions"
            )
        )
        conn.execute(text("DELETE FROM stripe.subscriptions"))
        conn.execute(text("DELETE FROM stripe.subscription_items"))

    all_steps(engine, "subscription", batch_rows=1)

    assert held(engine) == before


def test_a_live_event_is_never_overwritten(engine: Engine) -> None:
    """It came first, so the batch waits for it, and then reads what it wrote."""
    table = OBJECTS["customer"].table
    keep(engine, table, customer(name="old"))
    with engine.begin() as conn:
        reproject.begin(conn, ["customer"])
    beside = threading.Thread(target=lambda: list(parts_steps(engine, "customer")))
    with engine.begin() as conn:
        lanes.hold_all_of(conn, ["cus_00001"], 2)
        beside.start()
        waits = text(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
        )
        while not conn.execute(waits).scalar_one():
            pass
        row = {"id": "cus_00001", "account": "", "livemode": False, "as_of": START}
        new = {**row, "name": "new", "data": customer(name="new"), "source": "event"}
        flags = {"provisional": False, "undecided": False, "incomplete": False}
        upsert(conn, table, [{**new, **flags}])
    beside.join()

    assert customers(engine, "name") == ["new"]
    assert customers(engine, "data ->> 'name'") == ["new"]


def test_what_was_written_into_an_empty_table_needs_no_run(engine: Engine) -> None:
    table = OBJECTS["customer"].table
    with engine.begin() as conn:
        assert reproject.due(conn) == []
        reproject.note_empty(conn)
    keep(engine, table, customer())
    keep(engine, OBJECTS["price"].table, {"id": "price_1"})
    with engine.begin() as conn:
        progress.advance(conn, "reproject", "price", None, done=0)
        reproject.note_empty(conn)

        assert reproject.due(conn) == ["price"]


def test_a_run_is_due_until_it_is_through(engine: Engine) -> None:
    keep(engine, OBJECTS["customer"].table, *map(customer, range(3)))
    with engine.begin() as conn:
        reproject.note_empty(conn)
        assert reproject.due(conn) == ["customer"]
        reproject.begin(conn, ["customer"])
    begun = parts_steps(engine, "customer", 2)
    next(begun)
    with engine.connect() as conn:
        assert reproject.due(conn) == ["customer"]
    list(begun)

    with engine.connect() as conn:
        assert reproject.due(conn) == []
