"""The drain: one transaction for mirror, effects and done mark; nobody blocks anybody."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.simulator.simulate import simulate
from app.stock_settings import StockSettings
from sync.errors import LeaseLost
from sync.store import inbox
from sync.store.engine import make_engine
from tests.workers.events import customer, event, failed_invoice
from tests.workers.world import Json, World
from workers import drain
from workers.context import Context

AT = datetime(2026, 6, 1, 9, 59, tzinfo=UTC)
STATES = "SELECT event_id, state, attempts, last_error FROM evergreen.inbox ORDER BY seq"


REFUSING = """
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'refused'; END$$;
CREATE TRIGGER refusing BEFORE INSERT ON stripe.products FOR EACH ROW
WHEN (NEW.id = 'prod_odd') EXECUTE FUNCTION public.refuse()
"""


def poison(shop: World, at: datetime) -> Json:
    """Return an event that fails for a reason nobody foresaw, each time it is tried."""
    shop.run(REFUSING)
    subject = {"id": "prod_odd", "object": "product"}
    return event("evt_odd", "product.created", subject, at)


def poison_for_postgresql(at: datetime) -> Json:
    """Return an authentic event with a character that PostgreSQL cannot keep."""
    subject = {"id": "cus_nul", "object": "customer", "name": "Nul\u0000"}
    return event("evt_nul", "customer.created", subject, at)


def arrive_past_the_door(shop: World, odd: Json) -> None:
    """Keep an event that the receiver would have set aside at once."""
    payload = orjson.dumps(odd)
    with shop.context.engine.begin() as conn:
        inbox.store(conn, inbox.Delivery(event_id=odd["id"], payload=payload))


def thin(at: datetime) -> Json:
    """Return a thin event, which only names its object."""
    return {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "created": at.isoformat(),
        "related_object": {
            "id": "mtr_1",
            "type": "billing.meter",
            "url": "/v1/billing/meters/mtr_1",
        },
    }


def test_a_life_is_mirrored_and_its_events_are_done(shop: World) -> None:
    history = simulate(2, "failed_payment_recovered", start=AT - timedelta(days=90))
    shop.arrive(*history.events)
    shop.drain()

    assert {row[1] for row in shop.rows(STATES)} == {"done"}
    mirrored = shop.rows("SELECT count(*) FROM stripe.invoices")
    assert mirrored == [(sum(key[0] == "invoice" for key in history.objects),)]
    assert shop.rows("SELECT count(*) > 0 FROM evergreen.outbox WHERE channel = 'crm'") == [(True,)]


def test_poison_is_set_aside_and_all_others_go_through(shop: World) -> None:
    shop.arrive(customer(AT, customer_id="cus_a"), poison(shop, AT))
    arrive_past_the_door(shop, poison_for_postgresql(AT))
    shop.arrive(thin(AT), customer(AT, customer_id="cus_b"))
    shop.drain()

    assert [(event_id, state, error) for event_id, state, _, error in shop.rows(STATES)] == [
        ("evt_cus_a", "done", None),
        ("evt_odd", "pending", "ProgrammingError"),
        ("evt_nul", "parked", "DataError"),
        ("evt_thin", "parked", "thin_event_needs_api_key"),
        ("evt_cus_b", "done", None),
    ]
    assert shop.rows("SELECT id FROM stripe.customers ORDER BY id") == [("cus_a",), ("cus_b",)]


def test_what_keeps_failing_is_dead_after_three_tries_and_can_be_replayed(shop: World) -> None:
    shop.arrive(poison(shop, AT))
    for _ in range(4):
        shop.run("UPDATE evergreen.inbox SET retry_at = NULL")
        shop.drain()

    assert shop.rows(STATES) == [("evt_odd", "dead", 3, "ProgrammingError")]
    with shop.context.engine.begin() as conn:
        assert inbox.replay(conn, ["evt_odd"]) == 1


def test_a_worker_that_lost_its_lease_leaves_nothing_behind(shop: World) -> None:
    shop.arrive(customer(AT))
    with shop.context.engine.begin() as conn:
        slow = inbox.claim(conn, lane=0, lanes=1)
    shop.run("UPDATE evergreen.claim SET until = now() - interval '1 second'")
    shop.drain()
    shop.run("DELETE FROM stripe.customers")

    with pytest.raises(LeaseLost):
        drain._work(shop.context, 0, slow)
    assert shop.rows("SELECT id FROM stripe.customers") == []


def test_an_other_accounts_events_are_mirrored_without_effects(shop: World) -> None:
    connected = {**failed_invoice(AT), "account": "acct_other"}
    shop.arrive(connected)
    shop.drain()

    assert shop.rows("SELECT account FROM stripe.invoices") == [("acct_other",)]
    assert shop.rows("SELECT key FROM evergreen.outbox") == []


def test_a_drain_whose_time_is_up_says_so(shop: World) -> None:
    shop.arrive(customer(AT))

    assert not drain.drain(shop.context, 0, at_most_s=0)
    assert drain.drain(shop.context, 0, at_most_s=5)


def test_a_preview_without_an_id_is_done_and_not_mirrored(shop: World) -> None:
    upcoming = event("evt_up", "invoice.upcoming", {"object": "invoice", "customer": "cus_1"}, AT)
    shop.arrive(upcoming)
    shop.drain()

    assert shop.rows(STATES) == [("evt_up", "done", 1, None)]
    assert shop.rows("SELECT id FROM stripe.invoices") == []


def test_a_value_that_no_index_can_hold_blocks_nobody(shop: World) -> None:
    """PostgreSQL calls it an operational error, but it is the event's own."""
    wide = {"id": "cus_wide", "object": "customer", "email": noise(20_000)}
    shop.arrive(customer(AT), event("evt_wide", "customer.created", wide, AT))
    shop.drain()

    assert [(row[0], row[1]) for row in shop.rows(STATES)] == [
        ("evt_cus_1", "done"),
        ("evt_wide", "pending"),
    ]


