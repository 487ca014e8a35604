"""A backfill: whole, resumable, safe beside live events, silent."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count, islice

import pytest

from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.faults import Fault, Faults
from sync.errors import SettingsError, Unavailable
from sync.mirror import backfill
from sync.mirror.backfill import Step
from sync.mirror.objects import OBJECTS
from sync.mirror.parts import alone, parts_of, unfinished
from tests.backfill.several_lives import NOW, Json, Shop, environ, lived, withheld
from tests.cli.command_line import evergreen
from tests.workers.world import World

FIRST_DAYS = lived(5, until=NOW.replace(year=2025, month=3))


def run(shop: Shop, *names: str) -> list[Step]:
    """Walk everything, or what is named, from the beginning."""
    parts = parts_of(names, ("",))
    with shop.engine.begin() as conn:
        backfill.begin(conn, parts, None)
    return list(shop.backfill().steps(parts))


def resume(shop: Shop) -> list[Step]:
    """Go on with what was left."""
    with shop.engine.connect() as conn:
        parts = unfinished(conn, backfill.TASK)
    return list(shop.backfill().steps(parts))


def test_an_empty_mirror_ends_as_stripe_is(shop: Shop) -> None:
    """Ended subscriptions included, though Stripe lists them only when asked to."""
    shop.api.account.tell(*lived(1))

    steps = run(shop)

    assert shop.drift() == []
    assert {step.refused for step in steps} == {None}
    assert resume(shop) == []
    ended = "SELECT count(*) > 3 FROM stripe.subscriptions WHERE status = 'canceled'"
    assert shop.world.rows(ended) == [(True,)]


def test_what_a_withheld_webhook_left_out_is_mended(shop: Shop) -> None:
    shop.api.account.tell(*lived(1))
    shop.deliver(withheld(lived(1), seed=1))
    before = shop.drift()

    run(shop)

    assert len(before) > 10
    assert [key for key in shop.drift() if key not in deleted(shop)] == []


def deleted(shop: Shop) -> set[tuple[str, str]]:
    """Return what Stripe deleted: no list tells of that, so finding it is the check's work."""
    account = shop.api.account
    return {key for key in shop.drift() if account.get(*key) is None}


def test_it_mails_nobody_and_moves_no_stock(shop: Shop) -> None:
    """But it asks for the CRM records of all whom it touched."""
    shop.api.account.tell(*lived(1))

    said = evergreen("backfill", environ=environ(shop))

    assert said.code == 0
    channels = "SELECT channel, count(*) > 20 FROM evergreen.outbox GROUP BY 1"
    assert shop.world.rows(channels) == [("crm", True)]


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(per_s=40), id="limited"),
        pytest.param(
            Faults(shares={Fault.LIMITED: 0.03, Fault.ERROR: 0.03, Fault.HALF: 0.03}, seed=1),
            id="429-500-half",
        ),
        pytest.param(Faults(shares={Fault.DROPPED: 0.05}, seed=2), id="dropped"),
    ],
)
def test_a_stripe_that_fails_now_and_then_delays_and_spoils_nothing(
    shop: Shop, faults: Faults
) -> None:
    shop.api.account.tell(*FIRST_DAYS)
    shop.api.misbehave(faults)

    _until_done(shop)

    assert shop.drift() == []


def _until_done(shop: Shop) -> None:
    try:
        run(shop)
    except Unavailable:
        for _ in range(20):
            try:
                resume(shop)
            except Unavailable:
                continue
            return
        raise


def test_a_stripe_that_is_down_stops_the_run_which_then_goes_on(shop: Shop) -> None:
    shop.api.account.tell(*FIRST_DAYS)
    shop.api.misbehave(Faults(script=[None] * 10 + [Fault.ERROR] * 3))

    with pytest.raises(Unavailable):
        run(shop)
    done = shop.world.rows("SELECT part FROM evergreen.progress WHERE finished_at IS NOT NULL")
    shop.api.requests.clear()
    again = {step.part.object for step in resume(shop)}

    assert len(done) > 3
    assert again.isdisjoint(part for (part,) in done)
    assert shop.drift() == []


