"""Every life that the simulator knows: what the records say, in whatever order events came."""

import random
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from sqlalchemy import Engine

from app.simulator.disturb import disturb
from app.simulator.history import History
from app.simulator.lives import LIVES
from app.simulator.simulate import simulate
from sync.crm.sinks import open_sinks
from tests.crm.service import deliver_all, records, take_in, true_by_now
from tests.simulator.histories import START

Json = Mapping[str, Any]
BATCH = 250
PER_MONTH = {
    "day": Fraction(365, 12),
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "year": Fraction(1, 12),
}


@cache
def lives() -> dict[str, History]:
    """Return a history for each life, told side by side: no two share an object that differs."""
    return {life: simulate(n, life, start=START) for n, life in enumerate(LIVES)}


def told(order: random.Random | None) -> list[Json]:
    events = sorted(
        (event for each in lives().values() for event in each.events), key=lambda e: e["created"]
    )
    return disturb(events, order, duplicates=0.1, window=None) if order else events


def live_through(engine: Engine, events: list[Json]) -> dict[str, Json]:
    """Take all in, delivering all the while; return the records at the end."""
    sinks = open_sinks(engine, ["local"])
    for at in range(0, len(events), BATCH):
        take_in(engine, events[at : at + BATCH], ["local"])
        deliver_all(engine, sinks)
    return {who: without_version(data) for who, (data, _) in records(engine).items()}


def without_version(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if name != "snapshot_version"}


@pytest.fixture(scope="module")
def in_order() -> dict[str, Json]:
    """Filled by the first test, for comparison."""
    return {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [None, 1], ids=["in-order", "shuffled"])
def test_no_change_leaves_a_record_behind(
    engine: Engine, in_order: dict[str, Json], seed: int | None
) -> None:
    """Nothing but events asks for a delivery, so each that moves a field must."""
    found = live_through(engine, told(random.Random(seed) if seed else None))

    assert found == true_by_now(engine, list(found))
    in_order.update({} if in_order else found)
    assert found == in_order


@pytest.mark.timeout(300)
def test_the_records_say_what_is_true_in_the_world(engine: Engine) -> None:
    found = live_through(engine, told(random.Random(3)))

    for life, history in lives().items():
        for who in customers_of(history):
            truth = true_of(history, who)
            shown = {name: found[who][name] for name in truth}
            assert (life, shown) == (life, truth)


def customers_of(history: History) -> list[str]:
    return [object_id for kind, object_id in history.objects if kind == "customer"]


def true_of(history: History, who: str) -> Json:
    """Return what the simulated world itself says of a customer."""
    theirs = [each for each in history.objects.values() if each.get("customer") == who]
    subscriptions = of(theirs, "subscription")
    paid = [each for each in of(theirs, "invoice") if each["status"] == "paid"]
    tried = {each["id"] for each in of(theirs, "charge")}
    money_back = [
        each["amount"]
        for each in history.objects.values()
        if each.get("charge") in tried and (each["object"], each.get("status")) in TAKEN
    ]
    gross = sum(each["amount_paid"] for each in paid)
    return {
        "deleted": ("customer", who) in history.deleted,
        "status": best_of(subscriptions),
        **({"mrr_minor": sum(map(monthly, subscriptions))} if is_simple(history) else {}),
        "ltv_gross_minor": gross,
        "ltv_net_minor": gross - sum(money_back),
        "failed_payment_count": len(attempts(history, who, "invoice.payment_failed")),
        "plans": plans_of(history, subscriptions),
        "open_invoice_id": next(
            (each["id"] for each in of(theirs, "invoice") if each["status"] == "open"), None
        ),
    }


TAKEN = {("refund", "succeeded"), ("refund", "pending"), ("dispute", "lost")}
BEST = ("active", "trialing", "past_due", "paused", "unpaid", "incomplete", "canceled")


def attempts(history: History, who: str, kind: str) -> set[tuple[str, int]]:
    told = [event["data"]["object"] for event in history.events if event["type"] == kind]
    return {(each["id"], each["attempt_count"]) for each in told if each["customer"] == who}


def of(objects: Iterable[Json], kind: str) -> list[Json]:
    return sorted((o for o in objects if o["object"] == kind), key=lambda o: o["created"])


def standing(subscription: Json) -> str:
    runs = subscription["status"] in {"active", "trialing", "past_due"}
    return "paused" if subscription["pause_collection"] and runs else subscription["status"]


def best_of(subscriptions: list[Json]) -> str | None:
    found = {standing(each) for each in subscriptions}
    return next((each for each in (*BEST, "incomplete_expired") if each in found), None)


def is_simple(history: History) -> bool:
    """Tell whether no discount, tier or meter is in play; those are the history's own tests."""
    return not any(kind in {"discount", "billing.meter"} for kind, _ in history.objects) and all(
        each["unit_amount"] is not None
        for (kind, _), each in history.objects.items()
        if kind == "price"
    )


def monthly(subscription: Json) -> int:
    if standing(subscription) not in {"active", "past_due"}:
        return 0
    return round(sum(map(monthly_of_item, subscription["items"]["data"]), Fraction(0)))


def monthly_of_item(item: Json) -> Fraction:
    price, recurring = item["price"], item["price"]["recurring"]
    often = PER_MONTH[recurring["interval"]] / int(recurring["interval_count"])
    return int(price["unit_amount"]) * int(item["quantity"]) * often


def plans_of(history: History, subscriptions: list[Json]) -> list[str]:
    live = [each for each in subscriptions if standing(each) in BEST[:5]]
    best = [each for each in subscriptions if standing(each) == best_of(subscriptions)]
    items = [item for each in live or best[-1:] for item in each["items"]["data"]]
    sold = {item["price"]["product"] for item in items}
    return sorted({history.objects["product", each]["name"] for each in sold})
