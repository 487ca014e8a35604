"""Is it the right key? Before anything is believed of what Stripe shows or does not show."""

from sqlalchemy import Engine

from sync.errors import Rejected
from sync.mirror import held
from sync.mirror.client import StripeReads
from sync.mirror.look import look
from sync.mirror.objects import OBJECTS
from sync.mirror.unsettled import is_readable

# Hardly anything of these types is ever deleted, so a few of them tell whose key it is.
_TELLING = ("subscription", "invoice", "charge", "product", "customer")
_READS = 3


def probe(engine: Engine, reads: StripeReads, account: str) -> bool:
    """Make sure that the key knows what the mirror holds of `account`, by a few objects.

    False: the mirror holds hardly anything yet, which tells nothing.

    Raises:
        Rejected: it knows none of them; or Stripe refuses the key.
        Unavailable: Stripe is down or busy.
    """
    ids: list[str] = []
    for name in (each for each in _TELLING if is_readable(each)):
        with engine.connect() as conn:
            ids = held.some(conn, OBJECTS[name], account, _READS)
        if len(ids) == _READS:
            break
    else:
        return False
    told = (look(reads, name, each, account=account, livemode=False) for each in ids)
    if not any(each.object for each in told):
        raise Rejected(
            f"STRIPE_API_KEY knows none of {', '.join(ids)}:"
            " it probably belongs to another account; nothing was changed"
        )
    return True
