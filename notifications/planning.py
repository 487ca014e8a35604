"""From changes of the mirror to the mails that follow from them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select, tuple_

from notifications.kinds import KINDS
from notifications.policy import MailPolicy
from sync.changes import Change, Effect
from sync.mirror.objects import charge, payment_intent

# What a subject may name instead of a customer, and where the mirror has it.
Owners = Mapping[tuple[str, str], str | None]
_PAYMENTS = {"charge": charge.TABLE, "payment_intent": payment_intent.TABLE}


def plan(changes: Sequence[Change], policy: MailPolicy) -> list[Effect]:
    """Return the mails that `changes` may cause; each is decided again when it is due.

    The same cause always has the same key, so planning it again adds nothing.
    """
    return [
        effect
        for change in changes
        if change.account in policy.accounts and not change.deleted
        for kind in KINDS.values()
        if change.object in kind.watches
        for effect in kind.plan(change)
    ]


def owned(conn: Connection, effects: Sequence[Effect]) -> list[Effect]:
    """Return `effects`, those about a payment alone with the customer who made it, if known.

    A refund, a dispute and a warning name no customer; what is not mirrored yet is noted when
    the mail is delivered.
    """
    orphans = [effect for effect in effects if effect.customer_id is None]
    if not any(effect.subject.keys() & _PAYMENTS.keys() for effect in orphans):
        return list(effects)
    owners = {name: _owners(conn, name, orphans) for name in _PAYMENTS}
    return [
        replace(effect, customer_id=_owner(effect, owners)) if effect in orphans else effect
        for effect in effects
    ]


def _owner(effect: Effect, owners: Mapping[str, Owners]) -> str | None:
    found = (owners[name].get((effect.account, effect.subject.get(name, ""))) for name in owners)
    return next(filter(None, found), None)


def _owners(conn: Connection, name: str, effects: Sequence[Effect]) -> Owners:
    """Return the customers of the payments that `effects` name, by account and id."""
    table = _PAYMENTS[name].c
    asked = {(each.account, each.subject[name]) for each in effects if name in each.subject}
    columns = (table.account, table.id, table.customer)
    rows = conn.execute(select(*columns).where(tuple_(table.account, table.id).in_(asked)))
    return {(row.account, row.id): row.customer for row in rows}
