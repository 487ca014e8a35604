"""Claims: which inbox rows are in whose hand, and for how long.

One row holds a whole batch: the inbox itself is written once per event, when it is settled.
Whatever stands in a claim is not free; who settles it must find it there.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Select,
    Table,
    Uuid,
    bindparam,
    cast,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from sync.store.engine import EVERGREEN, METADATA, NO_WAIT

CLAIM = Table(
    "claim",
    METADATA,
    Column("lease", Uuid, primary_key=True),
    Column("seqs", ARRAY(BigInteger), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    schema=EVERGREEN,
)

# A settled one, too: it is empty by then.
LATE = CLAIM.c.until < func.now()

_LOCK = text(f"SELECT pg_advisory_xact_lock(hashtext('evergreen.claim'), :lane), {NO_WAIT}")
_SETTLED = cast(bindparam("settled"), ARRAY(BigInteger))
_LEFT = text("ARRAY(SELECT unnest(seqs) EXCEPT SELECT unnest(CAST(:settled AS bigint[])))")
# Takes rows out of a claim: returns one row when all of them were in it, else none. Nobody else
# can touch the claim until the transaction ends.
SETTLING = (
    update(CLAIM)
    .where(CLAIM.c.lease == bindparam("of_lease", type_=Uuid), CLAIM.c.seqs.contains(_SETTLED))
    .values(seqs=_LEFT)
    .returning(CLAIM.c.lease)
    .cte("settling")
)


def lock(conn: Connection, lane: int) -> None:
    """Wait until nobody else is claiming in `lane`: two would take the same rows."""
    conn.execute(_LOCK, {"lane": lane})


def held() -> Select[Any]:
    """Return the query for all rows in anybody's hand, also in one that is late."""
    return select(func.unnest(CLAIM.c.seqs))


def give_up(conn: Connection, lease: UUID) -> list[int]:
    """Drop a claim; return the rows that were still in it."""
    return _drop(conn, CLAIM.c.lease == lease)


def give_up_late(conn: Connection) -> list[int]:
    """Drop all claims whose time is up; return the rows that were still in them.

    One that is just being settled stays: whoever settles it may be frozen.
    """
    late = select(CLAIM.c.lease).where(LATE).with_for_update(skip_locked=True)
    return _drop(conn, CLAIM.c.lease.in_(late))


def _drop(conn: Connection, which: Any) -> list[int]:
    dropped = conn.execute(delete(CLAIM).where(which).returning(CLAIM.c.seqs))
    return [seq for seqs in dropped.scalars() for seq in seqs]
