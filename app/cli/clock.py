"""`evergreen clock`: the simulated clock, which stands still until it is moved."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
from sqlalchemy import Connection, Engine

from app.settings import Settings
from sync import clock
from sync.errors import Unavailable
from sync.store import inbox, outbox
from sync.store.engine import make_engine

_POLL_S = 0.01
_LOOK_EVERY_S = 2.0
_STUCK_AFTER_S = 60.0
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "w": "weeks"}
_SPAN = re.compile(r"(\d+)([wdhms])")


class Instant(click.ParamType[datetime]):
    """An instant in ISO 8601 with its zone, such as 2026-12-01T08:00:00Z."""

    name = "instant"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return aware UTC, or explain what is wrong with `value`."""
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no instant such as 2026-12-01T08:00:00Z", param, ctx)
        if parsed.tzinfo is None:
            self.fail(f"{value!r} names no time zone; write 2026-12-01T08:00:00Z", param, ctx)
        try:
            return parsed.astimezone(UTC)
        except OverflowError:
            self.fail(f"{value!r} is outside of the calendar", param, ctx)


class Span(click.ParamType[timedelta]):
    """A span of time such as 3d, 12h or 1d12h."""

    name = "span"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the span, or explain what is wrong with `value`."""
        parts = _SPAN.findall(value)
        if not parts or "".join(n + unit for n, unit in parts) != value:
            self.fail(f"{value!r} is no span such as 3d, 12h or 1d12h", param, ctx)
        try:
            return sum((timedelta(**{_UNITS[u]: int(n)}) for n, u in parts), timedelta())
        except (OverflowError, ValueError):
            self.fail(f"{value!r} is too long", param, ctx)


@click.group()
def command() -> None:
    """Show, set or advance the simulated clock (needs CLOCK=simulated)."""


@contextmanager
def _simulated(settings: Settings) -> Iterator[Engine]:
    if settings.clock != "simulated":
        raise click.UsageError("the clock is real; set CLOCK=simulated on every process first")
    engine = make_engine(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


@command.command()
@click.pass_obj
def show(settings: Settings) -> None:
    """Show the instant at which the clock stands."""
    with _simulated(settings) as engine:
        click.echo(clock.SimulatedClock(engine).now().isoformat())


@command.command("set")
@click.argument("instant", type=Instant())
@click.pass_obj
def set_(settings: Settings, instant: datetime) -> None:
    """Walk to INSTANT: all that falls due on the way happens in its order and at its time."""
    with _simulated(settings) as engine:
        click.echo(move(engine, instant).isoformat())


@command.command()
@click.argument("span", type=Span())
@click.pass_obj
def advance(settings: Settings, span: timedelta) -> None:
    """Walk forward by SPAN, such as 3d, 12h or 1d12h."""
    with _simulated(settings) as engine:
        try:
            target = clock.SimulatedClock(engine).now() + span
        except OverflowError as error:
            raise click.UsageError("that is past the end of the calendar") from error
        click.echo(move(engine, target).isoformat())


def move(engine: Engine, target_at: datetime, *, stuck_after_s: float = _STUCK_AFTER_S) -> datetime:
    """Walk the clock to `target_at` and return once everything due by then has happened.

    Raises:
        click.UsageError: the clock stands later already.
        Unavailable: nothing moved for `stuck_after_s`; the clock process does not run.
    """
    _aim(engine, target_at)
    watch = _Watch(stuck_after_s)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        while not (reading := clock.reading(conn)) or _unfinished(conn, reading, target_at):
            watch.look(conn, reading)
            time.sleep(_POLL_S)
    return reading.now_at


def _unfinished(conn: Connection, reading: clock.Reading, target_at: datetime) -> bool:
    return reading.now_at < target_at or inbox.busy(conn) or outbox.busy(conn, target_at)


@dataclass(slots=True)
class _Watch:
    """Notices that time stands still; counts what has ended only now and then."""

    stuck_after_s: float
    _seen: object = None
    _since_s: float = 0.0
    _look_at_s: float = 0.0

    def look(self, conn: Connection, reading: clock.Reading | None) -> None:
        """Raise `Unavailable` when neither the clock nor an effect has moved for too long."""
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + _LOOK_EVERY_S
        progress = (reading, outbox.count_ended(conn))
        if progress != self._seen:
            self._seen, self._since_s = progress, now_s
        if now_s - self._since_s > self.stuck_after_s:
            waited_s = f"{self.stuck_after_s:.0f} s"
            raise Unavailable(f"the clock has not moved for {waited_s}: is `clock` up?")


def _aim(engine: Engine, target_at: datetime) -> None:
    with engine.begin() as conn:
        # A clock that was never set begins at the real time, or earlier when asked to.
        clock.start(conn, min(datetime.now(UTC), target_at))
        reading = clock.reading(conn)
        if reading and target_at < reading.now_at:
            stands = reading.now_at.isoformat()
            raise click.UsageError(f"the clock stands at {stands} already and never goes back")
        clock.aim(conn, target_at)
