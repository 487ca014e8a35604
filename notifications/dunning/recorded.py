"""A campaign's mails in the outbox: those still waiting follow the plan, all others stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, null, or_, select, update

from notifications.dunning.messages import STEPS, TASK, WARNINGS, Whom
from sync.changes import Effect
from sync.store.outbox import OUTBOX

# Not wanted by the plan of the day; a later plan may want it again.
REPLANNED = "replanned"
# Its first byte may have left, so the customer may have it.
_LEFT = ("sending", "sent", "unknown")


@dataclass(frozen=True, slots=True)
class Known:
    """A mail on record: its state in the outbox, and the reason it ended with."""

    state: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """What to do so that the outbox follows a plan.

    `moved` get new dates, `retold` keep theirs and learn only what is new of the campaign.
    """

    new: tuple[Effect, ...]
    moved: tuple[Effect, ...]
    retold: tuple[Effect, ...]
    gone: tuple[str, ...]


def align(
    known: Mapping[str, Known], planned: Sequence[Effect], wanted: Sequence[Effect]
) -> Alignment:
    """Return how to come from the plan before (`planned`) to `wanted`.

    A mail that somebody is sending, or that ended, is left as it is; one that was put off when
    it was due is not brought forward; one that an earlier plan dropped comes back.
    """
    times = {effect.key: (effect.due_at, effect.expires_at) for effect in planned}
    found = [(effect, known[effect.key]) for effect in wanted if effect.key in known]
    waiting = [effect for effect, row in found if row.state == "pending"]
    stay = {e.key for e in waiting if times.get(e.key) == (e.due_at, e.expires_at)}
    back = [effect for effect, row in found if row == Known("skipped", REPLANNED)]
    gone = known.keys() - {effect.key for effect in wanted}
    return Alignment(
        new=tuple(effect for effect in wanted if effect.key not in known),
        moved=(*back, *(effect for effect in waiting if effect.key not in stay)),
        retold=tuple(effect for effect in waiting if effect.key in stay),
        gone=tuple(sorted(key for key in gone if known[key].state == "pending")),
    )


def follow_plan(
    conn: Connection,
    whom: Whom,
    campaign: int,
    *,
    planned: Sequence[Effect],
    wanted: Sequence[Effect],
    reason: str,
) -> Sequence[Effect]:
    """Bring the outbox from the plan before to `wanted`; return the mails that are new.

    What is wanted no more is skipped with `reason`.
    """
    mail = OUTBOX.c
    mine = select(mail.key, mail.state, mail.reason).where(*_of(whom, campaign, (*STEPS, TASK)))
    known = {row.key: Known(row.state, row.reason) for row in conn.execute(mine)}
    aligned = align(known, planned, wanted)
    for effect in aligned.moved:
        _bring(conn, effect, dates=True)
    for effect in aligned.retold:
        _bring(conn, effect, dates=False)
    _withdraw(conn, aligned.gone, reason)
    return aligned.new


def any_warning_left(conn: Connection, whom: Whom, campaign: int) -> bool:
    """Tell whether the customer has, or may have, a mail about the failure."""
    left = (*_of(whom, campaign, WARNINGS), OUTBOX.c.state.in_(_LEFT))
    return conn.execute(select(OUTBOX.c.key).where(*left).limit(1)).first() is not None


def _of(whom: Whom, campaign: int, kinds: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    mail = OUTBOX.c
    return (
        mail.customer_id == whom.customer_id,
        mail.account == whom.account,
        mail.kind.in_(kinds),
        mail.subject["campaign"].astext == str(campaign),
    )


def _bring(conn: Connection, effect: Effect, *, dates: bool) -> None:
    """Update a mail that waits; asked once more here, as somebody may just have taken it."""
    waits = or_(
        OUTBOX.c.state == "pending",
        and_(OUTBOX.c.state == "skipped", OUTBOX.c.reason == REPLANNED),
    )
    values = {"subject": dict(effect.subject)}
    times = {
        "due_at": effect.due_at,
        "expires_at": effect.expires_at,
        "state": "pending",
        **dict.fromkeys(("reason", "retry_at", "ended_at", "settled_at"), null()),
    }
    mine = update(OUTBOX).where(OUTBOX.c.key == effect.key, waits)
    conn.execute(mine.values(**values, **(times if dates else {})))


def _withdraw(conn: Connection, keys: Sequence[str], reason: str) -> None:
    if not keys:
        return
    waiting = update(OUTBOX).where(OUTBOX.c.key.in_(keys), OUTBOX.c.state == "pending")
    ended = {"ended_at": func.now(), "settled_at": OUTBOX.c.due_at}
    conn.execute(waiting.values(state="skipped", reason=reason, **ended))
