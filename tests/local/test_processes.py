"""The Procfile's process types: parsed, run, watched, stopped."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from app.local.children import stop_left_over
from app.local.processes import PROCFILE, ProcessGroup, parse_procfile, shell_line
from sync.errors import SettingsError, Unavailable

SAY_AND_STAY = "echo serving on $PORT; exec sleep 60"


def group(state: Path, **commands: str) -> ProcessGroup:
    return ProcessGroup(commands, {"PORT": "8123", "PATH": os.defpath}, state)


def log(state: Path, name: str, word: str) -> str:
    """Return the log of a process type once it holds `word`."""
    path = state / "logs" / f"{name}.log"
    until = time.monotonic() + 10
    while word not in path.read_text() and time.monotonic() < until:
        time.sleep(0.02)
    return path.read_text()


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_the_procfile_names_what_the_contract_promises() -> None:
    commands = parse_procfile(PROCFILE.read_text())

    assert set(commands) == {"release", "web", "worker", "clock"}


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        pytest.param("web: gunicorn x", {"web": "gunicorn x"}, id="one"),
        pytest.param("a: x\n\n# why\nb:y z\n", {"a": "x", "b": "y z"}, id="blanks-and-comments"),
        pytest.param("a: env X=1 b: c", {"a": "env X=1 b: c"}, id="colon-in-the-command"),
        pytest.param("", {}, id="empty"),
    ],
)
def test_procfile_lines(text: str, commands: dict[str, str]) -> None:
    assert parse_procfile(text) == commands


@pytest.mark.parametrize("text", ["web", "web:", ": x", "a b: x", "web: x\nweb: y"])
def test_a_procfile_with_a_mistake_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="Procfile"):
        parse_procfile(text)


def test_a_command_is_a_shell_line_with_the_given_environment(state: Path) -> None:
    with group(state, web=SAY_AND_STAY) as processes:
        processes.start("web")
        said = log(state, "web", "8123")

    assert said == "serving on 8123\n"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        pytest.param("gunicorn app.wsgi:app", "exec gunicorn app.wsgi:app", id="simple"),
        pytest.param("a && b", "a && b", id="list"),
        pytest.param("X=1 a", "X=1 a", id="assignment"),
        pytest.param("exec a", "exec a", id="exec"),
    ],
)
def test_the_shell_becomes_a_simple_command(command: str, line: str) -> None:
    assert shell_line(command) == line


def test_bare_python_is_this_interpreter(state: Path, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho another python\n")
    other.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.defpath}"}

    commands = {"release": "python -c 'import sys; print(sys.prefix)'"}
    with ProcessGroup(commands, environ, state) as processes:
        processes.run_to_end("release")

    assert log(state, "release", "\n").strip() == sys.prefix


def test_all_stop_with_the_group_even_what_they_started_themselves(state: Path) -> None:
    parent = "sleep 61 & sleep 62; echo never"
    with group(state, web=parent, clock="exec sleep 63") as processes:
        processes.start("web", "clock")
        started = [psutil.Process(pid) for pid in processes.pids().values()]
        until = time.monotonic() + 10
        while len(started[0].children()) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        everything = [*started, *started[0].children(recursive=True)]
        assert len(everything) == 4

    assert not any(runs(process.pid) for process in everything)


def test_what_does_not_listen_is_killed_in_the_end(state: Path) -> None:
    with group(state, web="trap '' TERM; echo deaf; while true; do sleep 0.1; done") as processes:
        processes.stop_within_s = 0.3
        processes.start("web")
        log(state, "web", "deaf")
        [pid] = processes.pids().values()

    assert not runs(pid)


def test_a_death_is_told_with_the_end_of_the_log(state: Path) -> None:
    with group(state, web=SAY_AND_STAY, worker="echo cannot go on; exit 3") as processes:
        processes.start("web", "worker")
        until = time.monotonic() + 10
        while processes.death() is None and time.monotonic() < until:
            time.sleep(0.02)
        death = processes.death()

    assert death
    assert (death.name, death.exit_code) == ("worker", 3)
    assert "cannot go on" in str(death)


def test_nothing_has_died_while_all_run(state: Path) -> None:
    with group(state, web=SAY_AND_STAY) as processes:
        processes.start("web")

        assert processes.death() is None


def test_a_failing_release_stops_the_start(state: Path) -> None:
    with (
        group(state, release="echo no such table >&2; exit 1") as processes,
        pytest.raises(Unavailable, match="no such table"),
    ):
        processes.run_to_end("release")


def test_an_unknown_process_type_is_a_mistake(state: Path) -> None:
    with group(state) as processes, pytest.raises(SettingsError, match="clock"):
        processes.start("clock")


def test_a_restart_changes_the_process_and_keeps_the_log_before(state: Path) -> None:
    with group(state, web=SAY_AND_STAY) as processes:
        processes.start("web")
        log(state, "web", "serving")
        before = processes.pids()["web"]
        processes.restart("web")
        after = processes.pids()["web"]
        alive = [runs(before), runs(after)]

    assert alive == [False, True]
    assert (state / "logs" / "web.previous.log").read_text() == "serving on 8123\n"


def test_ctrl_c_in_the_terminal_reaches_only_the_starter(state: Path) -> None:
    with group(state, web=SAY_AND_STAY) as processes:
        processes.start("web")
        [pid] = processes.pids().values()

        assert os.getpgid(pid) != os.getpgid(0)
        assert os.getsid(pid) != os.getsid(0)


def test_left_over_processes_are_stopped_by_name(state: Path) -> None:
    left = group(state, web=SAY_AND_STAY, clock="exec sleep 60")
    left.start("web", "clock")

    stopped = stop_left_over(state)

    assert stopped == ("clock", "web")
    assert [child.exit_code() for child in left._running] == [-signal.SIGTERM, -signal.SIGTERM]
