"""A mail that a change may cause, as an effect: its key, when it is due, how long it is of use."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from notifications.keys import effect_key
from notifications.timing import TIMINGS
from sync.changes import Change, Effect
from sync.mirror.tables import Row


def proposal(
    change: Change,
    kind: str,
    *,
    parts: Sequence[str],
    subject: Mapping[str, str | None],
    due_at: datetime,
    about: datetime | None = None,
) -> Effect:
    """Return the mail `kind` about `change`, with the use-by of its kind.

    `parts` make the key, `about` is the date the mail is about, if it is about one.
    """
    return Effect(
        key=effect_key(change.account, livemode=change.livemode, kind=kind, parts=parts),
        channel="mail",
        kind=kind,
        account=change.account,
        livemode=change.livemode,
        customer_id=change.customer_id,
        subject={name: value for name, value in subject.items() if value is not None},
        event_id=change.event_id,
        due_at=due_at,
        expires_at=TIMINGS[kind].expires_at(due_at, about),
    )


def epoch(instant: datetime) -> str:
    """Return an instant as keys and subjects write it: Stripe's whole seconds."""
    return str(int(instant.timestamp()))


def paid_by(row: Row) -> Mapping[str, str | None]:
    """Return what a subject says of the payment of a refund, a dispute or a warning."""
    charge = row["charge"]
    return {"charge": charge, "payment_intent": None if charge else row["payment_intent"]}


def status_before(change: Change) -> str | None:
    """Return the status that the mirror held before `change`; None for an object new to it."""
    return change.before.get("status") if change.before else None
