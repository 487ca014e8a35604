"""A web process that is set up wrongly does not start, and says all of what is wrong."""

import json
import time
from pathlib import Path

import pytest

from app.local.ports import LOOPBACK, free_port
from app.local.processes import PROCFILE, ProcessGroup, parse_procfile

pytestmark = pytest.mark.processes
CANARY = "c4n4ry"
WRONG = {
    "DATABASE_URL": f"postgresql://shop:{CANARY}@h:x/d",
    "REDIS_URL": "http://h",
    "STRIPE_WEBHOOK_SECRETS": f"sk_live_{CANARY}",
    "STRIPE_API_KEY": f"sk_live_{CANARY}",
    "CLOCK": "simulated",
}


def test_all_mistakes_are_logged_and_the_process_ends(state: Path) -> None:
    port = free_port()
    environ = {"PORT": str(port), "GUNICORN_CMD_ARGS": f"--bind {LOOPBACK}:{port}", **WRONG}
    with ProcessGroup(parse_procfile(PROCFILE.read_text()), environ, state) as processes:
        processes.start("web")
        until = time.monotonic() + 30
        while processes.death() is None and time.monotonic() < until:
            time.sleep(0.05)
        death = processes.death()

    assert death
    assert death.exit_code != 0
    log = death.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    said = [line["mistake"].split()[0] for line in lines if line["event"] == "settings.wrong"]
    assert {word.partition("=")[0] for word in said} == set(WRONG) - {"STRIPE_API_KEY"}
    assert CANARY not in log
    assert "SettingsError" not in log, "a list for a person, not a trace"
