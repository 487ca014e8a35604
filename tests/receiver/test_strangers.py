"""What anybody may send: refused cheaply, without a 5xx, an echo or a trace in the log."""

import json
import time

import pytest
import requests

from app.body import MAX_BODY_BYTES
from app.refusals import PER_ADDRESS
from tests.receiver.stripe_side import (
    FOREIGN,
    Door,
    encoded,
    event,
    head,
    mac,
    signature,
)

pytestmark = pytest.mark.processes
CANARY = "canary4711"
BODY = encoded(event(extra=CANARY))
NOW = int(time.time())
GOOD = mac(BODY, NOW)


@pytest.mark.parametrize(
    ("header", "slug"),
    [
        pytest.param("", "missing_signature", id="empty"),
        pytest.param("   ", "missing_signature", id="blank"),
        pytest.param(CANARY, "bad_signature", id="garbage"),
        pytest.param(f"t={NOW},v0={GOOD}", "bad_signature", id="only-v0"),
        pytest.param(f"t={NOW}", "bad_signature", id="only-time"),
        pytest.param(f"v1={GOOD}", "bad_signature", id="no-time"),
        pytest.param(f"t=,v1={GOOD}", "bad_signature", id="empty-time"),
        pytest.param(f"t={CANARY},v1={GOOD}", "bad_signature", id="time-in-words"),
        pytest.param(f"t=-{NOW},v1={GOOD}", "bad_signature", id="negative-time"),
        pytest.param(f"t={NOW},v1=ÿ{GOOD[1:]}", "bad_signature", id="not-ascii"),
        pytest.param(f"t={NOW}{',v1=' + GOOD}" * 9, "bad_signature", id="nine-times"),
        pytest.param(f"t={NOW}{f',v1={GOOD}' * 9}", "bad_signature", id="nine-signatures"),
        pytest.param(f"t={NOW},v1={GOOD.upper()}", "bad_signature", id="uppercase-hex"),
        pytest.param(f"t={NOW},v1={GOOD[:-1]}", "bad_signature", id="too-short"),
        pytest.param(f"t={NOW},t={NOW},v1={GOOD}", "bad_signature", id="two-times"),
        pytest.param(f"t={NOW},v1={GOOD},v1", "bad_signature", id="half-a-signature"),
        pytest.param(f"t={NOW},v1={GOOD}{',x=y' * 31}", "bad_signature", id="33-parts"),
        pytest.param(signature(BODY, FOREIGN), "bad_signature", id="wrong-secret"),
        pytest.param(signature(BODY + b" "), "bad_signature", id="one-byte-more"),
        pytest.param(signature(BODY, at=NOW - 3600), "timestamp_too_old", id="old"),
        pytest.param(signature(BODY, at=NOW + 3600), "timestamp_in_future", id="early"),
        pytest.param(signature(BODY, at=10**11), "timestamp_in_future", id="far-future"),
    ],
)
def test_a_signature_that_proves_nothing(door: Door, header: str, slug: str) -> None:
    head_ = head(f"Stripe-Signature: {header}", f"Content-Length: {len(BODY)}")

    status, answered = door.say(head_, BODY)

    assert (status, json.loads(answered)) == (400, {"error": slug})
    assert CANARY not in door.logged()


def test_no_signature(door: Door) -> None:
    """Such as an event in the envelope of a cloud provider's event bus."""
    envelope = encoded({"detail": event(), "detail-type": CANARY, "version": "0"})

    status, answered = door.say(head(f"Content-Length: {len(envelope)}"), envelope)

    assert (status, json.loads(answered)) == (400, {"error": "missing_signature"})


def test_two_signature_headers(door: Door) -> None:
    line = f"Stripe-Signature: {signature(BODY)}"

    assert door.say(head(line, line, f"Content-Length: {len(BODY)}"), BODY)[0] == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods(door: Door, method: str) -> None:
    answer = requests.request(method, door.url, timeout=10)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.text in {"", '{"error": "method_not_allowed"}'}


def test_unknown_pages_say_so_in_the_same_way(door: Door) -> None:
    answer = requests.get(f"{door.url}/{CANARY}", timeout=10)

    assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br"])
def test_an_encoded_body(door: Door, encoding: str) -> None:
    answer = door.deliver(BODY, Content_Encoding=encoding)

    assert answer == (415, {"error": "content_encoding"})


def padded(size: int) -> bytes:
    body = encoded(event(extra=""))
    return body.replace(b'"extra": ""', b'"extra": "%s"' % (b"x" * (size - len(body))))


def in_chunks(body: bytes, *, size: int = 100_000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "chunked"])
@pytest.mark.parametrize(
    ("size", "status"),
    [pytest.param(MAX_BODY_BYTES, 200, id="1-mib"), pytest.param(MAX_BODY_BYTES + 1, 413)],
)
def test_the_size_of_a_body(door: Door, size: int, status: int, *, chunked: bool) -> None:
    body = padded(size)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    announced = head(f"Stripe-Signature: {signature(body)}", length)

    if size > MAX_BODY_BYTES and not chunked:
        assert door.say(announced) == (413, b'{"error": "too_large"}')
    else:
        assert door.say(announced, in_chunks(body) if chunked else body)[0] == status


