"""`evergreen demo`: a year of a shop's life through the whole service, on this machine."""

import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from sqlalchemy import Engine
from werkzeug.security import generate_password_hash

from app.cli.clock import move
from app.local.demo_stripe import DemoStripe, demo_stripe
from app.local.environment import closed_off
from app.local.interruption import interruptible
from app.local.stack import LocalStack, local_stack
from app.local.state import state_dir, write_private
from app.local.story import Progress, play
from app.local.summary import lines, summarize
from app.simulator.history import Json
from app.simulator.post import Poster, poster
from app.simulator.year import shop_year
from sync import clock
from sync.errors import EvergreenError
from sync.inventory import ledger
from sync.inventory.ledger import Count
from sync.inventory.mapping import parse_bundle
from sync.inventory.tables import DEFAULT_LOCATION
from sync.store.engine import make_engine

_PLAN = "demo.json"
_YEAR = timedelta(days=365)
_FIRST_COUNT = 250
SHOP = {
    "BRAND_NAME": "Northwind Coffee",
    "MAIL_FROM": "Northwind Coffee <billing@northwind.example>",
    "SUPPORT_EMAIL": "help@northwind.example",
    "POSTAL_ADDRESS": "12 Harbour Street, Bristol BS1 4RW",
    "SHOP_URL": "https://shop.northwind.example/welcome-back",
    "PORTAL_URL": "https://billing.stripe.com/p/login/test_northwind",
    # The mailbox shows every mail itself; a copy of each would only bury them.
    "COPY_SAMPLE": "none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which year is played; kept, so that a second start takes up the same one."""

    seed: int
    customers: int
    start: datetime
    until: datetime


@click.command("demo")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@click.option("--customers", type=click.IntRange(1, 2000), default=24, show_default=True)
@click.option("--once", is_flag=True, help="End after the summary instead of serving on.")
@click.pass_obj
def command(environ: Mapping[str, str], *, seed: int, customers: int, once: bool) -> None:
    """Play a year of a shop's life through the real webhook, then keep serving.

    A second start shows the same year again without playing it; `make clean` forgets it.
    """
    state = state_dir("demo")
    plan = _plan(state, seed, customers)
    password = secrets.token_urlsafe(9)
    own = {**closed_off(environ), **SHOP, "CONSOLE_PASSWORD_HASH": generate_password_hash(password)}
    try:
        with (
            interruptible(),
            demo_stripe() as stripe,
            local_stack(
                state, {**own, **stripe.environ}, simulated_clock=True, say=click.echo
            ) as stack,
            _webhook(stack) as webhook,
        ):
            took_s = _play_year(stack, plan, stripe, webhook)
            click.echo(_closing(stack, plan, took_s, password))
            stripe.send_to(webhook)
            if not once:
                stack.watch()
    except EvergreenError as problem:
        raise click.ClickException(str(problem)) from problem


def _plan(state: Path, seed: int, customers: int) -> Plan:
    """Return the year that was begun here before, or the one that ends today."""
    kept = state / _PLAN
    if kept.exists():
        known = json.loads(kept.read_text())
        moments = {name: datetime.fromisoformat(known[name]) for name in ("start", "until")}
        plan = Plan(seed=known["seed"], customers=known["customers"], **moments)
        if (plan.seed, plan.customers) != (seed, customers):
            asked = f"--seed {plan.seed} --customers {plan.customers}"
            raise click.UsageError(f"another year was begun here ({asked}); `make clean` first")
        return plan
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    plan = Plan(seed=seed, customers=customers, start=until - _YEAR, until=until)
    moments_told = {"start": plan.start.isoformat(), "until": plan.until.isoformat()}
    write_private(kept, json.dumps({"seed": seed, "customers": customers, **moments_told}))
    return plan


def _webhook(stack: LocalStack) -> AbstractContextManager[Poster]:
    return poster(f"{stack.base_url}/webhooks/stripe", stack.environ["STRIPE_WEBHOOK_SECRETS"])


def _play_year(stack: LocalStack, plan: Plan, stripe: DemoStripe, webhook: Poster) -> float:
    """Play what of the year is not played yet; return the seconds it took."""
    engine = make_engine(stack.environ["DATABASE_URL"])
    stripe.live_by(engine)
    began = time.monotonic()
    stands_at = _stands_at(engine)
    year = shop_year(plan.seed, customers=plan.customers, start=plan.start, until=plan.until)
    if stands_at is None or stands_at < plan.until:
        told = [event for event in year.events if event["created"] <= plan.until.timestamp()]
        if stands_at is None:
            _fill_the_shelves(engine, told, plan.start)
        click.echo(f"playing {plan.start:%d %b %Y} to {plan.until:%d %b %Y}: {len(told):,} events")
        story = play(
            tuple(told),
            move=lambda at: move(engine, at),
            post=lambda event: webhook.post(stripe.learn(event, year), int(time.time())),
            stands_at=stands_at,
        )
        _follow(stack, story)
        move(engine, plan.until)
    else:
        stripe.learn_all(year, plan.until)
    engine.dispose()
    return time.monotonic() - began


def _follow(stack: LocalStack, story: Iterator[Progress]) -> None:
    """Show how far the story is, as long as all processes live."""
    report = _reporter()
    for progress in story:
        stack.raise_on_death()
        report(progress)
    if sys.stderr.isatty():
        click.echo(err=True)


def _fill_the_shelves(engine: Engine, told: Sequence[Json], at: datetime) -> None:
    """Book a first count of everything that the shop's prices and products name as stock."""
    marks = [(event["data"]["object"].get("metadata") or {}) for event in told]
    skus = {mark["sku"] for mark in marks if "sku" in mark}
    for bundle in (mark["sku_bundle"] for mark in marks if "sku_bundle" in mark):
        skus |= {component.sku for component in parse_bundle(bundle)}
    with engine.begin() as conn:
        ledger.count(conn, [Count(sku, DEFAULT_LOCATION, _FIRST_COUNT) for sku in skus], at)


def _stands_at(engine: Engine) -> datetime | None:
    with engine.connect() as conn:
        reading = clock.reading(conn)
    return reading.now_at if reading else None


def _reporter() -> Callable[[Progress], None]:
    """Return what shows progress: a line that grows on a terminal, else a line a month."""
    months: set[str] = set()

    def on_terminal(progress: Progress) -> None:
        bar = "█" * round(progress.share * 30)
        line = f"\r  {progress.at:%b %Y}  {bar:<30}  {progress.posted:,} of {progress.events:,}"
        click.echo(line, nl=False, err=True)

    def month_by_month(progress: Progress) -> None:
        month = f"{progress.at:%b %Y}"
        if month not in months:
            months.add(month)
            click.echo(f"  {month}  {progress.posted:,} of {progress.events:,}", err=True)

    return on_terminal if sys.stderr.isatty() else month_by_month


def _closing(stack: LocalStack, plan: Plan, took_s: float, password: str) -> str:
    engine = make_engine(stack.environ["DATABASE_URL"])
    with engine.connect() as conn:
        told = lines(summarize(conn))
    engine.dispose()
    span = f"{plan.start:%d %b %Y} to {plan.until:%d %b %Y}"
    title = f"{SHOP['BRAND_NAME']}, {span} ({plan.customers} customers, {took_s:.0f} s)"
    mailbox = stack.mail.page_url if stack.mail else "(your own MAIL_URL)"
    return "\n".join(
        [
            "",
            title,
            "",
            *told,
            "",
            f"  Console   {stack.base_url}/console   password {password}",
            f"  Mailbox   {mailbox}",
            f"  Webhook   {stack.base_url}/webhooks/stripe",
            "  Database  evergreen events list, evergreen stock levels, evergreen clock advance 3d",
            "",
            "Ctrl-C stops everything; the same command takes up this year again.",
        ],
    )
