"""`evergreen simulate`: a shop's life as Stripe's events, posted or written."""

import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import click
import orjson

from app.simulator.deliver import NO_ANSWER, Target, deliver
from app.simulator.disturb import disturb
from app.simulator.history import Json
from app.simulator.lives import LIVES
from app.simulator.simulate import simulate
from app.simulator.year import shop_year
from sync.errors import Unavailable

_DAY = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"))
_YEARS = range(2000, 2100)


@click.command("simulate", epilog=f"Lives: {', '.join(sorted(LIVES))}.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same events.")
@click.option("--life", type=click.Choice(sorted(LIVES)), metavar="LIFE", help="One life only.")
@click.option("--customers", type=click.IntRange(1), default=40, show_default=True)
@click.option(
    "--start",
    type=_DAY,
    default="2026-01-01",
    metavar="DAY",
    help="2026-01-01 or, in UTC, 2026-01-01T08:00:00Z.",
)
@click.option("--days", type=click.IntRange(1, 3660), default=365, show_default=True)
@click.option("--count", type=click.IntRange(1), help="Only so many events, the first ones.")
@click.option("--order", type=click.Choice(["happened", "near", "shuffled"]), default="happened")
@click.option("--window", type=click.IntRange(1), default=40, help="How far `near` displaces.")
@click.option("--duplicates", type=click.FloatRange(0, 1), default=0.0, help="Share sent twice.")
@click.option("--url", metavar="URL", help="Post to this webhook address.")
@click.option("--secret", help="The endpoint's signing secret, for --url.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Events per second.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--out", type=click.File("wb"), help="Write NDJSON here; - is standard output.")
def command(
    *,
    seed: int,
    life: str | None,
    customers: int,
    start: datetime,
    days: int,
    count: int | None,
    order: str,
    window: int,
    duplicates: float,
    url: str | None,
    secret: str | None,
    rate: float | None,
    concurrency: int,
    out: BinaryIO | None,
) -> None:
    """Simulate a coffee shop's customers and post what Stripe would send.

    Without --life: a whole shop for --days. With --concurrency above one, events arrive
    nearly in order. Ends with status 1 when an event is refused, 3 when nobody answers.
    """
    if start.year not in _YEARS:
        raise click.UsageError("--start must lie between 2000 and 2099.")
    target = _target(url, secret, rate, concurrency)
    if (target is None) == (out is None):
        raise click.UsageError("Give either --url (and --secret) or --out.")
    told = _tell(seed, life, customers, start.replace(tzinfo=UTC), days)[:count]
    reach = {"happened": 0, "near": window, "shuffled": None}[order]
    events = disturb(told, random.Random(seed), duplicates=duplicates, window=reach)  # noqa: S311 — a repeatable order is wanted
    if out is not None:
        out.writelines(orjson.dumps(event) + b"\n" for event in events)
    elif target is not None:
        _post(events, target)


def _target(
    url: str | None,
    secret: str | None,
    rate: float | None,
    concurrency: int,
) -> Target | None:
    if url is None:
        return None
    if not url.startswith(("http://", "https://")):
        raise click.UsageError("--url must begin with http:// or https://.")
    if not secret:
        raise click.UsageError("--url needs --secret, the endpoint's signing secret.")
    return Target(url=url, secret=secret, rate_per_s=rate, concurrency=concurrency)


def _tell(seed: int, life: str | None, customers: int, start: datetime, days: int) -> list[Json]:
    if life is not None:
        return list(simulate(seed, life, start=start).events)
    until = start + timedelta(days=days)
    return list(shop_year(seed, customers=customers, start=start, until=until).events)


def _post(events: list[Json], target: Target) -> None:
    answers: Counter[str] = Counter()
    with click.progressbar(
        deliver(events, target),
        length=len(events),
        label="posting",
        file=sys.stderr,
    ) as outcomes:
        for answer in outcomes:
            answers[answer] += 1
    summary = ", ".join(f"{number:,} x {answer}" for answer, number in answers.most_common())
    click.echo(f"{len(events):,} events posted: {summary}", err=True)
    if NO_ANSWER in answers:
        raise Unavailable(f"no answer from {target.url}")
    if any(not answer.startswith("2") for answer in answers):
        raise click.ClickException("not every event was accepted")
