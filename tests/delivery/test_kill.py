"""kill -9 between sending and settling: nothing lost, nothing under a second key."""

import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from sync.changes import Effect
from sync.delivery.policy import Policy
from sync.store.outbox import Lane
from tests.delivery.made import CRM, STOCK, add, delta, expire_leases, row, state, turn
from tests.delivery.server import Provider, answer, providing, stall
from tests.delivery.test_lane import Caller
from tests.delivery.test_starvation import wait_for
from workers.context import Context
from workers.lane import Sender

KEYED = Policy(batch=10, key_lives=timedelta(days=1))


def killed_while_sending(context: Context, there: Provider, lane: Lane) -> None:
    settings = context.settings
    words = [there.url, settings.database_url, settings.redis_url, lane.channel, lane.sink]
    sender = subprocess.Popen([sys.executable, "-m", "tests.delivery.dying", *words])
    wait_for(lambda: bool(there.got))
    sender.send_signal(signal.SIGKILL)
    assert sender.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("effect", "lane", "calls"),
    [
        pytest.param(delta(), STOCK, 2, id="a-delta-again-with-its-key"),
        pytest.param(state(), CRM, 3, id="a-state-again-and-once-to-confirm"),
    ],
)
def test_a_sender_killed_while_sending(
    context: Context, effect: Effect, lane: Lane, calls: int
) -> None:
    add(context.engine, effect)
    with providing(stall(5), answer(200)) as there:
        killed_while_sending(context, there, lane)
        assert row(context.engine).state == "leased"
        caller = Caller(there.url, context.settings.redis_url)
        sender = Sender(deliver=caller, policy=KEYED)
        assert not turn(context, lane, sender)
        expire_leases(context.engine)
        while turn(context, lane, sender):
            pass

        assert len(there.got) == calls
        assert {body.rpartition(b"\r\n\r\n")[2] for body in there.got} == {b'"k"'}
    assert row(context.engine).state == "done"


def test_beyond_its_keys_life_a_killed_sending_waits_for_a_person(context: Context) -> None:
    add(context.engine, delta())
    with providing(stall(5), answer(200)) as there:
        killed_while_sending(context, there, STOCK)
        first_sent_at = row(context.engine).first_sent_at
        assert first_sent_at is not None
        expire_leases(context.engine)
        short = Policy(batch=10, key_lives=timedelta(microseconds=1))
        caller = Caller(there.url, context.settings.redis_url)
        turn(context, STOCK, Sender(deliver=caller, policy=short))

        assert len(there.got) == 1
    assert (row(context.engine).state, row(context.engine).reason) == ("unknown", "key_expired")
