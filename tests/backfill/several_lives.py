"""Several customers' lives at Stripe, what the webhook brought of them, and what must be true."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Engine, select

from app.cli.stripe_side import Plan, StripeSide
from app.simulator.lives import LIVES
from app.simulator.simulate import simulate
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.server import StripeApi
from app.stripe_reads import open_reads
from sync.mirror.backfill import Backfill
from sync.mirror.objects import OBJECTS
from sync.mirror.reconcile import Reconcile
from sync.mirror.tables import MirroredObject
from tests.workers.world import World

Json = Mapping[str, Any]

KEY = "sk_test_evergreen"
START = datetime(2025, 1, 31, 9, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

# A summary has neither an id nor a place in the API: only events tell of it.
_ONLY_TOLD = {"entitlements.active_entitlement_summary"}
COMPARED = {name: kind for name, kind in OBJECTS.items() if name not in _ONLY_TOLD}


@cache
def lived(seed: int, start: datetime = START, until: datetime = NOW) -> tuple[Json, ...]:
    """Return the events of one customer per life, oldest first, up to `until`."""
    told = [event for life in LIVES for event in simulate(seed, life, start=start).events]
    in_time = sorted(told, key=lambda event: int(event["created"]))
    return tuple(event for event in in_time if event["created"] <= until.timestamp())


def withheld(events: Sequence[Json], seed: int, share: float = 0.05) -> list[Json]:
    """Return the events that arrive, when a share of them never does."""
    chance = random.Random(f"withheld:{seed}")
    return [event for event in events if chance.random() >= share]


def columns_at_stripe(account: Account) -> dict[tuple[str, str], Any]:
    """Return what the typed columns must show of every object that lives at Stripe."""
    with account.lock:
        return {
            (name, str(shown["id"])): _of_object(kind, shown)
            for name, kind in COMPARED.items()
            for shown in account.all(name)
        }


def _of_object(kind: MirroredObject, shown: Json) -> Any:
    children = {
        (each.table.name, row["id"]): {n: v for n, v in row.items() if n != "data"}
        for each in kind.children
        for row in each.rows(shown)
    }
    return kind.project(shown), children


def columns_in_mirror(engine: Engine) -> dict[tuple[str, str], Any]:
    """Return what the typed columns do show of every object that lives in the mirror."""
    found: dict[tuple[str, str], Any] = {}
    with engine.connect() as conn:
        for name, kind in COMPARED.items():
            table = kind.table
            for row in conn.execute(select(table).where(table.c.deleted_at.is_(None))).mappings():
                typed = {name: _plain(row[name]) for name in kind.project(row["data"])}
                found[name, row["id"]] = (typed, {})
            for children in kind.children:
                for row in conn.execute(select(children.table)).mappings():
                    parent = found.get((name, row[children.parent_column]))
                    if parent:
                        names = children.project(row["data"], {"id": ""})
                        typed = {name: _plain(row[name]) for name in ("id", *names)}
                        parent[1][children.table.name, row["id"]] = typed
    return found


def _plain(value: Any) -> Any:
    """Return a number with a point as the text that was written."""
    return str(value) if isinstance(value, Decimal) else value


def drift(engine: Engine, account: Account) -> list[tuple[str, str]]:
    """Return the objects that are not in the mirror as they are at Stripe.

    What no list of Stripe's shows the mirror may never have heard of: a payment method that
    belongs to nobody any more, and a review that is closed.
    """
    there, here = columns_at_stripe(account), columns_in_mirror(engine)
    wrong = (key for key in there.keys() | here.keys() if there.get(key) != here.get(key))
    return sorted(key for key in wrong if key in here or not _is_on_no_list(account, *key))


def _is_on_no_list(account: Account, object_type: str, object_id: str) -> bool:
    shown = account.get(object_type, object_id) or {}
    nobodys = account.get("customer", str(shown.get("customer"))) is None
    closed = not shown.get("open")
    return {"payment_method": nobodys, "review": closed}.get(object_type, False)


@dataclass(frozen=True, slots=True)
class Shop:
    """A service, and Stripe behind a server on this host."""

    world: World
    api: StripeApi
    connected: Account  # acct_2

    @property
    def engine(self) -> Engine:
        """Return the way to the mirror."""
        return self.world.context.engine

    def later(self, span: timedelta = timedelta(minutes=5)) -> "Shop":
        """Return the same shop after some time, at Stripe too."""
        now = self.world.context.clock.now() + span
        self.api.account.now = lambda: now
        return replace(self, world=self.world.at(now))

    def drift(self) -> list[tuple[str, str]]:
        """Return what is not in the mirror as it is at Stripe."""
        return drift(self.engine, self.api.account)

    def deliver(self, events: Sequence[Json]) -> None:
        """Let these events through the webhook and the drain."""
        self.world.arrive(*events)
        self.world.drain()

    def backfill(self, plan: Plan = lambda *_: ()) -> Backfill:
        """Return a backfill of this shop."""
        side = self.side()
        return Backfill(engine=side.engine, reads=side.reads, intake=side.intake(plan))

    def reconcile(self, *, dry_run: bool = False) -> Reconcile:
        """Return a check of this shop."""
        side = self.side()
        intake = side.intake(lambda *_: ())
        return Reconcile(engine=side.engine, reads=side.reads, intake=intake, dry_run=dry_run)

    def side(self) -> StripeSide:
        """Return the way to Stripe, as a command has it."""
        context = self.world.context
        reads = open_reads(context.settings, context.engine, context.clock)
        return StripeSide(
            settings=context.settings, engine=context.engine, reads=reads, clock=context.clock
        )


def environ(shop: Shop, **more: str) -> Mapping[str, str]:
    """Return an environment in which a command works for `shop`."""
    settings = shop.world.context.settings
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "STRIPE_WEBHOOK_SECRETS": "whsec_for_tests_only",
        "STRIPE_API_KEY": KEY,
        "STRIPE_API_BASE": settings.stripe_api_base or "",
        "STRIPE_READS_PER_SECOND": "100",
        **more,
    }
