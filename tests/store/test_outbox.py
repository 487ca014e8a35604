"""The outbox: one key one effect, a fenced claim, and an ending that is never guessed."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, Row, select, update

from sync.changes import Done, Effect, Failed, Outcome, RetryIn, Shape, Skipped, Unknown
from sync.store import outbox
from sync.store.outbox import OUTBOX

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def effect(key: str = "k", *, due_at: datetime = NOON, shape: Shape = "once") -> Effect:
    if shape == "once":
        return Effect(key=key, channel="mail", kind="test", due_at=due_at)
    return Effect(key=key, channel="crm", kind="test", due_at=due_at, shape=shape)


def row_of(conn: Connection, key: str = "k") -> Row[tuple[object, ...]]:
    return conn.execute(select(OUTBOX).where(OUTBOX.c.key == key)).one()


def expire_leases(conn: Connection) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    conn.execute(update(OUTBOX).values(lease_until=past))


def test_a_key_is_recorded_once(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect(), effect(due_at=NOON + SECOND)])
        outbox.add(conn, [effect(due_at=NOON + 2 * SECOND)])

        assert conn.execute(select(OUTBOX.c.due_at)).scalars().all() == [NOON + SECOND]


@pytest.mark.parametrize(
    ("now", "taken"),
    [(NOON - SECOND, []), (NOON, ["k"])],
    ids=["a-second-early", "on-time"],
)
def test_an_effect_is_claimed_from_its_due_time_on(
    engine: Engine, now: datetime, taken: list[str]
) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect()])

        assert [claimed.effect.key for claimed in outbox.claim(conn, now)] == taken


def test_effects_come_in_due_order(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect("b"), effect("a"), effect("first", due_at=NOON - SECOND)])

        assert [c.effect.key for c in outbox.claim(conn, NOON)] == ["first", "a", "b"]


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        pytest.param(Done("remote"), "sent", None, id="done"),
        pytest.param(Skipped("paid"), "skipped", "paid", id="skipped"),
        pytest.param(RetryIn(5, "smtp_451"), "pending", "smtp_451", id="retry"),
        pytest.param(Failed("smtp_550"), "failed", "smtp_550", id="failed"),
        pytest.param(Unknown("no_reply"), "unknown", "no_reply", id="unknown"),
    ],
)
def test_each_outcome_leaves_its_state_and_reason(
    engine: Engine, outcome: Outcome, state: str, reason: str | None
) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect()])
        (claimed,) = outbox.claim(conn, NOON)
        assert outbox.mark_sending(conn, claimed)
        assert outbox.settle(conn, claimed, outcome, NOON)
        row = row_of(conn)

        assert (row.state, row.reason) == (state, reason)
        assert (row.settled_at == NOON) == (state != "pending")
        assert outbox.claim(conn, NOON + SECOND) == []


def test_sending_needs_the_lease(engine: Engine) -> None:
    """A worker that slept through its lease must not send what another has taken over."""
    with engine.begin() as conn:
        outbox.add(conn, [effect()])
        (slept,) = outbox.claim(conn, NOON)
        expire_leases(conn)
        assert not outbox.mark_sending(conn, slept)
        (awake,) = outbox.claim(conn, NOON)

        assert not outbox.mark_sending(conn, slept)
        assert outbox.mark_sending(conn, awake)
        assert not outbox.settle(conn, slept, Done(), NOON)
        assert row_of(conn).state == "sending"


def test_what_was_being_sent_when_its_sender_vanished_is_unknown_and_not_sent_again(
    engine: Engine,
) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect()])
        (claimed,) = outbox.claim(conn, NOON)
        outbox.mark_sending(conn, claimed)
        assert outbox.give_up_unclear(conn, NOON) == 0
        expire_leases(conn)

        assert outbox.claim(conn, NOON) == []
        assert outbox.give_up_unclear(conn, NOON) == 1
        assert row_of(conn).state == "unknown"


@pytest.mark.parametrize(("sent", "state"), [(False, "pending"), (True, "unknown")])
def test_a_broken_handler_is_retried_only_when_nothing_can_have_left(
    engine: Engine, *, sent: bool, state: str
) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect()])
        (claimed,) = outbox.claim(conn, NOON)
        if sent:
            outbox.mark_sending(conn, claimed)
        outbox.settle_broken(conn, claimed, RetryIn(5, "error_keyerror"), NOON)

        assert row_of(conn).state == state


def test_a_state_effect_asked_for_again_is_due_again(engine: Engine) -> None:
    wanted = effect(shape="state")
    with engine.begin() as conn:
        outbox.add(conn, [wanted, wanted])
        (claimed,) = outbox.claim(conn, NOON)
        outbox.settle(conn, claimed, Done(), NOON)
        assert row_of(conn).state == "done"
        assert outbox.claim(conn, NOON) == []

        outbox.add(conn, [effect(shape="state", due_at=NOON + SECOND)])
        assert outbox.claim(conn, NOON) == []
        assert len(outbox.claim(conn, NOON + SECOND)) == 1


@pytest.mark.parametrize(
    "outcome", [Done(), Skipped("gone"), Failed("unknown_sink"), Unknown("lost")], ids=str
)
def test_a_state_effect_asked_for_during_its_delivery_is_delivered_once_more(
    engine: Engine, outcome: Outcome
) -> None:
    wanted = effect(shape="state")
    with engine.begin() as conn:
        outbox.add(conn, [wanted])
        (first,) = outbox.claim(conn, NOON)
        outbox.add(conn, [wanted])
        assert outbox.claim(conn, NOON) == []
        outbox.settle(conn, first, outcome, NOON)
        (second,) = outbox.claim(conn, NOON)
        outbox.settle(conn, second, Done(), NOON)

        assert row_of(conn).state == "done"
        assert outbox.claim(conn, NOON) == []


def test_a_known_skip_is_recorded_with_its_reason(engine: Engine) -> None:
    known = Effect(key="k", channel="mail", kind="test", due_at=NOON, skip_reason="human_first")
    with engine.begin() as conn:
        outbox.add(conn, [known])

        assert (row_of(conn).state, row_of(conn).reason) == ("skipped", "human_first")
        assert not outbox.busy(conn, NOON)


def test_next_due_looks_no_further_than_asked(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect(due_at=NOON + SECOND)])

        assert outbox.next_due(conn, NOON) is None
        assert outbox.next_due(conn, NOON + SECOND) == NOON + SECOND


def test_a_request_that_is_not_yet_committed_is_not_lost_to_the_end_of_a_delivery(
    engine: Engine,
) -> None:
    """The delivery read the mirror before that commit, so its end must not cover the request."""
    wanted = effect(shape="state")
    with engine.begin() as conn:
        outbox.add(conn, [wanted])
    with engine.begin() as conn:
        (claimed,) = outbox.claim(conn, NOON)
    settled = threading.Event()

    def settle() -> None:
        with engine.begin() as conn:
            outbox.settle(conn, claimed, Done(), NOON)
        settled.set()

    with engine.begin() as asking:
        outbox.add(asking, [wanted])
        thread = threading.Thread(target=settle)
        thread.start()
        assert not settled.wait(0.3), "it must wait for the request's commit"
    thread.join()
    with engine.begin() as conn:
        assert row_of(conn).state == "pending"
        assert row_of(conn).ended_at is None
        assert len(outbox.claim(conn, NOON)) == 1


def test_a_retry_in_business_time_waits_for_the_clock(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect()])
        (claimed,) = outbox.claim(conn, NOON)
        outbox.settle(conn, claimed, RetryIn(300, "smtp_451"), NOON, retry_in_business_time=True)

        assert outbox.claim(conn, NOON) == []
        assert outbox.next_due(conn, NOON + timedelta(days=1)) == NOON + timedelta(minutes=5)
        assert len(outbox.claim(conn, NOON + timedelta(minutes=5))) == 1


def test_what_there_was_no_time_for_is_given_back_untried(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect()])
        for _ in range(20):
            (claimed,) = outbox.claim(conn, NOON)
            assert claimed.attempts == 1
            outbox.release(conn, claimed)


def test_sending_has_a_lease_of_its_own(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.add(conn, [effect()])
        (claimed,) = outbox.claim(conn, NOON, lease_s=1)
        outbox.mark_sending(conn, claimed)
        left_s = row_of(conn).lease_until - datetime.now(UTC)

    assert left_s > timedelta(seconds=100)
