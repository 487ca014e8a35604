"""One due mail: still wanted? write it, say that it may leave, send it, tell how it ended."""

from datetime import datetime
from email.message import EmailMessage

import structlog
from sqlalchemy import Connection, Engine

from notifications import case, gate
from notifications.compose import compose
from notifications.kinds import KINDS
from notifications.policy import MailPolicy
from notifications.render import RenderFailed, render
from notifications.transports import Transport
from sync.changes import Failed, Outcome
from sync.errors import LeaseLost
from sync.store import outbox

log = structlog.get_logger(__name__)


def deliver(
    engine: Engine,
    claimed: outbox.Claimed,
    now: datetime,
    transport: Transport,
    policy: MailPolicy,
) -> Outcome:
    """Deliver one mail; the caller records the outcome with `outbox.settle`.

    That the mail may have left is committed before its first byte leaves, so that a crash
    afterwards ends as unknown, never as a second mail. `now` is business time.

    Raises:
        LeaseLost: somebody else holds this effect by now; nothing was sent.
    """
    with engine.begin() as conn:
        prepared = _prepare(conn, claimed, now, policy)
        if isinstance(prepared, EmailMessage) and not outbox.mark_sending(conn, claimed):
            raise LeaseLost("mail is in other hands")
    return transport.send(prepared) if isinstance(prepared, EmailMessage) else prepared


def _prepare(
    conn: Connection, claimed: outbox.Claimed, now: datetime, policy: MailPolicy
) -> EmailMessage | Outcome:
    effect = claimed.effect
    kind = KINDS.get(effect.kind)
    if kind is None:
        return Failed("unknown_kind")
    found = case.load(conn, effect, kind.needs, now, policy)
    verdict = gate.check(kind, effect, found, attempts=claimed.attempts)
    if verdict is not None:
        return verdict
    try:
        return compose(kind, found, render(kind, found), effect.key)
    except (RenderFailed, ValueError) as error:
        cause = type(error.__cause__ or error).__name__
        log.error("mail.render_failed", kind=kind.name, key=effect.key, error=cause)  # noqa: TRY400 — a traceback would quote customers' data
        return Failed("render_failed")
