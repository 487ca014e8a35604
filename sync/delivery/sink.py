"""What all vendors have in common: a sink only translates, the engine does the rest.

A vendor's file has a class with `name`, `policy`, `setup`, and the `deliver` of its channel's
Protocol (`sync.crm.sink`, `sync.inventory.sink`), which speaks through one
`sync.delivery.http.Client` and turns what comes back into outcomes with
`sync.delivery.signals`. It returns one outcome per item, in order, and raises for none: what is
not known to have happened or not is `Unknown`, whatever its shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sync.delivery.policy import Policy


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `setup` looked at: it was there, it was made, or a person must see to it."""

    level: Literal["ok", "made", "wrong"]
    what: str
    hint: str = ""


class Sink(Protocol):
    """The common part of every vendor."""

    @property
    def name(self) -> str:
        """Return the name under which settings and effects know this sink."""
        ...

    @property
    def policy(self) -> Policy:
        """Return the sink's numbers."""
        ...

    def setup(self) -> Sequence[Finding]:
        """Make sure that the other side has the fields we write; safe to repeat."""
        ...
