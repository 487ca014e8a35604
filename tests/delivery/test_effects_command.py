"""`evergreen effects`: what people see of an effect, and what they may decide over it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.cli.effects import command
from sync.changes import Done, Effect, Failed, Outcome, Unknown
from sync.store import sinks
from tests.delivery.made import CRM, add, claim, delta, row, settle, state
from tests.workers.world import settings_for


@pytest.fixture
def run(database_url: str, redis_url: str) -> Any:
    settings = settings_for(database_url, redis_url)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(command, words, obj=settings)

    return invoke


def ended(engine: Engine, effect: Effect, outcome: Outcome) -> None:
    add(engine, effect)
    (claimed,) = claim(engine)
    settle(engine, claimed, outcome)


def rows(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_effects_are_listed_by_what_is_asked_for(run: Any, engine: Engine) -> None:
    ended(engine, delta("m"), Failed("p_400"))
    add(engine, state("a"))
    found = rows(run("list", "--state", "failed", "--format", "json"))
    assert [(each["key"], each["reason"]) for each in found] == [("m", "p_400")]

    found = rows(run("list", "--channel", "crm", "--sink", "hubspot", "--format", "json"))
    assert [each["key"] for each in found] == ["a"]


def test_what_waits_for_a_sink_at_rest_is_blocked_and_says_why(run: Any, engine: Engine) -> None:
    add(engine, state("a"), delta("m"))
    with engine.begin() as conn:
        sinks.pause(conn, CRM, 60, "breaker_open")
    found = rows(run("list", "--state", "blocked", "--format", "json"))
    assert [(each["key"], each["reason"]) for each in found] == [("a", "breaker_open")]

    (rest,) = rows(run("sinks", "--format", "json"))
    assert (rest["channel"], rest["sink"], rest["reason"]) == ("crm", "hubspot", "breaker_open")
    assert rows(run("sinks", "--resume", "crm:hubspot", "--format", "json")) == []
    assert run("sinks", "--resume", "crm:hubspot").exit_code == 2


def test_one_effect_is_shown_with_its_attempts(run: Any, engine: Engine) -> None:
    ended(engine, delta("m"), Failed("p_400"))
    assert "p_400" in run("show", "m").stdout
    (shown,) = rows(run("show", "m", "--format", "json"))
    assert (shown["state"], shown["history"]) == ("failed", [])

    assert run("show", "no-such").exit_code == 2


@pytest.mark.parametrize(
    ("decision", "state_then", "reason"),
    [
        ("--sent", "done", "settled_as_sent"),
        ("--retry", "pending", "settled_as_not_sent"),
        ("--dismiss", "dismissed", "dismissed_no_answer"),
    ],
)
def test_a_person_settles_what_is_in_doubt(
    run: Any, engine: Engine, decision: str, state_then: str, reason: str
) -> None:
    ended(engine, delta("m"), Unknown("no_answer"))
    assert run("settle", "m", decision).exit_code == 0

    found = row(engine, "m")
    assert (found.state, found.reason, found.key) == (state_then, reason, "m")
    assert bool(claim(engine)) == (state_then == "pending")


def test_a_retry_after_looking_begins_a_new_life_of_the_key(run: Any, engine: Engine) -> None:
    add(engine, delta("m"))
    (claimed,) = claim(engine)
    settle(engine, claimed, Unknown("no_answer"), may_have_left=True)
    with engine.begin() as conn:
        conn.exec_driver_sql("UPDATE evergreen.outbox SET first_sent_at = now()")
    run("settle", "m", "--retry")

    assert (row(engine, "m").first_sent_at, row(engine, "m").attempts) == (None, 0)


@pytest.mark.parametrize("decision", ["--sent", "--retry", "--dismiss"])
def test_what_is_not_in_doubt_is_left_alone(run: Any, engine: Engine, decision: str) -> None:
    ended(engine, delta("m"), Done())

    assert run("settle", "m", decision).exit_code == 1
    assert row(engine, "m").state == "done"


def test_nothing_is_decided_without_a_word(run: Any) -> None:
    assert run("settle", "m").exit_code == 2


def test_what_failed_is_replayed_with_the_same_key(run: Any, engine: Engine) -> None:
    ended(engine, delta("m"), Failed("p_400"))
    ended(engine, delta("n"), Failed("p_400"))
    assert "2 effects would be" in run("replay", "--state", "failed", "--dry-run").stdout
    assert "1 effects are" in run("replay", "m").stdout
    (again,) = claim(engine)

    assert (again.effect.key, again.attempts) == ("m", 1)
    assert row(engine, "n").state == "failed"


def test_a_dismissal_may_be_taken_back(run: Any, engine: Engine) -> None:
    ended(engine, delta("m"), Failed("p_400"))
    assert run("settle", "m", "--dismiss").exit_code == 0
    assert claim(engine) == []
    assert run("replay", "m").exit_code == 0

    assert [each.effect.key for each in claim(engine)] == ["m"]


@pytest.mark.parametrize(
    "words", [("replay",), ("replay", "m"), ("replay", "no-such"), ("replay", "--state", "done")]
)
def test_only_what_ended_badly_is_replayed(
    run: Any, engine: Engine, words: tuple[str, ...]
) -> None:
    ended(engine, delta("m"), Done())

    assert run(*words).exit_code == 2
    assert row(engine, "m").state == "done"
