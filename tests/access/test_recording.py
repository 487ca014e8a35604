"""Events and time move customers between states: each step once, whatever the order."""

import random
import threading
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from sync.access import AccessPolicy
from tests.access.made import DAY, NOW, SECOND, START
from tests.access.shop import (
    TELLS,
    arrive,
    customer,
    forget,
    invoice,
    standing,
    steps,
    subscription,
    tick,
)

FAILED = NOW
RETRY = NOW + 3 * DAY
UNPAID = NOW + 15 * DAY
PAID = NOW + 20 * DAY
LIFE = [
    customer(),
    subscription("trialing", START, type="created"),
    subscription("active", START + 14 * DAY),
    invoice("open", FAILED, next_payment_attempt=int(RETRY.timestamp())),
    subscription("past_due", FAILED),
    invoice("open", UNPAID, FAILED, attempt_count=2),
    subscription("unpaid", UNPAID),
    invoice("paid", PAID, FAILED, attempt_count=2),
    subscription("active", PAID),
]


def test_a_life_in_order_leaves_one_row_per_step(engine: Engine) -> None:
    for each in LIFE:
        now = datetime.fromtimestamp(each["created"], FAILED.tzinfo)
        arrive(engine, [each], now)

    assert steps(engine, "state, since, reason") == [
        ("ok", START, "trialing"),
        ("grace", FAILED, "payment_late"),
        ("restricted", FAILED + 14 * DAY, "payment_late"),
        ("suspended", UNPAID, "unpaid"),
        ("ok", PAID, "active"),
    ]


def test_each_step_names_the_event_that_caused_it(engine: Engine) -> None:
    arrive(engine, LIFE[:3])
    arrive(engine, LIFE[3:5])
    tick(engine, FAILED + 14 * DAY)

    caused = steps(engine, "state, event_id")
    assert [state for state, _ in caused] == ["ok", "grace", "restricted"]
    assert caused[0][1] in {each["id"] for each in LIFE[:3]}
    assert caused[1][1] in {each["id"] for each in LIFE[3:5]}
    assert caused[2][1] is None, "time brought it"


def test_repeated_events_and_looks_add_nothing(engine: Engine) -> None:
    arrive(engine, LIFE[:5])
    again = [{**each, "id": f"{each['id']}_again"} for each in LIFE[:5]]

    assert arrive(engine, again) == []
    assert tick(engine, NOW) == tick(engine, NOW + 14 * DAY - SECOND) == []
    assert steps(engine) == ["grace"]


def test_time_alone_ends_grace_at_its_instant_and_a_late_look_dates_it_right(
    engine: Engine,
) -> None:
    arrive(engine, LIFE[:5], policy=AccessPolicy(restricted_days=7))

    assert tick(engine, NOW + 14 * DAY - SECOND) == []
    assert [each.key for each in tick(engine, NOW + 14 * DAY)] == ["access::cus_1"]
    assert tick(engine, NOW + 14 * DAY) == []
    tick(engine, NOW + 50 * DAY)
    assert steps(engine, "state, since")[1:] == [
        ("restricted", NOW + 14 * DAY),
        ("suspended", NOW + 21 * DAY),
    ]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_order_in_any_batches_ends_the_same(engine: Engine, data: st.DataObject) -> None:
    """Prefixes of the life too: whatever is known by then, in whatever order it came."""
    length = data.draw(st.integers(1, len(LIFE)))
    known = LIFE[:length]
    arriving = data.draw(st.permutations(known))
    cuts = sorted(data.draw(st.sets(st.integers(1, length), max_size=3)) | {0, length})
    forget(engine)
    arrive(engine, known, PAID)
    wanted = standing(engine, PAID)
    forget(engine)
    for start, end in pairwise(cuts):
        arrive(engine, arriving[start:end], PAID)

    assert standing(engine, PAID) == wanted
    noted = steps(engine, "state, since")
    assert [state for state, _ in noted[-1:]] in ([], [wanted and wanted.state])
    assert all(since <= wanted.since for _, since in noted[-1:] if wanted and wanted.since)
    assert all(one != other for (one, _), (other, _) in pairwise(noted)), "a step is a change"


def test_what_comes_late_dates_the_newest_step_right(engine: Engine) -> None:
    arrive(engine, [LIFE[2]])
    assert steps(engine, "state, since") == [("ok", START + 14 * DAY)]

    told = arrive(engine, [LIFE[1]])

    assert steps(engine, "state, since") == [("ok", START)]
    assert len(told) == 1


