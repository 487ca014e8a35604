"""`evergreen doctor`: every mistake at once, in the settings and behind them."""

import socket
import subprocess
import sys
from collections.abc import Mapping

import pytest
import redis

from app.cli.doctor import findings
from app.local.ports import LOOPBACK, free_port
from app.local.state import CHECKOUT
from tests.cli.command_line import evergreen

CANARY = "c4n4ry"
LOCAL = {"MAIL_FROM": "shop@shop.example"}


@pytest.mark.processes
def test_nothing_set() -> None:
    """As somebody meets it who starts it for the first time: a process, no setting at all."""
    said = subprocess.run(
        [sys.executable, "-m", "app", "doctor"],
        env={},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    if "STRIPE_WEBHOOK_SECRETS" in said.stdout:  # else a local stack runs from this checkout
        assert said.returncode == 1
        assert "3 to mend" in said.stdout
        for name in ("STRIPE_WEBHOOK_SECRETS", "DATABASE_URL", "REDIS_URL"):
            assert f"✗ {name} is not set" in said.stdout
    assert said.stderr == ""


def test_all_well(environ: Mapping[str, str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as mail_server:
        mail_url = f"smtp://{LOOPBACK}:{mail_server.getsockname()[1]}"
        said = evergreen("doctor", environ={**environ, **LOCAL, "MAIL_URL": mail_url})

    assert said.code == 0, said.out
    assert "✓ all well" in said.out


def test_what_is_worth_knowing_is_no_mistake(environ: Mapping[str, str]) -> None:
    said = evergreen("doctor", environ=environ)

    assert said.code == 0
    assert "! MAIL_URL is not set" in said.out


def test_everything_wrong_comes_at_once_and_without_secrets() -> None:
    environ = {
        "DATABASE_URL": f"postgresql://shop:{CANARY}@{LOOPBACK}:{free_port()}/shop",
        "REDIS_URL": f"redis://:{CANARY}@{LOOPBACK}:{free_port()}/0",
        "MAIL_URL": f"smtp://shop:{CANARY}@{LOOPBACK}:{free_port()}",
        "STRIPE_WEBHOOK_SECRETS": "whsec_...",
        "STRIPE_API_KEY": f"pk_live_{CANARY}",
        "CLOCK": "yesterday",
        "TIMEZONE": "Bangkok",
        "LANES": "0",
    }

    said = evergreen("doctor", environ=environ)

    assert said.code == 1
    wrong = [line.split()[1].rstrip(":") for line in said.out.splitlines() if line[0] == "✗"]
    assert sorted(wrong) == sorted([*environ, "MAIL_FROM"])
    assert CANARY not in said.out + said.err


def test_a_vendor_that_cannot_be_reached(environ: Mapping[str, str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as hubspot:
        vendors = {
            "CRM": "hubspot,webhook",
            "HUBSPOT_TOKEN": CANARY,
            "HUBSPOT_BASE_URL": f"http://{LOOPBACK}:{hubspot.getsockname()[1]}",
            "CRM_WEBHOOK_SECRET": "whsec_" + 10 * "c4n4",
            "CRM_WEBHOOK_URL": f"http://{LOOPBACK}:{free_port()}/{CANARY}",
        }
        said = evergreen("doctor", environ={**environ, **vendors})

    assert said.code == 1
    wrong = [line for line in said.out.splitlines() if line[0] == "✗"]
    assert [line.split()[1] for line in wrong] == ["CRM_WEBHOOK_URL:"]
    assert CANARY not in said.out


def test_offline_connects_to_nothing(environ: Mapping[str, str]) -> None:
    nowhere = {"REDIS_URL": f"redis://{LOOPBACK}:{free_port()}/0"}

    assert evergreen("doctor", "--offline", environ={**environ, **nowhere}).code == 0


def test_a_database_without_our_tables(environ: Mapping[str, str], empty_database_url: str) -> None:
    mistakes, _ = findings({**environ, "DATABASE_URL": empty_database_url}, offline=False)

    assert mistakes == ["the database lacks migrations: run `evergreen db upgrade`"]


def test_a_redis_that_forgets_when_it_is_full(environ: Mapping[str, str]) -> None:
    with redis.Redis.from_url(environ["REDIS_URL"]) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            [mistake], _ = findings(environ, offline=False)
        finally:
            client.config_set("maxmemory-policy", "noeviction")

    assert "evict" in mistake


def test_servers_that_take_connections_and_say_nothing(environ: Mapping[str, str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        place = f"{LOOPBACK}:{server.getsockname()[1]}"
        silent = {"REDIS_URL": f"redis://{place}/0"}

        [mistake], _ = findings({**environ, **silent}, offline=False)

    assert mistake.startswith("REDIS_URL leads nowhere")
