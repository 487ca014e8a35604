"""What a state brings a month: the vectors of the reference by number, and what counts at all."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import orjson
import pytest

from sync.history.amounts import counts
from sync.history.deriving import derive
from sync.history.discounts import Known
from sync.history.states import state_of
from sync.mirror.events import Event, parse
from sync.mirror.shapes import Json
from tests.history.fold import coupon, discount, event, price, subscription

NOTHING = Known()
MRR = ("mrr_list_micro_minor", "mrr_net_forever_micro_minor", "mrr_net_all_micro_minor")


def first_row(shown: Json, known: Known = NOTHING) -> Mapping[str, Any]:
    told = parse(orjson.dumps(event(1, "customer.subscription.updated", 0, shown)))
    assert isinstance(told, Event)
    return derive(state_of(told), known).rows[0]


def brings(shown: Json, known: Known = NOTHING) -> tuple[int, ...]:
    row = first_row(shown, known)
    return tuple(row[name] for name in MRR)


def micro(amount_minor: str) -> int:
    """Return a fraction such as `50000/12` in millionths, half to even."""
    return round(Fraction(amount_minor) * 1_000_000)


def item(price_: Json, quantity: int = 1, item_id: str = "si_1", **given: Any) -> dict[str, Any]:
    shown = {"id": item_id, "object": "subscription_item", "price": price_, "quantity": quantity}
    return shown | given


def yearly(minor: int, **given: Any) -> dict[str, Any]:
    return price(minor, recurring={"interval": "year"}, **given)


def every(minor: int, interval: str, count: int = 1) -> dict[str, Any]:
    return price(minor, recurring={"interval": interval, "interval_count": count})


def tiered(mode: str, *tiers: tuple[int | None, int, int]) -> dict[str, Any]:
    shown = [{"up_to": top, "unit_amount": each, "flat_amount": flat} for top, each, flat in tiers]
    return price(None, billing_scheme="tiered", tiers_mode=mode, tiers=shown)


def off(amount: int, **given: Any) -> dict[str, Any]:
    terms = {"percent_off": None, "amount_off": amount, "currency": "usd"} | given
    return discount(coupon(**terms))


HALF = discount(coupon())
ONCE = discount(coupon(duration="once"))
STEPS = ((5, 500, 1_000), (10, 400, 0), (None, 300, 200))
OTHER = price(500, id="price_2", product="prod_2")


@pytest.mark.parametrize(
    ("shown", "minor"),
    [
        pytest.param(subscription(price(10_000)), "10000", id="vector-1-monthly"),
        pytest.param(subscription(yearly(60_000)), "5000", id="vector-1-yearly"),
        pytest.param(subscription(yearly(12_000)), "1000", id="vector-6-yearly"),
        pytest.param(subscription(price(2_500)), "2500", id="vector-6-downgraded"),
        pytest.param(subscription(yearly(120_000)), "10000", id="vector-10"),
        pytest.param(subscription(item(yearly(50_000), 4)), "200000/12", id="vector-11-gold"),
        pytest.param(
            subscription(item(yearly(50_000), 4), item(price(3_000), 2, "si_2")),
            "272000/12",
            id="vector-11-gold-and-more",
        ),
        pytest.param(subscription(item(price(5_000), 3)), "15000", id="vector-11-back"),
        pytest.param(subscription(item(price(1_000), 10)), "10000", id="vector-15-monthly"),
        pytest.param(subscription(every(1_000, "week")), "52000/12", id="vector-16-weekly"),
        pytest.param(subscription(every(5_000, "month", 2)), "2500", id="vector-16-two-months"),
        pytest.param(
            subscription(item(tiered("volume", (100, 20, 0), (None, 10, 0)), 500)),
            "5000",
            id="vector-16-volume",
        ),
        pytest.param(subscription(every(100, "day")), "36500/12", id="daily-365-of-12"),
        pytest.param(subscription(every(12_000, "year", 2)), "500", id="every-two-years"),
        pytest.param(
            subscription(price(None, unit_amount_decimal="0.5")), "1/2", id="part-of-a-cent"
        ),
        pytest.param(subscription(item(tiered("graduated", *STEPS), 0)), "1000", id="tier-of-0"),
        pytest.param(subscription(item(tiered("graduated", *STEPS), 5)), "3500", id="tier-top"),
        pytest.param(subscription(item(tiered("graduated", *STEPS), 6)), "3900", id="next-tier"),
        pytest.param(subscription(item(tiered("graduated", *STEPS), 12)), "6300", id="last-tier"),
        pytest.param(subscription(item(tiered("volume", *STEPS), 5)), "3500", id="volume-top"),
        pytest.param(subscription(item(tiered("volume", *STEPS), 6)), "2400", id="volume-next"),
        pytest.param(
            subscription(item(price(1_000, transform_quantity={"divide_by": 5, "round": "up"}), 6)),
            "2000",
            id="packages-begun",
        ),
        pytest.param(
            subscription(
                item(price(1_000, transform_quantity={"divide_by": 5, "round": "down"}), 9)
            ),
            "1000",
            id="packages-full",
        ),
        pytest.param(
            subscription(price(1_000, recurring={"usage_type": "metered"})), "0", id="metered"
        ),
        pytest.param(
            subscription(
                price(900, currency_options={"eur": {"unit_amount": 800}}), currency="eur"
            ),
            "800",
            id="price-in-another-currency",
        ),
        pytest.param(
            subscription(
                {
                    "id": "si",
                    "object": "subscription_item",
                    "plan": {"amount": 700, "interval": "month"},
                }
            ),
            "700",
            id="plan-of-2019",
        ),
        pytest.param(subscription(price(2**62)), str(2**62), id="as-much-as-a-bigint-holds"),
    ],
)
def test_a_state_without_discounts_brings_what_its_prices_list(shown: Json, minor: str) -> None:
    listed = min(micro(minor), 2**63 - 1)

    assert brings(shown) == (listed, listed, listed)


@pytest.mark.parametrize(
    ("shown", "listed", "net_forever", "net_all"),
    [
        pytest.param(
            subscription(yearly(120_000), discounts=[HALF]), 10_000, 5_000, 5_000, id="vector-10"
        ),
        pytest.param(
            subscription(yearly(120_000), discounts=[ONCE]),
            10_000,
            10_000,
            5_000,
            id="vector-10-finite",
        ),
        pytest.param(subscription(price(), discounts=[HALF]), 1_000, 500, 500, id="vector-15"),
        pytest.param(
            subscription(yearly(100_000), discounts=[off(50_000)]),
            "100000/12",
            "50000/12",
            "50000/12",
            id="vector-16",
        ),
        pytest.param(
            subscription(price(), discount={"object": "discount", "coupon": coupon()}),
            1_000,
            500,
            500,
            id="one-discount-as-until-2025",
        ),
        pytest.param(
            subscription(price(), discounts=[off(5_000)]), 1_000, 0, 0, id="never-below-zero"
        ),
        pytest.param(
            subscription(price(), discounts=[off(100), HALF]), 1_000, 400, 400, id="percent-first"
        ),
        pytest.param(
            subscription(item(price(), discounts=[off(200)]), discounts=[HALF]),
            1_000,
            400,
            400,
            id="item-first",
        ),
        pytest.param(
            subscription(
                price(), OTHER, discounts=[discount(coupon(applies_to={"products": ["prod_2"]}))]
            ),
            1_500,
            1_250,
            1_250,
            id="one-product-only",
        ),
        pytest.param(
            subscription(price(), discounts=[off(100, currency="eur")]),
            1_000,
            1_000,
            1_000,
            id="amount-off-in-another-currency",
        ),
        pytest.param(
            subscription(
                price(),
                discounts=[off(100, currency="eur", currency_options={"usd": {"amount_off": 300}})],
            ),
            1_000,
            700,
            700,
            id="its-coupon-names-ours-too",
        ),
    ],
)
def test_discounts_come_off_in_stripes_order(
    shown: Json, listed: Any, net_forever: Any, net_all: Any
) -> None:
    assert brings(shown) == tuple(micro(str(each)) for each in (listed, net_forever, net_all))


def test_what_is_off_the_whole_is_shared_by_the_items_to_the_last_millionth() -> None:
    shown = subscription(price(), OTHER, yearly(7, id="price_3"), discounts=[off(100)])
    told = parse(orjson.dumps(event(1, "customer.subscription.updated", 0, shown)))
    assert isinstance(told, Event)
    derived = derive(state_of(told), NOTHING)

    sums = [sum(each[name] for each in derived.items) for name in MRR]
    assert sums == [derived.rows[0][name] for name in MRR]
    assert derived.items[0][MRR[1]] > derived.items[1][MRR[1]] > 0


@pytest.mark.parametrize(
    ("status", "pause", "counted"),
    [
        ("active", None, True),
        ("past_due", None, True),
        ("active", "keep_as_draft", True),
        ("active", "void", False),
        ("active", "mark_uncollectible", False),
        ("trialing", None, False),
        ("incomplete", None, False),
        ("incomplete_expired", None, False),
        ("unpaid", None, False),
        ("paused", None, False),
        ("canceled", None, False),
        ("gone", None, False),
        (None, None, False),
    ],
)
def test_which_states_count(status: str | None, pause: str | None, counted: bool) -> None:
    assert counts(status, pause) is counted
    shown = subscription(status=status, pause_collection=pause and {"behavior": pause})
    assert (brings(shown) != (0, 0, 0)) is counted


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        pytest.param(subscription(discounts=["di_9"]), ["di_9"], id="discount"),
        pytest.param(subscription(discounts=[discount("HALF")]), ["HALF"], id="coupon"),
        pytest.param(
            subscription(price(None, tiers_mode="volume")), ["price_1"], id="tiers-not-shown"
        ),
        pytest.param(subscription(price(), currency="eur"), ["price_1"], id="currency-not-shown"),
        pytest.param(subscription(discounts=["di_9"], status="canceled"), [], id="not-counted"),
        pytest.param(subscription(price(None)), [], id="no-amount-at-all"),
    ],
)
def test_a_state_names_what_its_amounts_wait_for(shown: Json, missing: list[str]) -> None:
    assert first_row(shown)["missing"] == missing


def test_a_price_that_is_known_without_its_tiers_is_still_waited_for() -> None:
    tiered = price(None, tiers_mode="volume")
    known = Known(prices={("", "price_1"): tiered})

    assert first_row(subscription(tiered), known)["missing"] == ["price_1"]


@pytest.mark.parametrize(
    "shown",
    [
        subscription(items=None),
        subscription(items={"data": [None, "si_1", {"object": "x"}]}),
        subscription(discounts=[None, {}, 7, {"coupon": 5}]),
        subscription(discounts=[discount(coupon(percent_off="many"))], customer=["cus"]),
        subscription(item(price(None, unit_amount_decimal="1e999999999"))),
        subscription(item(tiered("volume"), 5)),
        subscription(item(price(recurring={"interval_count": 0}), quantity=-2)),
        subscription(item(price(transform_quantity={"divide_by": 0}))),
        subscription(item(price(tiers_mode="graduated", tiers=[None, {"up_to": "inf"}]))),
    ],
)
def test_a_strange_snapshot_is_recorded_all_the_same(shown: Json) -> None:
    assert first_row(shown)["event_id"] == "evt_1"
