"""The whole service in one process: real PostgreSQL, drain, scans, delivery and SMTP.

Only time is ours: the simulated clock, walked by the clock process's own step.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import orjson
from sqlalchemy import text

from app.envelope import delivery as envelope
from app.simulator.history import Json
from app.simulator.simulate import second
from notifications import delivery, suppression
from notifications.transports import open_transport
from sync import clock as stored_clock
from sync.clock import SimulatedClock
from sync.store import inbox, outbox
from tests.lifecycle.truth import Truth
from tests.mail_server import MailServer
from tests.workers.world import World, settings_for, world
from workers import clock

DAY = timedelta(days=1)
EPOCH = datetime.fromtimestamp(0, UTC)
# Nothing listens there: no worker is rung, all work is done here.
NO_REDIS = "redis://127.0.0.1:1/0"
_TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY(:schemas)"
_SCHEMAS = {"schemas": ["evergreen", "stripe"]}
_ROWS = """SELECT key, kind, channel, customer_id, subject, due_at, expires_at, state, reason,
                  settled_at FROM evergreen.outbox WHERE channel = 'mail'"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as the mail server took it, when, and what the outbox held of it then."""

    message: EmailMessage
    at: datetime
    row: dict[str, Any]

    @property
    def kind(self) -> str:
        """Which kind of mail it is."""
        return str(self.message["X-Evergreen-Kind"])

    @property
    def key(self) -> str:
        """The key it is known by."""
        return str(self.row["key"])

    @property
    def subject(self) -> Json:
        """What the outbox knows of what it is about."""
        subject: Json = self.row["subject"]
        return subject


@dataclass(slots=True)
class Service:
    """A service that stands at `now`; `truth` is what Stripe's events have told it so far."""

    shop: World
    server: MailServer
    seeded: frozenset[str]
    now: datetime = EPOCH
    truth: Truth = field(default_factory=Truth)
    letters: list[Letter] = field(default_factory=list)
    _arrived: list[Json] = field(default_factory=list)

    def begin(self, now: datetime) -> None:
        """Forget everything, and stand at `now`."""
        filled = [name for (name,) in self._filled() if name not in self.seeded]
        if filled:
            self.shop.run(f"TRUNCATE {', '.join(filled)} RESTART IDENTITY")
        with self.shop.context.engine.begin() as conn:
            stored_clock.start(conn, now)
        self.server.messages.clear()
        self.now, self.truth, self.letters, self._arrived = now, Truth(), [], []

    def _filled(self) -> list[tuple[Any, ...]]:
        with self.shop.context.engine.connect() as conn:
            names = conn.execute(text(_TABLES), _SCHEMAS).scalars().all()
        return self.shop.rows(
            " UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in names)
        )

    def arrive(self, events: Sequence[Json]) -> None:
        """Let Stripe deliver `events`; whoever drains next hears of them."""
        with self.shop.context.engine.begin() as conn:
            for event in events:
                inbox.store(conn, envelope(orjson.dumps(event), None))
        self._arrived += events

    def work(self) -> list[Letter]:
        """Let the workers do all that is to be done now; return the mails that left."""
        self.shop.drain()
        self.truth.tell(self._arrived)
        self._arrived = []
        return self._deliver()

    def _deliver(self) -> list[Letter]:
        before = len(self.server.messages)
        self.shop.deliver()
        return self._taken(before)

    def _taken(self, before: int) -> list[Letter]:
        new = self.server.messages[before:]
        rows = self.mails() if new else {}
        letters = [Letter(m, self.now, rows[m["X-Evergreen-Key"]]) for m in new]
        self.letters += letters
        return letters

    def step(self, until: datetime) -> list[Letter]:
        """Go one stop towards `until`, as the clock process does; return the mails that left."""
        self.now, anything_due = clock._one_step(self.shop.context, self.now, until)
        return self.work() if anything_due else []

    def sleep(self, until: datetime) -> None:
        """Let time pass while neither the clock nor a worker runs."""
        with self.shop.context.engine.begin() as conn:
            stored_clock.step(conn, until)
        self.now = until

    def tick(self) -> list[Letter]:
        """Scan once where the clock stands, and work."""
        clock.scan(self.shop.context, self.now)
        return self.work()

    @property
    def next_due(self) -> datetime | None:
        """When the next effect is due, as far as is known."""
        with self.shop.context.engine.connect() as conn:
            return outbox.next_due(conn, self.now + 60 * DAY)

    def die(self, *, after_sending: bool) -> list[Letter]:
        """Let a worker take what is due and vanish, before or after it sent it."""
        context, before = self.shop.context, len(self.server.messages)
        policy, url = context.settings.mail_policy, str(context.settings.mail_url)
        with context.engine.begin() as conn:
            batch = outbox.claim(conn, self.now, limit=3)
        mails = [claimed for claimed in batch if claimed.effect.channel == "mail"]
        transport = open_transport(url)
        for claimed in mails if after_sending else ():
            delivery.deliver(context.engine, claimed, self.now, transport, policy)
        transport.close()
        self.shop.run(
            "UPDATE evergreen.outbox SET lease_until = now() - interval '1 second'"
            " WHERE state IN ('leased', 'sending')"
        )
        return self._taken(before)

    def give_up_unclear(self) -> None:
        """Let the sweep find what vanished with its sender."""
        with self.shop.context.engine.begin() as conn:
            outbox.give_up_unclear(conn, self.now)

    def refuse(self, customer_id: str, topic: suppression.Topic, address: str | None) -> None:
        """Note that a customer wants no such mail, or that it does not reach them."""
        with self.shop.context.engine.begin() as conn:
            suppression.suppress(
                conn, "", topic=topic, reason="test", customer_id=customer_id, address=address
            )
        self.truth.refused.add((customer_id, topic))

    def mails(self) -> dict[str, dict[str, Any]]:
        """Return the outbox's mails by what stands for their key in the header."""
        with self.shop.context.engine.connect() as conn:
            rows = [dict(row) for row in conn.execute(text(_ROWS)).mappings()]
        return {hashlib.sha256(row["key"].encode()).hexdigest(): row for row in rows}

    @property
    def second(self) -> int:
        """The same instant in Stripe's seconds."""
        return second(self.now)


@contextmanager
def running(database_url: str, server: MailServer, **more: str) -> Iterator[Service]:
    """Run a service on a database of its own, which sends through `server`."""
    environ = {
        "CLOCK": "simulated",
        "MAIL_URL": server.url,
        "INTERNAL_INBOX": "us@shop.example",
        # Nothing but mail, unless `more` says so: a list, as an empty text would mean the default.
        "CRM": ",",
        "INVENTORY": ",",
    }
    made = world(settings_for(database_url, NO_REDIS, **{**environ, **more}), EPOCH)
    context = replace(made.context, clock=SimulatedClock(made.context.engine))
    service = Service(World(context), server, frozenset())
    service.seeded = frozenset(name for (name,) in service._filled())
    yield service
    context.engine.dispose()
