"""The stock looked over once a night: recent invoices converged again, levels held to the ledger.

A difference between level and ledger can only come from hands in the tables, so it is told and
never mended: nobody here knows which of the two is right.
Source: reference crm-inventory, section 6.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from sqlalchemy import Connection, select, text

from sync.changes import Effect
from sync.inventory import reservations
from sync.inventory.planning import invoice_effect
from sync.inventory.policy import InventoryPolicy
from sync.inventory.tables import STOCK_LEVEL
from sync.store import outbox

LOOK_BACK = timedelta(days=30)
_AT = time(3)
_CHUNK = 1_000
_A_SECOND = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter of a shelf that is not what its movements add up to."""

    sku: str
    location: str
    counter: str
    level: int
    ledger: int


def scan(conn: Connection, now: datetime, policy: InventoryPolicy, *, nightly: bool = True) -> int:
    """Do what time brings to the stock; return how much there is to deliver.

    Holds that are too old are given back, and, where `nightly`, all is looked over once a night.
    """
    expired = reservations.expire(conn, now, policy)
    if not nightly or conn.execute(select(STOCK_LEVEL.c.sku).limit(1)).first() is None:
        return expired
    tonight = _tonight(now)
    if outbox.find(conn, tonight.key) is not None:
        return expired
    outbox.add(conn, [tonight])
    return expired + 1


def _tonight(now: datetime) -> Effect:
    """Return the look that fell due last: at three in the morning, UTC."""
    day = (now.astimezone(UTC) - timedelta(hours=_AT.hour)).date()
    return Effect(
        key=f"inventory:reconcile:{day.isoformat()}",
        channel="inventory",
        kind="reconcile",
        due_at=datetime.combine(day, _AT, tzinfo=UTC),
        subject={"date": day.isoformat()},
    )


def converge_again(conn: Connection, now: datetime, policy: InventoryPolicy) -> int:
    """Ask for the invoices of the last days that move stock; return how many.

    That is each that did before, and each paid since a shelf was first counted: a backfill may
    have taken it in before its own event came, which then changed nothing. What was paid before
    must not move today's shelf. They come due one after the other, so that a sale of this night
    waits for none of them.
    """
    recent = _RECENT.execution_options(yield_per=_CHUNK)
    asked_for = {"since": now - LOOK_BACK, "accounts": sorted(policy.accounts)}
    rows = enumerate(conn.execute(recent, asked_for))
    asked = 0
    effects = (
        invoice_effect(
            row.account,
            row.invoice,
            now + timedelta(seconds=place // _A_SECOND),
            livemode=row.livemode,
        )
        for place, row in rows
    )
    while chunk := list(islice(effects, _CHUNK)):
        outbox.add(conn, chunk)
        asked += len(chunk)
    return asked


# What is asked for already has its turn.
_RECENT = text("""
    SELECT invoice.account, invoice.id AS invoice, invoice.livemode
      FROM stripe.invoices AS invoice
     WHERE invoice.created >= :since AND invoice.account = ANY(:accounts)
       AND (EXISTS (
              SELECT FROM evergreen.stock_line AS line
               WHERE line.invoice = invoice.id AND line.account = invoice.account)
            OR invoice.status = 'paid' AND coalesce(invoice.paid_at, invoice.created) > (
              SELECT min(created_at) FROM evergreen.stock_movement
               WHERE cause IN ('first_count', 'count')))
       AND NOT EXISTS (
             SELECT FROM evergreen.outbox
              WHERE key = 'inventory:' || invoice.account || ':invoice:' || invoice.id
                AND state IN ('pending', 'leased'))
     ORDER BY invoice.account, invoice.id""")


def differences(conn: Connection) -> Sequence[Difference]:
    """Return every counter that its movements do not add up to."""
    return list(_differences(conn))


def _differences(conn: Connection) -> Iterator[Difference]:
    for row in conn.execute(_OFF_THE_LEDGER):
        yield Difference(*row)


_OFF_THE_LEDGER = text("""
    WITH moved AS (
      SELECT sku, location, counter, sum(delta)::bigint AS ledger
        FROM evergreen.stock_movement GROUP BY sku, location, counter
    ), stands AS (
      SELECT sku, location, counter.name AS counter,
             CASE counter.name WHEN 'on_hand' THEN on_hand ELSE reserved END AS level
        FROM evergreen.stock_level, (VALUES ('on_hand'), ('reserved')) AS counter (name)
    )
    SELECT sku, location, counter, coalesce(level, 0), coalesce(ledger, 0)
      FROM moved FULL JOIN stands USING (sku, location, counter)
     WHERE coalesce(level, 0) <> coalesce(ledger, 0)
     ORDER BY sku, location, counter""")
