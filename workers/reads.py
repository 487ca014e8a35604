"""What the events left open: read from Stripe outside every transaction, then folded in."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import structlog

from app.doorbell import READS
from app.stripe_reads import open_reads
from sync.errors import Malformed, Rejected, Unavailable
from sync.mirror import unsettled
from sync.mirror.client import StripeReads
from sync.mirror.look import look
from sync.mirror.probe import probe
from sync.mirror.reading import Told
from sync.store import refetch
from sync.store.refetch import Claimed
from workers.context import Context, current
from workers.planning import intake_of, plan, plan_records
from workers.upkeep import Upkeep

log = structlog.get_logger(__name__)

_AT_MOST_S = 10.0


def run() -> None:
    """Read what is due for some seconds, as an RQ job; ring again when more is left."""
    context = current()
    context.doorbell.answer(READS)
    if not work(context, at_most_s=_AT_MOST_S):
        context.doorbell.ring_reads()


def work(context: Context, *, at_most_s: float) -> bool:
    """Fulfil wishes, then do the upkeep; False when the time is up before both are done.

    On a simulated clock there is no upkeep: Stripe's own time is another one.
    """
    until_s = time.monotonic() + at_most_s
    with _opened(context) as reads:
        if reads is None:
            return True
        kept_up = context.settings.clock == "simulated"
        return _fulfil(context, reads, until_s) and (
            kept_up or Upkeep(context, reads, until_s).run()
        )


def read(context: Context, *, at_most_s: float) -> bool:
    """Fulfil wishes until none is due (True) or the time is up (False)."""
    with _opened(context) as reads:
        return reads is None or _fulfil(context, reads, time.monotonic() + at_most_s)


@contextmanager
def _opened(context: Context) -> Iterator[StripeReads | None]:
    """Return the way to Stripe, None where no key is set."""
    if context.settings.stripe_api_key is None:
        yield None
        return
    with closing(open_reads(context.settings, context.engine, context.clock)) as reads:
        yield reads


def _fulfil(context: Context, reads: StripeReads, until_s: float) -> bool:
    while time.monotonic() < until_s:
        if not _read_one(context, reads):
            return True
    return False


def _read_one(context: Context, reads: StripeReads) -> bool:
    """Fulfil one wish; False when none is due."""
    with context.engine.begin() as conn:
        claimed = next(iter(refetch.claim(conn, limit=1)), None)
        if claimed is None:
            return False
        if not unsettled.is_open(conn, claimed):
            refetch.settle(conn, claimed)
            return True
    try:
        told = _look(context, reads, claimed)
    except (Unavailable, Rejected, Malformed) as error:
        _postpone(context, claimed, error)
    else:
        _fold(context, claimed, told)
    return True


def _look(context: Context, reads: StripeReads, wish: Claimed) -> Told:
    told = look(
        reads,
        wish.object,
        wish.id,
        account=wish.account,
        livemode=bool(context.settings.livemode),
        path=wish.path,
    )
    if told.object is None and not probe(context.engine, reads, wish.account):
        raise Rejected("gone, or the key is another account's: the mirror is too young to tell")
    return replace(
        told,
        event_id=wish.event_id,
        event_type=wish.event_type,
        event_created=wish.event_created,
    )


def _fold(context: Context, claimed: Claimed, told: Told) -> None:
    """Mirror, history, effects and the wish's end, in one transaction."""
    with context.engine.begin() as conn:
        # What a backfill or a check left open is as old as can be: it mails nobody.
        plans = plan if claimed.event_id else plan_records
        intake_of(context, plans).take(conn, [told])
        if claimed.reason in _SETTLED_BY_ANY_READING or not unsettled.is_open(conn, claimed):
            refetch.settle(conn, claimed)
        else:
            refetch.postpone(conn, claimed, "still_open")
    context.doorbell.ring_effects()
    log.info("object.read", object=claimed.object, id=claimed.id, reason=claimed.reason)


_SETTLED_BY_ANY_READING = frozenset({"thin", "payments", "unknown"})


def _postpone(context: Context, claimed: Claimed, error: Exception) -> None:
    retry_after_s = getattr(error, "retry_after_s", None)
    with context.engine.begin() as conn:
        refetch.postpone(conn, claimed, type(error).__name__, retry_after_s=retry_after_s)
    log.warning("object.not_read", object=claimed.object, id=claimed.id, error=str(error))
