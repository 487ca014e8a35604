"""What time it is for the business: the real time, or a stored instant that is moved by hand.

Leases, lags and retries always run on real time; what is due, and until when, runs on this
clock. So a year of a shop's life can pass in a minute, and every mail goes out at its instant.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Engine,
    Table,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from sync.store.engine import EVERGREEN, METADATA

CLOCK = Table(
    "clock",
    METADATA,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("now_at", DateTime(timezone=True), nullable=False),
    Column("target_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("only_row", name="only_row"),
    schema=EVERGREEN,
)


class Clock(Protocol):
    """Tells the business instant; always an aware UTC datetime."""

    def now(self) -> datetime:
        """Return the instant at which the business stands."""
        ...


class RealClock:
    """The wall clock."""

    def now(self) -> datetime:
        """Return the real time."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """An instant kept in the database, shared by all processes; it stands still by itself."""

    engine: Engine

    def now(self) -> datetime:
        """Return the stored instant; the real time until somebody sets one."""
        with self.engine.connect() as conn:
            stored = reading(conn)
        return stored.now_at if stored else datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Reading:
    """Where the simulated clock stands and where somebody asked it to go."""

    now_at: datetime
    target_at: datetime

    @property
    def arrived(self) -> bool:
        """Whether the last target is reached."""
        return self.now_at >= self.target_at


def reading(conn: Connection) -> Reading | None:
    """Return the stored reading, None while nobody has set the clock."""
    row = conn.execute(select(CLOCK.c.now_at, CLOCK.c.target_at)).one_or_none()
    return row and Reading(row.now_at.astimezone(UTC), row.target_at.astimezone(UTC))


def start(conn: Connection, now_at: datetime) -> None:
    """Let a clock that was never set stand at `now_at`; a clock that was set stays."""
    conn.execute(insert(CLOCK).values(now_at=now_at, target_at=now_at).on_conflict_do_nothing())


def aim(conn: Connection, target_at: datetime) -> None:
    """Ask the clock process to walk to `target_at`; a target behind now changes nothing."""
    conn.execute(update(CLOCK).where(CLOCK.c.now_at <= target_at).values(target_at=target_at))


def step(conn: Connection, to: datetime) -> None:
    """Move the stored instant forward to `to`; it never goes back."""
    conn.execute(update(CLOCK).where(CLOCK.c.now_at < to).values(now_at=to))
