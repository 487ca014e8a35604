"""What the server notes, and how it goes wrong on purpose."""

import time
from collections import Counter

import pytest

from app.simulator.stripe_api.faults import Fault, Faults
from tests.stripe_api.conftest import Stripe
from tests.stripe_api.objects import obj


def test_it_counts_what_it_was_asked(shop: Stripe) -> None:
    shop.account.put(obj("customer", "cus_1"))
    shop.client.v1.customers.retrieve("cus_1")
    shop.client.v1.radar.early_fraud_warnings.list()

    assert list(shop.api.requests) == [
        ("GET", "/v1/customers/cus_1"),
        ("GET", "/v1/radar/early_fraud_warnings"),
    ]
    assert shop.api.counts == {"customers": 1, "radar": 1}


def test_an_object_changes_while_the_server_runs(shop: Stripe) -> None:
    shop.account.put(obj("customer", "cus_1", name="before"))
    before = shop.client.v1.customers.retrieve("cus_1")
    shop.account.put(obj("customer", "cus_1", name="after"))

    assert (before.name, shop.client.v1.customers.retrieve("cus_1").name) == ("before", "after")


def test_a_change_between_reading_and_sending_is_not_in_the_answer(shop: Stripe) -> None:
    shop.account.put(obj("customer", "cus_1", name="before"))
    shop.api.between = lambda _path: shop.account.put(obj("customer", "cus_1", name="after"))

    assert shop.client.v1.customers.retrieve("cus_1").name == "before"
    assert shop.client.v1.customers.retrieve("cus_1").name == "after"


def test_a_listed_object_vanishes_before_it_is_retrieved(shop: Stripe) -> None:
    shop.account.put(obj("customer", "cus_1"), obj("customer", "cus_2"))
    shop.api.misbehave(Faults(vanishing=frozenset({"cus_1"})))

    assert len(shop.client.v1.customers.list().data) == 2
    assert shop.client.v1.customers.retrieve("cus_1").deleted
    assert len(shop.client.v1.customers.list().data) == 1


def test_a_slow_answer_is_late_and_right(shop: Stripe) -> None:
    shop.account.put(obj("customer", "cus_1"))
    shop.api.misbehave(Faults(script=(Fault.SLOW,), slow_s=0.1))
    started_s = time.monotonic()

    assert shop.client.v1.customers.retrieve("cus_1").id == "cus_1"
    assert time.monotonic() - started_s >= 0.1


def test_chance_is_the_same_at_every_run_and_close_to_its_share() -> None:
    faults = Faults(shares={Fault.ERROR: 0.2, Fault.LIMITED: 0.1}, seed=7)
    drawn = [faults.fault(number) for number in range(1_000)]
    counts = Counter(drawn)

    assert drawn == [faults.fault(number) for number in range(1_000)]
    assert counts[Fault.ERROR] == pytest.approx(200, abs=40)
    assert counts[Fault.LIMITED] == pytest.approx(100, abs=30)
    assert counts[None] == 1_000 - counts[Fault.ERROR] - counts[Fault.LIMITED]
