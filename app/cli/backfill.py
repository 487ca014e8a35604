"""`evergreen backfill`: all that Stripe holds, into the mirror."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click

from app.cli.output import output_format, show_rows
from app.cli.stripe_side import (
    ProgressLine,
    Since,
    StripeSide,
    accounts_of,
    instant_of,
    object_names,
    reads_from_now,
    stripe_side,
)
from app.settings import Settings
from sync.changes import Change, Effect
from sync.crm import planning as crm
from sync.errors import Unavailable
from sync.mirror import backfill
from sync.mirror import parts as all_parts
from sync.mirror.backfill import Backfill, Step
from sync.mirror.parts import Part
from sync.mirror.probe import probe
from sync.store import progress

_COLUMNS = ("object", "account", "objects", "changed", "state")


@click.command()
@click.argument("objects", nargs=-1, callback=object_names)
@click.option("--since", type=Since(), help="Only what was created since then: a date, or 30d.")
@click.option("--resume", is_flag=True, help="Go on with what an earlier run left undone.")
@click.option("--account", metavar="acct_…", help="Only this connected account.")
@output_format
@click.pass_obj
def command(
    settings: Settings,
    *,
    objects: tuple[str, ...],
    since: datetime | timedelta | None,
    resume: bool,
    account: str | None,
    format_: str,
) -> None:
    """Read all OBJECTS (such as customers invoices; none: everything) from Stripe.

    Safe beside live events, and at any time: a newer event always stands. It mails nobody and
    moves no stock. What Stripe lists by customer, such as cards, is read for every customer.
    """
    if resume and since:
        raise click.UsageError("--resume goes on with the --since of the run it resumes")
    with stripe_side(settings) as side, all_parts.alone(side.engine, backfill.TASK):
        accounts = accounts_of(settings, account)
        parts = _left(side, objects, account) if resume else all_parts.parts_of(objects, accounts)
        for each in sorted({part.account for part in parts}):
            probe(side.engine, side.reads, each)
        if not resume:
            with side.engine.begin() as conn:
                backfill.begin(conn, parts, instant_of(since, side.clock.now()))
        refused = _run(side, parts)
        show_rows(_rows(side, parts, refused), format_, columns=_COLUMNS)
    for part, why in refused.items():
        click.echo(f"Stripe does not show {part.name}: {why}", err=True)
    if refused:
        raise click.exceptions.Exit(1)


def _left(side: StripeSide, objects: Sequence[str], account: str | None) -> list[Part]:
    with side.engine.connect() as conn:
        found = all_parts.unfinished(conn, backfill.TASK, objects)
    parts = [part for part in found if account in {None, part.account}]
    if not parts:
        click.echo("no earlier run left anything undone", err=True)
    return parts


def _run(side: StripeSide, parts: Sequence[Part]) -> dict[Part, str]:
    """Walk `parts`; return which of them Stripe refused, and why."""

    def follow(changes: Sequence[Change], now: datetime) -> list[Effect]:
        return crm.plan(changes, now, side.settings.crm)

    run = Backfill(engine=side.engine, reads=side.reads, intake=side.intake(follow))
    telling = Telling(len(parts), reads_from_now(side.engine))
    refused = {}
    try:
        for step in telling.told(run.steps(parts)):
            if step.refused:
                refused[step.part] = step.refused
    except Unavailable:
        click.echo("interrupted; go on with: evergreen backfill --resume", err=True)
        raise
    return refused


def _rows(
    side: StripeSide, parts: Sequence[Part], refused: dict[Part, str]
) -> list[dict[str, Any]]:
    with side.engine.connect() as conn:
        found = {each.part: each for each in progress.parts(conn, backfill.TASK)}
    return [
        {
            "object": part.object,
            "account": part.account,
            "objects": found[part.name].done,
            "changed": found[part.name].changed,
            "state": "refused" if part in refused else "done",
        }
        for part in parts
    ]


@dataclass(slots=True)
class Telling:
    """Tells on a terminal how far a walk is.

    Stripe names no totals. A list per parent is measured by the parents left; any other by
    the time between its newest object and the oldest one known of any type.
    """

    parts: int
    reads: Callable[[], int]
    line: ProgressLine = field(default_factory=lambda: ProgressLine(sys.stderr))
    begun: int = 0
    began_s: float = 0.0
    part: Part | None = None
    objects: int = 0
    newest: int | None = None
    oldest: int | None = None
    parents: int = 0

    def told(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Pass `steps` on, and take the line away at the end."""
        try:
            for step in steps:
                self._count(step)
                self.line.show(partial(self._text, step))
                yield step
        finally:
            self.line.clear()

    def _count(self, step: Step) -> None:
        if step.part != self.part:
            self.part, self.begun, self.objects = step.part, self.begun + 1, 0
            self.began_s = self.line.elapsed_s
            self.newest, self.parents = step.oldest, step.parents_left
        self.objects += step.objects
        if step.oldest is not None:
            self.oldest = min(step.oldest, self.oldest or step.oldest)

    def _text(self, step: Step) -> str:
        rate = self.objects / max(self.line.elapsed_s - self.began_s, 0.1)
        share = covered(self.newest, step.oldest, self.oldest, step.parents_left, self.parents)
        about = f", about {share:.0%} of it" if share is not None else ""
        place = f"{step.part.name} ({self.begun} of {self.parts})"
        reads = f"{self.reads():,} reads"
        return f"{place}: {self.objects:,} objects, {rate:,.0f}/s, {reads}{about}"


def covered(
    newest: int | None, at: int | None, oldest: int | None, parents_left: int, parents: int
) -> float | None:
    """Return which share of a list is walked, by parents or by time; None where none can tell."""
    if parents:
        return 1 - parents_left / parents
    if newest is None or at is None or oldest is None or newest <= oldest:
        return None
    return (newest - at) / (newest - oldest)