def test_fewer_bytes_than_announced(door: Door) -> None:
    said = door.say(head("Content-Length: 10"), b"1234567", end=True)

    assert said == (400, b'{"error": "truncated_body"}')


MALFORMED = {
    "length-and-chunked": head("Content-Length: 2", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "two-lengths": head("Content-Length: 2", "Content-Length: 3") + b"{}",
    "negative-length": head("Content-Length: -1"),
    "length-in-words": head(f"Content-Length: {CANARY}"),
    "length-in-other-digits": head("Content-Length: ²"),
    "length-of-5000-digits": head(f"Content-Length: {'9' * 5000}"),
    "bad-chunk": head("Transfer-Encoding: chunked") + f"{CANARY}\r\nab\r\n0\r\n\r\n".encode(),
    "bad-chunk-end": head("Transfer-Encoding: chunked") + b"2\r\nabc\r\n0\r\n\r\n",
    "bad-trailer": head("Transfer-Encoding: chunked") + f"0\r\n{CANARY}\r\n\r\n".encode(),
    "unknown-transfer-coding": head(f"Transfer-Encoding: {CANARY}"),
    "bad-header": head(f"{CANARY} without colon"),
    "nul-in-header": head(f"X: {CANARY}\0"),
    "folded-header": head("X: 1", f" {CANARY}"),
    "bare-line-feeds": f"POST /{CANARY} HTTP/1.1\nHost: x\n\n".encode(),
    "http-9": f"GET /{CANARY} HTTP/9.9\r\n\r\n".encode(),
    "no-http": f"{CANARY}\r\n\r\n".encode(),
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "proxy-line": f"PROXY TCP4 {CANARY} 5.6.7.8 1 2\r\n\r\n".encode(),
    "path-beyond-ascii": f"GET /ÿ{CANARY} HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"),
}


@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_http(door: Door, said: bytes) -> None:
    status, answered = door.say(said)

    assert status == 400
    assert set(json.loads(answered)) == {"error"}
    assert CANARY not in answered.decode()
    assert CANARY not in door.logged()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        pytest.param(head("SCRIPT_NAME: /webhooks"), 400, id="script-name"),
        pytest.param(head("X_FORWARDED_FOR: canary4711"), 400, id="underscores"),
        pytest.param(head("Expect: canary4711"), 417, id="expectation"),
        pytest.param(head(f"X: {'x' * 8200}"), 431, id="long-header"),
        pytest.param(head(*(f"X-{n}: 1" for n in range(101))), 431, id="many-headers"),
        pytest.param(f"GET /{'x' * 8200} HTTP/1.1\r\n\r\n".encode(), 414, id="long-path"),
        pytest.param(head("Host: two"), 400, id="two-hosts"),
        pytest.param(head("Connection: Upgrade", "Upgrade: h2c"), 400, id="upgrade"),
        pytest.param(b"CONNECT canary4711:443 HTTP/1.1\r\nHost: x\r\n\r\n", 404, id="connect"),
        pytest.param(b"GET /%00%ff/canary4711 HTTP/1.1\r\nHost: x\r\n\r\n", 404, id="nul-in-path"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, id="asterisk"),
        pytest.param(b"GET /unsubscribe/canary4711 HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="link"),
    ],
)
def test_what_is_odd_http(door: Door, said: bytes, status: int) -> None:
    assert door.say(said)[0] == status
    assert CANARY not in door.logged()


def test_a_connection_serves_again_after_a_refusal(door: Door) -> None:
    with requests.Session() as session:
        codes = [session.post(door.url, data=b"{}", timeout=10).status_code for _ in range(3)]

    assert codes == [400] * 3


def test_a_flood_of_bad_signatures_is_told_off_by_address_and_logged_once(door: Door) -> None:
    """Only the last hop of X-Forwarded-For counts: the ones before can be made up."""
    with requests.Session() as session:
        codes = [
            session.post(
                door.url,
                data=b"{}",
                headers={
                    "Stripe-Signature": f"t={NOW},v1={'0' * 64}",
                    "X-Forwarded-For": f"10.0.0.{number % 250}, 192.0.2.1",
                },
                timeout=10,
            ).status_code
            for number in range(PER_ADDRESS + 20)
        ]

    assert codes == [400] * PER_ADDRESS + [429] * 20
    assert door.deliver(BODY, "t=1", X_Forwarded_For="192.0.2.2")[0] == 400
    assert door.deliver(encoded(event()), X_Forwarded_For="192.0.2.1")[0] == 200
    assert door.logged().count('"reason": "bad_signature"') <= 2  # a slow run lasts two minutes


def test_nothing_that_was_refused_is_kept_and_nothing_failed(door: Door) -> None:
    kept = "SELECT count(*) AS n FROM evergreen.inbox WHERE event_id LIKE %(id)s"

    assert door.one(kept, {"id": "sha256%"})["n"] == 0
    assert '"level": "error"' not in door.logged()


def test_every_line_of_the_log_is_json_gunicorns_own_too(door: Door) -> None:
    lines = [json.loads(line) for line in door.logged().splitlines()]

    assert "gunicorn.error" in {line["logger"] for line in lines}
