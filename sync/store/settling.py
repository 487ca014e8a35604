"""What a person decides over an effect that ended badly: that it happened, again, or never mind.

`unknown`: only who looks at the other side (the provider's log, the shop's stock, the mailbox)
knows whether it happened, so that person says so. `failed`: whoever has mended the cause asks
for it again. Its key stays the same for ever, so that a sink that knows it does it once.
"""

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection, case, func, null, update

from sync.changes import Channel
from sync.store.outbox_table import OUTBOX

Decision = Literal["sent", "retry", "dismiss"]
# As if it had never been tried: whether it is still wanted is decided anew.
_AGAIN: Mapping[str, Any] = {
    "state": "pending",
    "attempts": 0,
    **dict.fromkeys(("retry_at", "ended_at", "settled_at", "hold_until", "sent_hash"), null()),
}
_SENT = case((OUTBOX.c.channel == "mail", "sent"), else_="done")
_VALUES: Mapping[Decision, Mapping[str, Any]] = {
    "sent": {"state": _SENT, "reason": "settled_as_sent"},
    # The person says that it did not happen: the sink's memory of its key counts from anew.
    "retry": {**_AGAIN, "reason": "settled_as_not_sent", "first_sent_at": null()},
    "dismiss": {"state": "dismissed", "reason": func.concat("dismissed_", OUTBOX.c.reason)},
}
# Which ends a decision is about.
ENDS: Mapping[Decision, tuple[str, ...]] = {
    "sent": ("unknown",),
    "retry": ("unknown",),
    "dismiss": ("unknown", "failed"),
}
REPLAYED = ("failed", "dismissed")


def settle(
    conn: Connection, key: str, decision: Decision, *, channel: Channel | None = None
) -> bool:
    """Record what a person found out or decided; False when the effect is not in such a state.

    With `channel`, also when it goes another way.
    """
    settled = update(OUTBOX).where(OUTBOX.c.key == key, OUTBOX.c.state.in_(ENDS[decision]))
    if channel:
        settled = settled.where(OUTBOX.c.channel == channel)
    return conn.execute(settled.values(**_VALUES[decision])).rowcount == 1


def replay(conn: Connection, keys: list[str]) -> int:
    """Make those of `keys` that failed or were dismissed due again; return how many."""
    again = update(OUTBOX).where(OUTBOX.c.key.in_(keys), OUTBOX.c.state.in_(REPLAYED))
    return conn.execute(again.values(**_AGAIN, reason="replayed")).rowcount
