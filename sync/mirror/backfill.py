"""All that Stripe holds, into the mirror: list by list, parents first, resumable at each page.

Running it beside live events is safe: what it reads is stamped with the time before the
request and goes through the same ordering rule, so a newer event always stands. It mails
nobody and moves no stock: what was sold before must not be taken off today's shelf.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from sync.errors import Rejected
from sync.mirror import parts as all_parts
from sync.mirror.client import StripeReads
from sync.mirror.intake import Intake
from sync.mirror.listing import Listed, Lists, Place, parents_to_walk
from sync.mirror.parts import Part
from sync.store import progress

TASK = "backfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one page brought. `oldest` is when its last object was created, Stripe's second.

    `parents_left`: how many lists of this part were not walked yet, where each parent has its
    own. `refused` says why Stripe does not show this part: nothing more of it comes.
    """

    part: Part
    objects: int = 0
    changed: int = 0
    oldest: int | None = None
    parents_left: int = 0
    refused: str | None = None
    finished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A run over the parts that `begin` noted."""

    engine: Engine
    reads: StripeReads
    intake: Intake

    def steps(self, parts: Sequence[Part]) -> Iterator[Step]:
        """Go on with `parts` in their order; each step is committed before it is told.

        A part that Stripe refuses is told and left unfinished, and the next one begins.

        Raises:
            Unavailable: Stripe is down or busy for longer than the client's patience.
            SettingsError: the key is of the other mode.
        """
        for part in parts:
            try:
                yield from self._part(part)
            except Rejected as refusal:
                yield Step(part=part, refused=str(refusal))

    def _part(self, part: Part) -> Iterator[Step]:
        with self.engine.connect() as conn:
            place = Place.of_text(all_parts.cursor_of(conn, TASK, part))
            left = parents_to_walk(conn, part.kind, part.account, place)
        lists = Lists(engine=self.engine, reads=self.reads, account=part.account)
        for listed in lists.pages(part.kind, place):
            left -= listed.place.parent != place.parent
            place = listed.place
            yield self._take(part, listed, left)
        with self.engine.begin() as conn:
            progress.finish(conn, TASK, part.name)
        yield Step(part=part, finished=True)

    def _take(self, part: Part, listed: Listed, parents_left: int) -> Step:
        readings = self.intake.told(part.kind, listed.objects, part.account, listed.as_of)
        done, cursor = len(listed.objects), listed.place.as_text()
        with self.engine.begin() as conn:
            changed = len(self.intake.take(conn, readings).changes)
            progress.advance(conn, TASK, part.name, cursor, done=done, changed=changed)
        return Step(
            part=part,
            objects=done,
            changed=changed,
            oldest=listed.place.created,
            parents_left=parents_left,
        )


def begin(conn: Connection, parts: Sequence[Part], since: datetime | None) -> None:
    """Note that `parts` are to be walked: what was created since then, or all."""
    place = Place(since=int(since.timestamp()) if since else None)
    all_parts.begin(conn, TASK, dict.fromkeys(parts, place.as_text()))
