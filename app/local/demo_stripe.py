"""Stripe's side of the demo: its API, for what mails' links and offers ask of it."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from app.simulator.history import History, Json
from app.simulator.post import Poster
from app.simulator.stripe_api import pages
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.server import StripeApi, serving
from sync.clock import SimulatedClock

COUPON: Json = {
    "id": "WELCOME-BACK",
    "object": "coupon",
    "amount_off": None,
    "created": 1,
    "currency": None,
    "duration": "repeating",
    "duration_in_months": 3,
    "livemode": False,
    "max_redemptions": None,
    "metadata": {},
    "name": "Welcome back",
    "percent_off": 20.0,
    "redeem_by": None,
    "times_redeemed": 0,
    "valid": True,
}


@dataclass(frozen=True, slots=True)
class DemoStripe:
    """The account of the simulated shop, and the settings by which the service finds it."""

    account: Account
    environ: Mapping[str, str]

    def live_by(self, engine: Engine) -> None:
        """Let Stripe's time be the business's."""
        self.account.now = SimulatedClock(engine).now

    def learn(self, event: Json, year: History) -> Json:
        """Bring the account to the state that an event of the year tells of; return the event."""
        whole = year.whole.get(event["id"])
        with self.account.lock:
            self.account.tell(event)
            if whole and self.account.get(whole["object"], whole.get("id", "")):
                self.account.put(whole)
        return event

    def learn_all(self, year: History, until: datetime) -> None:
        """Bring the account to the state of `until`, for a year that was played before."""
        for event in year.events:
            if event["created"] <= until.timestamp():
                self.learn(event, year)

    def send_to(self, stripe: Poster) -> None:
        """Send the events that clicks cause to the webhook."""
        self.account.webhook = lambda event: stripe.post(event, int(time.time()))


@contextmanager
def demo_stripe() -> Iterator[DemoStripe]:
    """Serve the API of an account that has one coupon; its key is good for this start only."""
    key = f"sk_test_{secrets.token_hex(12)}"
    account = Account()
    account.put(COUPON)
    with serving(StripeApi(account, key=key)) as base:
        account.portal_pages = base + pages.PORTAL
        account.checkout_pages = base + pages.CHECKOUT
        environ = {
            "STRIPE_API_KEY": key,
            "STRIPE_API_BASE": base,
            "STRIPE_READS_PER_SECOND": "100",
            "WINBACK_COUPONS": str(COUPON["id"]),
        }
        yield DemoStripe(account, environ)
