"""What a vendor's sink is made of."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Engine

from sync.crm.vendors import Vendors
from sync.delivery.gate import Gate
from sync.delivery.policy import Policy
from sync.errors import SettingsError

Gates = Callable[[str, Policy], Gate | None]
"""Makes a sink's gate: its quota and its breaker, shared by all processes."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Our database, the vendors' addresses and keys, what makes gates, and what closes."""

    engine: Engine
    vendors: Vendors
    gates: Gates
    opened: ExitStack


def no_gate(_name: str, _policy: Policy) -> Gate | None:
    """Return no gate: neither quota nor breaker."""
    return None


def must(found: T | None, missing: str) -> T:
    """Return what a sink cannot do without.

    Raises:
        SettingsError: it is not set; `missing` names what is.
    """
    if found is None:
        raise SettingsError(missing)
    return found
