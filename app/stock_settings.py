"""How the shop keeps its stock: the settings that begin with INVENTORY and SHOPIFY."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.environment import Reader, known_names, optional_web_address
from sync import webhook_signature
from sync.inventory.policy import GATE_MODES, LOCAL, PLAIN, GateMode, InventoryPolicy
from sync.inventory.tables import DEFAULT_LOCATION
from sync.inventory.vendors import NO_VENDORS, Shopify, Vendors
from sync.webhook_signature import Endpoint

_NAMES = frozenset({LOCAL, "shopify", "webhook"})
_ON_OFF = {"true": True, "false": False}
_MODES: Mapping[str, GateMode] = {mode: mode for mode in GATE_MODES}
_SHOPIFY_MODES = {"movements": False, "levels": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class StockSettings:
    """Who follows the stock, where they are, and the rules by which it is kept."""

    sinks: tuple[str, ...] = (LOCAL,)
    policy: InventoryPolicy = PLAIN
    vendors: Vendors = NO_VENDORS


def read(reader: Reader, accounts: frozenset[str]) -> StockSettings:
    """Return the settings of the stock; what is wrong is noted with the reader.

    `accounts` are those that we serve.
    """
    default: tuple[str, ...] = (LOCAL,)
    sinks = reader.parsed("INVENTORY", LOCAL, known_names(_NAMES), default)
    vendors = Vendors(shopify=_shopify(reader, sinks), webhook=_webhook(reader, sinks))
    levels = ("shopify",) if vendors.shopify and vendors.shopify.levels else ()
    policy = InventoryPolicy(
        followers=tuple(each for each in sinks if each not in {LOCAL, *levels}),
        levels=tuple(each for each in sinks if each in levels),
        listeners=tuple(each for each in sinks if each == "webhook"),
        lookup_keys=reader.choice("INVENTORY_LOOKUP_KEYS", _ON_OFF, "false"),
        reserve_open=reader.choice("INVENTORY_RESERVE_OPEN", _ON_OFF, "false"),
        gate=reader.choice("INVENTORY_GATE", _MODES, "alert"),
        location=reader.text("INVENTORY_LOCATION", DEFAULT_LOCATION),
        accounts=accounts,
    )
    if policy.gate != "alert":
        reader.required("STRIPE_API_KEY", f"INVENTORY_GATE={policy.gate} acts at Stripe")
    if policy.gate == "product":
        reader.advice.append(
            "INVENTORY_GATE=product archives products: their payment links end with it"
        )
    return StockSettings(sinks=sinks, policy=policy, vendors=vendors)


def _webhook(reader: Reader, sinks: tuple[str, ...]) -> Endpoint | None:
    url = reader.parsed("INVENTORY_WEBHOOK_URL", "", optional_web_address, None)
    none: tuple[bytes, ...] = ()
    signing = reader.parsed("INVENTORY_WEBHOOK_SECRET", "", webhook_signature.keys, none)
    if "webhook" not in sinks:
        return None
    reader.required("INVENTORY_WEBHOOK_URL", "where INVENTORY=webhook tells of movements")
    reader.required("INVENTORY_WEBHOOK_SECRET", "the receiver must know that it is us (whsec_…)")
    private_too = reader.choice("WEBHOOK_PRIVATE_NETWORK", _ON_OFF, "false")
    return Endpoint(url, signing, private_too) if url else None


def _shopify(reader: Reader, sinks: tuple[str, ...]) -> Shopify | None:
    if "shopify" not in sinks:
        return None
    required = {
        "SHOPIFY_BASE_URL": "https://<shop>.myshopify.com",
        "SHOPIFY_CLIENT_ID": "of the app in the Dev Dashboard",
        "SHOPIFY_CLIENT_SECRET": "the app's secret",
    }
    for name, hint in required.items():
        reader.required(name, hint)
    url = reader.parsed("SHOPIFY_BASE_URL", "", optional_web_address, None)
    return Shopify(
        base_url=url or "",
        client_id=reader.text("SHOPIFY_CLIENT_ID"),
        client_secret=reader.text("SHOPIFY_CLIENT_SECRET"),
        levels=reader.choice("SHOPIFY_MODE", _SHOPIFY_MODES, "movements"),
    )
