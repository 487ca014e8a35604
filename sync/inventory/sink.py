"""The seam for places that keep a copy of the stock; our own ledger (`local`) is the original.

A movement is a delta: it has one key for ever and is never merged with another, so a sink must
be able to tell that it has taken it before. A level is a state: the newest one is enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sync.changes import Outcome
from sync.delivery.sink import Sink
from sync.inventory.ledger import Booked
from sync.inventory.standing import NoticeKind


@dataclass(frozen=True, slots=True)
class Told:
    """A movement on its way to one sink, under the key that is its own there for ever."""

    movement: Booked
    key: str


@dataclass(frozen=True, slots=True)
class Level:
    """What stands on a shelf by now, less what is held and kept back; never below zero."""

    sku: str
    location: str
    available: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a person shall know of a shelf."""

    id: int
    kind: NoticeKind
    sku: str
    location: str
    on_hand: int
    available: int
    at: datetime


Intent = Told | Level | Notice


class InventorySink(Sink, Protocol):
    """A shop system or ERP that follows our ledger. It only translates, as CRM sinks do."""

    def deliver(self, batch: Sequence[Intent]) -> Sequence[Outcome]:
        """Repeat each intent over there; one outcome each, in order, and never an error.

        `Unknown` is the answer when it may have happened and the other side cannot say. What
        the sink has no use for is `Skipped`.
        """
        ...

    def resolve(self, intent: Intent) -> Outcome | None:
        """Return what became of an unclear intent, and never an error.

        Asked once its key is too old to be sent again. None where the other side cannot say: a
        person settles it then.
        """
        ...
