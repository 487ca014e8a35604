"""What is known of a mail's whereabouts, whatever a provider's HTTP interface does."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import responses

from notifications.transports import open_transport
from notifications.transports.http import HttpApi
from notifications.transports.postmark import PostmarkTransport
from notifications.transports.resend import ResendTransport
from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.errors import SettingsError
from tests.notifications.providers import ENDPOINTS, KEY, SECRET, TAKEN, URLS, mail, send


@pytest.mark.parametrize("provider", URLS)
def test_a_mail_is_taken(provider: str) -> None:
    with responses.RequestsMock() as api:
        api.post(ENDPOINTS[provider], json=TAKEN[provider])

        assert send(provider) == Done("m-1")


EVERYBODY = [
    pytest.param(301, "", RetryIn(300.0, "{}_301"), id="redirect-is-not-followed"),
    pytest.param(307, "", RetryIn(300.0, "{}_307"), id="other-redirect"),
    pytest.param(400, "", Failed("{}_400"), id="bad-request"),
    pytest.param(401, "", RetryIn(300.0, "{}_401"), id="bad-key"),
    pytest.param(403, "", RetryIn(300.0, "{}_403"), id="forbidden"),
    pytest.param(404, "<html>", RetryIn(300.0, "{}_404"), id="no-such-path"),
    pytest.param(408, "", RetryIn(60.0, "{}_408"), id="slow-request"),
    pytest.param(413, "", Failed("{}_413"), id="too-large"),
    pytest.param(422, "", Failed("{}_422"), id="unprocessable"),
    pytest.param(422, "[1]", Failed("{}_422"), id="unprocessable-and-odd"),
    pytest.param(429, "", RetryIn(60.0, "{}_429"), id="too-many"),
    pytest.param(500, "", Unknown("{}_500"), id="broken"),
    pytest.param(502, "<html>", Unknown("{}_502"), id="gateway"),
    pytest.param(503, "", RetryIn(60.0, "{}_503"), id="unavailable"),
    pytest.param(504, "", Unknown("{}_504"), id="gateway-timeout"),
    pytest.param(200, "", Unknown("{}_200"), id="taken-and-silent"),
    pytest.param(200, "<html>hello</html>", Unknown("{}_200"), id="taken-and-garbage"),
    pytest.param(200, '{"id": 1, "MessageID": []}', Unknown("{}_200"), id="taken-and-odd"),
    pytest.param(202, "\xff\x00{", Unknown("{}_202"), id="taken-and-bytes"),
]


@pytest.mark.parametrize("provider", URLS)
@pytest.mark.parametrize(("status", "body", "outcome"), EVERYBODY)
def test_what_each_status_means(provider: str, status: int, body: str, outcome: Outcome) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
        elsewhere = {"Location": "https://elsewhere.example/"}
        api.post(ENDPOINTS[provider], status=status, body=body, headers=elsewhere)
        got = send(provider)

    expected = type(outcome)(*_named(outcome, provider))
    assert got == expected


def _named(outcome: Any, provider: str) -> list[Any]:
    values = [getattr(outcome, name) for name in outcome.__dataclass_fields__]
    return [value.format(provider) if isinstance(value, str) else value for value in values]


@pytest.mark.parametrize(
    ("provider", "status", "body", "outcome"),
    [
        ("postmark", 422, {"ErrorCode": 300}, Failed("postmark_300")),
        ("postmark", 422, {"ErrorCode": 406}, Failed("postmark_406")),
        ("postmark", 200, {"ErrorCode": 406}, Failed("postmark_406")),
        ("postmark", 422, {"ErrorCode": 400}, RetryIn(300.0, "postmark_400")),
        ("postmark", 422, {"ErrorCode": 405}, RetryIn(300.0, "postmark_405")),
        ("postmark", 422, {"ErrorCode": 412}, RetryIn(300.0, "postmark_412")),
        ("postmark", 422, {"ErrorCode": 1235}, RetryIn(300.0, "postmark_1235")),
        ("postmark", 422, {"ErrorCode": "odd"}, Failed("postmark_422")),
        ("postmark", 401, {"ErrorCode": 10}, RetryIn(300.0, "postmark_401")),
        ("resend", 422, {"name": "validation_error"}, Failed("resend_validation_error")),
        ("resend", 403, {"name": "validation_error"}, RetryIn(300.0, "resend_validation_error")),
        ("resend", 422, {"name": ["odd"]}, Failed("resend_422")),
        ("resend", 422, {"name": "x\n<b>" * 30}, Failed("resend_" + "x_b_" * 9 + "x_b")),
        ("resend", 451, {"name": "security_error"}, Failed("resend_security_error")),
        (
            "resend",
            429,
            {"name": "daily_quota_exceeded"},
            RetryIn(300.0, "resend_daily_quota_exceeded"),
        ),
        (
            "resend",
            409,
            {"name": "invalid_idempotent_request"},
            Unknown("resend_invalid_idempotent_request"),
        ),
        (
            "ses",
            429,
            {"__type": "TooManyRequestsException"},
            RetryIn(60.0, "ses_toomanyrequestsexception"),
        ),
        ("ses", 400, {"__type": "x#ThrottlingException"}, RetryIn(60.0, "ses_throttlingexception")),
        ("ses", 400, {"__type": "MessageRejected"}, RetryIn(300.0, "ses_messagerejected")),
        ("ses", 400, {"__type": "BadRequestException"}, Failed("ses_badrequestexception")),
        ("ses", 400, {"__type": 7}, Failed("ses_400")),
    ],
    ids=str,
)
def test_what_each_providers_own_codes_mean(
    provider: str, status: int, body: dict[str, Any], outcome: Outcome
) -> None:
    with responses.RequestsMock() as api:
        api.post(ENDPOINTS[provider], status=status, json=body)

        assert send(provider) == outcome


def test_an_error_of_ses_is_named_in_a_header_too() -> None:
    named = {"x-amzn-ErrorType": "SendingPausedException:http://internal.amazon.example/"}
    with responses.RequestsMock() as api:
        api.post(ENDPOINTS["ses"], status=400, json={}, headers=named)

        assert send("ses") == RetryIn(300.0, "ses_sendingpausedexception")


def in_two_hours() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)


@pytest.mark.parametrize(
    ("asked", "waits_s"),
    [
        pytest.param("120", (120, 120), id="seconds"),
        pytest.param("1", (60, 60), id="less-than-ours"),
        pytest.param("999999999", (86400, 86400), id="for-ever"),
        pytest.param(in_two_hours, (7000, 7200), id="date"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", (60, 60), id="past"),
        pytest.param("-5", (60, 60), id="negative"),
        pytest.param("soon", (60, 60), id="garbage"),
        pytest.param("Sun, 06 Nov 1994 08:49:37", (60, 60), id="no-zone"),
        pytest.param("², please", (60, 60), id="no-ascii"),
    ],
)
def test_the_wait_the_provider_asks_for_is_kept(
    asked: str | Callable[[], str], waits_s: tuple[int, int]
) -> None:
    said = asked if isinstance(asked, str) else asked()
    with responses.RequestsMock() as api:
        api.post(ENDPOINTS["postmark"], status=429, headers={"Retry-After": said})
        got = send("postmark")

    assert isinstance(got, RetryIn)
    assert waits_s[0] <= got.delay_s <= waits_s[1]


@contextmanager
def server(answers: list[bytes | None]) -> Iterator[tuple[int, list[bytes]]]:
    """Take a request each, then say the answer; None says nothing. Yields what came in."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []
    silent: list[socket.socket] = []
    threading.Thread(target=_serve, args=(listener, answers, requests, silent), daemon=True).start()
    with listener:
        yield listener.getsockname()[1], requests
    for connection in silent:
        connection.close()


