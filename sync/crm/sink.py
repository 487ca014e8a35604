"""The seam for CRM vendors: what they get, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sync.changes import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that a CRM shall know of one customer (see `sync.crm.snapshot`).

    `at` is the business time of this delivery; `read_at` the database's own time at which
    the fields were read. `revision` grows with every request, so that a receiver of several
    snapshots can drop the older one.
    """

    account: str
    customer_id: str
    livemode: bool
    fields: Mapping[str, Any]
    at: datetime
    read_at: datetime
    revision: int


class CrmSink(Protocol):
    """A place that keeps customers. It only translates: waiting and repeating is the outbox's."""

    @property
    def name(self) -> str:
        """Return the name under which settings and effects know this sink."""
        ...

    def deliver(self, snapshot: Snapshot) -> Outcome:
        """Make the sink's record equal `snapshot`; the same twice is the same as once."""
        ...
