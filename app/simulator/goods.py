"""What the shop sells: its goods, the offers of them, and a few that are not on its shelf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Good:
    """A product. Goods that are shipped carry their SKU in `metadata`, the others say so."""

    name: str
    description: str
    metadata: Mapping[str, str]
    shippable: bool = True


@dataclass(frozen=True, slots=True)
class Tier:
    """What one piece costs in minor units, up to and with so many; None for all beyond."""

    up_to: int | None
    unit_amount: Decimal


@dataclass(frozen=True, slots=True)
class Offer:
    """A good for so much each month or year (or `once`), in minor units per currency.

    With `tiers` the amount for one piece is theirs; `meter` names what is counted, where
    one pays for what was used.
    """

    good: str
    nickname: str
    interval: str
    amounts: Mapping[str, int]
    metadata: Mapping[str, str] = field(default_factory=dict)
    tiers: Sequence[Tier] = ()
    tiers_mode: str = "graduated"
    meter: str | None = None


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
    "machine": Good("Coffee machine", "Paid by the cup.", {"stock": "none"}, shippable=False),
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

_TIERS = (Tier(5, Decimal(900)), Tier(20, Decimal(750)), Tier(None, Decimal(600)))
_CLASSES = tuple(range(1, 13))

# Sold to a few only, and only in dollars: not on the shelf.
UNLISTED: Mapping[str, Offer] = {
    **{
        f"class_{number}": Offer(
            "school", f"Class {number}, monthly", "month", {"usd": 400 + 25 * number}
        )
        for number in _CLASSES
    },
    "lesson": Offer("school", "One lesson", "once", {"usd": 1800}),
    "seats_graduated": Offer("school", "Seats, by tier", "month", {"usd": 0}, tiers=_TIERS),
    "seats_volume": Offer(
        "school", "Seats, by volume", "month", {"usd": 0}, tiers=_TIERS, tiers_mode="volume"
    ),
    "cups": Offer(
        "machine",
        "Cups, monthly",
        "month",
        {"usd": 0},
        tiers=(Tier(50, Decimal(40)), Tier(500, Decimal("32.5")), Tier(None, Decimal(25))),
        meter="cups",
    ),
}
EVERY_CLASS = tuple((f"class_{number}", 1) for number in _CLASSES)