def _serve(
    listener: socket.socket,
    answers: list[bytes | None],
    requests: list[bytes],
    silent: list[socket.socket],
) -> None:
    for answer in answers:
        try:
            connection, _ = listener.accept()
        except OSError:  # the test is over
            return
        with connection.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n"))
            size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
            requests.append(head + stream.read(size))
        if answer is None:
            silent.append(connection)
            continue
        connection.sendall(answer)
        connection.close()


def local(provider: type, port: int) -> Any:
    interface = HttpApi("it", f"http://127.0.0.1:{port}", read_s=0.3)
    if provider is ResendTransport:
        return ResendTransport(interface, SECRET, sleep=lambda _s: None)
    return PostmarkTransport(interface, SECRET, {"transactional": "a", "marketing": "b"})


OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
RESEND_OK = OK % (13, b'{"id": "m-1"}')
CUT_SHORT = b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id": "m-'


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(b"", "it_no_answer", id="dropped-after-the-request"),
        pytest.param(None, "it_no_answer", id="silent-after-the-request"),
        pytest.param(b"HTTP/1.1", "it_no_answer", id="cut-in-the-status"),
        pytest.param(b"220 mail.example ESMTP\r\n\r\n", "it_no_answer", id="not-http"),
        pytest.param(CUT_SHORT, "it_200", id="cut-in-the-body"),
    ],
)
def test_without_a_whole_answer_the_end_is_unknown(answer: bytes | None, reason: str) -> None:
    with server([answer]) as (port, came):
        outcome = local(PostmarkTransport, port).send(mail())

    assert outcome == Unknown(reason)
    assert len(came) == 1


