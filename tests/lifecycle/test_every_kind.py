"""Every kind of mail, from Stripe's events to a real mail server, on the simulated clock.

A small shop in which each life is there for the mails it brings: see `BROUGHT_BY`.
"""

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from app.simulator.billing.signup import sign_up
from app.simulator.declines import DECLINES
from app.simulator.history import Json, Story
from app.simulator.lives import LIVES
from app.simulator.lives.failing import due_invoice, fail
from app.simulator.shop import Scene, Shop
from app.simulator.simulate import play, second
from app.simulator.world import World
from notifications import copies
from notifications.kinds import KINDS
from notifications.timing import TIMINGS
from tests.lifecycle.service import Letter, Service, running
from tests.mail_server import MailServer

START = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
UNTIL = START + timedelta(days=375)
US, MARKETING = "us@shop.example", "marketing@shop.example"
# Kind -> the life of whom it goes to; what is ours may be about anybody.
BROUGHT_BY: Mapping[str, str] = {
    "subscription_started": "thb",
    "trial_ending": "trial_to_active",
    "promo_ending": "coupon_repeating_that_ends",
    "trial_ended_no_card": "trial_ended_without_card",
    "renewal_reminder": "thb",
    "annual_terms_reminder": "annual_renewal",
    "price_change": "scheduled_change",
    "card_expiring": "expired_card_updated",
    "action_required": "action_required",
    "payment_failed": "failed_payment_canceled",
    "final_notice": "failed_payment_canceled",
    "payment_recovered": "paid_out_of_band",
    "dunning_task": "buys_much_and_owes",
    "access_suspended": "gives_up_unpaid",
    "ended_nonpayment": "failed_payment_canceled",
    "cancel_scheduled": "cancel_at_period_end_and_come_back",
    "cancel_reversed": "cancel_at_period_end_and_come_back",
    "ended_voluntary": "cancel_at_period_end_ends",
    "paused": "paused_and_resumed",
    "resuming": "paused_and_resumed",
    "receipt": "thb",
    "refund_confirmed": "refund_partial",
    "invoice_due": "send_invoice",
    "winback_delinquent": "failed_payment_canceled",
    "winback_voluntary": "cancel_at_period_end_ends",
    "winback_task": "cancel_now",
    "dispute_alert": "dispute_lost",
    "digest": "",
    "stock_alert": "",
}
# Dice with which a life goes the way that brings its mails.
DICE: Mapping[str, int] = {"cancel_at_period_end_ends": 1, "cancel_now": 7}


def buys_much_and_owes(scene: Scene) -> Iterator[int]:
    """Somebody who pays more than nine of ten, until the card is refused."""
    start = sign_up(scene, [("coffee_250", 60)])
    invoice_id = yield from due_invoice(scene, start.subscription)
    yield from fail(scene, invoice_id, DECLINES["expired_card"], 4)


def lived() -> tuple[list[Json], dict[str, str]]:
    """Return a shop's events and whose life is whose: customer by life."""
    world = World("every-kind", second(START))
    shop, who = Shop(world), dict[str, str]()
    shop.open_all()
    stories: list[tuple[int, Story]] = []
    for place, life in enumerate(sorted(set(BROUGHT_BY.values()) - {""})):
        chance = random.Random(f"{life}:{DICE.get(life, 0)}")
        stories.append((world.now + 60 * place, _told(Scene(world, shop, chance), life, who)))
    play(world, stories, second(UNTIL))
    return list(world.history().events), who


def _told(scene: Scene, life: str, who: dict[str, str]) -> Story:
    story = buys_much_and_owes(scene) if life == "buys_much_and_owes" else LIVES[life](scene)
    before = len(scene.world.history().events)
    at = next(story)
    shown = (event["data"]["object"] for event in scene.world.history().events[before:])
    who[life] = next(each["id"] for each in shown if each["object"] == "customer")
    yield at
    yield from story


def test_every_kind_is_brought_by_a_life() -> None:
    """Whoever adds a kind says here whose life brings it."""
    assert set(BROUGHT_BY) == set(KINDS)


@pytest.fixture
def service(database_url: str, smtp_server: MailServer) -> Iterator[Service]:
    # Nothing was counted, so what is sold is oversold.
    more = {"MARKETING_INBOX": MARKETING, "RENEWAL_REMINDERS": "month:3", "INVENTORY": "local"}
    with running(database_url, smtp_server, **more) as made:
        made.begin(START)
        yield made


def go_through(service: Service, events: list[Json]) -> None:
    """Let the events arrive at their time, and the service go on until the end."""
    service.truth.order = {event["id"]: place for place, event in enumerate(events)}
    waiting = list(events)
    while waiting:
        hour = waiting[0]["created"] + 3600
        now = [event for event in waiting if event["created"] < hour]
        waiting = waiting[len(now) :]
        at = datetime.fromtimestamp(now[-1]["created"], UTC)
        walk(service, at)
        service.arrive(now)
        service.work()
    walk(service, UNTIL)


def walk(service: Service, until: datetime) -> None:
    while service.now < until:
        service.step(until)


@pytest.mark.timeout(600)
def test_every_kind_arrives_at_whom_it_is_for(service: Service) -> None:
    events, who = lived()
    go_through(service, events)

    letters = service.letters
    missing = [
        kind for kind, life in BROUGHT_BY.items() if not _found(letters, kind, who.get(life))
    ]
    assert missing == []
    assert len({letter.message["Message-ID"] for letter in letters}) == len(letters)
    assert len({letter.key for letter in letters}) == len(letters)
    people = {each["id"]: each for each in service.truth.all("customer")}
    wrong = [letter.key for letter in letters if not _is_right(letter, people)]
    assert wrong == []
    written = {letter.message.get_body(("html",)).get_content()[:400] for letter in letters}  # type: ignore[union-attr]
    assert any('lang="th"' in each for each in written)


def _found(letters: list[Letter], kind: str, customer_id: str | None) -> bool:
    mine = (each for each in letters if each.kind == kind)
    return any(customer_id in {None, each.row["customer_id"]} for each in mine)


def _is_right(letter: Letter, people: Mapping[str, Json]) -> bool:
    """Tell whether a mail went to whom it is for, in their language."""
    if letter.kind == copies.NAME:
        return bool(letter.message["To"] == MARKETING)
    content = letter.message.get_body(("html",))
    assert content is not None
    internal = TIMINGS[letter.kind].category == "internal"
    owner = people.get(letter.row["customer_id"] or "", {})
    address = _inbox(letter.kind) if internal else owner["email"]
    language = "th" if not internal and "th" in owner["preferred_locales"] else "en"
    return letter.message["To"] == address and f'lang="{language}"' in content.get_content()


def _inbox(kind: str) -> str:
    return MARKETING if KINDS[kind].to_marketing else US
