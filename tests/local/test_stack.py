"""Everything on one machine: the Procfile's own commands against embedded servers."""

import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
import requests

from app.local.environment import closed_off, of_running_stack
from app.local.ports import free_port, is_free
from app.local.stack import local_stack
from sync.errors import SettingsError, Unavailable

pytestmark = pytest.mark.processes


def environ(**more: str) -> Mapping[str, str]:
    return {**closed_off(os.environ), "PORT": str(free_port()), **more}


def running(state: Path) -> list[str]:
    return sorted(path.stem for path in (state / "processes").glob("*.record"))


def test_everything_comes_up_and_goes_again(state: Path) -> None:
    steps: list[str] = []
    with local_stack(state, environ(), say=steps.append) as stack:
        ready = requests.get(f"{stack.base_url}/readyz", timeout=10)
        listening = psutil.Process(stack.processes.pids()["web"]).net_connections("inet")
        up = running(state)
        told = of_running_stack(state.parent)
        assert stack.mail
        mails = requests.get(stack.mail.page_url, timeout=10)

    assert ready.ok
    assert {address.laddr.ip for address in listening} == {"127.0.0.1"}
    assert up == ["clock", "postgresql", "valkey", "web", "worker"]
    assert told["DATABASE_URL"] == stack.environ["DATABASE_URL"]
    assert mails.ok
    assert steps
    assert running(state) == []
    assert is_free(int(stack.environ["PORT"]))


def test_servers_of_the_users_are_used(
    state: Path, empty_database_url: str, redis_url: str
) -> None:
    own = environ(
        DATABASE_URL=empty_database_url, REDIS_URL=redis_url, MAIL_URL="smtp://127.0.0.1:9"
    )
    with local_stack(state, own) as stack:
        up = running(state)
        ready = requests.get(f"{stack.base_url}/readyz", timeout=10)

    assert up == ["clock", "web", "worker"]
    assert ready.ok
    assert stack.mail is None


def test_a_port_that_is_taken_is_named(state: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SettingsError, match=str(taken.getsockname()[1])),
        local_stack(state, environ(PORT=str(taken.getsockname()[1]))),
    ):
        pass

    assert running(state) == []


def test_the_death_of_a_process_ends_the_watch(state: Path) -> None:
    with local_stack(state, environ()) as stack:
        os.killpg(stack.processes.pids()["clock"], signal.SIGKILL)
        with pytest.raises(Unavailable, match="clock ended with -9"):
            stack.watch()

    assert running(state) == []


def test_wrong_settings_stop_the_start_with_their_names(state: Path) -> None:
    with (
        pytest.raises(Unavailable, match="TIMEZONE"),
        local_stack(state, environ(TIMEZONE="Mars/Olympus")),
    ):
        pass

    assert running(state) == []
