"""What is known of a mail's whereabouts, whatever a mail server does."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import pytest

from notifications.headers import HEADERS
from notifications.transports import open_transport
from notifications.transports.smtp import Server, SmtpTransport
from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.errors import SettingsError
from tests.mail_server import MailServer

ANSWERS: dict[str, str | None] = {
    "EHLO": "250 here",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    ".": "250 ok",
}


def mail(number: int = 1, body: str = "Hello\n.\n..dots\n") -> EmailMessage:
    message = EmailMessage(policy=HEADERS)
    message["From"], message["To"] = "Shop <shop@shop.example>", "ada@customer.example"
    message["Message-ID"] = f"<{number}@shop.example>"
    message.set_content(body)
    return message


@contextmanager
def scripted(answers: dict[str, str | None]) -> Iterator[tuple[int, list[str]]]:
    """Serve SMTP by a table: an answer per step, None cuts the connection, "" says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    said: list[str] = []
    threading.Thread(target=_serve, args=(listener, answers, said), daemon=True).start()
    with listener:
        yield listener.getsockname()[1], said


def _serve(listener: socket.socket, answers: dict[str, str | None], said: list[str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as stream:
            _converse(stream, answers, said)


def _converse(stream: object, answers: dict[str, str | None], said: list[str]) -> None:
    reader, in_content, step = stream, False, "greeting"
    while True:
        answer = answers.get(step, "220 here" if step == "greeting" else "502 what?")
        if answer is None:
            return
        if answer and not in_content:
            reader.write(answer.encode() + b"\r\n")  # type: ignore[attr-defined]
            reader.flush()  # type: ignore[attr-defined]
        in_content = in_content or (step == "DATA" and answer.startswith("354"))
        line = reader.readline().decode()  # type: ignore[attr-defined]
        if not line:
            return
        said.append(line.rstrip("\r\n"))
        if in_content and line != ".\r\n":
            step = "content"
        else:
            step, in_content = line.strip()[:4].upper(), False


def send_by(answers: dict[str, str | None], timeout_s: float = 1.0) -> tuple[Outcome, list[str]]:
    with scripted(ANSWERS | answers) as (port, said):
        transport = SmtpTransport(Server(host="127.0.0.1", port=port), timeout_s)
        outcome = transport.send(mail())
        transport.close()
    return outcome, said


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        pytest.param({}, Done("<1@shop.example>"), id="taken"),
        pytest.param({"greeting": "421 busy"}, "smtp_unreachable", id="turned-away"),
        pytest.param({"greeting": None}, "smtp_unreachable", id="cut-at-once"),
        pytest.param({"greeting": ""}, "smtp_unreachable", id="silent-from-the-start"),
        pytest.param({"MAIL": "550 not you"}, "sender_refused_550", id="sender-refused"),
        pytest.param({"MAIL": "451 later"}, "smtp_451", id="sender-later"),
        pytest.param({"RCPT": "550 nobody"}, Failed("smtp_550"), id="nobody-there"),
        pytest.param({"RCPT": "450 full"}, "smtp_450", id="mailbox-busy"),
        pytest.param({"RCPT": "421 closing"}, "smtp_421", id="closing"),
        pytest.param({"RCPT": "hello"}, "smtp_garbled", id="garbled-before-content"),
        pytest.param({"RCPT": None}, "smtp_unreachable", id="cut-at-recipient"),
        pytest.param({"DATA": "554 no"}, Failed("smtp_554"), id="no-content-wanted"),
        pytest.param({"DATA": "250 ok"}, "smtp_250", id="content-not-asked-for"),
        pytest.param({"DATA": None}, "smtp_unreachable", id="cut-before-content"),
        pytest.param({"DATA": ""}, "smtp_unreachable", id="silent-before-content"),
        pytest.param({".": "552 too big"}, Failed("smtp_552"), id="content-refused"),
        pytest.param({".": "451 later"}, "smtp_451", id="content-later"),
        pytest.param({".": None}, Unknown("no_reply_after_data"), id="cut-after-content"),
        pytest.param({".": ""}, Unknown("no_reply_after_data"), id="silent-after-content"),
        pytest.param({".": "odd"}, Unknown("odd_reply_after_data"), id="garbled-after-content"),
        pytest.param({".": "354 more"}, Unknown("odd_reply_after_data"), id="odd-after-content"),
        pytest.param({".": "2" * 9000}, Unknown("no_reply_after_data"), id="endless-answer"),
    ],
)
def test_each_way_a_server_can_answer(answers: dict[str, str | None], outcome: object) -> None:
    got, _ = send_by(answers)

    if isinstance(outcome, str):
        assert isinstance(got, RetryIn)
        assert (got.reason, got.delay_s > 0) == (outcome, True)
    else:
        assert got == outcome


def test_nobody_listening_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    outcome = open_transport(f"smtp://127.0.0.1:{port}").send(mail())
    assert isinstance(outcome, RetryIn)


