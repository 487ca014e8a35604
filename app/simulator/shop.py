"""A small coffee shop: its goods, what it sells by subscription, and who comes by."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.simulator.goods import GOODS, OFFERS, UNLISTED, Offer
from app.simulator.history import Json
from app.simulator.objects.catalogue import meter, metered, once, plan_of, price, product, tiered
from app.simulator.objects.discount import CouponTerms, coupon, promotion_code
from app.simulator.people import Person, somebody
from app.simulator.world import World

_CURRENCIES: Mapping[str, int] = {"usd": 60, "eur": 18, "thb": 16, "jpy": 6}  # in per cent

Basket = Sequence[tuple[str, int]]
"""Offers and how many of each."""


class Shop:
    """Puts goods on sale when they are first asked for, and counts who comes by."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._products: dict[str, str] = {}
        self._prices: dict[tuple[str, str], str] = {}
        self._meters: dict[str, str] = {}
        self._codes: dict[str, str] = {}
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

    def change_price(self, price_id: str, changes: Mapping[str, Any]) -> None:
        """Change a recurring price, and with it the plan that is its older face."""
        self._world.update(price_id, "price.updated", changes)
        self._world.tell_face(plan_of(self._world[price_id]), "plan.updated")

    def coupon(self, terms: CouponTerms) -> str:
        """Return the id of a coupon, which is made when it is first asked for."""
        if terms.id not in self._codes:
            with self._world.request():
                made = coupon(self._world, terms)
                self._codes[terms.id] = self._world.create(made, "coupon.created")
        return terms.id

    def withdraw_coupon(self, terms: CouponTerms) -> None:
        """Delete a coupon; whoever redeemed it keeps the discount."""
        with self._world.request():
            self._world.delete(self._codes.pop(terms.id), "coupon.deleted")

    def promotion_code(self, terms: CouponTerms, code: str) -> str:
        """Return the id of a code for a coupon, which is made when it is first asked for."""
        coupon_id = self.coupon(terms)
        if code not in self._codes:
            with self._world.request():
                made = promotion_code(self._world, coupon_id, code)
                self._codes[code] = self._world.create(made, "promotion_code.created")
        return self._codes[code]

    def somebody(self, rng: random.Random, currency: str | None = None) -> Person:
        """Let the next person come by, from the market of `currency` or from any."""
        self._visitors += 1
        drawn = rng.choices(list(_CURRENCIES), weights=list(_CURRENCIES.values()))[0]
        return somebody(rng, currency or drawn, self._visitors)

    def _put_on_sale(self, offer: str, currency: str) -> str:
        details = OFFERS.get(offer) or UNLISTED[offer]
        product_id = self.product(details.good)
        plain = price(
            self._world,
            product_id=product_id,
            nickname=details.nickname,
            lookup_key=f"{offer}_{currency}",
            interval=details.interval,
            unit_amount=details.amounts[currency],
            currency=currency,
            metadata=details.metadata,
        )
        made = self._priced(plain, details)
        price_id = self._world.create(made, "price.created")
        if made["recurring"]:
            self._world.tell_face(plan_of(made), "plan.created")
        if self._world[product_id]["default_price"] is None:
            # As in the dashboard: the first price becomes the default one, in the same second.
            self._world.update(product_id, "product.updated", {"default_price": price_id})
        return price_id

    def _priced(self, plain: Json, details: Offer) -> Json:
        made = once(plain) if details.interval == "once" else plain
        if details.tiers:
            made = tiered(made, details.tiers_mode, details.tiers)
        return metered(made, self._meter(details.meter)) if details.meter else made

    def _meter(self, name: str) -> str:
        if name not in self._meters:
            made = meter(self._world, name, name.capitalize())
            self._meters[name] = self._world.create(made, "billing.meter.created")
        return self._meters[name]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where one customer's story plays, with dice of its own."""

    world: World
    shop: Shop
    rng: random.Random

    def basket(self, offers: Basket, currency: str) -> list[tuple[Json, int]]:
        """Return the prices of some offers in a currency, and how many of each."""
        return [(self.shop.price(offer, currency), quantity) for offer, quantity in offers]
