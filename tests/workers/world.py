"""A service in one process: the workers' own functions on real servers, time passed in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text

from app.envelope import delivery
from app.settings import Settings
from sync.store import inbox
from workers import deliver, drain
from workers.context import Context, build

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StandingClock:
    """A clock that stands where the test put it."""

    at: datetime

    def now(self) -> datetime:
        """Return where it stands."""
        return self.at


def settings_for(database_url: str, redis_url: str, **more: str) -> Settings:
    """Return settings as a deployment would give them."""
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_WEBHOOK_SECRETS": "whsec_for_tests_only",
        "SECRET_KEY": "links-in-tests",
        "MAIL_FROM": "Shop <billing@shop.example>",
        "PUBLIC_URL": "https://billing.shop.example",
        "SHOP_URL": "https://shop.example/back",
        "POSTAL_ADDRESS": "Shop, 1 Road, Town",
        **more,
    }
    return Settings.from_environ(environ)


@dataclass(frozen=True, slots=True)
class World:
    """The context of a worker process, and short ways to use it."""

    context: Context

    def at(self, instant: datetime) -> "World":
        """Return the same world at another instant."""
        return World(replace(self.context, clock=StandingClock(instant)))

    def arrive(self, *events: Json) -> None:
        """Keep events as the receiver does, without a ring."""
        with self.context.engine.begin() as conn:
            for event in events:
                inbox.store(conn, delivery(orjson.dumps(event), None))

    def drain(self) -> None:
        """Work until the inbox is empty."""
        assert drain.drain(self.context, 0, at_most_s=30)

    def deliver(self) -> None:
        """Work until no effect is due."""
        assert deliver.deliver(self.context, at_most_s=30)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what `query` finds, in its order."""
        with self.context.engine.connect() as conn:
            return [tuple(row) for row in conn.execute(text(query))]

    def run(self, statement: str) -> None:
        """Change something behind everybody's back."""
        with self.context.engine.begin() as conn:
            conn.execute(text(statement))


def world(settings: Settings, instant: datetime) -> World:
    """Return a world that stands at `instant`."""
    return World(replace(build(settings), clock=StandingClock(instant)))
