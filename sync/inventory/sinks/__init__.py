"""The stock's vendors, one file each, by the name that the setting `INVENTORY` uses."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from sync.delivery.gate import Gate
from sync.delivery.http import Client
from sync.delivery.policy import Policy
from sync.errors import SettingsError
from sync.inventory import remote
from sync.inventory.policy import LOCAL
from sync.inventory.sink import InventorySink
from sync.inventory.sinks.shopify import ShopifySink
from sync.inventory.sinks.webhook import WebhookSink
from sync.inventory.vendors import Vendors
from sync.webhook import Webhook

# Makes the gate that every call of a vendor passes, by the sink's name and policy.
Gates = Callable[[str, Policy], Gate | None]


@dataclass(frozen=True, slots=True)
class Opening:
    """What it takes to open sinks; `opened` closes them again."""

    engine: Engine
    vendors: Vendors
    gates: Gates
    opened: ExitStack


def _webhook(opening: Opening) -> InventorySink:
    endpoint = opening.vendors.webhook
    if endpoint is None:
        raise SettingsError("INVENTORY names webhook: set INVENTORY_WEBHOOK_URL and its secret")
    webhook = Webhook(endpoint, opening.gates("inventory:webhook", WebhookSink.policy))
    opening.opened.callback(webhook.close)
    return WebhookSink(webhook, opening.engine)


def _shopify(opening: Opening) -> InventorySink:
    shop = opening.vendors.shopify
    if shop is None:
        raise SettingsError("INVENTORY names shopify: set SHOPIFY_BASE_URL and its credentials")
    client = Client(shop.base_url, opening.gates(ShopifySink.name, ShopifySink.policy))
    opening.opened.callback(client.close)
    return ShopifySink(shop, client, partial(remote.names, opening.engine, ShopifySink.name))


# `local` is the ledger itself: it is there already.
SINKS: Mapping[str, Callable[[Opening], InventorySink]] = {
    "shopify": _shopify,
    "webhook": _webhook,
}
NAMES = frozenset({LOCAL, *SINKS})


def open_sinks(names: Sequence[str], opening: Opening) -> dict[str, InventorySink]:
    """Return the sinks called `names`, by name; nothing has connected yet.

    Raises:
        SettingsError: a name is not known, or its vendor's settings are missing.
    """
    if unknown := sorted(set(names) - NAMES):
        known = ", ".join(sorted(NAMES))
        raise SettingsError(f"INVENTORY names {', '.join(unknown)}; known are {known}")
    return {name: SINKS[name](opening) for name in names if name in SINKS}


def no_gate(name: str, policy: Policy) -> None:
    """Let every call through: for a command that a person runs."""
    del name, policy
