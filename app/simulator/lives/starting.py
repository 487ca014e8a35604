"""How lives begin: trials and first payments, good and bad."""

from collections.abc import Generator, Sequence

from app.simulator.billing.changes import cancel_later, end, replace_card
from app.simulator.billing.pauses import pause_for_want_of_card, resume_with_card
from app.simulator.billing.payments import pay, void
from app.simulator.billing.renewals import keep_renewing, renew
from app.simulator.billing.signup import begin, meet, sign_up
from app.simulator.declines import DECLINES
from app.simulator.lives.steady import usual
from app.simulator.objects.lines import TAX_PERCENT
from app.simulator.objects.subscription import Period, Terms
from app.simulator.periods import DAY, HOUR
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]

_TRIAL_DAYS: Sequence[int] = (7, 14, 30)
_REMIND = 3 * DAY  # how long before a trial's end Stripe says so


def trial_to_active(scene: Scene) -> Told:
    """A free trial that becomes a paid subscription."""
    start = sign_up(scene, usual(scene), trial_days=scene.rng.choice(_TRIAL_DAYS))
    yield from _until_reminder(scene, start.subscription)
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def trial_canceled(scene: Scene) -> Told:
    """A free trial that is canceled before its end, and ends with it."""
    world = scene.world
    start = sign_up(scene, usual(scene), trial_days=14)
    yield world.now + scene.rng.randint(2, 9) * DAY
    cancel_later(scene, start.subscription, scene.rng.choice(("unused", "too_expensive")), None)
    yield from _until_reminder(scene, start.subscription)
    yield world[start.subscription]["cancel_at"]
    end(world, start.subscription)
    return None


def trial_ended_without_card(scene: Scene) -> Told:
    """A trial nobody gave a card for: it pauses at its end, and resumes with a card."""
    world, now = scene.world, scene.world.now
    trial = Period(now, now + 14 * DAY)
    customer_id, goods = meet(scene, usual(scene))
    terms = Terms(
        status="trialing",
        period=trial,
        trial=trial,
        missing_payment_method="pause",
        taxed=goods[0][0]["currency"] in TAX_PERCENT,
    )
    with world.request():
        start = begin(scene, customer_id, goods, terms)
    yield from _until_reminder(scene, start.subscription)
    yield trial.end + 2
    pause_for_want_of_card(world, start.subscription)
    yield world.now + scene.rng.randint(2, 20) * DAY
    resume_with_card(scene, start.subscription)
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def incomplete_to_active(scene: Scene) -> Told:
    """The first card is refused; another one pays within the hour."""
    start = sign_up(scene, usual(scene), decline=DECLINES["generic_decline"])
    yield scene.world.now + scene.rng.randint(2, 50) * 60
    with scene.world.request():
        method_id = replace_card(scene, start.subscription)
        pay(scene.world, start.invoice, method_id, by_schedule=False)
    yield from renew(scene, start.subscription)
    return start.subscription


def incomplete_expired(scene: Scene) -> Told:
    """The first card is refused and nobody comes back: it expires after 23 hours."""
    world = scene.world
    start = sign_up(scene, usual(scene), decline=DECLINES["insufficient_funds"])
    yield world.now + 23 * HOUR
    void(world, start.invoice)
    expired = {"ended_at": world.now, "status": "incomplete_expired"}
    world.update(start.subscription, "customer.subscription.updated", expired)
    return None


def _until_reminder(scene: Scene, subscription_id: str) -> Generator[int, None, None]:
    remind_at = scene.world[subscription_id]["trial_end"] - _REMIND
    yield remind_at
    scene.world.announce(subscription_id, "customer.subscription.trial_will_end")
