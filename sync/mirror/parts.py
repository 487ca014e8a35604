"""Long work on Stripe's lists, cut into parts: one object type in one account each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from sync.errors import Unavailable
from sync.mirror.listing import listable
from sync.mirror.objects import OBJECTS
from sync.mirror.tables import MirroredObject
from sync.store import progress

_ALONE = text("SELECT pg_try_advisory_lock(hashtext(:task), 0)")


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """The list of one object type in one account; the shop's own account is empty."""

    object: str
    account: str = ""

    @property
    def name(self) -> str:
        """Return `invoice`, or `acct_1:invoice` for another account's."""
        return f"{self.account}:{self.object}" if self.account else self.object

    @property
    def kind(self) -> MirroredObject:
        """Return how its objects are mirrored."""
        return OBJECTS[self.object]

    @classmethod
    def of_name(cls, name: str) -> "Part":
        """Return the part called `name`."""
        account, _, object_type = name.rpartition(":")
        return cls(object_type, account)


def parts_of(names: Sequence[str], accounts: Sequence[str]) -> list[Part]:
    """Return the parts for objects called `names`, or for all; in the order to walk them."""
    kinds = listable(names)
    return [Part(kind.name, account) for account in sorted(accounts) for kind in kinds]


def begin(conn: Connection, task: str, cursors: Mapping[Part, str]) -> None:
    """Note that parts of `task` are to be done, each from its cursor on."""
    progress.begin(conn, task, [part.name for part in cursors])
    for part, cursor in cursors.items():
        progress.advance(conn, task, part.name, cursor, done=0)


def unfinished(conn: Connection, task: str, names: Sequence[str] = ()) -> list[Part]:
    """Return what earlier runs of `task` left undone; of objects called `names`, if any."""
    found = progress.parts(conn, task)
    left = {Part.of_name(each.part) for each in found if each.finished_at is None}
    return [part for part in parts_of(names, list({p.account for p in left})) if part in left]


def cursor_of(conn: Connection, task: str, part: Part) -> str | None:
    """Return where `part` of `task` stands."""
    found = progress.parts(conn, task)
    return next((each.cursor for each in found if each.part == part.name), None)


@contextmanager
def alone(engine: Engine, task: str) -> Iterator[None]:
    """Make sure that nobody else does `task` meanwhile; the lock ends with this process.

    Raises:
        Unavailable: somebody does.
    """
    at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
    with at_once.connect() as conn:
        try:
            if not conn.execute(_ALONE, {"task": f"evergreen.{task}"}).scalar():
                raise Unavailable(f"another {task} is running")
            yield
        finally:
            conn.invalidate()  # the lock ends with its session, so that must not be pooled
