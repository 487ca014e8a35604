"""Effects and short ways, for the tests of the delivery engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Row, select, text

from sync.changes import Effect, Outcome
from sync.store import outbox
from sync.store.outbox import OUTBOX, Claimed, Lane
from workers.lane import Sender, Turn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CRM = Lane("crm", "hubspot")
STOCK = Lane("inventory", "shopify")


def state(key: str = "k", **changed: Any) -> Effect:
    """Return a wish for the newest state of something at a CRM."""
    made = Effect(key=key, channel="crm", kind="snapshot", due_at=NOON, shape="state")
    return replace(made, **{"subject": {"sink": "hubspot", "customer": key}, **changed})


def delta(key: str = "k", **changed: Any) -> Effect:
    """Return a movement that a shop shall repeat once."""
    made = Effect(key=key, channel="inventory", kind="movement", due_at=NOON)
    return replace(made, **{"subject": {"sink": "shopify"}, **changed})


def add(engine: Engine, *effects: Effect) -> None:
    with engine.begin() as conn:
        outbox.add(conn, effects)


def claim(engine: Engine, **how: Any) -> list[Claimed]:
    with engine.begin() as conn:
        return outbox.claim(conn, NOON, **how)


def settle(engine: Engine, claimed: Claimed, outcome: Outcome, **how: Any) -> bool:
    with engine.begin() as conn:
        return outbox.settle(conn, claimed, outcome, NOON, **how)


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as conn:
        conn.execute(text(statement))


def row(engine: Engine, key: str = "k") -> Row[Any]:
    with engine.connect() as conn:
        return conn.execute(select(OUTBOX).where(OUTBOX.c.key == key)).one()


def expire_leases(engine: Engine) -> None:
    run(engine, "UPDATE evergreen.outbox SET lease_until = now() - interval '1 second'")


@dataclass
class Sink:
    """Answers by `ends`, one after the other and the last for ever; keeps what it got."""

    ends: Sequence[Outcome]
    got: list[list[Claimed]]

    def __init__(self, *ends: Outcome) -> None:
        self.ends, self.got = ends, []

    def deliver(self, batch: Sequence[Claimed], now: datetime) -> list[Outcome]:
        """End each as the next of `ends` says."""
        del now
        self.got.append(list(batch))
        begun = sum(map(len, self.got)) - len(batch)
        return [self.ends[min(begun + i, len(self.ends) - 1)] for i in range(len(batch))]

    @property
    def keys(self) -> list[str]:
        """Return the keys that came, in order."""
        return [claimed.effect.key for batch in self.got for claimed in batch]


def turn(context: Any, lane: Lane, sender: Sender, *, until: float = float("inf")) -> bool:
    """Take one batch of `lane` through; tell whether it may go on."""
    return Turn(context, lane, sender, until).batch()
