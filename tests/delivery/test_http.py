"""One call: what was surely not sent, what is unclear, which tries are safe, when it ends."""

import time
from typing import Any

import pytest
import redis

from sync.delivery import http, trail
from sync.delivery.gate import Gate, Held
from sync.delivery.http import Answer, Call, Client, NotSent, Unclear
from sync.delivery.policy import Policy
from tests.delivery.server import answer, cut, drip, providing, stall

POST = Call(method="POST", path="/things", json={"a": 1})
AGAIN = Call(method="POST", path="/things", json={"a": 1}, repeatable=True)


@pytest.mark.parametrize("status", [200, 201, 302, 400, 404, 409, 503])
def test_any_status_is_an_answer(status: int) -> None:
    with providing(answer(status, b'{"why":1}', X_Request_Id="r1")) as there:
        got = Client(there.url).call(POST)

    assert (got.status, got.json, got.headers["X-Request-Id"]) == (status, {"why": 1}, "r1")
    assert there.got[0].startswith(b"POST /things HTTP/1.1")
    assert there.got[0].endswith(b'\r\n\r\n{"a":1}')


def test_a_redirect_is_not_followed() -> None:
    with providing(answer(307, Location="/elsewhere")) as there:
        assert Client(there.url).call(AGAIN).status == 307
        assert len(there.got) == 1


def test_nobody_there_was_surely_not_sent() -> None:
    with pytest.raises(NotSent):
        Client("http://127.0.0.1:9").call(POST)
    with pytest.raises(NotSent):
        Client("http://no-such-name.invalid").call(Call(method="DELETE", path="/x"))


def test_a_connection_lost_after_sending_is_unclear_and_not_tried_again() -> None:
    with providing(cut, answer()) as there:
        with pytest.raises(Unclear):
            Client(there.url).call(POST)

        assert len(there.got) == 1


def test_what_is_repeatable_is_tried_again() -> None:
    with providing(cut, answer(502), answer()) as there:
        assert Client(there.url).call(AGAIN).is_ok
        assert len(there.got) == 3


def test_it_is_tried_three_times_at_most() -> None:
    with providing(answer(502)) as there:
        assert Client(there.url).call(AGAIN).status == 502
        assert len(there.got) == 3


@pytest.mark.parametrize(
    ("headers", "tries"),
    [({"Retry_After": "1"}, 2), ({"Retry_After": "60"}, 1), ({}, 1)],
    ids=["soon", "too-long-for-a-job", "says-nothing"],
)
def test_a_short_retry_after_is_waited_for(headers: dict[str, Any], tries: int) -> None:
    with providing(answer(429, **headers), answer()) as there:
        began = time.monotonic()
        got = Client(there.url).call(POST)
        took_s = time.monotonic() - began

        assert len(there.got) == tries
    assert got.is_ok == (tries == 2)
    assert (took_s >= 1) == (tries == 2)


def test_silence_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE_S", 1.0)
    with providing(stall(60)) as there:
        began = time.monotonic()
        with pytest.raises(Unclear):
            Client(there.url).call(POST)

    assert time.monotonic() - began < 2


def test_an_endless_head_is_cut_and_the_status_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE_S", 1.0)
    with providing(drip(b"X-Slow: 1\r\n", b"HTTP/1.1 200 OK\r\n")) as there:
        began = time.monotonic()
        assert Client(there.url).call(POST).status == 200

    assert time.monotonic() - began < 2


def test_an_endless_body_is_cut_and_the_status_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE_S", 1.0)
    head = b"HTTP/1.1 201 Created\r\nContent-Length: 999999\r\n\r\n"
    with providing(drip(b" ", head)) as there:
        began = time.monotonic()
        got = Client(there.url).call(POST)

    assert (got.status, got.json) == (201, None)
    assert time.monotonic() - began < 2


def test_an_answer_that_is_too_long_is_not_kept() -> None:
    with providing(answer(200, b'"' + b"x" * 5000 + b'"')) as there:
        assert Client(there.url, most_bytes=1000).call(POST).json is None


def test_a_name_that_leads_into_our_own_network_gets_nothing() -> None:
    with providing() as there:
        port = there.url.rpartition(":")[2]
        with pytest.raises(NotSent):
            Client(f"http://localhost:{port}", public_only=True).call(POST)

        assert there.got == []


def test_each_try_passes_the_gate(redis_url: str) -> None:
    gate = Gate(redis.Redis.from_url(redis_url), "p", Policy())
    with providing(answer(500)) as there:
        client = Client(there.url, gate)
        client.call(AGAIN)
        with pytest.raises(Held) as held:
            client.call(AGAIN)

        assert len(there.got) == 5
    assert (held.value.reason, 55 < held.value.delay_s <= 60) == ("breaker_open", True)


def test_a_used_up_quota_holds_a_call_back(redis_url: str) -> None:
    gate = Gate(redis.Redis.from_url(redis_url), "p", Policy(calls_per_window=1, window_s=60))
    with providing(answer()) as there:
        client = Client(there.url, gate)
        client.call(POST)
        with pytest.raises(Held) as held:
            client.call(POST)

        assert len(there.got) == 1
    assert held.value.reason == "rate_limited"


def test_the_tries_are_told_to_who_listens() -> None:
    acts = answer(503), answer(200, X_Request_Id="r2")
    with providing(*acts) as there, trail.listening(20) as calls:
        Client(there.url).call(AGAIN)

    assert [(call.status, call.correlation_id) for call in calls] == [(503, None), (200, "r2")]


def test_no_call_begins_once_the_time_of_the_batch_is_up() -> None:
    with providing(answer()) as there:
        with trail.listening(0), pytest.raises(Held):
            Client(there.url).call(POST)

        assert there.got == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("77", 77),
        ("9" * 30, 86_400),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 5),
        ("soon", 5),
        ("-1", 5),
        ("٣", 5),
    ],
)
def test_what_retry_after_says(said: str, seconds: float) -> None:
    assert Answer(429, {"Retry-After": said}).asked_s(5) == seconds
