"""Lives in which a payment fails."""

from collections.abc import Generator, Sequence

from app.simulator.billing.changes import end, replace_card
from app.simulator.billing.payments import (
    ask_to_confirm,
    catch_up,
    charged_method,
    count_failure,
    pay,
    refuse,
    subscription_of,
    void,
    write_off,
)
from app.simulator.billing.renewals import (
    keep_renewing,
    next_invoice,
    renew,
    until_finalized,
)
from app.simulator.billing.signup import sign_up
from app.simulator.declines import DECLINES, Decline
from app.simulator.lives.steady import usual
from app.simulator.periods import DAY, HOUR, add_months, month_of
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]

_RETRY_AFTER: Sequence[int] = (3 * DAY, 5 * DAY, 7 * DAY)


def failed_payment_recovered(scene: Scene) -> Told:
    """The bank refuses up to three times, then one of Stripe's retries succeeds."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(0, 3))
    invoice_id = yield from due_invoice(scene, start.subscription)
    decline = DECLINES[scene.rng.choice(("insufficient_funds", "do_not_honor"))]
    yield from fail(scene, invoice_id, decline, scene.rng.randint(1, 3))
    yield _retry_at(scene, invoice_id)
    pay(world, invoice_id, _card(scene, start.subscription))
    yield from renew(scene, start.subscription)
    return start.subscription


def failed_payment_canceled(scene: Scene) -> Told:
    """Every attempt fails: the subscription ends, the invoice is voided or written off."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(0, 4))
    invoice_id = yield from due_invoice(scene, start.subscription)
    names = ("insufficient_funds", "generic_decline", "lost_card", "stolen_card")
    decline = DECLINES[scene.rng.choice(names)]
    yield from fail(scene, invoice_id, decline, len(_RETRY_AFTER) + 1)
    reason = {"comment": None, "feedback": None, "reason": "payment_failed"}
    end(world, start.subscription, reason)
    if scene.rng.random() < 0.5:
        write_off(world, invoice_id, "max_payment_attempts")
    else:
        yield world.now + 2 * DAY
        with world.request():
            void(world, invoice_id)
    return None


def expired_card_updated(scene: Scene) -> Told:
    """The card expires before the second renewal; the customer gives a new one, which pays."""
    world = scene.world
    expires = month_of(add_months(world.now, 1))
    start = sign_up(scene, usual(scene), expires=expires)
    yield from renew(scene, start.subscription)
    invoice_id = yield from due_invoice(scene, start.subscription)
    yield from fail(scene, invoice_id, DECLINES["expired_card"], scene.rng.randint(1, 2))
    yield world.now + scene.rng.randint(2, 60) * HOUR
    with world.request():
        method_id = replace_card(scene, start.subscription)
        world.tick(scene.rng.randrange(2))
        pay(world, invoice_id, method_id, by_schedule=False)
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def card_updated_by_network(scene: Scene) -> Told:
    """The card would expire, but its network tells Stripe the new date in time."""
    world = scene.world
    month, year = month_of(add_months(world.now, 1))
    start = sign_up(scene, usual(scene), expires=(month, year))
    yield from renew(scene, start.subscription)
    yield world.now + scene.rng.randint(3, 9) * DAY
    renewed = {"card": {"exp_month": month, "exp_year": year + 3}}
    world.update(
        _card(scene, start.subscription),
        "payment_method.automatically_updated",
        renewed,
    )
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def action_required(scene: Scene) -> Told:
    """The bank wants the customer to confirm a renewal; the customer does, within two days."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(0, 2))
    invoice_id = yield from due_invoice(scene, start.subscription)
    method_id = _card(scene, start.subscription)
    ask_to_confirm(world, invoice_id, method_id, world.now + _RETRY_AFTER[0])
    yield world.now + scene.rng.randint(1, 47) * HOUR
    pay(world, invoice_id, method_id, by_schedule=False)
    yield from renew(scene, start.subscription)
    return start.subscription


def voided_invoice(scene: Scene) -> Told:
    """A renewal fails and the shop forgives it: the invoice is voided, the customer stays."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from renew(scene, start.subscription)
    invoice_id = yield from due_invoice(scene, start.subscription)
    yield from fail(scene, invoice_id, DECLINES["generic_decline"], 1)
    yield world.now + scene.rng.randint(3, 40) * HOUR
    with world.request():
        void(world, invoice_id)
        catch_up(world, invoice_id)
    yield from renew(scene, start.subscription)
    return start.subscription


def due_invoice(scene: Scene, subscription_id: str) -> Generator[int, None, str]:
    """Wait for the next renewal's invoice to be finalized; return its id."""
    invoice_id = yield from next_invoice(scene, subscription_id)
    yield from until_finalized(scene, invoice_id)
    return invoice_id


def fail(
    scene: Scene,
    invoice_id: str,
    decline: Decline,
    times: int,
) -> Generator[int, None, None]:
    """Let so many attempts fail; each names the next, until the schedule is at its end.

    After a hard decline Stripe counts its retries without charging the card again.
    """
    world = scene.world
    method_id = _card(scene, subscription_of(world[invoice_id]))
    for attempt in range(times):
        if attempt:
            yield _retry_at(scene, invoice_id)
        waits = _RETRY_AFTER[attempt : attempt + 1]
        next_attempt = world.now + waits[0] if waits else None
        if attempt and decline.hard:
            count_failure(world, invoice_id, next_attempt)
        else:
            refuse(world, invoice_id, method_id, decline, next_attempt)


def _retry_at(scene: Scene, invoice_id: str) -> int:
    return int(scene.world[invoice_id]["next_payment_attempt"]) + scene.rng.randrange(1, 60)


def _card(scene: Scene, subscription_id: str) -> str:
    method_id = charged_method(scene.world, subscription_id)
    assert method_id, f"{subscription_id} has no card"
    return method_id
