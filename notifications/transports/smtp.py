"""SMTP, step by step: so that we know, whatever happens, whether the message has left.

Until the last byte of the content is out, the server has no message and any failure may be
tried again. From then on only its answer tells; without one the end is unknown.
Source: RFC 5321, sections 4.1.1.4 and 6.1.
"""

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.errors import SettingsError

TIMEOUT_S = 10.0
_CONNECT_AGAIN_S = 30.0
_BUSY_AGAIN_S = 60.0
# Our own account or sender is refused: no single mail's fault, and a person must mend it.
_MEND_FIRST_S = 300.0
_PORTS = {"smtp": 25, "smtps": 465}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_STARTTLS = ("offered", "require", "never")
_SERVICE_CLOSING = 421
_SEND_CONTENT = 354


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where mail is handed over, and how; `password` never shows."""

    host: str
    port: int
    tls_from_start: bool = False
    starttls: str = "offered"
    username: str | None = None
    password: str = field(default="", repr=False)


def from_url(mail_url: str) -> "SmtpTransport":
    """Return the transport for `smtp://` or `smtps://`.

    A password goes to another machine through verified TLS only, unless `?starttls=never`
    says otherwise; without one, TLS is used when offered, as plain text is the alternative.

    Raises:
        SettingsError: no host is named, or the address is wrong; the text shows no password.
    """
    parts = urlsplit(mail_url)
    wishes = parse_qs(parts.query).get("starttls", [])
    try:
        port = parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise SettingsError("the mail server's port is no number up to 65535") from error
    if not parts.hostname:
        raise SettingsError("a mail server is written smtp://user:password@host:587")
    secret = parts.username is not None and parts.hostname not in _LOOPBACK
    starttls = wishes[-1] if wishes else ("require" if secret else "offered")
    if starttls not in _STARTTLS:
        raise SettingsError(f"starttls={starttls!r}: use one of {', '.join(_STARTTLS)}")
    server = Server(
        host=parts.hostname,
        port=port,
        tls_from_start=parts.scheme == "smtps",
        starttls=starttls,
        username=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password or ""),
    )
    return SmtpTransport(server)


class _Misconfigured(Exception):
    """The server does not take us as we are; `args[0]` is the reason's slug."""


class SmtpTransport:
    """Hands messages to one server, several over one connection."""

    def __init__(self, server: Server, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._session: smtplib.SMTP | None = None

    def send(self, message: EmailMessage) -> Outcome:
        """Send `message` to its only recipient; the envelope's sender is From's address."""
        try:
            session = self._ready()
            refused = _announce(session, message)
        except _Misconfigured as reason:
            self._drop()
            return RetryIn(_MEND_FIRST_S, str(reason))
        except (smtplib.SMTPException, OSError):
            self._drop()
            return RetryIn(_CONNECT_AGAIN_S, "smtp_unreachable")
        return self._settled(refused or _hand_over(session, message))

    def close(self) -> None:
        """Say goodbye to the server, if it still listens."""
        session, self._session = self._session, None
        if session:
            with suppress(smtplib.SMTPException, OSError):
                session.quit()
            session.close()

    def _settled(self, outcome: Outcome) -> Outcome:
        """Keep the connection only where the server has said, in order, what it did."""
        asked_to_wait = getattr(outcome, "reason", "").startswith("smtp_4")
        if not (isinstance(outcome, Done | Failed) or asked_to_wait):
            self._drop()
        return outcome

    def _drop(self) -> None:
        if self._session:
            self._session.close()
        self._session = None

    def _ready(self) -> smtplib.SMTP:
        """Return a session in which a message may begin: the last one's, or a new one."""
        if self._session:
            with suppress(smtplib.SMTPException, OSError):
                if _is_ok(self._session.rset()[0]):
                    return self._session
            self._drop()
        self._session = _connect(self._server, self._timeout_s)
        return self._session


def _connect(server: Server, timeout_s: float) -> smtplib.SMTP:
    # Given a name, smtplib does not ask DNS for ours, which can take as long as a timeout.
    name = socket.gethostname() or "localhost"
    if server.tls_from_start:
        verified = ssl.create_default_context()
        session: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, name, timeout=timeout_s, context=verified
        )
    else:
        session = smtplib.SMTP(server.host, server.port, name, timeout=timeout_s)
    try:
        _secure(session, server)
        _log_in(session, server)
    except BaseException:
        session.close()
        raise
    return session


def _secure(session: smtplib.SMTP, server: Server) -> None:
    session.ehlo_or_helo_if_needed()
    if server.tls_from_start or server.starttls == "never":
        return
    required = server.starttls == "require"
    if session.has_extn("starttls"):
        session.starttls(context=_tls(verify=required))
        session.ehlo_or_helo_if_needed()
    elif required:
        raise _Misconfigured("starttls_not_offered")


def _tls(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _log_in(session: smtplib.SMTP, server: Server) -> None:
    if server.username is None:
        return
    try:
        session.login(server.username, server.password)
    except smtplib.SMTPNotSupportedError as error:
        raise _Misconfigured("login_not_offered") from error
    except smtplib.SMTPAuthenticationError as error:
        if _is_for_good(error.smtp_code):
            raise _Misconfigured("login_refused") from error
        raise


def _announce(session: smtplib.SMTP, message: EmailMessage) -> Outcome | None:
    """Say whom the message is from and for; return why it may not come, None when it may."""
    code, _ = session.mail(message["From"].addresses[0].addr_spec)
    if _is_for_good(code):
        raise _Misconfigured(f"sender_refused_{code}")
    if not _is_ok(code):
        return _refusal(code)
    code, _ = session.rcpt(message["To"].addresses[0].addr_spec)
    if not _is_ok(code):
        return _refusal(code)
    code, _ = session.docmd("DATA")
    return None if code == _SEND_CONTENT else _refusal(code)


def _hand_over(session: smtplib.SMTP, message: EmailMessage) -> Outcome:
    """Send the content; once all of it is out, only the server's answer tells what happened."""
    content = re.sub(rb"(?m)^\.", b"..", message.as_bytes())
    ending = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    try:
        session.send(content + ending)
    except (smtplib.SMTPException, OSError):
        return RetryIn(_CONNECT_AGAIN_S, "smtp_cut_off")
    try:
        code, _ = session.getreply()
    except (smtplib.SMTPException, OSError):
        return Unknown("no_reply_after_data")
    if _is_ok(code):
        return Done(str(message["Message-ID"]))
    return _refusal(code) if code >= 400 else Unknown("odd_reply_after_data")  # noqa: PLR2004 — SMTP's own classes


def _refusal(code: int) -> Outcome:
    """Return what a refusal means: 5xx is for good, anything else may pass."""
    reason = f"smtp_{code}" if code > 0 else "smtp_garbled"
    return Failed(reason) if _is_for_good(code) else RetryIn(_BUSY_AGAIN_S, reason)


def _is_ok(code: int) -> bool:
    return 200 <= code < 300  # noqa: PLR2004 — SMTP's own classes


def _is_for_good(code: int) -> bool:
    return 500 <= code < 600  # noqa: PLR2004 — SMTP's own classes
