"""A win-back mail with its code: the worker's own way, real SMTP, Stripe's stand-in."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.simulator.stripe_api.faults import Fault
from notifications.keys import message_of
from notifications.why import story
from notifications.why_rows import load
from sync.stripe_writes import StripeWrites
from tests.mail_server import MailServer
from tests.notifications import shop as subjects
from tests.stripe_writes.conftest import KEY, NOW, Stripe, coupon
from tests.workers.world import World, settings_for, world
from workers import clock

LEFT_AT = NOW - timedelta(days=30)
KEY_OF_MAIL = ":test:winback_voluntary:sub_1:30"
MAIL = f"SELECT state, reason FROM evergreen.outbox WHERE key = '{KEY_OF_MAIL}'"
CODE = re.compile(r"\b[A-Z2-7]{5}-[A-Z2-7]{5}\b")


def opened(stripe: Stripe, urls: tuple[str, str, str], **more: str) -> World:
    database_url, redis_url, mail_url = urls
    keyed = {"STRIPE_API_KEY": KEY, "STRIPE_API_BASE": stripe.base, "MAIL_URL": mail_url}
    settings = settings_for(database_url, redis_url, **{**keyed, "TIMEZONE": "UTC", **more})
    made = world(settings, NOW)
    left = subjects.ended(LEFT_AT, "too_expensive")
    for subject, kind in (
        (subjects.customer(), "customer.created"),
        (left, "customer.subscription.deleted"),
    ):
        made.arrive(subjects.event(subject, at=LEFT_AT, type_=kind))
    made.drain()
    clock.scan(made.context, NOW)
    return made


@pytest.fixture
def urls(database_url: str, redis_url: str, smtp_server: MailServer) -> tuple[str, str, str]:
    return database_url, redis_url, smtp_server.url


@pytest.fixture
def shop(stripe: Stripe, urls: tuple[str, str, str]) -> Iterator[World]:
    """A shop whose customer found it too dear and left 30 days ago."""
    made = opened(stripe, urls, WINBACK_COUPONS="BACK20")
    yield made
    made.context.engine.dispose()


def again(shop: World) -> None:
    """Let what waits be due, and deliver."""
    shop.run("UPDATE evergreen.outbox SET retry_at = NULL")
    shop.deliver()


def codes(stripe: Stripe) -> list[str]:
    return [each["code"] for each in stripe.account.all("promotion_code")]


def text_of(server: MailServer) -> str:
    (mail,) = server.messages
    part: Any = mail.get_body(("plain",))
    return str(part.get_content())


def test_the_mail_holds_a_code_of_the_shops_coupon(
    shop: World, stripe: Stripe, smtp_server: MailServer, capfd: pytest.CaptureFixture[str]
) -> None:
    shop.deliver()
    (code,) = codes(stripe)
    (made,) = stripe.account.all("promotion_code")

    assert shop.rows(MAIL) == [("sent", None)]
    assert code in text_of(smtp_server)
    assert "20%" in text_of(smtp_server)
    assert made["expires_at"] == int((NOW + timedelta(days=14)).timestamp())
    assert CODE.search("".join(capfd.readouterr())) is None
    assert not any(CODE.search(path) for _, path in stripe.api.requests)


def test_who_follows_its_link_needs_not_type_it(shop: World, stripe: Stripe) -> None:
    shop.deliver()
    with StripeWrites(KEY, base=stripe.base) as writes:
        found = writes.find_promotion_code("cus_1", key=message_of(KEY_OF_MAIL))

    assert found is not None
    assert [found.code] == codes(stripe)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param((Fault.LIMITED,), id="busy"),
        pytest.param((Fault.ERROR, Fault.ERROR), id="errors"),
        pytest.param((None, Fault.DROPPED, Fault.DROPPED), id="answers-lost"),
        pytest.param((Fault.LOST, Fault.LOST), id="away"),
    ],
)
def test_the_mail_waits_for_stripe_and_leaves_once_with_one_code(
    shop: World, stripe: Stripe, smtp_server: MailServer, script: tuple[Fault | None, ...]
) -> None:
    stripe.fail(*script)
    shop.deliver()
    assert shop.rows(MAIL) == [("pending", "offer_unavailable")]
    assert smtp_server.messages == []

    stripe.pass_time(25)
    again(shop)
    assert shop.rows(MAIL) == [("sent", None)]
    assert codes(stripe) == CODE.findall(text_of(smtp_server))


def test_a_crash_between_the_code_and_the_mail_costs_no_second_code(
    shop: World, stripe: Stripe, smtp_server: MailServer
) -> None:
    smtp_server.refuse(451, times=1)
    shop.deliver()
    assert shop.rows(MAIL) == [("pending", "smtp_451")]
    stripe.pass_time(25)
    again(shop)

    assert codes(stripe) == CODE.findall(text_of(smtp_server))


def test_a_refused_coupon_is_told_and_tried_again_when_it_is_mended(
    stripe: Stripe,
    urls: tuple[str, str, str],
    smtp_server: MailServer,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shop = opened(stripe, urls, WINBACK_COUPONS="winback_voluntary:GONE")
    shop.deliver()
    with shop.context.engine.connect() as conn:
        told = [line for line in story(load(conn, "", "cus_1", 50)) if line.what == "mail"]
    mail = next(line for line in told if line.name == "winback_voluntary")

    assert mail.reason == "offer_rejected"
    assert smtp_server.messages == []
    assert "resource_missing" in "".join(capfd.readouterr())
    stripe.account.put(coupon("GONE"))
    again(shop)
    assert shop.rows(MAIL) == [("sent", None)]
    shop.context.engine.dispose()


def test_a_code_that_was_withdrawn_is_not_promised(
    shop: World, stripe: Stripe, smtp_server: MailServer
) -> None:
    smtp_server.refuse(451, times=1)
    shop.deliver()
    (made,) = stripe.account.all("promotion_code")
    stripe.account.put({**made, "active": False})
    again(shop)

    assert made["code"] not in text_of(smtp_server)


@pytest.mark.parametrize("coupons", ["", "winback_delinquent:BACK20"], ids=["none", "other-kind"])
def test_without_a_coupon_nothing_is_asked_of_stripe(
    stripe: Stripe, urls: tuple[str, str, str], smtp_server: MailServer, coupons: str
) -> None:
    shop = opened(stripe, urls, WINBACK_COUPONS=coupons)
    shop.deliver()

    assert shop.rows(MAIL) == [("sent", None)]
    assert CODE.search(text_of(smtp_server)) is None
    assert codes(stripe) == []
    shop.context.engine.dispose()


def test_who_came_back_meanwhile_costs_no_code(shop: World, stripe: Stripe) -> None:
    back = subjects.subscription(id="sub_2")
    shop.arrive(subjects.event(back, at=NOW, type_="customer.subscription.created"))
    shop.drain()
    shop.deliver()

    assert shop.rows(MAIL) == [("skipped", "resubscribed")]
    assert codes(stripe) == []
