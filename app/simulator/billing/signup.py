"""How a subscription begins: the customer, the card, the first invoice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.simulator.billing.payments import finalize, pay, refuse
from app.simulator.declines import Decline
from app.simulator.history import Json
from app.simulator.objects.checkout import checkout_session
from app.simulator.objects.customer import customer, payment_method, some_card
from app.simulator.objects.invoice import Bill, invoice
from app.simulator.objects.lines import TAX_PERCENT, period_entry
from app.simulator.objects.payment import setup_intent
from app.simulator.objects.subscription import Period, Terms, subscription
from app.simulator.periods import DAY, month_of, next_end
from app.simulator.shop import Basket, Scene

Goods = Sequence[tuple[Json, int]]
"""Prices and how many of each."""


def meet(scene: Scene, offers: Basket, currency: str | None = None) -> tuple[str, Goods]:
    """Let somebody come by who wants `offers`; return the new customer's id and the goods."""
    person = scene.shop.somebody(scene.rng, currency)
    goods = scene.basket(offers, person.currency)
    with scene.world.request():
        made = customer(scene.world, scene.rng, person)
        return scene.world.create(made, "customer.created"), goods


def give_card(
    scene: Scene,
    customer_id: str,
    expires: tuple[int, int] | None = None,
) -> str:
    """Attach a card to a customer, as the default one; return the payment method's id.

    `expires` is the last month and year it is good for; in some years by default.
    """
    world = scene.world
    owner = world[customer_id]
    _, year = month_of(world.now)
    given = some_card(scene.rng, owner["address"]["country"], year)
    if expires:
        given = replace(given, exp_month=expires[0], exp_year=expires[1])
    method_id = world.create(payment_method(world, owner, given), "payment_method.attached")
    settings = {"invoice_settings": {"default_payment_method": method_id}}
    world.update(customer_id, "customer.updated", settings)
    return method_id


def _first_card(
    scene: Scene,
    customer_id: str,
    expires: tuple[int, int] | None,
    *,
    set_up: bool,
) -> str:
    """Give the first card; without a payment to come with it, by a setup intent."""
    world = scene.world
    if not set_up:
        return give_card(scene, customer_id, expires)
    intent_id = world.create(setup_intent(world, customer_id), "setup_intent.created")
    method_id = give_card(scene, customer_id, expires)
    succeeded = {"payment_method": method_id, "status": "succeeded"}
    world.update(intent_id, "setup_intent.succeeded", succeeded)
    return method_id


@dataclass(frozen=True, slots=True)
class Start:
    """A new subscription and its first invoice, by id."""

    subscription: str
    invoice: str


def sign_up(
    scene: Scene,
    offers: Basket,
    *,
    currency: str | None = None,
    decline: Decline | None = None,
    expires: tuple[int, int] | None = None,
    trial_days: int = 0,
) -> Start:
    """Let somebody new subscribe through Checkout, in one burst of events.

    With a `decline` the first payment fails and the subscription stays `incomplete`.
    """
    world = scene.world
    customer_id, goods = meet(scene, offers, currency)
    with world.request():
        method_id = _first_card(scene, customer_id, expires, set_up=trial_days > 0)
    start = subscribe(
        scene,
        customer_id,
        goods,
        method_id=method_id,
        decline=decline,
        trial_days=trial_days,
    )
    if decline is None:
        session = checkout_session(world, world[start.invoice], world[customer_id])
        world.create(session, "checkout.session.completed")
    return start


def subscribe(
    scene: Scene,
    customer_id: str,
    goods: Goods,
    *,
    method_id: str,
    decline: Decline | None = None,
    trial_days: int = 0,
) -> Start:
    """Subscribe a customer and charge the first invoice; nothing is due for a trial."""
    terms = _terms(scene, goods, method_id, trial_days)
    with scene.world.request():
        start = begin(scene, customer_id, goods, terms)
    if trial_days:
        return start
    scene.world.tick(scene.rng.randrange(2))
    if decline:
        refuse(scene.world, start.invoice, method_id, decline, None)
    else:
        pay(scene.world, start.invoice, method_id)
    return start


def begin(
    scene: Scene,
    customer_id: str,
    goods: Goods,
    terms: Terms,
) -> Start:
    """Create a subscription with its first invoice, which is finalized at once if by card."""
    world = scene.world
    owner = world[customer_id]
    made = subscription(world, owner, goods, terms)
    by_invoice = terms.days_until_due is not None
    bill = Bill(
        billing_reason="subscription_create",
        entries=[
            period_entry(world, item, trial=terms.trial is not None)
            for item in made["items"]["data"]
        ],
        period_start=world.now,
        period_end=world.now,
        finalizes_at=world.now + 3600 if by_invoice else None,
    )
    first = invoice(world, owner, made, bill)
    made["latest_invoice"] = first["id"]
    world.create(made, "customer.subscription.created")
    world.create(first, "invoice.created")
    if not by_invoice:
        finalize(world, first["id"])
    if owner["currency"] is None:
        world.update(customer_id, "customer.updated", {"currency": made["currency"]})
    return Start(made["id"], first["id"])


def _terms(
    scene: Scene,
    goods: Goods,
    method_id: str,
    trial_days: int,
) -> Terms:
    now, price = scene.world.now, goods[0][0]
    # Checkout sets the card on the subscription, other ways of selling leave it to the customer.
    own = method_id if scene.rng.random() < 0.6 else None
    paid = Terms(
        status="incomplete",
        period=Period(now, next_end(now, now, price["recurring"])),
        payment_method=own,
        taxed=price["currency"] in TAX_PERCENT,
    )
    if not trial_days:
        return paid
    trial = Period(now, now + trial_days * DAY)
    return replace(paid, status="trialing", period=trial, trial=trial)