def test_the_content_arrives_byte_for_byte() -> None:
    """Lines of dots, which SMTP gives a meaning, included."""
    _, said = send_by({})
    content = said[said.index("DATA") + 1 : said.index(".")]

    sent = "\r\n".join(line.removeprefix(".") for line in content) + "\r\n"
    assert sent.encode() == mail().as_bytes()


def test_one_connection_carries_several_messages() -> None:
    with scripted(dict(ANSWERS) | {"RSET": "250 ok", "QUIT": "221 bye"}) as (port, said):
        transport = open_transport(f"smtp://127.0.0.1:{port}")
        outcomes = [transport.send(mail(number)) for number in range(3)]
        transport.close()

    assert outcomes == [Done(f"<{number}@shop.example>") for number in range(3)]
    assert [line[:4] for line in said if line[:4] in {"ehlo", "rset", "QUIT", "quit"}] == [
        "ehlo", "rset", "rset", "quit",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        pytest.param({}, True, id="taken"),
        pytest.param({"RCPT": "550 nobody"}, True, id="refused"),
        pytest.param({"RCPT": "450 later"}, True, id="asked-to-wait"),
        pytest.param({"RCPT": "hello"}, False, id="garbled"),
        pytest.param({"DATA": "250 ok"}, False, id="out-of-step"),
        pytest.param({".": "odd"}, False, id="garbled-after-content"),
    ],
)
def test_a_connection_is_kept_only_while_both_sides_are_in_step(
    answers: dict[str, str | None], kept: bool
) -> None:
    with scripted(ANSWERS | answers) as (port, _):
        transport = SmtpTransport(Server(host="127.0.0.1", port=port), 1.0)
        transport.send(mail())

        assert (transport._session is not None) is kept
        transport.close()


@pytest.mark.parametrize(
    "disturb",
    [
        pytest.param(lambda server: server.refuse(421, times=1), id="421"),
        pytest.param(lambda server: server.refuse(451, times=1), id="451"),
        pytest.param(lambda server: server.refuse(550, times=1), id="550"),
        pytest.param(lambda server: server.refuse_content(451, times=1), id="content-451"),
        pytest.param(lambda server: server.refuse_content(550, times=1), id="content-550"),
        pytest.param(lambda server: server.cut(times=1), id="cut-after-content"),
    ],
)
def test_after_any_trouble_the_next_message_goes_out(
    smtp_server: MailServer, disturb: Callable[[MailServer], None]
) -> None:
    transport = open_transport(smtp_server.url)
    assert transport.send(mail(1)) == Done("<1@shop.example>")
    disturb(smtp_server)
    assert not isinstance(transport.send(mail(2)), Done)

    assert transport.send(mail(3)) == Done("<3@shop.example>")
    transport.close()


def test_a_connection_gone_stale_is_made_anew(smtp_server: MailServer) -> None:
    transport = SmtpTransport(Server(host="127.0.0.1", port=smtp_server.port))
    transport.send(mail(1))
    assert transport._session is not None
    assert transport._session.sock is not None
    transport._session.sock.shutdown(socket.SHUT_RDWR)

    assert transport.send(mail(2)) == Done("<2@shop.example>")
    transport.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("smtp://127.0.0.1:{port}?starttls=require", "starttls_not_offered", id="tls"),
        pytest.param("smtp://me:pw@127.0.0.1:{port}", "login_not_offered", id="login"),
    ],
)
def test_what_the_server_lacks_is_told(smtp_server: MailServer, url: str, reason: str) -> None:
    transport = open_transport(url.format(port=smtp_server.port))
    outcome = transport.send(mail())
    transport.close()

    assert isinstance(outcome, RetryIn)
    assert outcome.reason == reason


@pytest.mark.parametrize(
    ("url", "server"),
    [
        pytest.param("smtp://mx", Server(host="mx", port=25), id="plain"),
        pytest.param("smtp://mx:587?starttls=never", ("mx", 587, "never"), id="never"),
        pytest.param("smtps://mx", ("mx", 465, "offered"), id="tls-from-start"),
        pytest.param("smtp://me:p%40ss@mx:587", ("mx", 587, "require"), id="secret-needs-tls"),
        pytest.param("smtp://me:p@localhost:25", ("localhost", 25, "offered"), id="at-home"),
    ],
)
def test_an_address_is_read(url: str, server: object) -> None:
    transport = open_transport(url)
    assert isinstance(transport, SmtpTransport)
    read = transport._server

    assert server in (read, (read.host, read.port, read.starttls))
    assert "p@ss" not in repr(read)


@pytest.mark.parametrize(
    "url",
    [
        "", "http://mx", "smtp://", "smtp://mx:0x19", "smtp://mx:99999",
        "smtp://mx?starttls=maybe", "file:///", "file://host/folder", "file:folder/",
    ],
)  # fmt: skip
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        open_transport(url)
