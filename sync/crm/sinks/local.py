"""The CRM in our own database: `evergreen.crm_record`, one row per customer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Integer, case, cast, func, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, insert

from sync.changes import Done, Outcome
from sync.crm.sink import Snapshot
from sync.crm.tables import CRM_RECORD
from sync.delivery.policy import AT_HOME, Policy
from sync.delivery.sink import Finding


@dataclass(frozen=True, slots=True)
class LocalSink:
    """Keeps every customer's snapshot in PostgreSQL."""

    engine: Engine
    name: str = "local"
    policy: Policy = AT_HOME
    once: Sequence[str] = ()

    def setup(self) -> Sequence[Finding]:
        """Tell that all is there: the migrations made the table."""
        return [Finding("ok", CRM_RECORD.fullname)]

    def shown(self, snapshot: Snapshot) -> Mapping[str, Any]:
        """Return all fields."""
        return snapshot.fields

    def deliver(self, batch: Sequence[Snapshot]) -> Sequence[Outcome]:
        """Keep `batch`; a snapshot that was overtaken by a newer one changes nothing."""
        with self.engine.begin() as conn:
            for snapshot in sorted(batch, key=lambda each: (each.account, each.customer_id)):
                keep(conn, snapshot)
        return [Done() for _ in batch]


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
