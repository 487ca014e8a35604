"""How far the mirror was found from Stripe, by object type; and what a running check has seen."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Integer,
    Table,
    Text,
    delete,
    func,
)
from sqlalchemy.dialects.postgresql import insert

from sync.store.engine import EVERGREEN, METADATA

Mode = Literal["full", "sample"]
MODES = ("full", "sample")

# The newest check of each kind; the log keeps the older ones.
DRIFT = Table(
    "drift",
    METADATA,
    Column("object", Text, primary_key=True),
    Column("account", Text, primary_key=True, server_default=""),
    Column("mode", Text, primary_key=True),
    Column("checked", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("stale", Integer, nullable=False),
    Column("zombie", Integer, nullable=False),
    Column("repaired", Integer, nullable=False),
    Column("checked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(f"mode in {MODES}", name="mode"),
    schema=EVERGREEN,
)

# What Stripe's lists have shown to the full check that runs, so that at its end it is known
# what they did not show, however often it was interrupted.
LISTED = Table(
    "listed",
    METADATA,
    Column("object", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    schema=EVERGREEN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What a check of one object type found, and how much of it was mended.

    `missing`: Stripe has it, the mirror has not. `stale`: a typed column differs, of it or of
    its children. `zombie`: the mirror has it as living, Stripe has not. `checked` counts what
    was compared, apart from what was just changing.
    """

    object: str
    account: str = ""
    checked: int = 0
    missing: int = 0
    stale: int = 0
    zombie: int = 0
    repaired: int = 0

    @property
    def found(self) -> int:
        """Return how many objects were not as at Stripe."""
        return self.missing + self.stale + self.zombie

    def plus(self, more: "Drift") -> "Drift":
        """Return both together, as of this one's object and account."""
        return replace(
            self,
            checked=self.checked + more.checked,
            missing=self.missing + more.missing,
            stale=self.stale + more.stale,
            zombie=self.zombie + more.zombie,
            repaired=self.repaired + more.repaired,
        )


def publish(conn: Connection, drift: Drift, mode: Mode) -> None:
    """Record what a check found as the newest."""
    values = {**asdict(drift), "mode": mode, "checked_at": func.now()}
    row = insert(DRIFT).values(values)
    conn.execute(row.on_conflict_do_update(index_elements=list(DRIFT.primary_key), set_=values))


def note_listed(conn: Connection, object_type: str, account: str, ids: Sequence[str]) -> None:
    """Remember that Stripe's list showed these."""
    if ids:
        rows = [{"object": object_type, "account": account, "id": each} for each in sorted(ids)]
        conn.execute(insert(LISTED).on_conflict_do_nothing(), rows)


def forget_listed(conn: Connection, object_type: str, account: str) -> None:
    """Forget what the list of one object type showed."""
    same = (LISTED.c.object == object_type) & (LISTED.c.account == account)
    conn.execute(delete(LISTED).where(same))
