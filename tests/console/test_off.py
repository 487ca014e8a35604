import click.testing
import pytest
from flask import Flask
from sqlalchemy import Engine

from app.cli.console import command
from app.console.blueprint import blueprint
from app.console.password import hashed, is_hash, matches
from app.doorbell import Doorbell, connect
from app.settings import Settings
from sync.errors import Malformed, SettingsError
from tests.console.conftest import ENVIRON


def console(engine: Engine, **environ: str) -> Flask:
    app = Flask("console under test", static_folder=None)
    settings = Settings.from_environ({**ENVIRON, **environ})
    app.register_blueprint(blueprint(engine, settings, Doorbell(connect(settings.redis_url))))
    return app


@pytest.mark.parametrize("path", ["/console/", "/console/login", "/console/events/evt_1"])
def test_without_a_password_there_is_only_how_to_set_one(engine: Engine, path: str) -> None:
    answer = console(engine).test_client().get(path)

    assert answer.status_code == 404
    assert answer.mimetype == "text/plain"
    assert "evergreen console hash-password" in answer.text
    assert "CONSOLE_PASSWORD_HASH" in answer.text


@pytest.mark.parametrize(
    "value", ["password", "scrypt:32768:8:1", "scrypt:32768:8:1$$", "plain$a$b", ":8:1abc"]
)
def test_what_is_no_hash_does_not_start(engine: Engine, value: str) -> None:
    """A shell that took the $ signs away must not leave a console that nobody can enter."""
    with pytest.raises(SettingsError, match="hash-password"):
        console(engine, CONSOLE_PASSWORD_HASH=value)


def test_the_command_line_hashes_what_it_reads() -> None:
    result = click.testing.CliRunner().invoke(command, ["hash-password"], input="twelve chars\n")

    assert result.exit_code == 0
    printed = result.stdout.strip()
    assert is_hash(printed)
    assert matches(printed, "twelve chars")
    assert "twelve chars" not in result.output


@pytest.mark.parametrize(
    ("password", "fits"),
    [("x" * 11, False), ("x" * 12, True), ("x" * 1024, True), ("x" * 1025, False)],
    ids=["too-short", "shortest", "longest", "too-long"],
)
def test_a_password_has_twelve_to_1024_characters(password: str, fits: bool) -> None:
    if fits:
        assert matches(hashed(password), password)
        return
    with pytest.raises(Malformed, match="12 to 1024"):
        hashed(password)


def test_the_command_line_says_what_is_wrong_with_a_password() -> None:
    result = click.testing.CliRunner().invoke(command, ["hash-password"], input="short\n")

    assert result.exit_code == 2
    assert "12 to 1024" in result.output
