"""Two kinds of pause: collection put on hold by the shop, and a subscription that is `paused`."""

from app.simulator.billing.payments import finalize, pay, void, write_off
from app.simulator.billing.renewals import period_end, roll_over
from app.simulator.billing.signup import give_card
from app.simulator.history import Story
from app.simulator.shop import Scene
from app.simulator.world import World

_UPDATED = "customer.subscription.updated"


def pause_collection(
    world: World,
    subscription_id: str,
    behavior: str,
    resumes_at: int | None,
) -> None:
    """Stop collecting; `behavior` is what becomes of the invoices meanwhile.

    It is one of keep_as_draft, mark_uncollectible, void.
    """
    with world.request():
        paused = {"behavior": behavior, "resumes_at": resumes_at}
        world.update(subscription_id, _UPDATED, {"pause_collection": paused})


def resume_collection(world: World, subscription_id: str) -> None:
    """Collect again; Stripe does so by itself when `resumes_at` comes."""
    world.update(subscription_id, _UPDATED, {"pause_collection": None})


def renew_uncollected(scene: Scene, subscription_id: str) -> Story:
    """Renew once while collection is on hold: the invoice is not paid."""
    world = scene.world
    yield period_end(world[subscription_id]) + scene.rng.randrange(1, 20)
    behavior = world[subscription_id]["pause_collection"]["behavior"]
    invoice_id = roll_over(world, subscription_id, auto_advance=False)
    if behavior == "keep_as_draft":
        return
    finalize(world, invoice_id)
    if behavior == "void":
        void(world, invoice_id)
    else:
        write_off(world, invoice_id, "subscription_paused")


def pause_for_want_of_card(world: World, subscription_id: str) -> None:
    """Pause a subscription whose trial ended without a card."""
    why = {"type": "trial_end_without_payment_method"}
    paused = {"subscription": why, "transitioned_at": world.now, "type": "subscription"}
    changes = {"status": "paused", "status_details": {"paused": paused}}
    world.update(subscription_id, _UPDATED, changes)
    world.announce(subscription_id, "customer.subscription.paused")


def resume_with_card(scene: Scene, subscription_id: str) -> None:
    """Give a card and resume: a new period begins now and is paid for."""
    world = scene.world
    with world.request():
        method_id = give_card(scene, world[subscription_id]["customer"])
        invoice_id = roll_over(world, subscription_id, auto_advance=False, restart=True)
        world.announce(subscription_id, "customer.subscription.resumed")
        finalize(world, invoice_id)
        pay(world, invoice_id, method_id)
