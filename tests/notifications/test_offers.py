"""A promotion code is made when its mail leaves, never for one that stays."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import delivery, samples
from notifications.offers import OFFER_LIVES, Offer
from notifications.transports import open_transport
from sync.changes import Done, Effect, RetryIn, Skipped
from sync.errors import Rejected, Unavailable
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW

LEFT = shop.ended(NOW - 23 * DAY, reason="payment_failed")


@dataclass
class Stripe:
    """Stands in for Stripe: gives the same code for the same key, or fails."""

    error: Exception | None = None
    offer: Offer | None = samples.OFFER
    asked: list[tuple[str, datetime]] = field(default_factory=list)

    def make(self, effect: Effect, expires_at: datetime) -> Offer | None:
        """Do as Stripe would."""
        self.asked.append((effect.key, expires_at))
        if self.error:
            raise self.error
        return self.offer


def deliver(engine: Engine, tmp_path: Any, stripe: Stripe | None) -> Any:
    (claimed,) = shop.claim(engine, NOW)
    transport = open_transport(tmp_path.as_uri())
    return delivery.deliver(engine, claimed, NOW, transport, shop.policy(), offers=stripe)


@pytest.fixture
def last_mail(engine: Engine) -> Engine:
    """A customer who is due the last mail of three."""
    shop.mirror(engine, shop.customer(), LEFT)
    shop.scan(engine)
    return engine


def sent(tmp_path: Any) -> str:
    (mail,) = (path.read_text() for path in tmp_path.iterdir())
    return str(mail)


def test_a_code_goes_out_with_its_mail(last_mail: Engine, tmp_path: Any) -> None:
    stripe = Stripe()

    assert isinstance(deliver(last_mail, tmp_path, stripe), Done)
    assert stripe.asked == [(":test:winback_delinquent:sub_1:23", NOW + 7 * DAY + OFFER_LIVES)]
    assert "WELCOME-BACK-7Q2K" in sent(tmp_path)


def test_another_attempt_asks_for_the_same_code(last_mail: Engine, tmp_path: Any) -> None:
    """Stripe refuses a known idempotency key with other parameters."""
    (claimed,) = shop.claim(last_mail, NOW)
    stripe, transport = Stripe(Unavailable("down")), open_transport(tmp_path.as_uri())
    for hours in (0, 5):
        now = NOW + hours * shop.HOUR
        delivery.deliver(last_mail, claimed, now, transport, shop.policy(), offers=stripe)

    assert stripe.asked[0] == stripe.asked[1]


@pytest.mark.parametrize("stripe", [None, Stripe(offer=None)], ids=["no-key", "no-coupon"])
def test_without_one_the_mail_goes_out_as_it_is(
    last_mail: Engine, tmp_path: Any, stripe: Stripe | None
) -> None:
    assert isinstance(deliver(last_mail, tmp_path, stripe), Done)
    assert "One last note" in sent(tmp_path)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(Unavailable("down"), RetryIn(60.0, "offer_unavailable"), id="down"),
        pytest.param(Rejected("no"), RetryIn(3600.0, "offer_rejected"), id="refused"),
    ],
)
def test_a_code_that_cannot_be_made_is_waited_for(
    last_mail: Engine, tmp_path: Any, error: Exception, outcome: RetryIn
) -> None:
    assert deliver(last_mail, tmp_path, Stripe(error)) == outcome
    assert list(tmp_path.iterdir()) == []


def test_none_is_made_for_a_mail_that_stays(last_mail: Engine, tmp_path: Any) -> None:
    stripe = Stripe()
    shop.mirror(last_mail, shop.subscription(id="sub_2"), at=NOW + DAY)

    assert deliver(last_mail, tmp_path, stripe) == Skipped("resubscribed")
    assert stripe.asked == []
