"""What may stand in a log line, and what never."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from app import log
from app.redaction import cleaned, without_secrets
from sync.store.engine import make_engine

CANARY = "c4n4ry"
SECRETS = (
    f"whsec_{CANARY}+/=x",
    f"sk_live_{CANARY}",
    f"sk_test_{CANARY}",
    f"rk_live_{CANARY}",
    f"pk_test_{CANARY}",
    f"pi_1_secret_{CANARY}{CANARY}{CANARY}",
    f"postgresql://shop:{CANARY}@db.example:5432/shop",
    f"redis://:{CANARY}@cache.example:6379/0",
    f"smtp://me@shop.example:{CANARY}/x@mail.example:587",
    f"host=db password={CANARY} user=shop",
    f"Authorization: Bearer {CANARY}",
    f"{CANARY}@shop.example",
    f"{CANARY}+tag@sub.shop.example",
    f"ü{CANARY}@bücher.example",
    f'invalid input syntax for type integer: "{CANARY}"',
    f"broken\nDETAIL:  Key (email)=({CANARY}) already exists.\nCONTEXT:  row {CANARY}",
    f"bad\nLINE 1: INSERT INTO x VALUES ('{CANARY}')\n            ^",
)


@dataclass(frozen=True)
class Opaque:
    """Something a caller should not have logged, but did."""

    value: str


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the configured log writes."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    stream = io.StringIO()
    log.configure("debug", stream)
    yield stream
    logging.captureWarnings(capture=False)
    logging.getLogger().handlers[:], level = before[0], before[1]
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def written(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_in_any_part_of_a_line(lines: io.StringIO, secret: str) -> None:
    ours, theirs = structlog.get_logger("ours"), logging.getLogger("theirs")

    ours.info("noun.verbed", field=secret, nested={"a": [secret, {"b": (secret,)}], secret: 1})
    ours.info(f"in the event {secret}", raw=secret.encode(), opaque=Opaque(secret), seen={secret})
    ours.warning("with an error", error=ValueError(secret))
    theirs.warning("formatted %s", secret)
    theirs.warning("formatted %(x)s", {"x": secret})

    assert len(written(lines)) == 5
    assert CANARY not in lines.getvalue()


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_in_a_traceback_nor_a_local_variable(lines: io.StringIO, secret: str) -> None:
    def fail(argument: str) -> None:
        local = argument
        try:
            dict[str, str]()[local]
        except KeyError as error:
            raise RuntimeError(f"while at {argument}") from error

    try:
        fail(secret)
    except RuntimeError:
        structlog.get_logger("ours").exception("ours.failed")
        logging.getLogger("theirs").exception("theirs failed")

    first, second = written(lines)
    assert [first["exception"][0]["exc_type"], second["exception"][1]["exc_type"]] == [
        "RuntimeError",
        "KeyError",
    ]
    assert first["exception"][0]["frames"][-1]["name"] == "fail"
    assert CANARY not in lines.getvalue()


def test_local_variables_stay_out_of_tracebacks(lines: io.StringIO) -> None:
    customers_name = f"Ada {CANARY}"
    try:
        len(customers_name) // 0
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("ours.failed")

    assert "exc_type" in lines.getvalue()
    assert CANARY not in lines.getvalue()


@pytest.mark.parametrize("name", ["email", "password", "phone", "Authorization", "api_key"])
def test_fields_that_name_something_personal_are_hidden(lines: io.StringIO, name: str) -> None:
    structlog.get_logger("ours").info("noun.verbed", **{name: CANARY}, deep={name: [CANARY]})

    assert CANARY not in lines.getvalue()


def test_what_is_not_secret_stays_readable(lines: io.StringIO) -> None:
    fields = {
        "event_id": "evt_1",
        "reason": "older_secret_used",
        "lag_s": 1.5,
        "ok": True,
        "x": None,
    }

    structlog.get_logger("ours").info("event.parked", **fields)

    [line] = written(lines)
    assert fields.items() <= line.items()
    assert (line["event"], line["level"], line["logger"]) == ("event.parked", "info", "ours")


@pytest.mark.parametrize(
    "harmless",
    ["https://shop.example/a?b=1", "postgresql://h:5432/d", "a @ b", "v1.2.3", "5 > 3 @ noon."],
)
def test_text_without_secrets_is_not_touched(harmless: str) -> None:
    assert without_secrets(harmless) == harmless


@pytest.mark.parametrize("value", [1, 1.5, True, None, "x", ["a"], {"a": "b"}])
def test_plain_values_stay_what_they_are(value: object) -> None:
    assert cleaned(value) == value


def test_warnings_and_levels(lines: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{CANARY}@shop.example is deprecated", DeprecationWarning, stacklevel=1)
    logging.getLogger("rq.worker").info("chatty")

    [line] = written(lines)
    assert line["logger"] == "py.warnings"
    assert CANARY not in lines.getvalue()


STATEMENTS = {
    "duplicate": "INSERT INTO people VALUES (:value), (:value)",
    "not-null": "INSERT INTO people VALUES (:value || '2'), (NULL)",
    "too-long": "INSERT INTO people VALUES (repeat(:value, 99))",
    "no-number": "SELECT CAST(CAST(:value AS text) AS integer)",
    "no-json": "SELECT CAST(CAST(:value AS text) AS json)",
    "no-table": "SELECT :value FROM nowhere",
    "syntax": f"SELECT '{CANARY}' FRM x WHERE :value = 1",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_a_database_error_does_not_show_the_row(
    lines: io.StringIO, engine: Engine, statement: str
) -> None:
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE people (name varchar(40) PRIMARY KEY)"))
    try:
        with engine.begin() as conn:
            conn.execute(text(statement), {"value": CANARY})
    except SQLAlchemyError as error:
        structlog.get_logger("ours").exception("database.failed")
        structlog.get_logger("ours").error("database.failed", error=error)

    assert len(written(lines)) == 2
    found = lines.getvalue().replace(f"SELECT '{CANARY}' FRM", "")  # our own words of the statement
    assert CANARY not in found


def test_a_password_that_is_refused_is_not_shown(lines: io.StringIO, database_url: str) -> None:
    wrong = make_engine(database_url.replace("@", f"{CANARY}@", 1))
    try:
        wrong.connect()
    except SQLAlchemyError:
        structlog.get_logger("ours").exception("database.unreachable")

    assert len(written(lines)) == 1
    assert CANARY not in lines.getvalue()
