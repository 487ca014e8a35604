"""A shop's year: long enough, mixed enough, fast enough."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from app.simulator.history import Story
from app.simulator.simulate import play, simulate
from app.simulator.world import World
from app.simulator.year import shop_year
from sync.errors import Malformed
from tests.simulator.histories import START, UNTIL, year

WANTED = {
    "invoice.payment_failed",
    "customer.subscription.deleted",
    "charge.refunded",
    "credit_note.created",
    "customer.subscription.trial_will_end",
    "invoice.upcoming",
    "product.updated",
    "payment_intent.payment_failed",
}


@pytest.mark.parametrize("seed", range(5))
def test_a_year_of_forty_customers_holds_what_a_shop_lives_through(seed: int) -> None:
    history = year(seed, 40)
    types = Counter(event["type"] for event in history.events)
    customers = [c for (kind, _), c in history.objects.items() if kind == "customer"]

    assert 2_500 <= len(history.events) <= 4_000
    assert types.keys() >= WANTED
    assert types["customer.created"] == len(customers) == 40
    assert len({customer["email"] for customer in customers}) == 40
    assert {c["email"].rsplit(".", 1)[0].split("@")[1] for c in customers} == {"example"}
    assert {"usd", "thb"} <= {c["currency"] for c in customers}


@pytest.mark.parametrize("seed", range(5))
def test_a_year_holds_failures_lost_cancels_with_feedback_and_yearly_plans(seed: int) -> None:
    objects = year(seed, 40).objects
    subscriptions = [s for (kind, _), s in objects.items() if kind == "subscription"]
    reasons = {s["cancellation_details"]["reason"] for s in subscriptions}
    intervals = {
        item["price"]["recurring"]["interval"]
        for subscription in subscriptions
        for item in subscription["items"]["data"]
    }

    assert {"payment_failed", "cancellation_requested"} <= reasons
    assert any(s["cancellation_details"]["feedback"] for s in subscriptions)
    assert intervals == {"month", "year"}


@pytest.mark.parametrize("seed", range(5))
def test_a_year_of_a_small_shop_gives_cause_for_almost_every_kind_of_mail(seed: int) -> None:
    """All but the yearly reminder of terms: who is reminded of each renewal needs none."""
    history = shop_year(seed, customers=24, start=START, until=UNTIL)
    types = {event["type"] for event in history.events}
    told = [e for e in history.events if e["type"].startswith("customer.subscription.")]
    shown = [(e["data"]["object"], e["data"].get("previous_attributes") or {}) for e in told]
    left_at = [
        now["ended_at"]
        for now, _ in shown
        if now["ended_at"] and now["cancellation_details"]["reason"] == "cancellation_requested"
    ]

    assert {now["status"] for now, _ in shown} >= {"past_due", "unpaid", "paused", "trialing"}
    assert any(now["cancel_at"] is None and before.get("cancel_at") for now, before in shown)
    assert any((now["pause_collection"] or {}).get("resumes_at") for now, _ in shown)
    # With two months left to win somebody back.
    assert min(left_at) < (UNTIL - timedelta(days=60)).timestamp()
    assert types >= {
        "charge.dispute.created",
        "invoice.payment_action_required",
        "invoice.sent",
        "refund.created",
        "subscription_schedule.updated",
    }


def test_signups_are_spread_over_the_year() -> None:
    created = [c["created"] for (kind, _), c in year(1, 40).objects.items() if kind == "customer"]
    months = {datetime.fromtimestamp(at, UTC).month for at in created}

    assert len(months) >= 8


def test_a_year_is_told_in_well_under_two_seconds() -> None:
    began = time.perf_counter()
    shop_year(99, customers=40, start=START, until=UNTIL)

    assert time.perf_counter() - began < 2


def test_the_same_year_is_told_the_same_way() -> None:
    again = shop_year(1, customers=40, start=START, until=UNTIL)

    assert orjson.dumps(again.events) == orjson.dumps(year(1, 40).events)


def test_nothing_begins_at_or_after_until() -> None:
    last = max(event["created"] for event in year(1, 40).events)

    assert last < UNTIL.timestamp() + 5


@pytest.mark.parametrize("customers", [1, 5, 12])
def test_small_shops_live_too(customers: int) -> None:
    history = shop_year(1, customers=customers, start=START, until=START + timedelta(days=40))

    assert sum(event["type"] == "customer.created" for event in history.events) == customers


@pytest.mark.parametrize(
    ("customers", "start", "until", "says"),
    [
        pytest.param(0, START, UNTIL, "at least 1", id="nobody"),
        pytest.param(1, START, START, "must be after", id="no-time"),
        pytest.param(1, START.replace(tzinfo=None), UNTIL, "no time zone", id="naive"),
    ],
)
def test_impossible_years_are_refused(
    customers: int,
    start: datetime,
    until: datetime,
    says: str,
) -> None:
    with pytest.raises(Malformed, match=says):
        shop_year(1, customers=customers, start=start, until=until)


def test_stories_side_by_side_never_turn_time_back() -> None:
    world = World("side by side", 0)
    seen: list[int] = []

    def slow() -> Story:
        yield 10
        world.tick(5)

    def quick() -> Story:
        yield 12
        seen.append(world.now)

    play(world, [(0, slow()), (0, quick())])

    assert seen == [15]


def test_an_unknown_life_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Malformed, match=r"unknown life 'nobody'; known: action_required, .*thb"):
        simulate(1, "nobody", start=START)
