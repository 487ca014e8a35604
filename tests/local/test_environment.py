"""The settings that a laptop's processes get."""

from pathlib import Path

import pytest

from app.local.environment import (
    Places,
    closed_off,
    compose,
    names_webhook_secret,
    of_running_stack,
    told_to_others,
)
from app.local.servers import held
from app.local.state import secure

PLACES = Places(
    database_url="postgresql://local/evergreen",
    redis_url="redis://local/0",
    mail_url="smtp://local:25",
    port=8123,
)


def test_what_is_missing_is_made_up_and_stays_the_same(state: Path) -> None:
    first = compose({}, PLACES, state, simulated_clock=False)

    assert first == compose({}, PLACES, state, simulated_clock=False)
    assert first["STRIPE_WEBHOOK_SECRETS"].startswith("whsec_")
    assert first["PUBLIC_URL"] == "http://localhost:8123"
    assert first["DATABASE_URL"] == PLACES.database_url
    assert "CLOCK" not in first


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("MAIL_FROM", "me@x.example", "me@x.example", id="own"),
        pytest.param("MAIL_FROM", "", "Evergreen <billing@evergreen.example>", id="empty"),
        pytest.param("PORT", "1", "8123", id="where-it-is"),
        pytest.param("CRM", "hubspot", "hubspot", id="passed-on"),
    ],
)
def test_what_the_user_has_set(state: Path, name: str, value: str, expected: str) -> None:
    assert compose({name: value}, PLACES, state, simulated_clock=False)[name] == expected


@pytest.mark.parametrize("name", ["STRIPE_WEBHOOK_SECRETS", "STRIPE_WEBHOOK_SECRET"])
def test_a_webhook_secret_of_the_users_is_the_only_one(state: Path, name: str) -> None:
    composed = compose({name: "whsec_own"}, PLACES, state, simulated_clock=False)

    assert [composed[key] for key in composed if "WEBHOOK" in key] == ["whsec_own"]
    assert names_webhook_secret({name: "whsec_own"})
    assert not names_webhook_secret({name: ""})


def test_the_demo_takes_no_key_and_no_server_of_the_users() -> None:
    given = {
        "PATH": "/bin",
        "LOG_LEVEL": "debug",
        "STRIPE_API_KEY": "sk_live_1",
        "DATABASE_URL": "postgresql://real",
        "MAIL_URL": "smtp://real",
        "CRM": "hubspot",
    }

    assert closed_off(given) == {"PATH": "/bin", "LOG_LEVEL": "debug"}


def test_the_demos_clock_is_simulated_whatever_the_user_says(state: Path) -> None:
    composed = compose({"CLOCK": "real"}, PLACES, state, simulated_clock=True)

    assert composed["CLOCK"] == "simulated"


def test_another_terminal_finds_the_running_stack(state: Path) -> None:
    run = secure(state / "run")
    composed = {"DATABASE_URL": "postgresql://local", "STRIPE_API_KEY": "sk_test_1"}

    with held(run), told_to_others(run, composed):
        found = of_running_stack(state)
        mode = (run / "environment.json").stat().st_mode & 0o777

    assert found == {"DATABASE_URL": "postgresql://local"}
    assert mode == 0o600
    assert of_running_stack(state) == {}


def test_what_a_killed_stack_left_is_not_taken_for_running(state: Path) -> None:
    run = secure(state / "run")
    (run / "environment.json").write_text('{"DATABASE_URL": "postgresql://gone"}')

    assert of_running_stack(state) == {}


def test_settings_that_somebody_else_could_have_written_are_not_taken(state: Path) -> None:
    run = secure(state / "run")
    with held(run), told_to_others(run, {"DATABASE_URL": "postgresql://local"}):
        (run / "environment.json").chmod(0o666)

        assert of_running_stack(state) == {}
