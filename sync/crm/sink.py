"""The seam for CRM vendors: what they get, and what they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sync.changes import Outcome
from sync.delivery.sink import Sink


@dataclass(frozen=True, slots=True)
class Link:
    """Who the customer is over there.

    `told`: the fields that were written once and belong to the people over there since.
    """

    remote_id: str
    told: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that a CRM shall know of one customer (see `sync.crm.snapshot`).

    Customers who are one contact over there (`link`) share one snapshot, merged, under the id
    of the first of them. `at` is the business time of this delivery; `read_at` the database's
    own time at which the fields were read. `message_id` stands for this content as it was asked
    for, and is the same at every try.
    """

    account: str
    customer_id: str
    livemode: bool
    fields: Mapping[str, Any]
    at: datetime
    read_at: datetime
    message_id: str = ""
    link: Link | None = None

    @property
    def version(self) -> int:
        """Return what grows with every reading, so that a receiver can drop what comes late."""
        return int(self.read_at.timestamp() * 1_000_000)

    @property
    def told(self) -> frozenset[str]:
        """Return the fields that are not to be written again."""
        return self.link.told if self.link else frozenset()


class CrmSink(Sink, Protocol):
    """A place that keeps customers. It only translates: waiting and repeating is the engine's."""

    @property
    def once(self) -> Sequence[str]:
        """Return the fields that are written once, when they are first known."""
        ...

    def shown(self, snapshot: Snapshot) -> Mapping[str, Any]:
        """Return what of `snapshot` the sink would keep, but for what it is told `once`."""
        ...

    def deliver(self, batch: Sequence[Snapshot]) -> Sequence[Outcome]:
        """Make the sink's records equal `batch`; the same twice is the same as once.

        Returns one outcome each, in order; `Done.remote_id` is the record's own id, which
        becomes the `link`. Raises for none.
        """
        ...
