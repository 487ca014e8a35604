"""What follows from changes of the mirror, for the accounts that get effects.

What is returned is recorded by the caller, last in its transaction.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from notifications import dunning
from notifications import planning as notifications
from sync import access
from sync.changes import Change, Effect
from sync.crm import planning as crm
from sync.inventory import planning as inventory
from sync.mirror.events import Event
from sync.mirror.intake import Intake
from sync.store import outbox
from workers.context import Context

# What shall follow from changes at an instant.
Plan = Callable[[Connection, Sequence[Change], datetime], Sequence[Effect]]


def plan(
    context: Context,
    conn: Connection,
    changes: Sequence[Change],
    now: datetime,
    *,
    events: Sequence[Event] = (),
) -> list[Effect]:
    """Return all that shall follow from `changes`, which `events` brought about."""
    ours, policy = _ours(context, changes), context.settings.mail_policy
    return [
        *notifications.owned(conn, notifications.plan(ours, policy)),
        *dunning.follow(conn, ours, policy, now),
        *plan_records(context, conn, changes, now, events=events),
    ]


def plan_records(
    context: Context,
    conn: Connection,
    changes: Sequence[Change],
    now: datetime,
    *,
    events: Sequence[Event] = (),
) -> list[Effect]:
    """Return what shall follow in our own records alone: what is found late mails nobody."""
    ours = _ours(context, changes)
    moved = inventory.plan(ours, now) if context.settings.inventory else ()
    return [*moved, *plan_crm(context, conn, changes, now, events=events)]


def plan_crm(
    context: Context,
    conn: Connection,
    changes: Sequence[Change],
    now: datetime,
    *,
    events: Sequence[Event] = (),
) -> list[Effect]:
    """Return the same without the stock: past sales must not move what is on the shelf today."""
    ours, settings = _ours(context, changes), context.settings
    told = [event for event in events if event.account in settings.effect_accounts]
    return [
        *crm.plan(ours, now, settings.crm, events=told),
        *access.follow(conn, ours, now, settings.access, events=told),
    ]


def intake_of(context: Context, plans: Callable[..., Sequence[Effect]]) -> Intake:
    """Return what takes readings in; `plans`, one of the above, says what follows from them."""
    plan_now: Plan = partial(plans, context)

    def follow(conn: Connection, changes: Sequence[Change]) -> None:
        outbox.add(conn, plan_now(conn, changes, context.clock.now()))

    settings = context.settings
    return Intake(lanes=settings.lanes, livemode=settings.livemode, follow=follow)


def _ours(context: Context, changes: Sequence[Change]) -> list[Change]:
    return [each for each in changes if each.account in context.settings.effect_accounts]
