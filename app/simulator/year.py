"""A shop's year: many customers side by side, each with a life of its own."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime

from app.simulator.billing.renewals import keep_renewing
from app.simulator.history import History, Story
from app.simulator.lives import LIVES
from app.simulator.periods import DAY
from app.simulator.shop import Scene, Shop
from app.simulator.simulate import play, second
from app.simulator.world import World
from sync.errors import Malformed

# How many of a hundred customers live so. The shop changes its goods once, see `_EVERY_YEAR`.
_SHARES: Mapping[str, int] = {
    "renewal": 18,
    "trial_to_active": 9,
    "annual_renewal": 6,
    "cancel_at_period_end_ends": 9,
    "failed_payment_recovered": 7,
    "failed_payment_canceled": 5,
    "trial_canceled": 4,
    "bundle": 4,
    "multi_item": 4,
    "upgrade_with_proration": 4,
    "ended_and_resubscribed": 4,
    "expired_card_updated": 4,
    "cancel_at_period_end_and_come_back": 3,
    "cancel_now": 3,
    "downgrade": 2,
    "paused_and_resumed": 2,
    "incomplete_to_active": 2,
    "incomplete_expired": 2,
    "refund_partial": 2,
    "refund_full": 1,
    "action_required": 1,
    "card_updated_by_network": 1,
    "seat_change": 1,
    "send_invoice": 1,
    "trial_ended_without_card": 1,
    "customer_deleted": 1,
    "voided_invoice": 1,
    "metadata_toggle": 1,
    "promotion_code_redeemed": 3,
    "customer_coupon": 1,
    "coupon_repeating_that_ends": 1,
    "scheduled_change": 1,
    "gives_up_unpaid": 1,
    "quote_accepted": 1,
    "dispute_won": 1,
    "dispute_lost": 1,
}
# Whatever the dice say, a year holds these, as far as there are customers for them.
_EVERY_YEAR: Sequence[str] = (
    "renewal",
    "failed_payment_recovered",
    "cancel_at_period_end_ends",
    "annual_renewal",
    "failed_payment_canceled",
    "refund_partial",
    "trial_to_active",
    "bundle",
    "thb",
    "upgrade_with_proration",
    "ended_and_resubscribed",
    "product_and_price_updates",
    "promotion_code_redeemed",
    "dispute_won",
    "cancel_at_period_end_and_come_back",
    "paused_and_resumed",
    "gives_up_unpaid",
    "send_invoice",
    "trial_ended_without_card",
    "action_required",
    "scheduled_change",
    "expired_card_updated",
)
# Lives that take long come within so many days, so that a year holds them to their end, and
# what follows from it: for those who leave, two months of win-back.
_EARLY: Mapping[str, int] = {
    "annual_renewal": 20,
    "failed_payment_canceled": 160,
    "cancel_at_period_end_ends": 120,
    "ended_and_resubscribed": 60,
    "cancel_now": 160,
    "failed_payment_recovered": 200,
    "gives_up_unpaid": 200,
    "cancel_at_period_end_and_come_back": 230,
    "paused_and_resumed": 230,
    "action_required": 230,
    "scheduled_change": 230,
    "expired_card_updated": 230,
    "trial_ended_without_card": 250,
    "promotion_code_redeemed": 250,
    "send_invoice": 250,
    "dispute_won": 290,
    "refund_partial": 290,
}


def shop_year(seed: int, *, customers: int, start: datetime, until: datetime) -> History:
    """Tell what happens in a shop from `start` to `until`, with so many customers.

    The catalogue goes on sale at `start`; sign-ups are spread over the time. Raises
    `Malformed` for naive moments, for an `until` that is not after `start` and for fewer
    than one customer.
    """
    begins, ends = second(start), second(until)
    if ends <= begins:
        raise Malformed(f"until ({until.isoformat()}) must be after start ({start.isoformat()})")
    if customers < 1:
        raise Malformed(f"customers must be at least 1, not {customers}")
    rng = random.Random(f"{seed}:year")
    world = World(f"{seed}:year", begins)
    shop = Shop(world)
    shop.open_all()
    stories = []
    for number, life in enumerate(_cast(rng, customers)):
        scene = Scene(world, shop, random.Random(f"{seed}:customer:{number}"))
        stories.append((_comes_at(rng, life, begins, ends), _lives_on(scene, life)))
    play(world, stories, ends)
    return world.history()


def _cast(rng: random.Random, customers: int) -> list[str]:
    """Return one life for each customer: those of every year first, the rest by the dice."""
    fixed = list(_EVERY_YEAR[:customers])
    drawn = rng.choices(
        list(_SHARES),
        weights=list(_SHARES.values()),
        k=customers - len(fixed),
    )
    return fixed + drawn


def _comes_at(rng: random.Random, life: str, begins: int, ends: int) -> int:
    """Return when a customer signs up: any time, but leave a month for the story to begin.

    What takes long comes early, such as yearly plans, whose renewal lies a year ahead.
    """
    latest = max(begins + 1, ends - 30 * DAY)
    if life in _EARLY:
        latest = min(latest, begins + _EARLY[life] * DAY)
    return rng.randrange(begins + 1, latest + 1)


def _lives_on(scene: Scene, life: str) -> Story:
    """Play a life, then keep what subscription is left of it renewing."""
    subscription_id = yield from LIVES[life](scene)
    if subscription_id is not None:
        yield from keep_renewing(scene, subscription_id)
