"""The stock in a worker as the settings give it: from an event to whoever follows the shelf."""

import json
from collections.abc import Mapping

import pytest

from app.settings import Settings
from sync.errors import SettingsError
from tests.delivery.server import Provider, providing
from tests.inventory import sales
from tests.inventory.shelf import NOW
from tests.inventory.test_gate import API, CATALOGUE, Stripe, stripe
from tests.workers.world import World, settings_for, world

__all__ = ["stripe"]
SECRET = "whsec_" + "a2tra2tra2tra2tra2tra2tra2tra2tr"
LINE = sales.Sold(id="il_1", price="price_9", product="prod_9", quantity=2)
PAID = sales.event("invoice.paid", sales.invoice("in_1", "paid", [LINE]), 20)


def service(database_url: str, redis_url: str, **more: str) -> World:
    return world(settings_for(database_url, redis_url, **more), NOW)


def told(receiver: Provider) -> list[str]:
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in receiver.got]
    return sorted(each["type"] for each in bodies)


def test_a_sale_reaches_the_shops_own_address(database_url: str, redis_url: str) -> None:
    with providing() as receiver:
        more = {"INVENTORY_WEBHOOK_URL": receiver.url, "INVENTORY_WEBHOOK_SECRET": SECRET}
        shop = service(database_url, redis_url, INVENTORY="local,webhook", **more)
        shop.arrive(*CATALOGUE, PAID)
        shop.drain()
        shop.deliver()
        shop.context.engine.dispose()

    assert told(receiver) == ["inventory.movement", "inventory.notice"]


def test_what_is_sold_out_goes_off_sale(database_url: str, redis_url: str, stripe: Stripe) -> None:
    key = {
        "STRIPE_API_KEY": "sk_test_123",
        "STRIPE_API_BASE": API,
        "INVENTORY_GATE": "price",
        "CLOCK": "simulated",
    }
    shop = service(database_url, redis_url, **key)
    sold = sales.Sold(id="il_1", price="price_1", product="prod_1")
    paid = sales.event("invoice.paid", sales.invoice("in_1", "paid", [sold]), 20)
    shop.arrive(*CATALOGUE, paid)
    shop.drain()
    shop.deliver()
    shop.context.engine.dispose()

    assert stripe.writes == [("/v1/prices/price_1", "false")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"INVENTORY": "amazon"}, "no vendor is called amazon", id="unknown"),
        pytest.param({"INVENTORY": "webhook"}, "INVENTORY_WEBHOOK_URL is not set", id="url"),
        pytest.param({"INVENTORY": "webhook"}, "INVENTORY_WEBHOOK_SECRET is not set", id="secret"),
        pytest.param({"INVENTORY": "shopify"}, "SHOPIFY_CLIENT_SECRET is not set", id="shopify"),
        pytest.param({"INVENTORY_GATE": "shut"}, "INVENTORY_GATE is 'shut': use one of", id="gate"),
        pytest.param({"INVENTORY_GATE": "price"}, "STRIPE_API_KEY is not set", id="gate-key"),
    ],
)
def test_what_is_wrong_in_the_settings_is_said(given: Mapping[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        settings_for("postgresql://host/name", "redis://host/0", **given)

    assert message in str(wrong.value)


def test_settings_as_they_come() -> None:
    settings: Settings = settings_for("postgresql://host/name", "redis://host/0")
    shopify = {
        "INVENTORY": "local,shopify,webhook",
        "SHOPIFY_BASE_URL": "https://shop.example",
        "SHOPIFY_CLIENT_ID": "id",
        "SHOPIFY_CLIENT_SECRET": "very-secret",
        "INVENTORY_WEBHOOK_URL": "https://hook.example",
        "INVENTORY_WEBHOOK_SECRET": SECRET,
    }
    both = settings_for("postgresql://host/name", "redis://host/0", **shopify)
    levels = settings_for(
        "postgresql://host/name", "redis://host/0", **shopify, SHOPIFY_MODE="levels"
    )

    assert (settings.inventory, settings.stock.policy.gate) == (("local",), "alert")
    assert both.stock.policy.followers == ("shopify", "webhook")
    assert both.stock.policy.listeners == ("webhook",)
    assert (levels.stock.policy.followers, levels.stock.policy.levels) == (
        ("webhook",),
        ("shopify",),
    )
    assert "very-secret" not in repr(both.stock)
