"""How a subscription begins: the customer, the card, the first invoice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.simulator.billing.discounts import redeem, tell_redeemed
from app.simulator.billing.payments import finalize, pay, refuse
from app.simulator.declines import Decline
from app.simulator.history import Json
from app.simulator.objects.catalogue import is_metered
from app.simulator.objects.checkout import checkout_session
from app.simulator.objects.customer import customer, payment_method, some_card
from app.simulator.objects.invoice import Bill, invoice
from app.simulator.objects.lines import TAX_PERCENT, Entry, period_entries, usage_entries
from app.simulator.objects.payment import setup_intent
from app.simulator.objects.quote import line_items
from app.simulator.objects.subscription import Period, Terms, subscription
from app.simulator.periods import DAY, month_of, next_end
from app.simulator.shop import Basket, Scene
from app.simulator.world import World

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
    coupon: str | None = None,
    code: str | None = None,
    payment_link: str | None = None,
) -> Start:
    """Let somebody new subscribe through Checkout, in one burst of events.

    With a `decline` the first payment fails and the subscription stays `incomplete`.
    A `coupon` lowers the price; `code` is the promotion code it was redeemed by. They may
    have come by a payment link.
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
        coupon=coupon,
        code=code,
    )
    if decline is None:
        given = ({"coupon": None if code else coupon, "promotion_code": code},) if coupon else ()
        session = checkout_session(world, world[start.invoice], world[customer_id], given)
        sold = line_items(world, goods, f"/v1/checkout/sessions/{session['id']}/line_items")
        shown = {**session, "line_items": sold, "payment_link": payment_link}
        world.create(shown, "checkout.session.completed")
    return start


def subscribe(
    scene: Scene,
    customer_id: str,
    goods: Goods,
    *,
    method_id: str,
    decline: Decline | None = None,
    trial_days: int = 0,
    coupon: str | None = None,
    code: str | None = None,
) -> Start:
    """Subscribe a customer and charge the first invoice; nothing is due for a trial."""
    plain = _terms(scene, goods, method_id, trial_days)
    terms = replace(plain, coupon=coupon, promotion_code=code)
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
    discounts = redeem(world, customer_id, terms, made["id"])
    made["discounts"] = discounts
    by_invoice = terms.days_until_due is not None
    bill = Bill(
        billing_reason="subscription_create",
        entries=_first_entries(world, made),
        period_start=world.now,
        period_end=world.now,
        finalizes_at=world.now + 3600 if by_invoice else None,
    )
    first = invoice(world, owner, made, bill)
    made["latest_invoice"] = first["id"]
    world.create(made, "customer.subscription.created")
    tell_redeemed(world, discounts)
    world.create(first, "invoice.created")
    if not by_invoice:
        finalize(world, first["id"])
    if owner["currency"] is None:
        world.update(customer_id, "customer.updated", {"currency": made["currency"]})
    return Start(made["id"], first["id"])


def begin_paid(scene: Scene, customer_id: str, goods: Goods, method_id: str) -> Start:
    """Begin a subscription by card that has nothing to pay yet, as with metered prices."""
    terms = replace(_terms(scene, goods, method_id, 0), status="active")
    return begin(scene, customer_id, goods, terms)


def _first_entries(world: World, subscription: Json) -> list[Entry]:
    trial = subscription["trial_start"] is not None
    return [
        entry
        for item in subscription["items"]["data"]
        for entry in (
            usage_entries(world, item, 0)
            if is_metered(item["price"])
            else period_entries(world, item, trial=trial)
        )
    ]


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
