"""What holds for every command: help, mistakes in one line, exit codes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from shutil import rmtree
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from app.cli import COMMANDS
from app.local.environment import told_to_others
from app.local.ports import LOOPBACK, free_port
from app.local.servers import held
from app.local.state import state_dir
from sync import clock
from tests.cli.command_line import evergreen

CANARY = "c4n4ry"
STANDS_AT = datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_help_lists_every_command_without_any_setting() -> None:
    said = evergreen("--help", environ={})

    assert said.code == 0
    for name, entry in COMMANDS.items():
        assert name in said.out
        assert entry.help.split()[0] in said.out


@pytest.mark.parametrize("words", [["events", "list"], ["clock", "set"], ["db"], ["run"]])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_of_a_command_needs_no_setting(words: list[str], flag: str) -> None:
    said = evergreen(*words, flag, environ={})

    assert (said.code, said.out[:6]) == (0, "Usage:")


@pytest.mark.parametrize("words", [["nosuch"], ["--nosuch"], ["events", "nosuch"]])
def test_unknown_words(environ: Mapping[str, str], words: list[str]) -> None:
    said = evergreen(*words, environ=environ)

    assert said.code == 2
    assert "nosuch" in said.err


def test_missing_settings_are_all_named() -> None:
    said = evergreen("events", "list", environ={"DATABASE_URL": "mysql://", "LANES": "0"})

    assert said.code == 2
    named = [line for line in said.err.splitlines() if line.startswith("  - ")]
    assert len(named) == 4


@pytest.mark.parametrize(
    ("words", "stands_in"),
    [
        ("mail preview receipt", True),
        ("mail lint", True),
        ("mail preview receipt --customer=cus_1", False),
        ("mail preview receipt --customer cus_1", False),
        ("mail why cus_1", False),
        ("mail settle a-key --sent", False),
        ("mail unknown", False),
        ("mail experiments", False),
    ],
)
def test_only_who_asks_no_database_can_do_without_one(words: str, stands_in: bool) -> None:
    assert ("DATABASE_URL" in COMMANDS["mail"].given(words.split())) is stands_in


@pytest.mark.parametrize("words", [["events", "list"], ["clock", "show"], ["db", "upgrade"]])
def test_a_database_that_cannot_be_reached(environ: Mapping[str, str], words: list[str]) -> None:
    url = f"postgresql://shop:{CANARY}@{LOOPBACK}:{free_port()}/shop"

    said = evergreen(*words, environ={**environ, "DATABASE_URL": url, "CLOCK": "simulated"})

    assert said.code == 3
    assert len(said.err.splitlines()) == 1
    assert "Connection refused" in said.err
    assert CANARY not in said.err


@pytest.mark.parametrize("words", [["events", "list"], ["clock", "show"]])
def test_a_database_without_our_tables(
    environ: Mapping[str, str], empty_database_url: str, words: list[str]
) -> None:
    empty = {**environ, "DATABASE_URL": empty_database_url, "CLOCK": "simulated"}

    said = evergreen(*words, environ=empty)

    assert said.code == 2
    assert "evergreen db upgrade" in said.err


def test_the_schema_is_brought_up_to_date_and_again(
    environ: Mapping[str, str], empty_database_url: str
) -> None:
    empty = {**environ, "DATABASE_URL": empty_database_url}

    first, second = (evergreen("db", "upgrade", environ=empty) for _ in range(2))

    assert (first.code, second.code) == (0, 0)
    assert first.out == second.out
    assert evergreen("events", "list", environ=empty).code == 0


@pytest.fixture
def simulated(environ: Mapping[str, str], engine: Engine) -> Mapping[str, str]:
    """An environment whose clock stands at an instant."""
    with engine.begin() as conn:
        clock.start(conn, STANDS_AT)
    return {**environ, "CLOCK": "simulated"}


def test_the_clock_is_shown(simulated: Mapping[str, str]) -> None:
    assert evergreen("clock", "show", environ=simulated).out == "2026-12-01T08:00:00+00:00\n"


def test_the_clock_may_be_set_to_where_it_stands(simulated: Mapping[str, str]) -> None:
    said = evergreen("clock", "set", "2026-12-01T15:00:00+07:00", environ=simulated)

    assert (said.code, said.out) == (0, "2026-12-01T08:00:00+00:00\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["set", "tomorrow"], "no instant", id="words"),
        pytest.param(["set", "2026-12-01T08:00:00"], "no time zone", id="no-zone"),
        pytest.param(["set", "2026-13-01T08:00:00Z"], "no instant", id="month-13"),
        pytest.param(["set", "0001-01-01T00:00:00+14:00"], "calendar", id="before-the-calendar"),
        pytest.param(["set", "2026-11-30T08:00:00Z"], "never goes back", id="back"),
        pytest.param(["set"], "INSTANT", id="nothing"),
        pytest.param(["advance", "3"], "no span", id="no-unit"),
        pytest.param(["advance", "3d 4h"], "no span", id="blank"),
        pytest.param(["advance", "-3d"], "-3", id="back-by-a-span"),
        pytest.param(["advance", "9999999d"], "calendar", id="past-the-calendar"),
        pytest.param(["advance", "9" * 30 + "d"], "too long", id="too-long"),
        pytest.param(["advance", "9" * 5000 + "d"], "too long", id="far-too-long"),
    ],
)
def test_the_clock_refuses(simulated: Mapping[str, str], words: list[str], says: str) -> None:
    said = evergreen("clock", *words, environ=simulated)

    assert said.code == 2
    assert says in said.err


def test_a_real_clock_is_not_moved(environ: Mapping[str, str]) -> None:
    said = evergreen("clock", "advance", "1d", environ=environ)

    assert said.code == 2
    assert "CLOCK=simulated" in said.err


def test_a_local_stack_that_runs_is_found_from_another_terminal(
    simulated: Mapping[str, str], database_url: str
) -> None:
    state = state_dir(f"tests-{uuid4().hex[:8]}")
    with held(state), told_to_others(state, simulated):
        found = evergreen("clock", "show", environ={})
        own = evergreen("clock", "show", environ={"DATABASE_URL": database_url})
    rmtree(state)

    assert (found.code, found.out) == (0, "2026-12-01T08:00:00+00:00\n")
    assert own.code == 2, "who names a database means that one, with settings of their own"
