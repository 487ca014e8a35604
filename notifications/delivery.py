"""One due mail: still wanted? write it, say that it may leave, send it, tell how it ended."""

from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage

import structlog
from sqlalchemy import Connection, Engine

from notifications import caps, case, copies, experiments, gate, recheck
from notifications.case import Case
from notifications.compose import compose
from notifications.kind import Kind
from notifications.kinds import KINDS
from notifications.offers import Offer, Offers, ask
from notifications.policy import MailPolicy
from notifications.recheck import Live, Recheck
from notifications.render import RenderFailed, render
from notifications.transports import Transport
from sync.changes import Failed, Outcome, Skipped
from sync.errors import LeaseLost
from sync.store import outbox

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Errand:
    """One mail in hand: of which kind, when, and by whose rules."""

    claimed: outbox.Claimed
    kind: Kind
    now: datetime
    policy: MailPolicy


def deliver(
    engine: Engine,
    claimed: outbox.Claimed,
    now: datetime,
    transport: Transport,
    policy: MailPolicy,
    *,
    look_again: Recheck | None = None,
    offers: Offers | None = None,
) -> Outcome:
    """Deliver one mail; the caller records the outcome with `outbox.settle`.

    That the mail may have left is committed before its first byte leaves, so that a crash
    afterwards ends as unknown, never as a second mail. `now` is business time. With
    `look_again`, a kind that wishes so is decided by what Stripe itself shows now; no
    transaction is open while it is asked. With `offers`, one is made for a kind that wants it,
    as soon as it is decided that the mail goes out.

    Raises:
        LeaseLost: somebody else holds this effect by now; nothing was sent.
    """
    if claimed.effect.kind == copies.NAME:
        return _deliver_copy(engine, claimed, now, transport, policy)
    kind = KINDS.get(claimed.effect.kind)
    if kind is None:
        return Failed("unknown_kind")
    errand = _Errand(claimed, kind, now, policy)
    live = _live(engine, errand, look_again) if look_again else {}
    if not isinstance(live, dict):
        return live
    offer = _offer(engine, errand, offers) if offers else None
    if not isinstance(offer, Offer | None):
        return offer
    with engine.begin() as conn:
        prepared = _prepare(conn, errand, live, offer)
        if isinstance(prepared, EmailMessage):
            _may_leave(conn, claimed)
            outbox.add(conn, copies.of(claimed.effect, _variant(errand), now, policy))
    return transport.send(prepared) if isinstance(prepared, EmailMessage) else prepared


def _deliver_copy(
    engine: Engine,
    claimed: outbox.Claimed,
    now: datetime,
    transport: Transport,
    policy: MailPolicy,
) -> Outcome:
    with engine.begin() as conn:
        prepared = copies.prepare(conn, claimed.effect, now, policy)
        if isinstance(prepared, EmailMessage):
            _may_leave(conn, claimed)
    return transport.send(prepared) if isinstance(prepared, EmailMessage) else prepared


def _may_leave(conn: Connection, claimed: outbox.Claimed) -> None:
    if not outbox.mark_sending(conn, claimed):
        raise LeaseLost("mail is in other hands")


def _live(engine: Engine, errand: _Errand, look_again: Recheck) -> Live | Outcome:
    """Return what Stripe shows now of what the mail is about; nothing for most kinds."""
    kind, effect = errand.kind, errand.claimed.effect
    if kind.live is None:
        return {}
    with engine.begin() as conn:
        found = _load(conn, errand)
    verdict = gate.check(kind, effect, found, attempts=errand.claimed.attempts)
    return verdict or recheck.read(look_again, effect.account, kind.live(found))


def _offer(engine: Engine, errand: _Errand, offers: Offers) -> Offer | Outcome | None:
    """Return the offer that goes out with the mail; none is made for a mail that does not."""
    kind, effect = errand.kind, errand.claimed.effect
    if kind.wants_offer is None:
        return None
    with engine.begin() as conn:
        found = _load(conn, errand)
        sent = caps.load(conn, effect, errand.now)
    verdict = gate.check(kind, effect, found, attempts=errand.claimed.attempts, sent=sent)
    wanted = verdict is None and kind.wants_offer(found)
    return ask(offers, effect, errand.now) if wanted else None


def _load(conn: Connection, errand: _Errand) -> Case:
    kind, effect = errand.kind, errand.claimed.effect
    loaded = case.load(conn, effect, kind.needs, errand.now, errand.policy, recalls=kind.recalls)
    found = replace(loaded, variant=_variant(errand))
    return replace(found, read=kind.reads(conn, found)) if kind.reads else found


def _variant(errand: _Errand) -> str | None:
    effect = errand.claimed.effect
    experiment = errand.policy.experiments.get(effect.kind)
    return experiment.variant_for(effect.customer_id or "") if experiment else None


def _prepare(
    conn: Connection, errand: _Errand, live: Live, offer: Offer | None
) -> EmailMessage | Outcome:
    kind, effect = errand.kind, errand.claimed.effect
    found = replace(recheck.with_live(_load(conn, errand), live), offer=offer)
    if effect.customer_id is None and found.customer.id:
        outbox.note_customer(conn, errand.claimed, found.customer.id)
    sent = caps.load(conn, effect, errand.now)
    verdict = gate.check(kind, effect, found, attempts=errand.claimed.attempts, sent=sent)
    if found.variant and verdict in {None, Skipped(experiments.HOLD_OUT)}:
        outbox.note_variant(conn, errand.claimed, found.variant)
    if verdict is not None:
        return verdict
    try:
        return compose(kind, found, render(kind, found), effect.key)
    except (RenderFailed, ValueError) as error:
        cause = type(error.__cause__ or error).__name__
        log.error("mail.render_failed", kind=kind.name, key=effect.key, error=cause)  # noqa: TRY400 — a traceback would quote customers' data
        return Failed("render_failed")
