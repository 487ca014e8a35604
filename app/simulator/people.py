"""Invented customers: names, cities and languages for each of the shop's currencies."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

_DOMAINS = ("example.com", "example.net", "example.org")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may subscribe. `locales` are in Stripe's form, best first."""

    name: str
    email: str
    currency: str
    locales: tuple[str, ...]
    city: str
    state: str | None
    postal_code: str
    country: str
    line1: str


@dataclass(frozen=True, slots=True)
class _Market:
    names: tuple[tuple[str, str], ...]  # as written, and as the start of an address
    places: tuple[tuple[str, str | None, str, str], ...]  # city, state, postal code, country
    locales: tuple[tuple[str, ...], ...]
    streets: tuple[str, ...]


_MARKETS: Mapping[str, _Market] = {
    "usd": _Market(
        names=(
            ("Amelia Stone", "amelia.stone"),
            ("Marcus Bell", "marcus.bell"),
            ("Priya Nair", "priya.nair"),
            ("Daniel O'Connor", "daniel.oconnor"),
            ("Grace Kim", "grace.kim"),
            ("Hannah Weiss", "hannah.weiss"),
            ("Luis Ortega", "luis.ortega"),
            ("Naomi Clarke", "naomi.clarke"),
            ("Samuel Reed", "samuel.reed"),
            ("Tara Whitfield", "tara.whitfield"),
        ),
        places=(
            ("Oakland", "CA", "94607", "US"),
            ("San Diego", "CA", "92101", "US"),
            ("Portland", "OR", "97205", "US"),
            ("Austin", "TX", "78701", "US"),
            ("Brooklyn", "NY", "11201", "US"),
        ),
        locales=((), ("en",), ("en-US",)),
        streets=("Alder Street", "Harbor Avenue", "Maple Court", "Union Street"),
    ),
    "eur": _Market(
        names=(
            ("Jonas Keller", "jonas.keller"),
            ("Camille Laurent", "camille.laurent"),
            ("Aoife Byrne", "aoife.byrne"),
            ("Zoë Müller", "zoe.mueller"),
            ("Pieter de Vries", "pieter.devries"),
        ),
        places=(
            ("Hamburg", None, "20095", "DE"),
            ("Lyon", None, "69002", "FR"),
            ("Dublin", None, "D02 X285", "IE"),
            ("Utrecht", None, "3511 AD", "NL"),
        ),
        locales=(("en",), ("de", "en"), ("fr", "en"), ()),
        streets=("Lindenallee", "Rue des Tilleuls", "Canal Row"),
    ),
    "thb": _Market(
        names=(
            ("สมชาย ใจดี", "somchai.jaidee"),
            ("กานดา ศรีสุข", "kanda.srisuk"),
            ("ปวีณา ทองคำ", "paweena.thongkham"),
            ("ธนกร วัฒนชัย", "thanakorn.wattanachai"),
            ("อรุณี แสงจันทร์", "arunee.saengchan"),
        ),
        places=(
            ("กรุงเทพมหานคร", None, "10110", "TH"),
            ("เชียงใหม่", None, "50200", "TH"),
            ("ภูเก็ต", None, "83000", "TH"),
        ),
        locales=(("th",),),
        streets=("ถนนสุขุมวิท", "ถนนนิมมานเหมินท์", "ถนนถลาง"),
    ),
    "jpy": _Market(
        names=(
            ("Haruka Sato", "haruka.sato"),
            ("Kenji Mori", "kenji.mori"),
            ("Yui Tanaka", "yui.tanaka"),
        ),
        places=(("Osaka", None, "530-0001", "JP"), ("Tokyo", None, "150-0002", "JP")),
        locales=(("ja", "en"), ("en",)),
        streets=("2-chome Umeda", "1-chome Shibuya"),
    ),
}


def somebody(rng: random.Random, currency: str, number: int) -> Person:
    """Invent a customer of this currency's market; `number` keeps the address unique."""
    market = _MARKETS[currency]
    name, mailbox = rng.choice(market.names)
    city, state, postal_code, country = rng.choice(market.places)
    return Person(
        name=name,
        email=f"{mailbox}{number}@{rng.choice(_DOMAINS)}",
        currency=currency,
        locales=rng.choice(market.locales),
        city=city,
        state=state,
        postal_code=postal_code,
        country=country,
        line1=f"{rng.randrange(1, 240)} {rng.choice(market.streets)}",
    )
