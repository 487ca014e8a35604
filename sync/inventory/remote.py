"""What vendors call our SKUs and locations, kept so that a delivery needs no search."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Engine, delete, func, or_, outerjoin, select
from sqlalchemy.dialects.postgresql import insert

from sync.inventory.names import Names
from sync.inventory.tables import REMOTE, STOCK_ITEM, STOCK_LEVEL


def names(engine: Engine, sink: str, skus: Collection[str]) -> Names:
    """Return the names that `sink` has for `skus`, and for all of our locations."""
    column = REMOTE.c
    needed = or_(column.kind == "location", column.name.in_(skus))
    with engine.connect() as conn:
        found = conn.execute(select(REMOTE).where(column.sink == sink, needed)).all()
    of = {kind: {row.name: row.remote_id for row in found if row.kind == kind} for kind in _KINDS}
    return Names(of["sku"], of["location"])


_KINDS = ("sku", "location")


def keep(conn: Connection, sink: str, kind: str, named: Mapping[str, str]) -> None:
    """Note what `sink` calls our SKUs or locations (`kind`); a later name wins."""
    rows = [
        {"sink": sink, "kind": kind, "name": name, "remote_id": remote_id}
        for name, remote_id in sorted(named.items())
    ]
    if rows:
        conn.execute(_KEEP, rows)


def available(conn: Connection) -> dict[tuple[str, str], int]:
    """Return what may still be sold from every shelf, as followers should show it."""
    level, item = STOCK_LEVEL.c, STOCK_ITEM.c
    left = level.on_hand - level.reserved - func.coalesce(item.safety, 0)
    found = select(level.sku, level.location, left).select_from(
        outerjoin(STOCK_LEVEL, STOCK_ITEM, level.sku == item.sku)
    )
    return {(row[0], row[1]): row[2] for row in conn.execute(found)}


def forget(conn: Connection, sink: str, kind: str, name: str) -> bool:
    """Forget one name; False when there was none."""
    column = REMOTE.c
    one = delete(REMOTE).where(column.sink == sink, column.kind == kind, column.name == name)
    return conn.execute(one).rowcount == 1


_NEW = insert(REMOTE)
_KEEP = _NEW.on_conflict_do_update(
    index_elements=[REMOTE.c.sink, REMOTE.c.kind, REMOTE.c.name],
    set_={"remote_id": _NEW.excluded.remote_id},
)