@pytest.mark.parametrize("seed", range(3))
def test_two_workers_side_by_side_lose_no_step(engine: Engine, seed: int) -> None:
    """Each takes one object of the same customer; who comes second sees what the first did."""
    rng = random.Random(seed)
    ids = [f"cus_{number}" for number in range(20)]
    arrive(engine, [subscription("active", START, id=f"sub_{one}", customer=one) for one in ids])
    jobs: list[list[Any]] = [
        [subscription("past_due", NOW, id=f"sub_{one}", customer=one) for one in ids],
        [
            invoice("open", NOW + SECOND, NOW, id=f"in_{one}", customer=one, **_of(f"sub_{one}"))
            for one in ids
        ],
    ]
    for job in jobs:
        rng.shuffle(job)
    threads = [threading.Thread(target=_one_by_one, args=(engine, job)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(steps(engine, "customer_id, state")[20:]) == sorted((x, "grace") for x in ids)


def _of(subscription_id: str) -> dict[str, Any]:
    return {"parent": {"subscription_details": {"subscription": subscription_id}}}


def _one_by_one(engine: Engine, job: list[Any]) -> None:
    for each in job:
        arrive(engine, [each], NOW)


def test_news_is_told_and_the_rest_is_not(engine: Engine) -> None:
    first = arrive(engine, LIFE[:3])
    assert [(e.key, e.channel, e.shape, e.due_at) for e in first] == [
        ("access::cus_1", "access", "state", NOW)
    ]
    assert arrive(engine, [subscription("active", NOW - DAY)]) == []
    assert len(arrive(engine, LIFE[3:5])) == 1
    assert arrive(engine, LIFE[7:], policy=AccessPolicy()) == [], "nobody wants to know"


def test_the_end_of_a_late_retry_moves_until_and_is_told(engine: Engine) -> None:
    arrive(engine, LIFE[:5])
    later = NOW + 20 * DAY
    moved = invoice("open", NOW + DAY, FAILED, next_payment_attempt=int(later.timestamp()))

    assert len(arrive(engine, [moved])) == 1
    found = standing(engine, NOW)
    assert found is not None
    assert found.until == later + DAY
    assert steps(engine) == ["grace"]


def test_a_deleted_customer_has_nothing(engine: Engine) -> None:
    arrive(engine, LIFE[:3])
    arrive(engine, [customer(NOW, deleted=True)])

    assert steps(engine, "state, reason")[-1] == ("none", "customer_deleted")


def test_ended_for_nonpayment_until_it_is_paid_after_all(engine: Engine) -> None:
    details = {"reason": "payment_failed"}
    over = {"ended_at": int(UNPAID.timestamp()), "cancellation_details": details}
    arrive(engine, [*LIFE[:6], subscription("canceled", UNPAID, type="deleted", **over)], UNPAID)
    assert steps(engine, "state, since")[-1] == ("suspended", UNPAID)

    arrive(engine, [LIFE[7]], PAID)

    assert steps(engine, "state, since, reason")[-1] == ("none", PAID, "ended")


def test_paid_out_of_sight_is_seen_with_the_first_word_of_it(engine: Engine) -> None:
    """The invoice that ended it is first heard of when it is paid."""
    over = {
        "ended_at": int(UNPAID.timestamp()),
        "cancellation_details": {"reason": "payment_failed"},
    }
    arrive(engine, [subscription("canceled", UNPAID, **over)], UNPAID)
    arrive(engine, [LIFE[7]], PAID)

    assert steps(engine) == ["suspended", "none"]


def test_nobody_known_has_no_answer_and_somebody_named_has(engine: Engine) -> None:
    assert standing(engine, NOW) is None
    arrive(engine, [LIFE[3]])

    found = standing(engine, NOW)
    assert found is not None
    assert (found.state, found.reason) == ("none", "never_subscribed")
    assert steps(engine) == [], "who never had access has no history"


def test_a_pauses_cause_and_time_come_from_stripe(engine: Engine) -> None:
    told = {
        "paused": {
            "subscription": {"type": "final_payment_failure"},
            "transitioned_at": int(UNPAID.timestamp()),
        }
    }
    arrive(engine, [*LIFE[:3], subscription("paused", PAID, status_details=told)], PAID)

    assert steps(engine, "state, since, reason") == [("suspended", UNPAID, "paused_nonpayment")]


def test_one_look_at_a_million_waits_for_nobody(engine: Engine) -> None:
    """A look asks the index for what is due, not the table for everybody."""
    many = text("""
        INSERT INTO evergreen.access (customer_id, livemode, state, since, reason, look_at)
        SELECT 'cus_' || n, false, 'ok', now(), 'active',
               CASE WHEN n % 1000 = 0 THEN CAST(:later AS timestamptz) END
        FROM generate_series(1, 20000) n
    """)
    with engine.begin() as conn:
        conn.execute(many, {"later": NOW + timedelta(days=1)})
        conn.execute(text("ANALYZE evergreen.access"))
        plan = conn.execute(
            text("EXPLAIN SELECT customer_id FROM evergreen.access WHERE look_at <= :now"),
            {"now": NOW},
        )
        assert "access_look_at_idx" in str(plan.all())
    assert TELLS.tells
    assert tick(engine, NOW) == []
