"""What doctor asks Stripe: whether the coupons of the win-back mails are there and good."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from app.settings import Settings
from notifications.offers import OFFER_LIVES
from notifications.timing import TIMINGS
from sync.errors import Unavailable
from sync.mirror.shapes import instant
from sync.stripe_connection import Connection, Json, Refusal

_TIMEOUT_S = 3.0, 5.0
# Why a coupon cannot be looked at, by the status of Stripe's answer.
_WHY = {
    401: "STRIPE_API_KEY is refused by Stripe: copy it from the dashboard again",
    403: "STRIPE_API_KEY may not read coupons: give the restricted key read access to them, and"
    " write access to promotion codes",
}


def coupons(settings: Settings) -> Iterator[str]:
    """Yield what must be mended about the coupons; reads only, and nothing without a key."""
    wanted = sorted({*settings.winback_coupons.values()})
    if settings.stripe_api_key is None or not wanted:
        return
    connection = Connection(
        settings.stripe_api_key, base=settings.stripe_api_base, timeout_s=_TIMEOUT_S
    )
    with closing(connection):
        for account in sorted(settings.effect_accounts):
            for coupon in wanted:
                yield from _coupon(connection, account, coupon)


def _coupon(connection: Connection, account: str, coupon: str) -> Iterator[str]:
    place = f" in {account}" if account else ""
    try:
        found, _ = connection.ask("get", f"/v1/coupons/{quote(coupon)}", {}, account=account)
    except Refusal as refusal:
        if refusal.may_pass:
            yield f"STRIPE_API_KEY: Stripe does not answer ({refusal}); try again"
            return
        yield _WHY.get(refusal.status or 0) or (
            f"WINBACK_COUPONS: Stripe shows no coupon {coupon}{place} ({refusal});"
            " make it there, in the mode of STRIPE_API_KEY"
        )
    except Unavailable as error:
        yield f"STRIPE_API_KEY: Stripe does not answer as Stripe does ({error})"
    else:
        if told := _odd(found, datetime.now(UTC)):
            yield f"WINBACK_COUPONS: the coupon {coupon}{place} {told}"


def _odd(coupon: Json, now: datetime) -> str | None:
    """Return why codes of this coupon would be refused, None where they are not."""
    if coupon.get("valid") is not True:
        return "cannot be redeemed any more: make another and name that"
    # A mail may wait for its day, and its code is good for some days beyond.
    longest: timedelta = TIMINGS["winback_voluntary"].lives + OFFER_LIVES
    ends_at = instant(coupon.get("redeem_by"))
    if ends_at is not None and ends_at < now + longest:
        return f"ends on {ends_at:%Y-%m-%d}, and codes are good for {longest.days} days"
    return None
