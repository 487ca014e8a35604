"""`evergreen reproject`: the mirror's typed columns anew, after an upgrade."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
from sqlalchemy import Engine

from app.cli.output import output_format, show_rows
from app.settings import Settings
from sync.mirror import reproject
from sync.store.engine import make_engine

_COLUMNS = ("object", "rows", "changed", "moved", "failed", "rows_per_s")
Report = Callable[[int], None]


@dataclass(slots=True)
class Total:
    """What one object type's batches came to."""

    rows: int = 0
    changed: int = 0
    moved: int = 0
    failed: int = 0

    def add(self, step: reproject.Step) -> None:
        """Count one batch."""
        self.rows += step.rows
        self.changed += step.changed
        self.moved += step.moved
        self.failed += len(step.failed)


@click.command()
@click.argument("objects", nargs=-1, metavar="[OBJECT]...")
@click.option("--resume", is_flag=True, help="Go on where this code was stopped.")
@click.option(
    "--batch",
    "batch_rows",
    type=click.IntRange(1, 5_000),
    default=500,
    show_default=True,
    help="Rows in one transaction.",
)
@output_format
@click.pass_obj
def command(
    settings: Settings, objects: tuple[str, ...], *, resume: bool, batch_rows: int, format_: str
) -> None:
    """Recompute all typed columns of the mirror from the objects as Stripe rendered them.

    Run it after an upgrade, when every process runs the new code; `evergreen doctor` tells
    whether it is due. OBJECT is Stripe's name of a type, such as invoice; without any, all
    are done. Events may come in meanwhile, and nobody is mailed. Ends with status 1 when a
    row cannot be recomputed; such a row stays as it was.
    """
    chosen = _known(objects)
    engine = make_engine(settings.database_url)
    try:
        with engine.begin() as conn:
            reproject.begin(conn, chosen, resume=resume)
        rows = [_through(engine, name, settings.lanes, batch_rows) for name in chosen]
    except KeyboardInterrupt:
        click.echo("\nstopped; go on with: evergreen reproject --resume", err=True)
        raise click.Abort from None
    finally:
        engine.dispose()
    show_rows(rows, format_, columns=_COLUMNS)
    if any(row["failed"] for row in rows):
        raise click.exceptions.Exit(1)


def _known(objects: Sequence[str]) -> list[str]:
    """Return the parts to do, in their order; raise `click.UsageError` for an unknown name."""
    names = list(reproject.names())
    if unknown := sorted(set(objects) - set(names)):
        raise click.UsageError(
            f"no such object: {', '.join(unknown)}; there are {', '.join(names)}"
        )
    return [name for name in names if name in objects or not objects]


def _through(engine: Engine, name: str, lanes: int, batch_rows: int) -> dict[str, str | int]:
    """Do one part, with progress, and return its line of the summary."""
    total = Total()
    began_s = time.monotonic()
    show = _line(engine, name, began_s)
    for step in reproject.run(engine, name, lanes=lanes, batch_rows=batch_rows):
        total.add(step)
        for failed in step.failed:
            click.echo(f"not recomputed: {name} {failed}", err=True)
        show(total.rows)
    if total.rows and sys.stderr.isatty():
        click.echo(err=True)
    return {
        "object": name,
        "rows": total.rows,
        "changed": total.changed,
        "moved": total.moved,
        "failed": total.failed,
        "rows_per_s": _per_s(total.rows, began_s),
    }


def _per_s(rows: int, began_s: float) -> int:
    return round(rows / max(time.monotonic() - began_s, 0.001))


def _line(engine: Engine, name: str, began_s: float) -> Report:
    """Return what shows how far a part is: one line that changes, on a terminal only."""
    if not sys.stderr.isatty():
        return lambda _: None
    with engine.connect() as conn:
        left_rows = reproject.left(conn, name)

    def on_terminal(rows: int) -> None:
        per_s = max(_per_s(rows, began_s), 1)
        rest_s = max(left_rows - rows, 0) // per_s
        line = f"\r{name}: {rows:,} of {left_rows:,}  {per_s:,} rows/s  {rest_s:,} s left   "
        click.echo(line, err=True, nl=False)

    return on_terminal
