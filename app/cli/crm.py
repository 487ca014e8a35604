"""`evergreen crm`: what the CRM sinks were told of each customer."""

from typing import Any

import click
from sqlalchemy import func, select

from app.cli.output import output_format, show_fields, show_rows
from app.cli.shelves import connected
from app.settings import Settings
from sync.crm.sinks.local import CRM_RECORD
from sync.store.outbox import OUTBOX


@click.group()
def command() -> None:
    """Look at the CRM records."""


@command.command()
@click.argument("customer")
@output_format
@click.pass_obj
def show(settings: Settings, customer: str, *, format_: str) -> None:
    """Show the local record of CUSTOMER, a cus_… id."""
    record = CRM_RECORD.c
    found = select(record.version, record.updated_at, record.data)
    found = found.where(record.customer_id == customer).order_by(record.account)
    with connected(settings) as conn:
        row = conn.execute(found).first()
    if row is None:
        raise click.UsageError(f"no record of {customer!r}; see `evergreen crm status`")
    facts = {"version": row.version, "updated_at": row.updated_at}
    show_fields({**facts, **dict(sorted(row.data.items()))}, format_)


@command.command()
@output_format
@click.pass_obj
def status(settings: Settings, *, format_: str) -> None:
    """Show how many customers each sink has been told of, and what still waits or failed."""
    with connected(settings) as conn:
        rows = [dict(row) for row in conn.execute(_by_sink()).mappings()]
    columns = ("sink", "state", "reason", "customers", "oldest_due_at", "last_settled_at")
    show_rows(rows, format_, columns=columns)


def _by_sink() -> Any:
    effect = OUTBOX.c
    sink = effect.subject["sink"].astext
    by = (sink, effect.state, effect.reason)
    return (
        select(
            sink.label("sink"),
            effect.state,
            effect.reason,
            func.count().label("customers"),
            func.min(effect.due_at).label("oldest_due_at"),
            func.max(effect.settled_at).label("last_settled_at"),
        )
        .where(effect.channel == "crm")
        .group_by(*by)
        .order_by(*by)
    )
