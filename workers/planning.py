"""What follows from changes of the mirror, for the accounts that get effects."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from notifications import planning as notifications
from sync.changes import Change, Effect
from sync.crm import planning as crm
from sync.inventory import planning as inventory
from sync.mirror.intake import Intake
from sync.store import outbox
from workers.context import Context

# What shall follow from changes at an instant.
Plan = Callable[[Sequence[Change], datetime], Sequence[Effect]]


def plan(context: Context, changes: Sequence[Change], now: datetime) -> list[Effect]:
    """Return what shall follow from `changes`: mails, CRM records and stock."""
    mails = notifications.plan(_ours(context, changes), context.settings.mail_policy)
    return [*mails, *plan_records(context, changes, now)]


def plan_records(context: Context, changes: Sequence[Change], now: datetime) -> list[Effect]:
    """Return what shall follow in CRM and stock alone: what is found late mails nobody."""
    ours = _ours(context, changes)
    moved = inventory.plan(ours, now) if context.settings.inventory else ()
    return [*plan_crm(context, changes, now), *moved]


def plan_crm(context: Context, changes: Sequence[Change], now: datetime) -> list[Effect]:
    """Return what shall follow in the CRM alone: past sales must not move today's stock."""
    return list(crm.plan(_ours(context, changes), now, context.settings.crm))


def intake_of(context: Context, plans: Plan) -> Intake:
    """Return what takes readings in; `plans` says what follows from them."""

    def follow(conn: Connection, changes: Sequence[Change]) -> None:
        outbox.add(conn, plans(changes, context.clock.now()))

    settings = context.settings
    return Intake(lanes=settings.lanes, livemode=settings.livemode, follow=follow)


def _ours(context: Context, changes: Sequence[Change]) -> list[Change]:
    return [each for each in changes if each.account in context.settings.effect_accounts]
