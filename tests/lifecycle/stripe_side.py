"""Stripe, and customers who do what they are told: true histories, whatever happens in them.

What Stripe does by itself (renewals, retries, ends) runs on as time passes; all else is done by
whoever calls.
"""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.simulator.billing import changes, disputes, pauses, payments, refunds, renewals, signup
from app.simulator.declines import DECLINES
from app.simulator.history import Json, Story
from app.simulator.lives import scheduled
from app.simulator.objects.lines import TAX_PERCENT
from app.simulator.objects.subscription import Period, Terms
from app.simulator.periods import DAY, HOUR
from app.simulator.shop import Scene, Shop
from app.simulator.world import World
from tests.lifecycle.truth import LIVE

CONFIRM = "authentication_required"
REFUSALS = tuple(sorted(DECLINES))
TERMINAL = ("cancel", "unpaid", "leave")
BASKETS = ("coffee_250", "coffee_yearly")
_RETRY_AFTER = (3 * DAY, 5 * DAY, 7 * DAY)
_UPDATED = "customer.subscription.updated"


@dataclass(slots=True)
class Patron:
    """A customer: how their bank answers, and what happens when it never gives in."""

    id: str
    bank: str | None = None
    terminal: str = "cancel"


class Account:
    """One Stripe account whose time is moved from outside."""

    def __init__(self, seed: int, now: int) -> None:
        self.world = World(f"{seed}:lifecycle", now)
        self._shop = Shop(self.world)
        self.scene = Scene(self.world, self._shop, random.Random(f"{seed}:customers"))
        self.patrons: dict[str, Patron] = {}
        self._stories: list[tuple[int, int, Story]] = []
        self._begun = 0
        self._told = 0

    def news(self) -> list[tuple[int, Json]]:
        """Return the events since the last call, each with its place in the history."""
        events = self.world._events
        new = list(enumerate(events[self._told :], self._told))
        self._told = len(events)
        return new

    @property
    def wakes_at(self) -> int | None:
        """When Stripe does something by itself next."""
        return self._stories[0][0] if self._stories else None

    def play(self, until: int) -> None:
        """Let Stripe do what is due until then."""
        while self._stories and self._stories[0][0] <= until:
            at, _, story = heapq.heappop(self._stories)
            self.world.now = max(self.world.now, at)
            self._go_on(story)
        self.world.now = max(self.world.now, until)

    def _go_on(self, story: Story) -> None:
        at = next(story, None)
        if at is not None:
            self._begun += 1
            heapq.heappush(self._stories, (at, self._begun, story))

    # What customers do.

    def come(self, *, currency: str, offer: str, trial_days: int, card: bool) -> Patron:
        """Let somebody new subscribe, by card, or for a trial without one."""
        basket = [(offer, 1)]
        if card:
            start = signup.sign_up(self.scene, basket, currency=currency, trial_days=trial_days)
        else:
            start = self._try_without_card(basket, currency, trial_days or 14)
        patron = Patron(str(self.world[start.subscription]["customer"]))
        self.patrons[patron.id] = patron
        self._go_on(self._lives(start.subscription))
        return patron

    def _try_without_card(self, basket: Any, currency: str, days: int) -> signup.Start:
        trial = Period(self.world.now, self.world.now + days * DAY)
        customer_id, goods = signup.meet(self.scene, basket, currency)
        terms = Terms(
            status="trialing",
            period=trial,
            trial=trial,
            missing_payment_method="pause",
            taxed=goods[0][0]["currency"] in TAX_PERCENT,
        )
        with self.world.request():
            return signup.begin(self.scene, customer_id, goods, terms)

    def come_back(self, customer_id: str) -> None:
        """Let a customer subscribe once more, with the card they have or a new one."""
        owner = self.world[customer_id]
        method = owner["invoice_settings"]["default_payment_method"]
        method = method or signup.give_card(self.scene, customer_id)
        goods = self.scene.basket([("coffee_250", 1)], owner["currency"] or "usd")
        start = signup.subscribe(self.scene, customer_id, goods, method_id=method)
        self._go_on(self._lives(start.subscription))

    def pay_by_new_card(self, invoice_id: str) -> None:
        """Give a new card, which pays."""
        with self.world.request():
            method = changes.replace_card(
                self.scene, payments.subscription_of(self.world[invoice_id])
            )
            payments.pay(self.world, invoice_id, method, by_schedule=False)

    def pay_by_transfer(self, invoice_id: str) -> None:
        """Pay past Stripe."""
        with self.world.request():
            payments.pay_out_of_band(self.world, invoice_id)

    def forgive(self, invoice_id: str) -> None:
        """Void an invoice."""
        with self.world.request():
            payments.void(self.world, invoice_id)
            payments.catch_up(self.world, invoice_id)

    def write_off(self, invoice_id: str) -> None:
        """Give an invoice up."""
        with self.world.request():
            payments.write_off(self.world, invoice_id, "user_forgiven")

    def change_card(self, subscription_id: str) -> None:
        """Give a new card that is not charged yet."""
        with self.world.request():
            changes.replace_card(self.scene, subscription_id)

    def end(self, subscription_id: str, reason: str) -> None:
        """End a subscription now, for one of Stripe's reasons."""
        details = {"comment": None, "feedback": None, "reason": reason}
        changes.end(self.world, subscription_id, details)

    def pause(self, subscription_id: str, behavior: str, days: int | None) -> None:
        """Put collection on hold, for some days or until further notice."""
        until = self.world.now + days * DAY if days else None
        pauses.pause_collection(self.world, subscription_id, behavior, until)
        if until:
            self._go_on(self._resumes(subscription_id, until))

    def raise_price(self, subscription_id: str) -> None:
        """Plan a dearer bag from the next period on."""
        dearer = self._shop.price("coffee_500", self.world[subscription_id]["currency"])
        scheduled._plan(self.scene, subscription_id, dearer["id"])

    def refund(self, invoice_id: str) -> None:
        """Pay a half back."""
        half = self.world[invoice_id]["amount_paid"] // 2
        refunds.refund_invoice(self.scene, invoice_id, half)

    def dispute(self, invoice_id: str, won: bool) -> None:
        """Let the card's holder dispute a payment; it is answered and decided later."""
        warning = disputes.warn(self.world, disputes.charge_of(self.world, invoice_id))
        self._go_on(self._disputed(invoice_id, warning, won=won))

    def lose_address(self, customer_id: str) -> None:
        """Take the customer's mail address away."""
        with self.world.request():
            self.world.update(customer_id, "customer.updated", {"email": None})

    def forget(self, customer_id: str) -> None:
        """End all that a customer has, and delete them."""
        with self.world.request():
            for each in self.live(customer_id):
                self.end(each["id"], "cancellation_requested")
            for invoice in self.invoices(customer_id, "open"):
                payments.void(self.world, invoice["id"])
            self.world.delete(customer_id, "customer.deleted")
        del self.patrons[customer_id]

    # What there is.

    def live(self, customer_id: str) -> list[Json]:
        """Return a customer's subscriptions that have not ended."""
        mine = (each for each in self._all("subscription") if each["customer"] == customer_id)
        return [each for each in mine if each["status"] in LIVE]

    def invoices(self, customer_id: str, status: str) -> list[Json]:
        """Return a customer's invoices in this state."""
        mine = (each for each in self._all("invoice") if each["customer"] == customer_id)
        return [each for each in mine if each["status"] == status]

    def is_untouched(self, invoice_id: str) -> bool:
        """Tell whether a card paid an invoice and nothing came back or was doubted since."""
        intent = self.world.payment_of.get(invoice_id)
        charge_id = self.world[intent]["latest_charge"] if intent else None
        if charge_id is None:
            return False
        charge = self.world[charge_id]
        doubted = charge["amount_refunded"] or charge["disputed"]
        return charge["status"] == "succeeded" and not doubted

    def _all(self, object_type: str) -> Iterator[Json]:
        found = list(self.world._objects.values())
        return (each for each in found if each["object"] == object_type)

    def is_live(self, subscription_id: str) -> bool:
        """Tell whether a subscription has not ended."""
        return self.world[subscription_id]["status"] in LIVE

    # What Stripe does by itself.

    def _lives(self, subscription_id: str) -> Story:
        """Let a subscription's periods pass, until it ends."""
        world = self.world
        while True:
            yield max(world.now + 1, renewals.period_end(world[subscription_id]) + 5)
            while self.is_live(subscription_id) and world[subscription_id]["status"] == "paused":
                yield world.now + DAY
            if not self.is_live(subscription_id):
                return
            ends_at = world[subscription_id]["cancel_at"]
            if ends_at is not None and ends_at <= world.now:
                changes.end(world, subscription_id)
                return
            if renewals.period_end(world[subscription_id]) <= world.now:
                self._renew(subscription_id)

    def _renew(self, subscription_id: str) -> None:
        world, now = self.world, self.world[subscription_id]
        if now["status"] == "trialing" and not payments.charged_method(world, subscription_id):
            pauses.pause_for_want_of_card(world, subscription_id)
        elif now["status"] == "unpaid":
            renewals.roll_over(world, subscription_id, auto_advance=False)
        elif now["pause_collection"]:
            draft = renewals.roll_over(world, subscription_id, auto_advance=False)
            if now["pause_collection"]["behavior"] == "void":
                payments.finalize(world, draft)
                payments.void(world, draft)
        else:
            self._go_on(self._collects(self._next_period(subscription_id)))

    def _next_period(self, subscription_id: str) -> str:
        """Begin the next period, at the price that was planned for it, if any."""
        world, plan = self.world, self.world[subscription_id]["schedule"]
        if plan is None:
            return renewals.roll_over(world, subscription_id)
        (item,) = world[subscription_id]["items"]["data"]
        dearer = world[plan]["phases"][1]["items"][0]["price"]
        draft = renewals.roll_over(world, subscription_id, prices={item["id"]: dearer})
        scheduled._let_go(self.scene, subscription_id, plan)
        return draft

    def _collects(self, invoice_id: str) -> Story:
        """Charge an invoice, as often as Stripe does, and do what comes after the last time."""
        world = self.world
        subscription_id = payments.subscription_of(world[invoice_id])
        yield world.now + HOUR
        if not self.is_live(subscription_id):
            return
        payments.finalize(world, invoice_id)
        for attempt, waits in enumerate((*_RETRY_AFTER, None)):
            if world[invoice_id]["status"] != "open" or not self.is_live(subscription_id):
                return
            if self._attempt(invoice_id, attempt, waits):
                return
            if waits is not None:
                yield world.now + waits + 20
        self._give_up(subscription_id, invoice_id)

    def _attempt(self, invoice_id: str, attempt: int, waits: int | None) -> bool:
        """Charge once; tell whether it was paid."""
        world = self.world
        patron = self.patrons[str(world[invoice_id]["customer"])]
        method = payments.charged_method(world, payments.subscription_of(world[invoice_id]))
        again_at = None if waits is None else world.now + waits
        if patron.bank is None and method is not None:
            payments.pay(world, invoice_id, method)
            return True
        if method is None or (attempt and patron.bank and DECLINES[patron.bank].hard):
            payments.count_failure(world, invoice_id, again_at)
        elif patron.bank == CONFIRM and again_at is not None:
            payments.ask_to_confirm(world, invoice_id, method, again_at)
        else:
            assert patron.bank is not None
            payments.refuse(world, invoice_id, method, DECLINES[patron.bank], again_at)
        return False

    def _give_up(self, subscription_id: str, invoice_id: str) -> None:
        world = self.world
        terminal = self.patrons[str(world[invoice_id]["customer"])].terminal
        if terminal == "cancel":
            self.end(subscription_id, "payment_failed")
            payments.write_off(world, invoice_id, "max_payment_attempts")
        elif terminal == "unpaid" and world[subscription_id]["status"] == "past_due":
            world.update(subscription_id, _UPDATED, {"status": "unpaid"})

    def _resumes(self, subscription_id: str, at: int) -> Story:
        yield at
        held = self.world[subscription_id]["pause_collection"]
        if self.is_live(subscription_id) and held and held["resumes_at"] == at:
            pauses.resume_collection(self.world, subscription_id)

    def _disputed(self, invoice_id: str, warning: str, *, won: bool) -> Story:
        world = self.world
        customer_id = world[invoice_id]["customer"]
        yield world.now + 2 * DAY
        dispute_id = disputes.open_dispute(world, disputes.charge_of(world, invoice_id), warning)
        yield world.now + 3 * DAY
        if customer_id in self.patrons:
            disputes.answer(world, dispute_id, world[customer_id])
        yield world.now + 5 * DAY
        disputes.decide(world, dispute_id, won=won)