def test_nobody_listening_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    outcome = open_transport(f"postmark://token@127.0.0.1:{port}").send(mail())
    assert outcome == RetryIn(30.0, "postmark_unreachable")


def test_a_request_that_did_not_get_through_whole_is_tried_again() -> None:
    """The provider hangs up while a large mail is still on its way."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_hang_up_early, args=(listener,), daemon=True).start()
    large = mail()
    large.get_body(("plain",)).set_content("x\n" * 8_000_000)  # type: ignore[union-attr]
    with listener:
        outcome = local(PostmarkTransport, listener.getsockname()[1]).send(large)

    assert outcome == RetryIn(30.0, "it_unreachable")


def _hang_up_early(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.recv(1000)
    connection.close()


def test_an_unclear_end_is_repeated_word_for_word_under_one_key() -> None:
    """Resend makes one mail of it; the second answer is that to the first."""
    with server([b"", None, RESEND_OK]) as (port, came):
        outcome = local(ResendTransport, port).send(mail())

    assert outcome == Done("m-1")
    assert len(came) == 3
    assert len(set(came)) == 1
    assert f"Idempotency-Key: {KEY}".encode() in came[0]


REFUSED = b"HTTP/1.1 422 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@pytest.mark.parametrize("then", [[b"", b""], [REFUSED, REFUSED], [REFUSED, b""]])
def test_what_stays_unclear_is_unknown_whatever_the_repetitions_say(then: list[Any]) -> None:
    with server([b"", *then]) as (port, came):
        outcome = local(ResendTransport, port).send(mail())

    assert outcome == Unknown("it_no_answer")
    assert len(came) == 3


def test_a_clear_refusal_is_not_repeated() -> None:
    with server([REFUSED, RESEND_OK]) as (port, came):
        assert local(ResendTransport, port).send(mail()) == Failed("it_422")

    assert len(came) == 1


@pytest.mark.parametrize(
    "url",
    [
        "postmark://api.postmarkapp.com",
        "postmark://@api.postmarkapp.com",
        "postmark://s3cret@",
        "postmark://s3cret@api.postmarkapp.com:99999",
        "postmark://s3cret@api.postmarkapp.com:0x1",
        "postmark://s3cret@api.postmarkapp.com/email",
        "postmark://s3cret@api.postmarkapp.com?steam=outbound",
        "postmark://s3cret%0A@api.postmarkapp.com",
        "resend://s3cret%C3%A9@api.resend.com",
        "resend://s3cret@api.resend.com?marketing=x",
        "ses://AKID:s3cret@ses.example",
        "ses://AKID@email.eu-west-1.amazonaws.com",
        "ses://AKID:s3cret/x@email.eu-west-1.amazonaws.com",
    ],
)
def test_a_wrong_address_is_refused_and_shows_no_secret(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        open_transport(url)

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["ses://AKID:s@127.0.0.1:9/?region=eu-west-1", *URLS.values()])
def test_a_right_address_is_taken(url: str) -> None:
    transport = open_transport(url)
    transport.close()

    assert callable(transport.send)
