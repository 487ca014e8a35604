"""What the events alone leave open, and so is to be read from Stripe."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from sync.mirror.apply import Winner
from sync.mirror.events import Event, ThinEvent
from sync.mirror.objects import mirrored
from sync.mirror.payments import load_intents, names_a_payment
from sync.store.refetch import THIN, UNKNOWN, Claimed, Wish

# Stripe stamps whole seconds: only a reading of a later second stands over a tie, and a reading
# may be stamped up to two seconds early (see `StripeReads`).
_TIE_OVER_S = 4
# An invoice's payments are told by events of their own, as a rule soon after.
_PAYMENTS_TOLD_BY_S = 600


def wishes(winners: Iterable[Winner]) -> list[Wish]:
    """Return what to read again after a batch: ties, lists cut short, payments not named."""
    return [
        Wish(
            object=winner.key.object,
            id=winner.key.id,
            account=winner.key.account,
            reason=found[0],
            delay_s=found[1],
            **_cause(winner.choice.event),
        )
        for winner in winners
        if (found := _open(winner)) and is_readable(winner.key.object)
    ]


def wish_of(event: ThinEvent) -> Wish:
    """Return the wish to read what a thin event names."""
    return Wish(
        object=event.object_type,
        id=event.object_id,
        account=event.account,
        reason=THIN,
        path=event.path,
        **_cause(event),
    )


def _cause(event: Event | ThinEvent) -> Mapping[str, Any]:
    """Return what the wish remembers of the event that asks; a reading that asks is none."""
    if isinstance(event, Event) and event.is_reading:
        return {}
    return {"event_id": event.id, "event_type": event.type, "event_created": event.created}


def is_readable(object_type: str) -> bool:
    """Tell whether Stripe's API shows single objects of this type."""
    endpoint = mirrored(object_type).endpoint
    return bool(endpoint and endpoint.one)


def _open(winner: Winner) -> tuple[str, float] | None:
    """Return why a snapshot does not tell all, and how long that may mend itself."""
    if winner.choice.undecided:
        return "undecided", _TIE_OVER_S
    if winner.incomplete:
        return "incomplete", 0
    # A reading shows all payments there are: none, where the money came another way.
    asks = winner.key.object == "invoice" and not winner.choice.event.is_reading
    if asks and _names_no_payment(winner):
        return "payments", _PAYMENTS_TOLD_BY_S
    return None


def _names_no_payment(winner: Winner) -> bool:
    """Tell of a paid invoice that does not say by what; since basil only an expansion does."""
    invoice = winner.choice.event.object
    return bool(invoice.get("amount_paid")) and not names_a_payment(invoice)


def is_open(conn: Connection, wish: Claimed) -> bool:
    """Tell whether a wish is still worth a reading: events may have settled it meanwhile."""
    if wish.reason == THIN:
        return True
    if wish.reason == "payments":
        return not load_intents(conn, wish.account, {wish.id: {}})[wish.id]
    table = mirrored(wish.object).table.c
    mine = (table.id == wish.id) & (table.account == wish.account)
    row = conn.execute(select(table.undecided, table.incomplete).where(mine)).one_or_none()
    if wish.reason == UNKNOWN:
        return row is None
    return bool(row and (row.undecided or row.incomplete))
