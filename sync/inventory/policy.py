"""How a shop keeps its stock, by its settings."""

from dataclasses import dataclass
from typing import Literal, get_args

from sync.inventory.tables import DEFAULT_LOCATION

# What is turned off at Stripe when something is sold out; `alert` only tells.
GateMode = Literal["alert", "payment_link", "price", "product"]
GATE_MODES: tuple[GateMode, ...] = get_args(GateMode)
LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryPolicy:
    """Who follows the ledger, how lines are read, and what happens when nothing is left.

    `followers` get every movement once; `levels` get the newest level of a shelf instead.
    `listeners` are told of notices. `location` is where a mark without one takes from.
    """

    followers: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()
    lookup_keys: bool = False
    reserve_open: bool = False
    gate: GateMode = "alert"
    location: str = DEFAULT_LOCATION
    # Whose prices the gate may close: the accounts that we serve.
    accounts: frozenset[str] = frozenset({""})


PLAIN = InventoryPolicy()
