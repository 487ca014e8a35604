"""Lanes: an object's events and readings go through one hand at a time.

An object's slot never changes; a lane is a share of the slots, and whoever writes to the
mirror holds the advisory locks of the lanes it touches until its transaction ends.
"""

import zlib
from collections.abc import Iterable

from sqlalchemy import Connection, text

from sync.store.engine import NO_WAIT

_SLOTS = 1024
_LOCK = text(f"SELECT pg_advisory_xact_lock(hashtext('evergreen.lane'), :lane), {NO_WAIT}")


def slot(object_id: str) -> int:
    """Return the slot of an object, the same for all its events for ever."""
    return zlib.crc32(object_id.encode()) % _SLOTS


def hold(conn: Connection, lane: int) -> None:
    """Wait until `lane` is ours alone, until this transaction ends."""
    conn.execute(_LOCK, {"lane": lane})


def hold_all_of(conn: Connection, object_ids: Iterable[str], lanes: int) -> None:
    """Hold the lanes of all these objects, of `lanes` in all; in one order, so nobody deadlocks."""
    for lane in sorted({slot(object_id) % lanes for object_id in object_ids}):
        hold(conn, lane)
