"""Customers whose lines are slow, or who only pretend, keep nobody out."""

import time
from contextlib import ExitStack

import pytest

from app.patience import PATIENCE_S
from notifications import links
from notifications.links import LinkSubject
from notifications.policy import MailPolicy
from tests.receiver.stripe_side import Door, answer, encoded, event

pytestmark = pytest.mark.processes
SECRET = "links-of-the-slow-forms-0123456789abcdef"
SETTINGS = {"SECRET_KEY": SECRET}
THREADS = 8
FORM = b"topic=offers"


def head(length: int) -> bytes:
    """Return the head of a press of "Save": the link is good, its form is yet to come."""
    policy = MailPolicy(
        sender="a@shop.example", public_url="http://shop.example", link_secrets=(SECRET,)
    )
    address = links.url(policy, "preferences", LinkSubject("", "cus_1"))
    lines = (
        f"POST {address.removeprefix(policy.public_url)} HTTP/1.1",
        "Host: shop.example",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {length}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def test_forms_that_drip_are_cut_off_and_hold_up_nobody(door: Door) -> None:
    with ExitStack() as opened:
        for _ in range(THREADS + 2):
            opened.enter_context(door.line()).sendall(head(1000) + FORM)
        time.sleep(PATIENCE_S + 0.5)
        begun = time.monotonic()

        assert door.deliver(encoded(event()))[0] == 200
        assert time.monotonic() - begun < 1


def test_a_slow_form_that_arrives_in_time_is_read(door: Door) -> None:
    with door.line() as line:
        line.sendall(head(len(FORM)) + FORM[:3])
        time.sleep(PATIENCE_S + 0.5)
        line.sendall(FORM[3:])
        status, page = answer(line)

    assert status == 200
    assert page.count(b" checked") == 1


def test_a_form_that_is_too_large_is_not_read(door: Door) -> None:
    assert door.say(head(2**20 + 1))[0] == 413
