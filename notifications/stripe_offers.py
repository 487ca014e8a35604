"""Offers as Stripe makes them: a promotion code of the shop's coupon, for one customer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from notifications.keys import message_of
from notifications.offers import Offer
from sync.changes import Effect
from sync.stripe_writes import StripeWrites


@dataclass(frozen=True, slots=True)
class StripeOffers:
    """Makes the codes; `coupons` are ids at Stripe, by kind of mail.

    A code is known by its mail's `message_of`, which stands in the mail's links, too: who
    follows one can be given the code's discount without typing it.
    """

    writes: StripeWrites
    coupons: Mapping[str, str]

    def make(self, effect: Effect, expires_at: datetime) -> Offer | None:
        """Do as `notifications.offers.Offers` says.

        None, too, where the code was made once and cannot be redeemed any more.
        """
        coupon = self.coupons.get(effect.kind)
        if coupon is None or effect.customer_id is None:
            return None
        made = self.writes.promotion_code(
            coupon,
            effect.customer_id,
            account=effect.account,
            expires_at=expires_at,
            key=message_of(effect.key),
        )
        if not made.is_active:
            return None
        return Offer(
            code=made.code,
            expires_at=made.expires_at,
            percent_off=made.percent_off,
            amount_off_minor=made.amount_off_minor,
            currency=made.currency,
            months=made.months,
        )
