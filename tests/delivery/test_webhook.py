"""Whom our webhooks reach: a name leads to a public address, or is said to be private."""

import pytest

from sync.changes import Done, Outcome, RetryIn
from sync.webhook import MOST_BYTES, TOO_LARGE, Webhook
from sync.webhook_signature import Endpoint
from tests.delivery.server import Act, answer, providing

KEYS = (b"k" * 24,)


@pytest.mark.parametrize("private_too", [False, True])
def test_a_name_that_leads_into_our_own_network_gets_nothing_unless_it_is_meant(
    monkeypatch: pytest.MonkeyPatch, *, private_too: bool
) -> None:
    monkeypatch.setattr("sync.webhook._is_meant", lambda _url: False)
    with providing(answer(200)) as there:
        url = there.url.replace("127.0.0.1", "localhost")
        ended = Webhook(Endpoint(url, KEYS, private_too)).post("msg_1", b"{}")

        assert len(there.got) == private_too
    assert ended == (Done() if private_too else RetryIn(5, "webhook_unreachable"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_that_the_operator_wrote_is_reached(host: str) -> None:
    with providing(answer(200)) as there:
        url = there.url.replace("127.0.0.1", host)

        assert Webhook(Endpoint(url, KEYS)).post("msg_1", b"{}") == Done()


@pytest.mark.parametrize(
    ("said", "end"),
    [
        pytest.param(answer(429), RetryIn(10, "webhook_429", "sink"), id="too-many"),
        pytest.param(
            answer(429, Retry_After="77"), RetryIn(77, "webhook_429", "sink"), id="until-then"
        ),
        pytest.param(answer(428), RetryIn(5, "webhook_428"), id="this-one-again"),
    ],
)
def test_a_receiver_that_gets_too_many_gets_none_for_a_while(said: Act, end: Outcome) -> None:
    with providing(said) as there:
        assert Webhook(Endpoint(there.url, KEYS)).post("msg_1", b"{}") == end


@pytest.mark.parametrize(("size", "calls"), [(MOST_BYTES, 1), (MOST_BYTES + 1, 0)])
def test_what_is_longer_than_a_receiver_must_take_is_not_sent(size: int, calls: int) -> None:
    with providing(answer(200)) as there:
        ended = Webhook(Endpoint(there.url, KEYS)).post("msg_1", b"x" * size)

        assert len(there.got) == calls
    assert (ended == TOO_LARGE) == (calls == 0)
