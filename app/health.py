"""Is the process alive, and can it do its work?"""

import redis
import structlog
from flask import Blueprint, Response, jsonify
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.recent import Recent
from sync.store.migrate import is_current

log = structlog.get_logger(__name__)

_FRESH_S = 1.0


def blueprint(engine: Engine, client: redis.Redis) -> Blueprint:
    """Return `GET /healthz` (this process answers) and `GET /readyz` (and can work)."""
    routes = Blueprint("health", __name__)
    # Anybody may ask: that must not become work.
    found = Recent(
        lambda: {**database_state(engine), "redis": redis_state(client)}, fresh_s=_FRESH_S
    )

    @routes.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    def readyz() -> tuple[Response, int]:
        states = found.value()
        ready = all(state == "ok" for state in states.values())
        return jsonify(status="ok" if ready else "unavailable", **states), 200 if ready else 503

    return routes


def database_state(engine: Engine) -> dict[str, str]:
    """Return how the database and its schema are: `ok`, `unreachable`, `behind`, `unknown`."""
    try:
        with engine.connect() as conn:
            return {"database": "ok", "migrations": "ok" if is_current(conn) else "behind"}
    except SQLAlchemyError as error:
        log.warning("database.unreachable", error=type(error).__name__)
        return {"database": "unreachable", "migrations": "unknown"}


def redis_state(client: redis.Redis) -> str:
    """Return `ok`, or `unreachable`."""
    try:
        client.ping()
    except redis.RedisError as error:
        log.warning("redis.unreachable", error=type(error).__name__)
        return "unreachable"
    return "ok"
