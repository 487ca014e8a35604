"""Which record over there is which customer, and which customers are one record."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from sync.crm.sink import Link
from sync.crm.tables import CRM_LINK

Key = tuple[str, str]
"""Account and customer."""

_COLUMN = CRM_LINK.c
_WHOSE = tuple_(_COLUMN.account, _COLUMN.customer_id)
_NEW = insert(CRM_LINK)
_KEEP = _NEW.on_conflict_do_update(
    index_elements=[_COLUMN.sink, _COLUMN.account, _COLUMN.customer_id],
    set_={"remote_id": _NEW.excluded.remote_id, "told": _NEW.excluded.told},
)


def load(conn: Connection, sink: str, keys: Iterable[Key]) -> dict[Key, Link]:
    """Return the links of those of `keys` that have one."""
    mine = (_COLUMN.sink == sink, _WHOSE.in_(sorted(set(keys))))
    rows = conn.execute(select(CRM_LINK).where(*mine))
    return {
        (row.account, row.customer_id): Link(row.remote_id, frozenset(row.told)) for row in rows
    }


def sharing(conn: Connection, sink: str, remote_ids: Iterable[str]) -> dict[str, list[Key]]:
    """Return the customers behind each record, in order: the first stands for all."""
    rows = conn.execute(
        select(_COLUMN.remote_id, _COLUMN.account, _COLUMN.customer_id)
        .where(_COLUMN.sink == sink, _COLUMN.remote_id.in_(sorted(set(remote_ids))))
        .order_by(_COLUMN.account, _COLUMN.customer_id)
    )
    found: dict[str, list[Key]] = defaultdict(list)
    for row in rows:
        found[row.remote_id].append((row.account, row.customer_id))
    return found


def move(conn: Connection, sink: str, old_id: str, new_id: str) -> None:
    """Take all whom one record stood for to the record that stands in its place."""
    those = update(CRM_LINK).where(_COLUMN.sink == sink, _COLUMN.remote_id == old_id)
    conn.execute(those.values(remote_id=new_id))


def keep(conn: Connection, sink: str, links: Mapping[Key, Link]) -> None:
    """Note `links`, in place of earlier ones."""
    rows = [
        {
            "sink": sink,
            "account": key[0],
            "customer_id": key[1],
            "remote_id": link.remote_id,
            "told": sorted(link.told),
        }
        for key, link in sorted(links.items())
    ]
    if rows:
        conn.execute(_KEEP, rows)
