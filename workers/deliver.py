"""Effects out of the house: claim what is due, hand it over, record how it ended."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime

import structlog
from rq.timeouts import JobTimeoutException

from app.doorbell import EFFECTS
from app.stripe_reads import open_reads
from app.stripe_writes import open_writes
from notifications import delivery as mail
from notifications.offers import Offers
from notifications.recheck import Recheck
from notifications.stripe_offers import StripeOffers
from notifications.transports import Transport, open_transport
from sync.access import delivery as access
from sync.changes import Channel, Failed, Outcome, RetryIn, Skipped
from sync.crm import delivery as crm
from sync.crm.sinks import open_sinks
from sync.errors import LeaseLost
from sync.inventory import delivery as inventory
from sync.mirror.client import StripeReads
from sync.mirror.look import look
from sync.mirror.shapes import Json
from sync.store import outbox
from sync.store.outbox import Claimed
from sync.webhook import Webhook
from workers.context import Context, current

log = structlog.get_logger(__name__)

Handler = Callable[[Claimed, datetime], Outcome]

_AT_MOST_S = 5.0
_BATCH = 10
# Seconds before the next attempt, by attempts made. Source: the Standard Webhooks schedule.
_DELAYS_S = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)


def run() -> None:
    """Deliver what is due for some seconds, as an RQ job; ring again when more is left."""
    context = current()
    context.doorbell.answer(EFFECTS)
    if not deliver(context, at_most_s=_AT_MOST_S):
        context.doorbell.ring_effects()


def deliver(context: Context, *, at_most_s: float) -> bool:
    """Deliver until nothing is due (True) or the time is up (False)."""
    until = time.monotonic() + at_most_s
    with _handlers(context) as handlers:
        while time.monotonic() < until:
            if not deliver_batch(context, handlers, until):
                return True
    return False


def deliver_batch(context: Context, handlers: Mapping[Channel, Handler], until: float) -> int:
    """Take one batch of due effects through, as far as the time goes; return how many it held.

    `until` is on the monotonic clock: a platform that stops us gives little time.
    """
    now = context.clock.now()
    with context.engine.begin() as conn:
        batch = outbox.claim(conn, now, limit=_BATCH)
    for claimed in batch:
        if time.monotonic() < until:
            _deliver_one(context, handlers, claimed, now)
        else:
            with context.engine.begin() as conn:
                outbox.release(conn, claimed)
    return len(batch)


def _deliver_one(
    context: Context, handlers: Mapping[Channel, Handler], claimed: Claimed, now: datetime
) -> None:
    effect, settle = claimed.effect, outbox.settle
    try:
        outcome = handlers[effect.channel](claimed, now)
    except LeaseLost:
        log.warning("effect.lease_lost", kind=effect.kind)
        return
    except JobTimeoutException:
        raise
    except Exception as error:
        log.exception("effect.broke", kind=effect.kind, channel=effect.channel)
        outcome, settle = _broken(error), outbox.settle_broken
    outcome = _patience(claimed, outcome)
    simulated = context.settings.clock == "simulated"
    with context.engine.begin() as conn:
        kept = settle(conn, claimed, outcome, now, retry_in_business_time=simulated)
    ended = type(outcome).__name__.lower()
    reason = getattr(outcome, "reason", None)
    log.info("effect.settled", kind=effect.kind, outcome=ended, reason=reason, kept=kept)


def _broken(error: Exception) -> RetryIn:
    return RetryIn(0, f"error_{type(error).__name__.lower()}")


def _patience(claimed: Claimed, outcome: Outcome) -> Outcome:
    """Return `outcome` with the delay that so many attempts deserve, or give up."""
    if not isinstance(outcome, RetryIn):
        return outcome
    if claimed.attempts > len(_DELAYS_S):
        return Failed(f"gave_up_{outcome.reason}")
    return RetryIn(max(outcome.delay_s, _DELAYS_S[claimed.attempts - 1]), outcome.reason)


@contextmanager
def _handlers(context: Context) -> Iterator[Mapping[Channel, Handler]]:
    """Return who handles which channel; the mail transport opens with the first mail."""
    settings, engine = context.settings, context.engine
    transport = open_transport(settings.mail_url) if settings.mail_url else None
    sinks = open_sinks(engine, settings.crm)
    with ExitStack() as opened:
        if transport:
            opened.callback(transport.close)
        webhook = Webhook(settings.access_webhook) if settings.access_webhook else None
        if webhook:
            opened.callback(webhook.close)
        yield {
            "mail": _mail(context, transport, _recheck(context, opened), _offers(context, opened)),
            "crm": lambda claimed, now: crm.deliver(engine, claimed, now, sinks),
            "inventory": lambda claimed, now: inventory.deliver(engine, claimed, now),
            "access": lambda claimed, now: access.deliver(
                engine, claimed, now, webhook, settings.access
            ),
        }


def _recheck(context: Context, opened: ExitStack) -> Recheck | None:
    """Return the way to ask Stripe once more before a mail goes out; None without a key."""
    settings = context.settings
    if settings.stripe_api_key is None:
        return None
    reads = opened.enter_context(closing(open_reads(settings, context.engine, context.clock)))
    return _look_by(reads, livemode=bool(settings.livemode))


def _look_by(reads: StripeReads, *, livemode: bool) -> Recheck:
    def again(account: str, object_type: str, object_id: str) -> Json | None:
        return look(reads, object_type, object_id, account=account, livemode=livemode).object

    return again


def _offers(context: Context, opened: ExitStack) -> Offers | None:
    """Return who makes promotion codes; None without a key or a coupon."""
    coupons = context.settings.winback_coupons
    writes = open_writes(context.settings) if coupons else None
    return StripeOffers(opened.enter_context(writes), coupons) if writes else None


def _mail(
    context: Context,
    transport: Transport | None,
    look_again: Recheck | None,
    offers: Offers | None,
) -> Handler:
    def send(claimed: Claimed, now: datetime) -> Outcome:
        if transport is None:
            return Skipped("mail_off")
        policy = context.settings.mail_policy
        return mail.deliver(
            context.engine, claimed, now, transport, policy, look_again=look_again, offers=offers
        )

    return send
