"""Events through mirror, plan and delivery, as the workers do it, and what the shelf shows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine, text

from sync.changes import RetryIn, Unknown
from sync.inventory import delivery, planning
from sync.inventory.delivery import Ways
from sync.mirror.apply import apply
from sync.store import outbox
from tests.mirror.fold import shown

# After the real time, at which commands book: what they ask for is due here.
NOW = datetime(2099, 11, 23, 8, tzinfo=UTC)
Json = Mapping[str, Any]
PLAIN = Ways()
_LANE = text("SELECT pg_advisory_xact_lock(1, 1)")


def mirror(engine: Engine, events: Sequence[Json]) -> None:
    """Fold `events` into the mirror and ask for what follows, in one transaction."""
    with engine.begin() as conn:
        conn.execute(_LANE)
        changes = apply(conn, [shown(orjson.dumps(event)) for event in events]).changes
        outbox.add(conn, planning.plan(changes, NOW))


def settle_all(engine: Engine, ways: Ways = PLAIN, *, again: bool = False) -> int:
    """Deliver until nothing is due; return how many deliveries that took.

    `again`: what is unclear or comes later is tried again at once, under the same key.
    """
    delivered = 0
    while True:
        with engine.begin() as conn:
            batch = outbox.claim(conn, NOW, simulated=True)
        if not batch:
            return delivered
        for claimed in batch:
            outcome = delivery.deliver(engine, claimed, NOW, ways)
            if again and isinstance(outcome, Unknown | RetryIn):
                outcome = RetryIn(0, outcome.reason)
            with engine.begin() as conn:
                assert outbox.settle(conn, claimed, outcome, NOW)
            delivered += 1


def happen(
    engine: Engine, events: Iterable[Json], ways: Ways = PLAIN, *, again: bool = False
) -> None:
    """Let `events` arrive one by one, each with all that follows from it."""
    for event in events:
        mirror(engine, [event])
        settle_all(engine, ways, again=again)


def levels(engine: Engine, counter: str = "on_hand") -> dict[str, int]:
    """Return what every SKU's shelf at the default location shows, zeros left out."""
    return _sums(engine, f"SELECT sku, {counter} FROM evergreen.stock_level")


def ledger(engine: Engine, counter: str = "on_hand") -> dict[str, int]:
    """Return what the movements of every SKU add up to, zeros left out."""
    return _sums(
        engine,
        "SELECT sku, sum(delta)::bigint FROM evergreen.stock_movement"
        f" WHERE counter = '{counter}' GROUP BY sku",
    )


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as conn:
        return [tuple(row) for row in conn.execute(text(query))]


def _sums(engine: Engine, query: str) -> dict[str, int]:
    return {str(sku): int(amount) for sku, amount in rows(engine, query) if amount}
