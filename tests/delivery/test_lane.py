"""One lane's turn: what a sink's ends leave behind, and that others go on meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.delivery import trail
from sync.delivery.gate import Gate, NoAnswer
from sync.delivery.http import Answer, Call, Client
from sync.delivery.policy import Policy
from sync.delivery.signals import outcome
from sync.errors import LeaseLost
from sync.store import attempts, sinks
from sync.store.outbox import OUTBOX, Claimed, Lane
from tests.delivery.made import CRM, NOON, STOCK, Sink, add, delta, row, run, state, turn
from tests.delivery.server import Act, answer, cut, providing
from workers.context import Context
from workers.lane import Sender

BATCH = Policy(batch=10)
KEYED = Policy(batch=10, key_lives=timedelta(days=1))
REST = RetryIn(42, "p_429", scope="sink")


def due(context: Context) -> list[Lane]:
    with context.engine.connect() as conn:
        return sinks.due(conn, NOON)


def whole(sink: Sink, policy: Policy = BATCH) -> Sender:
    return Sender(deliver=sink.deliver, policy=policy, at_once=policy.batch)


def shown(context: Context, key: str) -> tuple[str, str | None]:
    columns = sinks.SHOWN_STATE.label("state"), sinks.SHOWN_REASON.label("reason")
    with context.engine.connect() as conn:
        found = conn.execute(select(*columns).where(OUTBOX.c.key == key)).one()
    return found.state, found.reason


def test_effects_of_one_sink_come_together_up_to_its_batch(context: Context) -> None:
    sink = Sink(Done())
    add(context.engine, *(state(f"k{n:02}") for n in range(13)), delta("m"))

    assert due(context) == [CRM, STOCK]
    assert turn(context, CRM, whole(sink))
    assert turn(context, CRM, whole(sink))
    assert not turn(context, CRM, whole(sink))
    assert [len(batch) for batch in sink.got] == [10, 3]
    assert row(context.engine, "m").state == "pending"


def test_each_of_a_batch_ends_in_its_own_way(context: Context) -> None:
    add(context.engine, state("a"), state("b"), state("c"))
    turn(context, CRM, whole(Sink(Done("1"), Failed("p_400"), RetryIn(1, "p_423"))))

    ends = [row(context.engine, key) for key in "abc"]
    assert [(end.state, end.reason) for end in ends] == [
        ("done", None),
        ("failed", "p_400"),
        ("pending", "p_423"),
    ]
    assert ends[0].remote_id == "1"


def test_a_sink_that_must_rest_rests_as_a_whole_and_no_attempt_counts(context: Context) -> None:
    sink = Sink(Done(), REST)
    add(context.engine, *(state(f"k{n}") for n in range(4)), delta("m"))
    one_by_one = Sender(deliver=sink.deliver, policy=BATCH)
    assert not turn(context, CRM, one_by_one)

    assert sink.keys == ["k0", "k1"]
    assert due(context) == [STOCK]
    rows = [row(context.engine, f"k{n}") for n in range(4)]
    assert [each.state for each in rows] == ["done", "pending", "pending", "pending"]
    assert [each.attempts for each in rows] == [1, 0, 0, 0]
    assert [shown(context, f"k{n}") for n in (1, 3)] == [("blocked", "p_429")] * 2
    assert shown(context, "m") == ("pending", None)


def test_a_rest_ends_by_itself(context: Context) -> None:
    sink = Sink(REST, Done())
    add(context.engine, state())
    turn(context, CRM, whole(sink))
    with context.engine.connect() as conn:
        (pause,) = sinks.pauses(conn)
    assert 40 < (pause.until - datetime.now(UTC)).total_seconds() <= 42
    assert (pause.lane, pause.reason) == (CRM, "p_429")
    run(context.engine, "UPDATE evergreen.sink_pause SET until = now()")
    run(context.engine, "UPDATE evergreen.outbox SET retry_at = now()")

    assert due(context) == [CRM]
    turn(context, CRM, whole(sink))
    assert row(context.engine).state == "done"


def test_a_shorter_rest_does_not_shorten_a_longer_one(context: Context) -> None:
    with context.engine.begin() as conn:
        sinks.pause(conn, CRM, 900, "breaker_open")
        sinks.pause(conn, CRM, 1, "p_429")
        (pause,) = sinks.pauses(conn)

    assert (pause.until - datetime.now(UTC)).total_seconds() > 800


def test_a_rest_outlives_any_number_of_attempts(context: Context) -> None:
    sink = Sink(REST)
    add(context.engine, state())
    for _ in range(30):
        turn(context, CRM, whole(sink))
        run(context.engine, "UPDATE evergreen.outbox SET retry_at = now()")

    assert row(context.engine).state == "pending"
    assert len(sink.keys) == 30


def test_on_a_simulated_clock_a_rest_is_business_time(context: Context) -> None:
    """Nothing is left that is due and cannot be done: the clock would stand still."""
    simulated = replace(context, settings=replace(context.settings, clock="simulated"))
    add(context.engine, state("a"), state("b"), state("c"))
    assert not turn(simulated, CRM, Sender(deliver=Sink(REST).deliver, policy=BATCH))

    assert due(context) == []
    later = {row(context.engine, key).due_at for key in "abc"}
    assert later == {NOON + timedelta(seconds=42)}
    with context.engine.connect() as conn:
        assert sinks.pauses(conn) == []


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        pytest.param(Unknown("p_500"), True, id="unclear"),
        pytest.param(RetryIn(5, "p_unreachable"), False, id="surely-not-sent"),
        pytest.param(REST, False, id="refused-as-too-many"),
    ],
)
def test_when_a_delta_may_first_have_been_taken_is_kept(
    context: Context, outcome: Outcome, *, kept: bool
) -> None:
    add(context.engine, delta())
    turn(context, STOCK, whole(Sink(outcome), KEYED))

    found = row(context.engine)
    assert found.state == "pending"
    assert (found.first_sent_at is not None) == kept


@pytest.mark.parametrize(
    ("acts", "only_asks", "kept"),
    [
        pytest.param((cut, answer(429)), False, True, id="silence-then-refused-as-too-many"),
        pytest.param((answer(502), answer(409)), False, True, id="a-fault-then-under-way"),
        pytest.param((answer(429),), False, False, id="refused-as-too-many"),
        pytest.param((answer(502), answer(429)), True, False, id="a-log-in-moves-nothing"),
    ],
)
def test_an_unclear_try_counts_though_the_last_one_was_not_taken(
    context: Context, acts: tuple[Act, ...], *, only_asks: bool, kept: bool
) -> None:
    call = Call(method="POST", path="/", json={}, repeatable=True, only_asks=only_asks)
    add(context.engine, delta())
    with providing(*acts) as there:

        def send(_batch: object, _now: object) -> list[Outcome]:
            told = Client(there.url).call(call)
            return [outcome("p", told, codes={"": "soon"} if told.status == 409 else None)]

        turn(context, STOCK, Sender(deliver=send, policy=KEYED, at_once=10))

    found = row(context.engine)
    assert (found.state, found.first_sent_at is not None) == ("pending", kept)


def test_a_delta_whose_sender_vanished_may_have_been_taken(context: Context) -> None:
    class Vanished(BaseException):
        """As if the process ended here."""

    def vanish(_batch: object, _now: object) -> list[Outcome]:
        raise Vanished

    add(context.engine, delta())
    with pytest.raises(Vanished):
        turn(context, STOCK, Sender(deliver=vanish, policy=KEYED, at_once=10))

    assert row(context.engine).first_sent_at is not None


@pytest.mark.parametrize(
    ("hours", "resolved", "end"),
    [
        pytest.param(21, None, ("done", None), id="within-the-keys-life-it-is-sent-again"),
        pytest.param(22, None, ("unknown", "key_expired"), id="beyond-it-a-person-decides"),
        pytest.param(22, Done("7"), ("done", None), id="unless-the-other-side-can-say"),
    ],
)
def test_a_delta_that_may_have_been_taken(
    context: Context, hours: int, resolved: Outcome | None, end: tuple[str, str | None]
) -> None:
    sink = Sink(Done())
    add(context.engine, delta())
    run(
        context.engine,
        f"UPDATE evergreen.outbox SET first_sent_at = now() - interval '{hours} hours'",
    )
    sender = Sender(deliver=sink.deliver, policy=KEYED, at_once=10, resolve=lambda _: resolved)
    turn(context, STOCK, sender)

    found = row(context.engine)
    assert (found.state, found.reason) == end
    assert len(sink.keys) == (hours == 21)


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        (BATCH, ("pending", "error_keyerror", False)),
        (KEYED, ("pending", "error_keyerror", True)),
    ],
    ids=["keyless", "keyed"],
)
def test_a_sink_that_breaks_is_tried_again(
    context: Context, policy: Policy, end: tuple[str, str, bool]
) -> None:
    def broken(_batch: object, _now: object) -> list[Outcome]:
        raise KeyError("a bug")

    add(context.engine, delta())
    turn(context, STOCK, Sender(deliver=broken, policy=policy, at_once=10))

    found = row(context.engine)
    assert (found.state, found.reason, found.first_sent_at is not None) == end


def test_a_sink_that_returns_too_few_ends_is_broken(context: Context) -> None:
    add(context.engine, state("a"), state("b"))
    turn(context, CRM, Sender(deliver=lambda *_: [Done()], policy=BATCH, at_once=10))

    assert {row(context.engine, key).reason for key in "ab"} == {"error_miscounted"}


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        pytest.param(KeyError("odd"), {"a": "done", "b": "pending", "c": "done"}, id="its-fault"),
        pytest.param(
            OperationalError("", None, Exception()), dict.fromkeys("abc", "pending"), id="no-server"
        ),
    ],
)
def test_one_that_breaks_the_sink_keeps_no_other_back(
    context: Context, error: Exception, ends: dict[str, str]
) -> None:
    def deliver(batch: Sequence[Claimed], _now: object) -> list[Outcome]:
        if any(claimed.effect.key == "b" for claimed in batch):
            raise error
        return [Done() for _ in batch]

    add(context.engine, state("a"), state("b"), state("c"))
    turn(context, CRM, Sender(deliver=deliver, policy=BATCH, at_once=10))

    assert {key: row(context.engine, key).state for key in "abc"} == ends


def test_who_lost_its_lease_leaves_the_effect_alone(context: Context) -> None:
    def lost(_batch: object, _now: object) -> list[Outcome]:
        raise LeaseLost

    add(context.engine, delta())
    turn(context, STOCK, Sender(deliver=lost))

    assert row(context.engine).state == "leased"


def test_a_sender_whose_lease_ran_out_asks_for_one_more_write(context: Context) -> None:
    def slow(batch: Sequence[Claimed], _now: object) -> list[Outcome]:
        run(context.engine, "UPDATE evergreen.outbox SET lease_token = gen_random_uuid()")
        return [Done("7", "hash") for _ in batch]

    add(context.engine, state())
    turn(context, CRM, Sender(deliver=slow, policy=BATCH))

    assert (row(context.engine).revision, row(context.engine).confirm) == (2, True)


def test_what_there_was_no_time_for_is_given_back(context: Context) -> None:
    sink = Sink(Done())
    add(context.engine, state("a"), state("b"))
    assert not turn(context, CRM, whole(sink), until=0.0)

    assert sink.keys == []
    assert due(context) == [CRM]
    assert row(context.engine, "a").attempts == 0


def test_the_lease_is_three_times_as_long_as_a_call_may_take(context: Context) -> None:
    left: list[float] = []

    def look(batch: Sequence[Claimed], _now: object) -> list[Outcome]:
        until = row(context.engine).lease_until
        left.append((until - datetime.now(UTC)).total_seconds())
        return [Done() for _ in batch]

    add(context.engine, state())
    turn(context, CRM, Sender(deliver=look))

    assert left[0] > 59


def test_each_attempt_is_on_record_with_its_last_call(context: Context) -> None:
    def send(batch: Sequence[Claimed], _now: object) -> list[Outcome]:
        trail.note(trail.Call(status=503, ms=1))
        trail.note(trail.Call(status=400, ms=2, correlation_id="r2"))
        return [Failed("p_400") for _ in batch]

    add(context.engine, state())
    turn(context, CRM, Sender(deliver=send, policy=BATCH, at_once=10))
    with context.engine.connect() as conn:
        (made,) = attempts.of(conn, "k")

    assert (made["attempt"], made["outcome"], made["reason"]) == (1, "failed", "p_400")
    assert (made["calls"], made["http_status"], made["correlation_id"]) == (2, 400, "r2")


@pytest.mark.parametrize(("days", "left"), [(29.99, 1), (30.01, 0)])
def test_attempts_are_kept_for_30_days(context: Context, days: float, left: int) -> None:
    add(context.engine, state())
    turn(context, CRM, whole(Sink(Unknown("p_500"))))
    run(
        context.engine,
        f"UPDATE evergreen.delivery_attempt SET at = now() - interval '{days} days'",
    )
    with context.engine.begin() as conn:
        attempts.forget_old(conn)
        assert len(attempts.of(conn, "k")) == left


class Caller:
    """Posts each effect to a real provider through its gate."""

    def __init__(self, url: str, redis_url: str) -> None:
        self.client = Client(url, Gate(redis.Redis.from_url(redis_url), "p", BATCH), tries=1)

    def __call__(self, batch: Sequence[Claimed], now: datetime) -> list[Outcome]:
        """Return what each answer means."""
        del now
        return [outcome("p", self._ask(claimed)) for claimed in batch]

    def _ask(self, claimed: Claimed) -> Answer | NoAnswer:
        try:
            return self.client.call(Call(method="POST", path="/", json=claimed.effect.key))
        except NoAnswer as error:
            return error


def test_a_provider_that_is_down_is_left_alone_and_its_effects_are_blocked(
    context: Context, redis_url: str
) -> None:
    add(context.engine, *(state(f"k{n}") for n in range(9)))
    with providing(answer(500)) as there:
        sender = Sender(deliver=Caller(there.url, redis_url), policy=BATCH, at_once=1)
        turn(context, CRM, sender)

        assert len(there.got) == 5
    assert due(context) == []
    assert shown(context, "k8") == ("blocked", "breaker_open")
    assert row(context.engine, "k8").attempts == 0


def test_without_redis_everything_still_goes_out(context: Context) -> None:
    add(context.engine, *(state(f"k{n}") for n in range(9)))
    with providing(answer(200)) as there:
        sender = Sender(deliver=Caller(there.url, "redis://127.0.0.1:9"), policy=BATCH)
        turn(context, CRM, sender)

        assert len(there.got) == 9
    assert {row(context.engine, f"k{n}").state for n in range(9)} == {"done"}
