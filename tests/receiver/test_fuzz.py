"""Mutated requests by the thousand, many of them signed: never a 5xx, nothing authentic lost."""

import io
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from app.settings import Settings
from app.web import create_app
from tests.receiver.stripe_side import NEWEST, PATH, encoded, event, signature

SEED = 20_261_123
REPEATED = 0.2
JUNK = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800", b"NaN", b"1e999", b"{", b"]", b'"'),
    *(b"null", b"[" * 3000, b"9" * 400, b"-", b",", b"\\", b"evt_1", b'"id":', b'"data":{},'),
)
SCALARS: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    1.5,
    "",
    "x" * 300,
    "é",
    "a\0b",
    [],
    {},
    [[]],
    {"id": 7},
)

Mutation = Callable[[random.Random, bytes], bytes]


def flip(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body) + 1)
    return body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]


def insert(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body) + 1)
    return body[:at] + dice.choice(JUNK) + body[at:]


def cut(dice: random.Random, body: bytes) -> bytes:
    return body[: dice.randrange(len(body) + 1)]


def swap_a_value(dice: random.Random, body: bytes) -> bytes:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if isinstance(found, dict) and found:
        inner = found.get("data", {}) if dice.random() < 0.3 else found
        if isinstance(inner, dict) and inner:
            inner[dice.choice(list(inner))] = dice.choice(SCALARS)
    return json.dumps(found).encode("utf-8", "surrogatepass")


MUTATIONS: tuple[Mutation, ...] = (flip, insert, cut, swap_a_value)
HEADERS = (
    "",
    "t",
    "t=1",
    "t=,v1=",
    "v1=" + "0" * 64,
    "\xff",
    "t=1,v1=é",
    "," * 99,
    "t=" + "9" * 99,
)
LENGTHS = ("", "0", "5", "-1", "x", "²", "9" * 30, "1048577", "1e3", " 7")


def environ(dice: random.Random, body: bytes, header: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": PATH,
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": f"10.{dice.randrange(256)}.{dice.randrange(256)}.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    return made if header is None else made | {"HTTP_STRIPE_SIGNATURE": header}


def oddities(dice: random.Random) -> dict[str, str]:
    """Return what a stranger may say besides; often nothing."""
    return dice.choice(
        (
            *({} for _ in range(6)),
            {"CONTENT_LENGTH": dice.choice(LENGTHS)},
            {"REQUEST_METHOD": dice.choice(("GET", "HEAD", "BREW", "OPTIONS", "\xff"))},
            {"PATH_INFO": dice.choice(("", "/", "//", PATH + "/", "/\xff", "/unsubscribe/x.y"))},
            {"HTTP_CONTENT_ENCODING": "gzip"},
            {"HTTP_X_FORWARDED_FOR": dice.choice((",", ", ,", "\xff", "x" * 5000))},
            {"CONTENT_TYPE": dice.choice(("multipart/form-data", "\xff", "application/json"))},
            {"HTTP_HOST": dice.choice(("", "\xff", "[", "a:b:c", "x" * 5000))},
        )
    )


def served(app: Flask, made: dict[str, Any]) -> tuple[int, bytes]:
    told: list[str] = []
    chunks = app.wsgi_app(made, lambda status, _headers, _error=None: told.append(status))  # type: ignore[arg-type]
    body = b"".join(chunks)
    getattr(chunks, "close", bool)()  # the WSGI server's part
    return int(told[0].split()[0]), body


def fuzz(app: Flask, requests: int, seed: int) -> Counter[str]:
    """Send that many mutated requests; return how often each outcome came."""
    dice, outcomes, delivered = random.Random(seed), Counter[str](), b""
    for number in range(requests):
        body = delivered if dice.random() < REPEATED else encoded(event())
        for _ in range(dice.randrange(4)):
            body = dice.choice(MUTATIONS)(dice, body)
        signed = number % 4 == 0
        delivered = body if signed else delivered
        header = (
            signature(body) if signed else dice.choice((None, *HEADERS, signature(body + b"x")))
        )
        odd = oddities(dice)
        status, answer = served(app, environ(dice, body, header) | odd)
        assert status < 500, (seed, number, status)
        if signed and not odd:
            assert status == 200, (seed, number, answer)
        outcomes[
            json.loads(answer).get("status", str(status)) if status == 200 else str(status)
        ] += 1
    return outcomes


@pytest.fixture
def app(database_url: str, redis_url: str) -> Iterator[Flask]:
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_WEBHOOK_SECRETS": NEWEST,
        "LOG_LEVEL": "error",
    }
    app = create_app(Settings.from_environ(settings))
    yield app
    app.extensions["shelf"].close()
    app.extensions["engine"].dispose()


def kept(engine: Engine) -> int:
    with engine.connect() as conn:
        return int(conn.execute(text("SELECT count(*) FROM evergreen.inbox")).scalar_one())


def test_twenty_thousand_mutated_requests(app: Flask, engine: Engine) -> None:
    outcomes = fuzz(app, 20_000, SEED)

    assert kept(engine) == outcomes["stored"] + outcomes["parked"]
    assert min(outcomes[kind] for kind in ("stored", "parked", "duplicate", "400")) > 100


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_a_million_mutated_requests(app: Flask, engine: Engine) -> None:
    seed = random.SystemRandom().randrange(2**32)
    begun = time.monotonic()

    outcomes = fuzz(app, 1_000_000, seed)

    rate = 1_000_000 / (time.monotonic() - begun)
    print(f"\nseed {seed}: {dict(outcomes)}, {rate:.0f} requests/s, 0 answers of 5xx")  # noqa: T201
    assert kept(engine) == outcomes["stored"] + outcomes["parked"]
