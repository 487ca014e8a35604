"""`evergreen events`: what came in, looked at and played again."""

import json
from collections.abc import Mapping

import pytest
from sqlalchemy import Engine

from app.envelope import delivery
from sync.store import inbox
from tests.cli.command_line import evergreen
from tests.receiver.stripe_side import encoded, event, queued

IDS = ("evt_first", "evt_second")
PARKED = b"\xff no json"


@pytest.fixture
def kept(engine: Engine, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Two events and one that cannot be used, in the inbox behind the environment."""
    bodies = [encoded(event(id=event_id, extra="ร้านค้า")) for event_id in IDS]
    with engine.begin() as conn:
        for body in (*bodies, PARKED):
            inbox.store(conn, delivery(body, None))
    return environ


def test_newest_first_as_a_table(kept: Mapping[str, str]) -> None:
    said = evergreen("events", "list", environ=kept)

    lines = said.out.splitlines()
    assert (said.code, len(lines)) == (0, 5)
    assert lines[0].split()[:3] == ["event_id", "type", "object_id"]
    assert [line.split()[0][:10] for line in lines[2:]] == ["sha256:b80", "evt_second", "evt_first"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param(["--state", "parked"], 1, id="state"),
        pytest.param(["--type", "invoice.paid"], 2, id="type"),
        pytest.param(["--object", "in_nowhere"], 0, id="object"),
        pytest.param(["--limit", "1"], 1, id="limit"),
    ],
)
def test_only_some_as_json(kept: Mapping[str, str], words: list[str], found: int) -> None:
    said = evergreen("events", "list", *words, "--format", "json", environ=kept)

    assert len(json.loads(said.out)) == found


def test_one_with_its_payload(kept: Mapping[str, str]) -> None:
    said = evergreen("events", "show", IDS[0], environ=kept)

    assert said.code == 0
    assert "state        pending" in said.out
    assert '"extra": "ร้านค้า"' in said.out


def test_one_that_is_no_json(kept: Mapping[str, str]) -> None:
    [row] = json.loads(
        evergreen("events", "list", "--state", "parked", "--format", "json", environ=kept).out
    )

    said = evergreen("events", "show", row["event_id"], environ=kept)

    assert repr(PARKED) in said.out


def test_parked_events_are_played_again_and_the_workers_hear_of_it(
    kept: Mapping[str, str],
) -> None:
    would = evergreen("events", "replay", "--state", "parked", "--dry-run", environ=kept)
    before = queued(kept["REDIS_URL"])
    done = evergreen("events", "replay", "--state", "parked", IDS[0], environ=kept)

    assert would.out == "1 events would be pending again\n"
    assert done.out == "1 events are pending again\n", "the other one was pending all along"
    assert (before, queued(kept["REDIS_URL"])) == (0, 1)


def test_replay_does_without_redis(kept: Mapping[str, str]) -> None:
    nowhere = {**kept, "REDIS_URL": "redis://127.0.0.1:1/0"}

    assert evergreen("events", "replay", "--state", "parked", environ=nowhere).code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["show", "evt_none"], "evt_none", id="unknown"),
        pytest.param(["show"], "EVENT_ID", id="nothing-named"),
        pytest.param(["replay"], "--state", id="replay-nothing"),
        pytest.param(["replay", "evt_none", "evt_first"], "no such event: evt_none", id="replay"),
        pytest.param(["replay", "--state", "done"], "done", id="replay-done"),
        pytest.param(["list", "--limit", "0"], "--limit", id="limit"),
        pytest.param(["list", "--state", "lost"], "lost", id="state"),
        pytest.param(["list", "--no-such"], "--no-such", id="option"),
    ],
)
def test_wrong_use(kept: Mapping[str, str], words: list[str], says: str) -> None:
    said = evergreen("events", *words, environ=kept)

    assert said.code == 2
    assert says in said.err
