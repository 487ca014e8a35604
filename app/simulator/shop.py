"""A small coffee shop: its goods, what it sells by subscription, and who comes by."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.simulator.history import Json
from app.simulator.objects.catalogue import price, product
from app.simulator.people import Person, somebody
from app.simulator.world import World

_CURRENCIES: Mapping[str, int] = {"usd": 60, "eur": 18, "thb": 16, "jpy": 6}  # in per cent


@dataclass(frozen=True, slots=True)
class Good:
    """A product. Goods that are shipped carry their SKU in `metadata`, the others say so."""

    name: str
    description: str
    metadata: Mapping[str, str]
    shippable: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """A good for so much each month or year, in minor units per currency."""

    good: str
    nickname: str
    interval: str
    amounts: Mapping[str, int]
    metadata: Mapping[str, str] = field(default_factory=dict)


GOODS: Mapping[str, Good] = {
    "morning_ridge": Good(
        "Morning Ridge coffee",
        "Washed arabica from Chiang Rai, roasted each Tuesday.",
        {"sku": "COFFEE-250"},
    ),
    "night_owl": Good("Night Owl decaf", "Decaffeinated with water.", {"sku": "DECAF-250"}),
    "cold_brew": Good("Cold brew", "Six bottles, keep cool.", {"sku": "COLDBREW-6"}),
    "filters": Good("Paper filters", "One hundred, unbleached.", {"sku": "FILTER-100"}),
    "sunday_box": Good("Slow Sunday box", "Two bags and this season's mug.", {}),
    "office": Good("Office coffee", "Fresh beans for each desk.", {"sku": "OFFICE-DESK"}),
    "grinder": Good("Hand grinder", "Tried out and never sold.", {"sku": "GRINDER"}),
    "school": Good("Brewing school", "All classes online.", {"stock": "none"}, shippable=False),
}

OFFERS: Mapping[str, Offer] = {
    "coffee_250": Offer(
        "morning_ridge",
        "250 g monthly",
        "month",
        {"usd": 1600, "eur": 1490, "thb": 52000, "jpy": 2300},
    ),
    "coffee_500": Offer(
        "morning_ridge",
        "500 g monthly",
        "month",
        {"usd": 2900, "eur": 2690, "thb": 94000, "jpy": 4200},
        {"sku": "COFFEE-500"},
    ),
    "coffee_1000": Offer(
        "morning_ridge",
        "1 kg monthly",
        "month",
        {"usd": 4900, "eur": 4590, "thb": 159000, "jpy": 7200},
        {"sku": "COFFEE-1000"},
    ),
    "coffee_yearly": Offer(
        "morning_ridge",
        "250 g a month, paid yearly",
        "year",
        {"usd": 17200, "eur": 15990, "thb": 559000, "jpy": 24800},
    ),
    "decaf_ground": Offer(
        "night_owl",
        "250 g ground, monthly",
        "month",
        {"usd": 1700, "eur": 1590, "thb": 55000, "jpy": 2400},
        {"sku": "DECAF-250-GROUND"},
    ),
    "decaf_whole": Offer(
        "night_owl",
        "250 g whole beans, monthly",
        "month",
        {"usd": 1650, "eur": 1540, "thb": 53500, "jpy": 2350},
        {"sku": "DECAF-250-WHOLE"},
    ),
    "cold_brew": Offer(
        "cold_brew",
        "Six bottles monthly",
        "month",
        {"usd": 2400, "eur": 2200, "thb": 78000, "jpy": 3500},
    ),
    "filters": Offer(
        "filters",
        "Filters monthly",
        "month",
        {"usd": 450, "eur": 420, "thb": 14500, "jpy": 650},
    ),
    "sunday_box": Offer(
        "sunday_box",
        "Box monthly",
        "month",
        {"usd": 4200, "eur": 3900, "thb": 135000, "jpy": 6000},
        {"sku_bundle": "COFFEE-250:2,MUG-SEASON:1"},
    ),
    "office_desk": Offer(
        "office",
        "Per desk, monthly",
        "month",
        {"usd": 900, "eur": 850, "thb": 29000, "jpy": 1300},
    ),
    "school_yearly": Offer(
        "school",
        "All classes, yearly",
        "year",
        {"usd": 9900, "eur": 8900, "thb": 319000, "jpy": 14000},
    ),
}

Basket = Sequence[tuple[str, int]]
"""Offers and how many of each."""


class Shop:
    """Puts goods on sale when they are first asked for, and counts who comes by."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._products: dict[str, str] = {}
        self._prices: dict[tuple[str, str], str] = {}
        self._visitors = 0

    def open_all(self) -> None:
        """Put the whole catalogue on sale, in every currency."""
        for offer, details in OFFERS.items():
            for currency in details.amounts:
                self.price(offer, currency)

    def price(self, offer: str, currency: str) -> Json:
        """Return the price of an offer as it stands now."""
        if (offer, currency) not in self._prices:
            with self._world.request():
                self._prices[offer, currency] = self._put_on_sale(offer, currency)
        return self._world[self._prices[offer, currency]]

    def product(self, good: str) -> str:
        """Return the id of a good's product."""
        if good not in self._products:
            details = GOODS[good]
            made = product(
                self._world,
                name=details.name,
                description=details.description,
                shippable=details.shippable,
                metadata=details.metadata,
            )
            self._products[good] = self._world.create(made, "product.created")
        return self._products[good]

    def somebody(self, rng: random.Random, currency: str | None = None) -> Person:
        """Let the next person come by, from the market of `currency` or from any."""
        self._visitors += 1
        drawn = rng.choices(list(_CURRENCIES), weights=list(_CURRENCIES.values()))[0]
        return somebody(rng, currency or drawn, self._visitors)

    def _put_on_sale(self, offer: str, currency: str) -> str:
        details = OFFERS[offer]
        product_id = self.product(details.good)
        made = price(
            self._world,
            product_id=product_id,
            nickname=details.nickname,
            lookup_key=f"{offer}_{currency}",
            interval=details.interval,
            unit_amount=details.amounts[currency],
            currency=currency,
            metadata=details.metadata,
        )
        price_id = self._world.create(made, "price.created")
        if self._world[product_id]["default_price"] is None:
            # As in the dashboard: the first price becomes the default one, in the same second.
            self._world.update(product_id, "product.updated", {"default_price": price_id})
        return price_id


@dataclass(frozen=True, slots=True)
class Scene:
    """Where one customer's story plays, with dice of its own."""

    world: World
    shop: Shop
    rng: random.Random

    def basket(self, offers: Basket, currency: str) -> list[tuple[Json, int]]:
        """Return the prices of some offers in a currency, and how many of each."""
        return [(self.shop.price(offer, currency), quantity) for offer, quantity in offers]
