"""One filled shop for all pages that only read, and a browser that may be logged in."""

import os
from collections.abc import Callable, Iterator

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from app.console.blueprint import blueprint
from app.console.password import hashed
from app.console.session import Sessions
from app.doorbell import Doorbell, connect
from app.settings import Settings
from sync.store.engine import make_engine
from tests.console import shop
from tests.mirror.fold import Json

PASSWORD = "a long enough password"
COOKIE = "evergreen_console"
ENVIRON = {
    "DATABASE_URL": "postgresql://localhost/none",
    "REDIS_URL": "redis://localhost:1",
    "STRIPE_WEBHOOK_SECRETS": "whsec_for_the_tests",
    "SECRET_KEY": "for the tests only, newest;for the tests only",
}

Open = Callable[..., FlaskClient]


@pytest.fixture(scope="session")
def events() -> list[Json]:
    """What happened in the shop, every free text of it hostile."""
    hostile: list[Json] = shop.hostile(shop.story())
    return hostile


@pytest.fixture(scope="session")
def shop_engine(
    request: pytest.FixtureRequest, template: str, events: list[Json]
) -> Iterator[Engine]:
    """A database with the shop's year, for tests that only look."""
    server = request.getfixturevalue("shared").database_url
    name = f"evergreen_console_{template[-8:]}_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        engine = make_engine(url)
        try:
            shop.fill(engine, events, mark=shop.HOSTILE)
            yield engine
        finally:
            engine.dispose()
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def password_hash() -> str:
    return hashed(PASSWORD)


@pytest.fixture
def open_console(password_hash: str, redis_url: str) -> Open:
    """Return a way to open the console on an engine, logged in or not."""

    def opened(engine: Engine, *, logged_in: bool = True, **environ: str) -> FlaskClient:
        given = {**ENVIRON, "CONSOLE_PASSWORD_HASH": password_hash, "REDIS_URL": redis_url}
        settings = Settings.from_environ({**given, **environ})
        app = Flask("console under test", static_folder=None)
        app.register_blueprint(blueprint(engine, settings, Doorbell(connect(redis_url))))
        client = app.test_client()
        if logged_in:
            sessions = Sessions(settings.secret_keys, password_hash)
            cookie = sessions.cookie(sessions.new(signed_in=True))
            client.set_cookie(COOKIE, cookie, path="/console")
        return client

    return opened


@pytest.fixture
def console(shop_engine: Engine, open_console: Open) -> FlaskClient:
    """A browser that is logged in to the console of the filled shop."""
    return open_console(shop_engine, CLOCK="simulated")
