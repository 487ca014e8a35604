"""The seam for places that keep a copy of the stock; our own ledger (`local`) is the original.

A movement is a delta: it has one key for ever and is never merged with another, so a sink
must be able to tell that it has taken it before.
"""

from typing import Protocol

from sync.changes import Outcome
from sync.inventory.ledger import Movement


class InventorySink(Protocol):
    """A shop system or ERP that follows our ledger. It only translates, as CRM sinks do."""

    @property
    def name(self) -> str:
        """Return the name under which settings and effects know this sink."""
        ...

    def deliver(self, movement: Movement, key: str) -> Outcome:
        """Repeat `movement` over there; the same `key` twice moves once.

        `Unknown` is the answer when it may have happened and the other side cannot say.
        """
        ...
