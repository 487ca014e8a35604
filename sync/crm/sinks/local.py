"""The CRM in our own database: `evergreen.crm_record`, one row per customer."""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    Integer,
    Table,
    Text,
    case,
    cast,
    func,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from sync.changes import Done, Outcome
from sync.crm.sink import CrmSink, Snapshot
from sync.store.engine import EVERGREEN, METADATA

CRM_RECORD = Table(
    "crm_record",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("customer_id", Text, primary_key=True),
    # Grows by one whenever `data` really changed; stands in `data` as `snapshot_version` too.
    Column("version", BigInteger, nullable=False),
    Column("data", JSONB, nullable=False),
    # Business time of the last change of `data`.
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # Database time at which `data` was read: what was read earlier never replaces it.
    Column("read_at", DateTime(timezone=True), nullable=False),
    schema=EVERGREEN,
)


@dataclass(frozen=True, slots=True)
class LocalSink:
    """Keeps every customer's snapshot in PostgreSQL."""

    engine: Engine
    name: str = "local"

    def deliver(self, snapshot: Snapshot) -> Outcome:
        """Keep `snapshot`; one that was overtaken by a newer one changes nothing."""
        with self.engine.begin() as conn:
            keep(conn, snapshot)
        return Done()


def keep(conn: Connection, snapshot: Snapshot) -> int | None:
    """Write `snapshot` and return its version, None when a newer one stands already."""
    row = {
        "account": snapshot.account,
        "customer_id": snapshot.customer_id,
        "version": 1,
        "data": {**snapshot.fields, _VERSION: 1},
        "updated_at": snapshot.at,
        "read_at": snapshot.read_at,
    }
    return conn.execute(_KEEP, row).scalar_one_or_none()


def open_sink(engine: Engine) -> CrmSink:
    """Return the sink that writes through `engine`."""
    return LocalSink(engine)


_VERSION = "snapshot_version"
_NEW = insert(CRM_RECORD)
_STANDS, _COMES = CRM_RECORD.c.data.op("-")(_VERSION), _NEW.excluded.data.op("-")(_VERSION)
_CHANGED = _STANDS.is_distinct_from(_COMES)
_NEXT = CRM_RECORD.c.version + cast(_CHANGED, Integer)
_KEEP = _NEW.on_conflict_do_update(
    index_elements=[CRM_RECORD.c.account, CRM_RECORD.c.customer_id],
    set_={
        "version": _NEXT,
        "data": type_coerce(_COMES, JSONB).op("||")(func.jsonb_build_object(_VERSION, _NEXT)),
        "updated_at": case((_CHANGED, _NEW.excluded.updated_at), else_=CRM_RECORD.c.updated_at),
        "read_at": _NEW.excluded.read_at,
    },
    where=CRM_RECORD.c.read_at <= _NEW.excluded.read_at,
).returning(CRM_RECORD.c.version)
