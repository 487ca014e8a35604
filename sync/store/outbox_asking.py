"""What shall be done, written into the outbox: by its key once, or once more as a state."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Interval, bindparam, case, func, null, text
from sqlalchemy.dialects.postgresql import insert

from sync.changes import DEBOUNCE_AT_MOST_S, Effect
from sync.store.outbox_table import OUTBOX

# Nothing is left of how an effect ended before it was asked for again.
REARMED: Mapping[str, Any] = {
    "reason": None,
    "retry_at": None,
    "remote_id": None,
    "ended_at": None,
    "settled_at": None,
}
_DEBOUNCE = bindparam("debounce", type_=Interval)
_NEW = insert(OUTBOX).values(
    wished_at=func.now(),
    hold_until=case((timedelta(0) < _DEBOUNCE, func.now() + _DEBOUNCE)),
)
_WISHED_AT = func.coalesce(OUTBOX.c.wished_at, func.now())
_REARM = _NEW.on_conflict_do_update(
    index_elements=[OUTBOX.c.key],
    set_={
        "revision": OUTBOX.c.revision + 1,
        "due_at": _NEW.excluded.due_at,
        "event_id": _NEW.excluded.event_id,
        # One in a worker's hand stays there: `settle` sees the new revision.
        "state": text(
            "case when outbox.state in ('leased', 'sending') then outbox.state else 'pending' end",
        ),
        "attempts": 0,
        "sink": _NEW.excluded.sink,
        "wished_at": _WISHED_AT,
        "hold_until": case(
            (_NEW.excluded.hold_until.is_(None), null()),
            else_=func.least(
                _NEW.excluded.hold_until, _WISHED_AT + timedelta(seconds=DEBOUNCE_AT_MOST_S)
            ),
        ),
        **REARMED,
    },
)


def add(conn: Connection, effects: Sequence[Effect]) -> None:
    """Record `effects`; a known key is left as it is, unless it is a `state` effect.

    A `state` effect asked for again becomes due again, whatever became of it before.
    """
    once = {e.key: _row(e) for e in effects if e.shape == "once"}
    state = {
        e.key: {**_row(e), "debounce": timedelta(seconds=e.debounce_s)}
        for e in effects
        if e.shape == "state"
    }
    if once:
        conn.execute(insert(OUTBOX).on_conflict_do_nothing(), _in_key_order(once))
    if state:
        conn.execute(_REARM, _in_key_order(state))


def _in_key_order(rows: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows in one order for everybody, so that two writers cannot deadlock."""
    return [rows[key] for key in sorted(rows)]


def _row(effect: Effect) -> dict[str, Any]:
    skipped = effect.skip_reason is not None
    return {
        "key": effect.key,
        "channel": effect.channel,
        "kind": effect.kind,
        "shape": effect.shape,
        "account": effect.account,
        "livemode": effect.livemode,
        "customer_id": effect.customer_id,
        "subject": dict(effect.subject),
        "sink": effect.sink,
        "event_id": effect.event_id,
        "due_at": effect.due_at,
        "expires_at": effect.expires_at,
        "state": "skipped" if skipped else "pending",
        "reason": effect.skip_reason,
        "settled_at": effect.due_at if skipped else None,
    }
