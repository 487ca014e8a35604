"""`evergreen reconcile`: how far the mirror is from Stripe, and back to zero."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial

import click

from app.cli.output import output_format, show_rows
from app.cli.stripe_side import (
    ProgressLine,
    Since,
    StripeSide,
    accounts_of,
    instant_of,
    object_names,
    stripe_side,
)
from app.settings import Settings
from sync.changes import Change, Effect
from sync.crm import planning as crm
from sync.errors import Unavailable
from sync.inventory import planning as inventory
from sync.mirror import parts as all_parts
from sync.mirror import reconcile
from sync.mirror.parts import Part
from sync.mirror.probe import probe
from sync.mirror.reconcile import Reconcile, Step
from sync.mirror.sampling import sample
from sync.store.drift import Drift

_COLUMNS = ("object", "account", "checked", "missing", "stale", "zombie", "repaired")


@click.command()
@click.argument("objects", nargs=-1, callback=object_names)
@click.option("--sample", "reads", type=click.IntRange(1), help="Only about so many reads.")
@click.option("--since", type=Since(), help="Only what was created since then: a date, or 30d.")
@click.option("--dry-run", is_flag=True, help="Only tell what differs.")
@click.option("--resume", is_flag=True, help="Go on with what an earlier run left undone.")
@click.option("--account", metavar="acct_…", help="Only this connected account.")
@output_format
@click.pass_obj
def command(
    settings: Settings,
    *,
    objects: tuple[str, ...],
    reads: int | None,
    since: datetime | timedelta | None,
    dry_run: bool,
    resume: bool,
    account: str | None,
    format_: str,
) -> None:
    """Compare OBJECTS (none: everything) with Stripe's, and mend what differs.

    Exits with 1 when something stays different. missing: Stripe has it, the mirror has not;
    stale: a column differs; zombie: Stripe has it no more. It mails nobody by itself.
    """
    if (resume and (since or reads)) or (reads and since):
        raise click.UsageError("--since, --sample and --resume do not go together")
    accounts = accounts_of(settings, account)
    with stripe_side(settings) as side, all_parts.alone(side.engine, reconcile.TASK):
        check = _check(side, dry_run=dry_run)
        if reads:
            _tell(_sampled(check, accounts, objects, reads), (), format_)
            return
        for each in accounts:
            probe(side.engine, side.reads, each)
        if not resume:
            began = instant_of(since, side.clock.now())
            with side.engine.begin() as conn:
                reconcile.begin(conn, check.task, all_parts.parts_of(objects, accounts), began)
        _tell(*_run(check, _unfinished(check, objects)), format_)


def _tell(found: Sequence[Drift], complaints: Sequence[str], format_: str) -> None:
    show_rows([asdict(drift) for drift in found], format_, columns=_COLUMNS)
    for line in complaints:
        click.echo(line, err=True)
    if complaints or any(drift.found > drift.repaired for drift in found):
        raise click.exceptions.Exit(1)


def _check(side: StripeSide, *, dry_run: bool) -> Reconcile:
    settings = side.settings

    def follow(changes: Sequence[Change], now: datetime) -> list[Effect]:
        moved = inventory.plan(changes, now) if settings.inventory else []
        return [*crm.plan(changes, now, settings.crm), *moved]

    intake = side.intake(follow)
    return Reconcile(engine=side.engine, reads=side.reads, intake=intake, dry_run=dry_run)


def _sampled(
    check: Reconcile, accounts: Sequence[str], objects: Sequence[str], reads: int
) -> list[Drift]:
    samples = [sample(check, each, reads=reads, names=objects) for each in accounts]
    return [drift for found in samples for drift in found]


def _unfinished(check: Reconcile, objects: Sequence[str]) -> list[Part]:
    with check.engine.connect() as conn:
        return all_parts.unfinished(conn, check.task, objects)


def _run(check: Reconcile, parts: Sequence[Part]) -> tuple[list[Drift], list[str]]:
    """Compare `parts`; return what was found, and what a person must know besides."""
    line, last = ProgressLine(sys.stderr), {}
    try:
        for step in check.steps(parts):
            last[step.part] = step
            line.show(partial(_text, step, len(last), len(parts)))
    except Unavailable:
        click.echo("interrupted; go on with: evergreen reconcile --resume", err=True)
        raise
    finally:
        line.clear()
    steps = list(last.values())
    return [step.drift for step in steps], [said for step in steps if (said := _complaint(step))]


def _text(step: Step, begun: int, parts: int) -> str:
    drift = step.drift
    place = f"{step.part.name} ({begun} of {parts})"
    return f"{place}: {drift.checked:,} checked, {drift.found:,} differ"


def _complaint(step: Step) -> str | None:
    if step.refused:
        return f"Stripe does not show {step.part.name}: {step.refused}"
    if step.foreign:
        return (
            f"{step.part.name}: {step.drift.zombie} of {step.drift.checked} are gone at Stripe;"
            " STRIPE_API_KEY probably belongs to another account, so none was deleted"
        )
    return None
