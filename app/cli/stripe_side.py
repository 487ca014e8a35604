"""What the commands share that read from Stripe: the way there, their words, their progress."""

import difflib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TextIO

import click
from sqlalchemy import Connection, Engine

from app.settings import Settings
from app.stripe_reads import open_reads
from sync import access
from sync.changes import Change, Effect
from sync.clock import Clock, RealClock, SimulatedClock
from sync.mirror.client import StripeReads
from sync.mirror.intake import Intake
from sync.mirror.listing import listable
from sync.store import outbox
from sync.store.budget import Budget
from sync.store.engine import make_engine

# What shall follow from changes at an instant.
Plan = Callable[[Sequence[Change], datetime], Sequence[Effect]]

_DAYS = re.compile(r"(\d{1,5})d")
_REDRAW_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSide:
    """One command's way to the mirror and to Stripe."""

    settings: Settings
    engine: Engine
    reads: StripeReads
    clock: Clock

    def intake(self, plan: Plan) -> Intake:
        """Return what takes readings in; `plan` says what follows, for the accounts we serve."""

        def follow(conn: Connection, changes: Sequence[Change]) -> None:
            ours = [each for each in changes if each.account in self.settings.effect_accounts]
            if ours:
                now = self.clock.now()
                told = access.follow(conn, ours, now, self.settings.access)
                outbox.add(conn, [*plan(ours, now), *told])

        settings = self.settings
        return Intake(lanes=settings.lanes, livemode=settings.livemode, follow=follow)


@contextmanager
def stripe_side(settings: Settings) -> Iterator[StripeSide]:
    """Open the way to Stripe; nothing has connected yet.

    Raises:
        SettingsError: no key is set.
    """
    engine = make_engine(settings.database_url)
    clock: Clock = SimulatedClock(engine) if settings.clock == "simulated" else RealClock()
    try:
        with closing(open_reads(settings, engine, clock)) as reads:
            yield StripeSide(settings=settings, engine=engine, reads=reads, clock=clock)
    finally:
        engine.dispose()


class Since(click.ParamType[datetime | timedelta]):
    """A date such as 2026-01-01 (its first second, UTC), or a number of days such as 30d."""

    name = "date or days"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | timedelta:
        """Return the date or the span, or explain what is wrong with `value`."""
        if days := _DAYS.fullmatch(value):
            return timedelta(days=int(days[1]))
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a date (2026-01-01) nor a span (30d)", param, ctx)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def instant_of(since: datetime | timedelta | None, now: datetime) -> datetime | None:
    """Return the instant that was asked for; a span counts back from `now`."""
    found = now - since if isinstance(since, timedelta) else since
    if found is not None and found > now:
        raise click.BadParameter(f"{found.isoformat()} lies ahead", param_hint="--since")
    return found


def object_names(_: click.Context, __: click.Parameter, words: Sequence[str]) -> tuple[str, ...]:
    """Return Stripe's names of the objects meant by `words`: those, or our tables' names."""
    known = {kind.name: kind.name for kind in listable()}
    known |= {kind.table.name: kind.name for kind in listable()}
    for word in words:
        if word not in known:
            close = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
            raise click.BadParameter(f"Stripe lists no {word!r}; {hint}")
    return tuple(known[word] for word in words)


def accounts_of(settings: Settings, account: str | None) -> tuple[str, ...]:
    """Return the accounts to read: the one asked for, or all that we serve."""
    return tuple(sorted(settings.effect_accounts)) if account is None else (account,)


def reads_from_now(engine: Engine) -> Callable[[], int]:
    """Return what tells how many reads all processes have made since."""
    budget = Budget(engine, per_s=1, burst=1)
    before = budget.spent().reads
    return lambda: budget.spent().reads - before


@dataclass(slots=True)
class ProgressLine:
    """One line that is drawn over again, on a terminal only: nothing of it gets into a file."""

    stream: TextIO
    _next_s: float = 0.0
    _width: int = 0
    _began_s: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Return for how long this line has stood."""
        return time.monotonic() - self._began_s

    def show(self, text: Callable[[], str]) -> None:
        """Draw what `text` returns, now and then."""
        if self.stream.isatty() and time.monotonic() >= self._next_s:
            self._draw(text())
            self._next_s = time.monotonic() + _REDRAW_S

    def clear(self) -> None:
        """Take the line away."""
        if self._width:
            self._draw("")
            self._width = 0

    def _draw(self, text: str) -> None:
        self.stream.write(f"\r{text.ljust(self._width)}\r{text}")
        self.stream.flush()
        self._width = len(text)