def test_a_list_goes_on_though_its_last_object_was_deleted_meanwhile(shop: Shop) -> None:
    """Here each page's last: both lists that go on by creation and those that begin again."""
    created = int(NOW.timestamp()) - 86_400
    for object_type, prefix in (("product", "prod"), ("payment_link", "plink")):
        for n in range(250):
            told = {"object": object_type, "created": created + n // 7, "livemode": False}
            shop.api.account.put({"id": f"{prefix}_{n:03}", **told})
    last = frozenset({"prod_150", "prod_050", "plink_150"})
    shop.api.misbehave(Faults(vanishing=last))

    run(shop, "product", "payment_link")

    drifted = {object_id for _, object_id in shop.drift()}
    assert drifted <= last  # what went after it was listed is a deletion, told by an event
    assert shop.world.rows("SELECT count(*) FROM stripe.products") == [(250,)]


def test_a_killed_run_goes_on_and_ends_equal(shop: Shop) -> None:
    """The real command, killed at random moments, until one of its resumptions is through."""
    shop.api.account.tell(*lived(1))
    chance, kills = random.Random("kills"), 0

    words = ["backfill"]
    while (ended := _kill_after(shop, words, reads=chance.randint(3, 25))) != 0:
        assert ended == -signal.SIGKILL
        kills, words = kills + 1, ["backfill", "--resume"]

    assert kills >= 3
    assert shop.drift() == []


def _kill_after(shop: Shop, words: Sequence[str], *, reads: int) -> int:
    """Run a command and kill it at one of its reads; return how it ended."""
    left = count(reads, -1)
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *words], env=environ(shop), stdout=subprocess.DEVNULL
    )

    def kill_at_last(_path: str) -> None:
        if next(left) <= 0:
            process.kill()

    shop.api.between = kill_at_last
    return process.wait()


def test_an_older_answer_never_wins_over_live_events(shop: Shop) -> None:
    """Every page arrives late: what happened since it was rendered was mirrored before it."""
    events, account = lived(6, until=NOW.replace(year=2025, month=4)), shop.api.account
    account.tell(*events[:400])
    rest, one_at_a_time = iter(events[400:]), threading.Lock()
    context = replace(shop.world.context, clock=StripeClock(account))
    live = replace(shop, world=World(context))

    def meanwhile(_path: str) -> None:
        with one_at_a_time:
            some = list(islice(rest, 25))
            account.tell(*some)
            live.deliver(some)

    shop.api.between = meanwhile
    walking = threading.Thread(target=run, args=(live,))
    walking.start()
    for some in batched(events[:400], 8):  # beside it, what the lists show already
        live.deliver(some)
    walking.join()
    last = list(rest)
    account.tell(*last)
    live.deliver(last)

    assert len(last) < len(events) - 800
    assert shop.drift() == []


def batched(events: Sequence[Json], size: int) -> list[Sequence[Json]]:
    return [events[at : at + size] for at in range(0, len(events), size)]


@dataclass(frozen=True, slots=True)
class StripeClock:
    """Stands at the last thing that happened at Stripe."""

    account: Account

    def now(self) -> datetime:
        """Return the second of the last event."""
        return datetime.fromtimestamp(self.account.events[-1]["created"], UTC)


def test_a_key_of_the_other_mode_is_refused(shop: Shop) -> None:
    shop.api.account.put({"id": "prod_live", "object": "product", "created": 1, "livemode": True})

    with pytest.raises(SettingsError, match="mode"):
        run(shop, "product")

    assert shop.world.rows("SELECT count(*) FROM stripe.products") == [(0,)]


def test_what_postgresql_cannot_hold_keeps_nothing_else_out(shop: Shop) -> None:
    told = {"object": "product", "created": 1, "livemode": False}
    names = ("good", "a\0b", "also good")
    shop.api.account.put(*({**told, "id": f"prod_{n}", "name": x} for n, x in enumerate(names)))

    run(shop, "product")

    mirrored = shop.world.rows("SELECT name FROM stripe.products ORDER BY id")
    assert mirrored == [("good",), ("also good",)]


def test_only_one_at_a_time(shop: Shop) -> None:
    with (
        alone(shop.engine, backfill.TASK),
        pytest.raises(Unavailable, match="another"),
        alone(shop.engine, backfill.TASK),
    ):
        pass


def test_every_object_that_stripe_lists_has_its_place_in_the_order() -> None:
    listed = {name for name, kind in OBJECTS.items() if kind.endpoint and kind.endpoint.many}

    assert {part.object for part in parts_of((), ("",))} == listed


def test_parents_come_before_what_is_listed_by_parent() -> None:
    order = [part.object for part in parts_of((), ("",))]
    of = {name: kind.endpoint.of for name, kind in OBJECTS.items() if kind.endpoint}

    assert [n for n in order if of[n] and order.index(str(of[n])) > order.index(n)] == []
