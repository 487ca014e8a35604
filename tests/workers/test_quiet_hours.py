"""Quiet hours from end to end: real SMTP, a simulated clock, retries that do not interfere."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync import clock as stored_clock
from sync.clock import SimulatedClock
from tests.mail_server import MailServer
from tests.notifications import shop as lives
from tests.workers.world import World
from workers import clock

# 03:00 in Bangkok.
NIGHT = datetime(2026, 2, 1, 20, tzinfo=UTC)
# Marketing's morning.
MORNING = NIGHT + timedelta(hours=6)


@pytest.fixture
def night_shop(shop: World) -> World:
    """A simulated clock that stands at NIGHT; an hour later a mail is due to who sleeps."""
    settings = replace(shop.context.settings, clock="simulated")
    clock_ = SimulatedClock(shop.context.engine)
    context = replace(shop.context, settings=settings, clock=clock_)
    with context.engine.begin() as conn:
        stored_clock.start(conn, NIGHT)
    lives.mirror(context.engine, lives.customer(address={"country": "TH"}), lives.product())
    lives.mirror(context.engine, lives.ended(NIGHT - timedelta(days=30) + timedelta(hours=1)))
    return World(context)


def walk_to(shop: World, target: datetime) -> None:
    with shop.context.engine.begin() as conn:
        stored_clock.aim(conn, target)
    clock.walk(shop.context, threading.Event())


def test_a_mail_of_the_night_goes_out_at_eight_sharp(
    night_shop: World, smtp_server: MailServer
) -> None:
    walk_to(night_shop, MORNING - timedelta(seconds=1))
    assert smtp_server.messages == []
    walk_to(night_shop, MORNING)

    (mail,) = smtp_server.messages
    assert mail["X-Evergreen-Kind"] == "winback_voluntary"
    sent = "SELECT settled_at, attempts FROM evergreen.outbox WHERE state = 'sent'"
    assert night_shop.rows(sent) == [(MORNING, 1)]


def test_waiting_for_the_morning_uses_up_no_attempt(
    night_shop: World, smtp_server: MailServer
) -> None:
    smtp_server.refuse(451, times=1)
    walk_to(night_shop, MORNING + timedelta(hours=1))

    assert len(smtp_server.messages) == 1
    sent = "SELECT attempts FROM evergreen.outbox WHERE state = 'sent'"
    assert night_shop.rows(sent) == [(2,)]