def noise(length: int) -> str:
    """Return text that does not compress."""
    return "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


def test_what_the_database_interrupts_is_not_the_events_fault(shop: World) -> None:
    shop.arrive(customer(AT))
    impatient = hasty(shop)
    with shop.context.engine.begin() as conn:
        conn.execute(text("LOCK TABLE stripe.customers IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(OperationalError):
            drain.drain(impatient, 0, at_most_s=5)
    impatient.engine.dispose()
    assert shop.rows(STATES) == [("evt_cus_1", "pending", 0, None)]
    shop.run("UPDATE evergreen.inbox SET retry_at = NULL")
    shop.drain()

    assert shop.rows(STATES) == [("evt_cus_1", "done", 1, None)]


def hasty(shop: World) -> Context:
    """Return the shop's context with an engine that waits for no lock."""
    url = shop.context.engine.url.render_as_string(hide_password=False)
    engine = make_engine(url, statement_ms=200)
    return replace(shop.context, engine=engine)


def test_a_replayed_event_of_the_other_mode_is_parked_again(shop: World) -> None:
    live_only = replace(shop.context, settings=replace(shop.context.settings, livemode=True))
    shop.arrive(customer(AT))
    World(live_only).drain()

    assert shop.rows(STATES) == [("evt_cus_1", "parked", 1, "wrong_livemode")]
    assert shop.rows("SELECT id FROM stripe.customers") == []


def test_an_empty_inventory_setting_switches_stock_off(shop: World) -> None:
    silent = replace(
        shop.context, settings=replace(shop.context.settings, stock=StockSettings(sinks=()))
    )
    shop.arrive(failed_invoice(AT))
    World(silent).drain()

    assert shop.rows("SELECT key FROM evergreen.outbox WHERE channel = 'inventory'") == []
