"""What the webhook missed: Stripe's own list of events, fed through the same inbox.

Stripe lists events for 30 days (docs.stripe.com/api/events). Time is walked in windows from
the last complete one on, with some overlap: events may show in the list a little late.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import orjson
import structlog
from sqlalchemy import Connection, Engine

from sync.mirror.client import StripeReads
from sync.mirror.probe import probe
from sync.mirror.tables import Json
from sync.store import inbox, progress
from sync.store.inbox import Delivery

log = structlog.get_logger(__name__)

TASK = "catch_up"
OVERLAP = timedelta(minutes=10)
# Nearly 30 days, so that no event leaves the list while it is being read.
REACH = timedelta(days=30) - timedelta(hours=1)
# What is younger may be on its way to us by itself.
_GRACE = timedelta(minutes=1)
_FIRST_WINDOW = timedelta(minutes=15)
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=1)
_FEW, _MANY = 200, 1_000
_MOST = 3_000  # more than this in one window is not held in memory, but read in shorter ones
_PER_PAGE = 100

# new: we never heard of the account. too_old: more is missing than the list goes back.
Gap = Literal["new", "too_old"]
# Reads what to keep of an event from its bytes, as the receiver does.
Envelope = Callable[[bytes], Delivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time to walk, and what is known to be missing before it."""

    since: datetime
    until: datetime
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one window brought: how many `events` Stripe lists, and how many were `missed`.

    `until` is its end. With a `gap` it is where the walk begins, and what lies before it
    cannot be had as events: whoever is told sweeps the objects, which a backfill does.
    """

    account: str
    until: datetime
    events: int = 0
    missed: int = 0
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """Catches up one account; empty: the shop's own. `envelope` is the receiver's reading."""

    engine: Engine
    reads: StripeReads
    envelope: Envelope
    account: str = ""

    def steps(self, now: datetime, since: datetime | None = None) -> Iterator[Step]:
        """Walk nearly up to `now`, from `since` or from where the last walk ended.

        A gap is told first and alone, before anything of it is noted. Every other step is
        committed before it is told; what was missed waits in the inbox, pending.

        Raises:
            Unavailable, Rejected: see `StripeReads.page`; or the key is another account's.
        """
        probe(self.engine, self.reads, self.account)
        with self.engine.connect() as conn:
            reached = _reached(conn, self.account)
            oldest = None if reached else inbox.oldest(conn, self.account)
        span = span_of(now, since, reached, oldest)
        if span.gap:
            log.warning("catch_up.gap", account=self.account, reason=span.gap)
            yield Step(account=self.account, until=span.since, gap=span.gap)
        at, width = span.since, _FIRST_WINDOW
        while at < span.until:
            end = min(at + width, span.until)
            events = self._events(at, end, at_most=_MOST if width > _SHORTEST else None)
            if events is None:
                width = max(width / 4, _SHORTEST)
                continue
            missed = self._keep(events, end if since is None else None)
            yield Step(account=self.account, until=end, events=len(events), missed=missed)
            at, width = end, next_width(width, len(events))

    def _events(self, begin: datetime, end: datetime, at_most: int | None) -> list[Json] | None:
        """Return the events of a window, oldest first; None when there are too many."""
        params: dict[str, str | int] = {
            "limit": _PER_PAGE,
            "created[gte]": int(begin.timestamp()),
            "created[lte]": int(end.timestamp()),
        }
        found: list[Json] = []
        more = True
        while more:
            page = self.reads.page("/v1/events", params, account=self.account, background=True)
            found += page.objects
            more = page.has_more and bool(page.objects)
            if more and at_most is not None and len(found) >= at_most:
                return None
            if more:
                params["starting_after"] = found[-1]["id"]
        return found[::-1]

    def _keep(self, events: list[Json], reached: datetime | None) -> int:
        """Keep what never came; note how far the regular walk is."""
        arrived = [self.envelope(orjson.dumps(self._as_delivered(event))) for event in events]
        # One by one: the door, which may hold some of the same events, must never wait long.
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            missed = inbox.store_missed(conn, arrived)
        if reached:
            with self.engine.begin() as conn:
                _reach(conn, self.account, reached, found=missed)
        if missed:
            log.warning("catch_up.found", account=self.account, events=missed)
        return missed

    def _as_delivered(self, event: Json) -> Json:
        """Return the event as a webhook brings it: another account's list names no account."""
        return {**event, "account": self.account} if self.account else event


def span_of(
    now: datetime, since: datetime | None, reached: datetime | None, oldest: datetime | None
) -> Span:
    """Return what to walk: from `since`, else from the last walk's end, else from `oldest`.

    `oldest` is when the first event that we know of happened. Of an account that we never
    heard of nothing is asked: its past belongs to a backfill, which moves no stock.
    """
    begin = since or (reached - OVERLAP if reached else oldest)
    if begin is None:
        return Span(since=_whole(now - OVERLAP), until=_whole(now - _GRACE), gap="new")
    span = Span(since=_whole(max(begin, now - REACH)), until=_whole(now - _GRACE))
    return replace(span, gap="too_old") if begin < now - REACH else span


def next_width(width: timedelta, events: int) -> timedelta:
    """Return how long the next window is: such that it holds some hundreds of events."""
    if events < _FEW:
        return min(width * 2, _LONGEST)
    return max(width / 2, _SHORTEST) if events > _MANY else width


def _whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


def _part(account: str) -> str:
    return account or "own"


def _reached(conn: Connection, account: str) -> datetime | None:
    parts = {each.part: each.cursor for each in progress.parts(conn, TASK)}
    cursor = parts.get(_part(account))
    return datetime.fromtimestamp(int(cursor), UTC) if cursor else None


def _reach(conn: Connection, account: str, reached: datetime, *, found: int) -> None:
    """Note the end of the last window."""
    if _reached(conn, account) is None:
        progress.begin(conn, TASK, [_part(account)])
    progress.advance(conn, TASK, _part(account), str(int(reached.timestamp())), done=found)
