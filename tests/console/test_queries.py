"""The boundaries of what the console counts, on rows made for it."""

from datetime import UTC, datetime, timedelta
from operator import eq
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Select, insert, text

from app.console import counts, paging, queries_effects, queries_recovery
from app.console.counts import Count, count_rows, count_table
from app.console.queries_recovery import Amount
from sync.changes import Effect
from sync.mirror.objects.invoice import TABLE as INVOICES
from sync.store import inbox, outbox
from sync.store.inbox import INBOX, Delivery

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def invoice(conn: Connection, number: int, **changed: Any) -> None:
    """Put an open invoice with one failed attempt into the mirror, with the fields changed."""
    row = {
        "id": f"in_{number}",
        "status": "open",
        "currency": "usd",
        "attempt_count": 1,
        "amount_remaining_minor": 1000,
        "amount_paid_minor": 0,
        "livemode": False,
        "data": {},
        "as_of": NOW,
    }
    conn.execute(insert(INVOICES).values({**row, **changed}))


def failure(conn: Connection, number: int, type_: str = "invoice.payment_failed") -> None:
    """Put the event into the inbox that an invoice's charge failed."""
    event = Delivery(event_id=f"evt_{number}", payload=b"", type=type_, object_id=f"in_{number}")
    inbox.store(conn, event)


def found(conn: Connection, rows: Select[Any]) -> set[str]:
    """Return the ids that a list holds."""
    return {row["id"] for row in queries_recovery.listed(conn, rows, "", None).rows}


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, True),
        ({"attempt_count": 0}, False),
        ({"amount_remaining_minor": 1}, True),
        ({"amount_remaining_minor": 0}, False),
        ({"status": "paid"}, False),
        ({"status": "uncollectible"}, False),
        ({"deleted_at": NOW}, False),
    ],
    ids=["failed", "not-tried", "a-cent-left", "nothing-left", "paid", "written-off", "deleted"],
)
def test_at_risk_is_what_a_failed_open_invoice_asks_for(
    engine: Engine, changed: dict[str, Any], *, counts: bool
) -> None:
    with engine.begin() as conn:
        invoice(conn, 1, **changed)

        assert (found(conn, queries_recovery.at_risk()) == {"in_1"}) is counts


@pytest.mark.parametrize(
    ("changed", "event", "counts"),
    [
        ({}, "invoice.payment_failed", True),
        ({}, "invoice.updated", False),
        ({"attempt_count": 3}, "invoice.payment_failed", True),
        ({"amount_paid_minor": 0}, "invoice.payment_failed", False),
        ({"status": "open"}, "invoice.payment_failed", False),
        ({"account": "acct_2"}, "invoice.payment_failed", False),
        ({"paid_at": NOW}, "invoice.payment_failed", False),
        ({"paid_at": NOW + SECOND}, "invoice.payment_failed", True),
    ],
    ids=[
        "by-hand",
        "never-failed",
        "retried",
        "paid-nothing",
        "still-open",
        "anothers",
        "too-early",
        "since",
    ],
)
def test_recovered_is_what_was_paid_after_a_failure(
    engine: Engine, changed: dict[str, Any], event: str, *, counts: bool
) -> None:
    paid = {"status": "paid", "amount_paid_minor": 1000, "paid_at": NOW + SECOND}
    with engine.begin() as conn:
        failure(conn, 1, event)
        invoice(conn, 1, **{**paid, **changed})

        assert (found(conn, queries_recovery.recovered(NOW)) == {"in_1"}) is counts


def test_only_the_last_failures_are_looked_at(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries_recovery, "FAILURES", 2)
    with engine.begin() as conn:
        for number in range(3):
            failure(conn, number)
            invoice(conn, number, status="paid", amount_paid_minor=1)

        assert found(conn, queries_recovery.recovered()) == {"in_1", "in_2"}


def test_amounts_are_never_added_across_currencies(engine: Engine) -> None:
    with engine.begin() as conn:
        for number, currency in enumerate(("usd", "jpy", "usd")):
            invoice(conn, number, currency=currency)
        at_risk = queries_recovery.at_risk()

        owed = queries_recovery.amounts(conn, at_risk, "amount_remaining_minor")

    assert owed == [Amount("jpy", 1000, 1), Amount("usd", 2000, 2)]


@pytest.mark.parametrize(
    ("due_at", "lists"),
    [
        (NOW - timedelta(days=30), {"until-now"}),
        (NOW - timedelta(days=30) + SECOND, {"until-now", "last-30-days"}),
        (NOW, {"until-now", "last-30-days"}),
        (NOW + SECOND, {"later"}),
    ],
    ids=["a-month-ago", "within-the-month", "now", "later"],
)
def test_what_is_due_is_told_by_business_time(
    engine: Engine, due_at: datetime, lists: set[str]
) -> None:
    effect = Effect(key="k", channel="mail", kind="payment_failed", due_at=due_at)
    with engine.begin() as conn:
        outbox.add(conn, [effect])
        shown = {
            due
            for due in queries_effects.DUE
            if queries_effects.listed(conn, NOW, channel="mail", due=due).rows
        }
        counted = queries_effects.counts(conn, NOW)

    assert shown == lists
    assert [bool(each.planned) for each in counted] == (
        [due_at > NOW] if lists != {"until-now"} else []
    )


def many_events(conn: Connection, count: int) -> None:
    """Put `count` events into the inbox, all of them done."""
    query = "INSERT INTO evergreen.inbox (event_id, payload, state)"
    query += " SELECT 'evt_' || n, '', 'done' FROM generate_series(1, :count) n"
    conn.execute(text(query), {"count": count})


@pytest.mark.parametrize(
    ("size", "analysed", "counted"),
    [
        (99, False, Count(99)),
        (100, False, Count(100)),
        (101, False, Count(100, "at least")),
        (250, True, Count(250, "about")),
    ],
    ids=["below-cap", "at-cap", "above-cap", "estimated"],
)
def test_a_large_table_is_estimated_and_says_so(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, size: int, counted: Count, *, analysed: bool
) -> None:
    monkeypatch.setattr(counts, "CAP", 100)
    with engine.begin() as conn:
        many_events(conn, size)
        if analysed:
            conn.execute(text("ANALYZE evergreen.inbox"))

        assert count_table(conn, INBOX) == counted


def test_rows_are_counted_up_to_the_cap(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "CAP", 3)

    def rows(seq: int) -> Select[Any]:
        return INBOX.select().where(INBOX.c.seq <= seq)

    with engine.begin() as conn:
        many_events(conn, 5)

        assert count_rows(conn, rows(3)) == Count(3)
        assert count_rows(conn, rows(4)) == Count(3, "at least")


@pytest.mark.parametrize("window", [7, 10, 11])
def test_windows_join_without_a_gap(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(paging, "WINDOW", window)
    rows = INBOX.select()
    seen: list[int] = []
    before: str | None = None
    with engine.begin() as conn:
        many_events(conn, 40)
        for _ in range(10):
            page = paging.read_slice(
                conn, rows, ("seq",), before=before, filters=[("state", eq, "done")]
            )
            seen += [row["seq"] for row in page.rows]
            before = page.older
            if before is None:
                break

    assert seen == list(range(40, 0, -1))
