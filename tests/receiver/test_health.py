"""What the platform and the monitoring ask."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Engine

from app.envelope import delivery
from app.local.ports import LOOPBACK, free_port
from app.settings import Settings
from app.web import create_app
from sync.changes import Effect
from sync.store import inbox, outbox
from tests.receiver.stripe_side import NEWEST, encoded, event

TOKEN = "token-of-the-monitoring"


@pytest.fixture
def environ(database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_WEBHOOK_SECRETS": NEWEST,
        "METRICS_TOKEN": TOKEN,
        "LOG_LEVEL": "error",
    }


@pytest.fixture
def app(environ: dict[str, str]) -> Iterator[Flask]:
    app = create_app(Settings.from_environ(environ))
    yield app
    app.extensions["shelf"].close()
    app.extensions["engine"].dispose()


def test_ready(app: Flask) -> None:
    answer = app.test_client().get("/readyz")

    assert (answer.status_code, answer.json) == (
        200,
        {"status": "ok", "database": "ok", "migrations": "ok", "redis": "ok"},
    )


def test_alive_without_any_server(environ: dict[str, str]) -> None:
    nowhere = {"DATABASE_URL": f"postgresql://{LOOPBACK}:{free_port()}/x"}
    client = create_app(Settings.from_environ({**environ, **nowhere})).test_client()

    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json == {
        "status": "unavailable",
        "database": "unreachable",
        "migrations": "unknown",
        "redis": "ok",
    }


def test_not_ready_before_the_migrations(environ: dict[str, str], empty_database_url: str) -> None:
    app = create_app(Settings.from_environ({**environ, "DATABASE_URL": empty_database_url}))
    answer = app.test_client().get("/readyz")
    app.extensions["shelf"].close()
    app.extensions["engine"].dispose()

    assert (answer.status_code, (answer.json or {})["migrations"]) == (503, "behind")


def test_asking_often_is_no_work(app: Flask, database_url: str) -> None:
    client = app.test_client()
    client.get("/readyz")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        answers = [client.get("/readyz").status_code for _ in range(100)]
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        connections = admin.execute(query).fetchone()

    assert set(answers) == {200}
    assert connections == (1,), "only the one that asks"


def metrics(app: Flask, token: str | None = TOKEN) -> tuple[int, dict[str, float]]:
    header = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get("/metrics", headers=header)
    lines = [line.split() for line in answer.text.splitlines() if line.startswith("evergreen")]
    return answer.status_code, {name: float(value) for name, value in lines}


def test_metrics_tell_what_waits_and_how_long(app: Flask, engine: Engine) -> None:
    due_at = datetime.now(UTC) - timedelta(minutes=5)
    with engine.begin() as conn:
        inbox.store(conn, delivery(encoded(event()), None))
        inbox.store(conn, delivery(b"parked", None))
        outbox.add(
            conn,
            [
                Effect(key=key, channel="mail", kind="receipt", due_at=when)
                for key, when in (("now", due_at), ("later", due_at + timedelta(days=1)))
            ],
        )

    status, found = metrics(app)

    assert status == 200
    assert found["evergreen_events_pending"] == 1
    assert 0 <= found["evergreen_events_oldest_pending_seconds"] < 60
    assert found["evergreen_effects_due"] == 1
    assert 300 <= found["evergreen_effects_oldest_due_seconds"] < 360


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", "ü"])
def test_metrics_are_not_for_everybody(app: Flask, token: str | None) -> None:
    assert metrics(app, token) == (401, {})


def test_metrics_are_off_without_a_token(environ: dict[str, str]) -> None:
    app = create_app(Settings.from_environ({**environ, "METRICS_TOKEN": ""}))

    assert metrics(app)[0] == 404
