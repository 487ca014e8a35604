"""What coupons take off and what tiers cost, in whole minor units."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.history import Json
from app.simulator.objects.discount import taken_off
from app.simulator.objects.tiers import Portion, amount, portions
from app.simulator.periods import percent_of


def coupon(**terms: Any) -> Json:
    return {"amount_off": None, "percent_off": None, **terms}


def tiered(mode: str) -> Json:
    tiers = [
        {"up_to": 50, "unit_amount_decimal": "40"},
        {"up_to": 500, "unit_amount_decimal": "32.5"},
        {"up_to": None, "unit_amount_decimal": "25"},
    ]
    return {"billing_scheme": "tiered", "tiers": tiers, "tiers_mode": mode}


@pytest.mark.parametrize(
    ("terms", "amounts", "off"),
    [
        pytest.param({"percent_off": 10}, [1000, 450], [100, 45], id="percent"),
        pytest.param({"percent_off": 12.5}, [100], [13], id="half-up"),
        pytest.param({"percent_off": 33.3}, [2400], [799], id="fraction-of-a-percent"),
        pytest.param({"percent_off": 100}, [7, 0], [7, 0], id="all-of-it"),
        pytest.param({"amount_off": 500}, [1600, 450], [390, 110], id="spread-by-size"),
        pytest.param({"amount_off": 500}, [300, 100], [300, 100], id="never-more-than-all"),
        pytest.param({"amount_off": 500}, [0], [0], id="nothing-to-take-off"),
    ],
)
def test_a_coupon_takes_its_share_off_each_amount(
    terms: dict[str, Any], amounts: list[int], off: list[int]
) -> None:
    assert taken_off(coupon(**terms), amounts) == off


@given(
    amounts=st.lists(st.integers(0, 10**7), min_size=1, max_size=12), fixed=st.integers(1, 10**8)
)
def test_a_fixed_amount_is_taken_off_to_the_last_cent(amounts: list[int], fixed: int) -> None:
    off = taken_off(coupon(amount_off=fixed), amounts)

    assert sum(off) == min(fixed, sum(amounts))
    assert all(0 <= less <= each for less, each in zip(off, amounts, strict=True))


@pytest.mark.parametrize(
    ("quantity", "graduated", "volume"),
    [
        pytest.param(0, [(0, 1)], (0, 1), id="nothing"),
        pytest.param(50, [(50, 1)], (50, 1), id="end-of-the-first"),
        pytest.param(51, [(50, 1), (1, 2)], (51, 2), id="into-the-second"),
        pytest.param(500, [(50, 1), (450, 2)], (500, 2), id="end-of-the-second"),
        pytest.param(700, [(50, 1), (450, 2), (200, 3)], (700, 3), id="into-the-last"),
    ],
)
def test_tiers_split_a_quantity_or_price_all_of_it(
    quantity: int, graduated: list[tuple[int, int]], volume: tuple[int, int]
) -> None:
    by_tier = portions(tiered("graduated"), quantity)
    at_once = portions(tiered("volume"), quantity)

    assert [(each.quantity, each.tier) for each in by_tier] == graduated
    assert [(each.quantity, each.tier) for each in at_once] == [volume]


def test_a_fraction_of_a_cent_is_rounded_once_for_a_whole_portion() -> None:
    assert amount(tiered("graduated"), 53) == 50 * 40 + 98
    assert portions({"billing_scheme": "per_unit", "unit_amount_decimal": "1600"}, 2) == [
        Portion(2, Decimal(1600))
    ]


@pytest.mark.parametrize(
    ("whole", "percent", "part"), [(7200, 8.25, 594), (1, 50, 1), (1, 49.9, 0), (0, 20, 0)]
)
def test_percentages_are_taken_as_they_are_written(whole: int, percent: float, part: int) -> None:
    assert percent_of(whole, percent) == part
