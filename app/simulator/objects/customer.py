"""Customers and their cards."""

import random
from dataclasses import dataclass
from typing import Any

from app.simulator.history import Json
from app.simulator.people import Person
from app.simulator.world import World

_INVOICE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def address(person: Person) -> Json:
    """Return where the person lives, in Stripe's form."""
    return {
        "city": person.city,
        "country": person.country,
        "line1": person.line1,
        "line2": None,
        "postal_code": person.postal_code,
        "state": person.state,
    }


def customer(world: World, rng: random.Random, person: Person) -> dict[str, Any]:
    """Return a customer who has bought nothing yet."""
    return {
        "id": world.new_id("customer"),
        "object": "customer",
        "address": address(person),
        "balance": 0,
        "created": world.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": person.email,
        "invoice_prefix": "".join(rng.choices(_INVOICE_LETTERS, k=8)),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": person.name,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": list(person.locales),
        "shipping": {"address": address(person), "name": person.name, "phone": None},
        "tax_exempt": "none",
        "test_clock": None,
    }


@dataclass(frozen=True, slots=True)
class Card:
    """A card as its holder knows it. Numbers are those of Stripe's test cards."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str
    funding: str = "credit"


_TEST_CARDS = (
    ("visa", "4242", "credit"),
    ("visa", "5556", "debit"),
    ("mastercard", "4444", "credit"),
    ("mastercard", "8210", "debit"),
    ("amex", "0005", "credit"),
    ("jcb", "0505", "credit"),
)


def some_card(rng: random.Random, country: str, year: int) -> Card:
    """Return a card that is good for two to four years from `year`."""
    brand, last4, funding = rng.choice(_TEST_CARDS)
    return Card(brand, last4, rng.randint(1, 12), year + rng.randint(2, 4), country, funding)


def payment_method(world: World, owner: Json, card: Card) -> dict[str, Any]:
    """Return the card as a payment method of `owner`, a customer."""
    return {
        "id": world.new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing_details(owner),
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": "pass",
                "cvc_check": "pass",
            },
            "country": card.country,
            "display_brand": {"amex": "american_express"}.get(card.brand, card.brand),
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "fingerprint": world.token(16),
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": world.now,
        "customer": owner["id"],
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def billing_details(owner: Json) -> Json:
    """Return whom a bank bills when `owner`, a customer, pays."""
    return {
        "address": owner["address"],
        "email": owner["email"],
        "name": owner["name"],
        "phone": None,
        "tax_id": None,
    }
