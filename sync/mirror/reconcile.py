"""Is the mirror as Stripe is? Compares by typed columns, mends, and publishes what it found.

What is just changing is left alone: what came after the reading, what waits in the inbox and
what is to be read again anyway. Nothing is taken for gone because a list does not show it:
each such object is read by itself, since lists leave out some that exist.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, Engine

from sync.errors import Malformed, Rejected
from sync.mirror import held
from sync.mirror import parts as all_parts
from sync.mirror.client import StripeReads
from sync.mirror.drift import looks_foreign
from sync.mirror.intake import Intake
from sync.mirror.listing import Listed, Lists, Place
from sync.mirror.look import look
from sync.mirror.parts import Part
from sync.mirror.reading import Told
from sync.mirror.tables import MirroredObject
from sync.mirror.unsettled import is_readable
from sync.store import drift as published
from sync.store import progress
from sync.store.drift import Drift

TASK, DRY_TASK = "reconcile", "reconcile_dry_run"
# How many unlisted objects one run reads by themselves; the next run goes on with the rest.
_MOST_SINGLE_READS = 5_000
_BURIED_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far a part is and what it has found; it travels as text like a `Place`.

    `began`: when its first page was read, Stripe's second.
    """

    place: Place
    drift: Drift
    began: int | None = None

    def as_text(self) -> str:
        """Return what `of_text` takes."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def of_text(cls, text: str | None, part: Part) -> "Tally":
        """Return the tally of `part` that `text` tells; an empty one at its beginning."""
        if text:
            return msgspec.json.decode(text, type=cls)
        return cls.at(part, Place())

    @classmethod
    def at(cls, part: Part, place: Place) -> "Tally":
        """Return an empty tally of `part`, to begin at `place`."""
        return cls(place=place, drift=Drift(object=part.object, account=part.account))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is known of a part by now. `refused`: why Stripe does not show it.

    `foreign`: so much is gone that nothing was deleted, since the key probably belongs to
    another account.
    """

    part: Part
    drift: Drift
    oldest: int | None = None
    refused: str | None = None
    foreign: bool = False
    finished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """A run over the parts that `begin` noted. With `dry_run` it only tells."""

    engine: Engine
    reads: StripeReads
    intake: Intake
    dry_run: bool = False

    @property
    def task(self) -> str:
        """Return what progress calls this run."""
        return DRY_TASK if self.dry_run else TASK

    def steps(self, parts: Sequence[Part]) -> Iterator[Step]:
        """Go on with `parts` in their order; each step is committed before it is told.

        Raises:
            Unavailable: Stripe is down or busy for longer than the client's patience.
            SettingsError: the key is of the other mode.
        """
        for part in parts:
            try:
                yield from self._part(part)
            except (Rejected, Malformed) as refusal:
                nothing = Drift(object=part.object, account=part.account)
                yield Step(part=part, drift=nothing, refused=str(refusal))

    def _part(self, part: Part) -> Iterator[Step]:
        with self.engine.begin() as conn:
            tally = Tally.of_text(all_parts.cursor_of(conn, self.task, part), part)
            if tally.began is None:
                published.forget_listed(conn, part.object, part.account)
        lists = Lists(engine=self.engine, reads=self.reads, account=part.account)
        for listed in lists.pages(part.kind, tally.place):
            tally = self._compare(part, listed, tally)
            yield Step(part=part, drift=tally.drift, oldest=listed.place.created)
        yield self._finish(part, tally)

    def _compare(self, part: Part, listed: Listed, tally: Tally) -> Tally:
        readings = self.intake.told(part.kind, listed.objects, part.account, listed.as_of)
        with self.engine.begin() as conn:
            ids = [told.object_id for told in readings]
            published.note_listed(conn, part.object, part.account, ids)
            found = self.settle(conn, part.kind, readings)
            began = tally.began or int(listed.as_of.timestamp())
            tally = Tally(place=listed.place, drift=tally.drift.plus(found), began=began)
            cursor = tally.as_text()
            progress.advance(conn, self.task, part.name, cursor, done=len(ids))
        return tally

    def settle(self, conn: Connection, kind: MirroredObject, readings: Sequence[Told]) -> Drift:
        """Compare `readings` of one account with the mirror and mend what differs."""
        verdicts = held.judged(conn, kind, [told for told in readings if told.object is not None])
        wrong = [told for told, verdict in verdicts if verdict in {"missing", "stale"}]
        counted = Counter(verdict for _, verdict in verdicts)
        return Drift(
            object=kind.name,
            checked=counted["same"] + len(wrong),
            missing=counted["missing"],
            stale=counted["stale"],
            repaired=self._mend(conn, wrong),
        )

    def _mend(self, conn: Connection, readings: Sequence[Told]) -> int:
        """Fold what differed; return how many of the readings stand now."""
        if self.dry_run or not readings:
            return 0
        applied = self.intake.take(conn, readings)
        written = {winner.key.id for winner in applied.winners}
        return sum(told.object_id in written for told in readings)

    def _finish(self, part: Part, tally: Tally) -> Step:
        zombies, foreign = self._unlisted(part, tally)
        drift = tally.drift.plus(zombies)
        with self.engine.begin() as conn:
            published.publish(conn, drift, "full")
            published.forget_listed(conn, part.object, part.account)
            progress.finish(conn, self.task, part.name)
        return Step(part=part, drift=drift, foreign=foreign, finished=True)

    def _unlisted(self, part: Part, tally: Tally) -> tuple[Drift, bool]:
        """Read what the mirror has and the list did not show; return what was found of it."""
        kind, account = part.kind, part.account
        if tally.began is None or not is_readable(kind.name):
            return Drift(object=kind.name), False
        began = datetime.fromtimestamp(tally.began, UTC)
        with self.engine.connect() as conn:
            since, limit = tally.place.since, _MOST_SINGLE_READS
            ids = held.unlisted(conn, kind, account, began=began, since=since, limit=limit)
        return self.check_singly(kind, account, ids, tally.drift.checked)

    def check_singly(
        self, kind: MirroredObject, account: str, ids: Sequence[str], checked: int
    ) -> tuple[Drift, bool]:
        """Read objects one by one; return what was found, and whether the key looks foreign.

        `checked`: how many of this type were compared besides. What is gone at Stripe is
        deleted only after all were read, and not at all when too much is.
        """
        gone: list[Told] = []
        found = Drift(object=kind.name)
        for object_id in ids:
            told = self.look(kind, object_id, account)
            with self.engine.begin() as conn:
                if told.object is not None:
                    found = found.plus(self.settle(conn, kind, [told]))
                elif object_id not in held.moving(conn, kind, [told]):
                    gone.append(told)
            if looks_foreign(checked + len(ids), len(gone)):
                return found.plus(_gone(kind, len(gone), 0)), True
        return found.plus(_gone(kind, len(gone), self._bury(gone))), False

    def look(self, kind: MirroredObject, object_id: str, account: str) -> Told:
        """Read one object whole.

        Raises:
            Unavailable, Rejected: see `StripeReads.retrieve`.
        """
        mode = bool(self.intake.livemode)
        return look(
            self.reads, kind.name, object_id, account=account, livemode=mode, background=True
        )

    def _bury(self, gone: Sequence[Told]) -> int:
        buried = 0
        for start in range(0, len(gone), _BURIED_AT_ONCE):
            with self.engine.begin() as conn:
                buried += self._mend(conn, gone[start : start + _BURIED_AT_ONCE])
        return buried


def begin(conn: Connection, task: str, parts: Sequence[Part], since: datetime | None) -> None:
    """Note that `parts` are to be compared: what was created since then, or all."""
    place = Place(since=int(since.timestamp()) if since else None)
    all_parts.begin(conn, task, {part: Tally.at(part, place).as_text() for part in parts})


def _gone(kind: MirroredObject, gone: int, buried: int) -> Drift:
    return Drift(object=kind.name, checked=gone, zombie=gone, repaired=buried)
