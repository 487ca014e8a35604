"""Readings into the mirror: one transaction per page, with what follows from it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DataError

from sync import history
from sync.changes import Change
from sync.errors import SettingsError
from sync.mirror import unsettled
from sync.mirror.apply import Applied
from sync.mirror.ended import ended
from sync.mirror.look import mode_of
from sync.mirror.reading import Told, fold, ids_in
from sync.mirror.tables import Json, MirroredObject
from sync.store import lanes, refetch

log = structlog.get_logger(__name__)

# What shall follow from changes, in their transaction: whoever composes the process decides.
Follow = Callable[[Connection, Sequence[Change]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Takes readings in. `livemode` is the mode of this deployment, None when it takes both."""

    lanes: int
    livemode: bool | None
    follow: Follow

    def told(
        self, kind: MirroredObject, shown: Iterable[Json], account: str, as_of: datetime
    ) -> list[Told]:
        """Return a page's objects as readings; those without an id are previews of nothing yet.

        Raises:
            SettingsError: the key reads the other mode.
        """
        readings = [
            Told(
                object_type=kind.name,
                object_id=object_id,
                account=account,
                livemode=mode_of(each, livemode=bool(self.livemode)),
                object=each,
                as_of=as_of,
            )
            for each in shown
            if (object_id := kind.identify(each))
        ]
        if any(self.livemode not in {None, each.livemode} for each in readings):
            raise SettingsError(_WRONG_MODE)
        return readings

    def take(self, conn: Connection, readings: Sequence[Told]) -> Applied:
        """Fold `readings` under the ordering rule, and record what follows from them.

        The lanes of their objects are held from here to the transaction's end. What a reading
        leaves open is asked for; what it settles, the worker sees by itself. What PostgreSQL
        refuses to hold is logged and left out: it must not keep the others waiting.
        """
        lost = [gone for inside in ended(conn, readings).values() for gone in inside]
        lanes.hold_all_of(conn, ids_in([*readings, *lost]), self.lanes)
        applied = _folded(conn, [*readings, *lost])
        refetch.ask(conn, unsettled.wishes(applied.winners))
        history.record_readings(conn, applied.changes)
        history.rederive(conn, applied.changes)
        self.follow(conn, applied.changes)
        return applied


_WRONG_MODE = (
    "STRIPE_API_KEY reads the other mode (test or live) than STRIPE_LIVEMODE says:"
    " use a key of this deployment's mode"
)


def _folded(conn: Connection, readings: Sequence[Told]) -> Applied:
    try:
        with conn.begin_nested():
            return fold(conn, readings)
    except DataError as error:
        if len(readings) > 1:
            singly = [_folded(conn, [each]) for each in readings]
            changes = [change for applied in singly for change in applied.changes]
            return Applied(changes, [winner for applied in singly for winner in applied.winners])
        told = readings[0]
        reason = type(error.orig).__name__
        log.error("object.not_held", object=told.object_type, id=told.object_id, reason=reason)  # noqa: TRY400 — a trace would show nothing more
        return Applied([], [])
