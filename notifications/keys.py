"""The one key of a mail, made of its cause: written here for Python and for SQL alike."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, case, func, literal, select

from sync.store.outbox import OUTBOX


def effect_key(account: str, *, livemode: bool, kind: str, parts: Sequence[str]) -> str:
    """Return the key of a mail: the same cause always makes the same key."""
    return ":".join([account, "live" if livemode else "test", kind, *parts])


def key_hash(key: str) -> str:
    """Return what stands for an effect's key outside the house."""
    return hashlib.sha256(key.encode()).hexdigest()


def message_of(key: str) -> str:
    """Return the part of it that is enough to know a mail by: `sync.store.outbox.MESSAGE`."""
    return key_hash(key)[:32]


def key_column(
    table: FromClause, kind: str, parts: Sequence[ColumnElement[Any]]
) -> ColumnElement[str]:
    """Return the same key for rows of a mirror table."""
    mode = case((table.c.livemode, "live"), else_="test")
    return func.concat_ws(":", table.c.account, mode, literal(kind, Text), *parts)


def is_new(key: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that no effect has this key yet.

    Looked up row by row on purpose: as a join the planner would read the whole outbox, which
    grows for ever, to answer for a window that does not.
    """
    return select(OUTBOX.c.key).where(OUTBOX.c.key == key).scalar_subquery().is_(None)
