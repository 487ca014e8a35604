"""Headers as they arrive, byte for byte, through a real SMTP server."""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.local.smtp_server import smtp_server
from notifications.headers import HEADERS, LONGEST_LINE, require_sendable
from notifications.policy import Brand
from notifications.render import RenderFailed
from notifications.transports import open_transport
from sync.changes import Done
from tests.notifications import shop
from tests.notifications.test_message import message

LONG_URL = "https://" + "billing." * 40 + "garden.example"
SPEC = "billing@" + "garden-boxes." * 5 + "example"
THAI_NAME = "ร้านกล่องสวนหลังบ้านของเรา"


class Kept:
    """Keeps the bytes of what arrives."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 — aiosmtpd's name
        """Keep one mail."""
        self.contents.append(envelope.original_content)
        return "250 kept"


@pytest.fixture
def arriving() -> Iterator[Any]:
    """Send a message and return its bytes on the other side."""
    kept = Kept()
    with smtp_server(kept) as port:
        transport = open_transport(f"smtp://127.0.0.1:{port}")

        def through(sent: EmailMessage) -> bytes:
            assert isinstance(transport.send(sent), Done)
            return kept.contents[-1]

        yield through
        transport.close()


def bare(**headers: Any) -> EmailMessage:
    made = EmailMessage(policy=HEADERS)
    named = {"From": "a@shop.example", "To": "b@shop.example", "Message_ID": "<1@shop.example>"}
    for name, value in {**named, **headers}.items():
        made[name.replace("_", "-")] = value
    made.set_content("Hello")
    return made


def lines(content: bytes, name: str) -> list[bytes]:
    """Return a header's lines as they came, without the name."""
    found = re.search(rb"(?ms)^%b: (.*?)\r\n(?=[^ \t])" % re.escape(name.encode()), content)
    assert found is not None
    return found[1].split(b"\r\n")


def test_every_byte_arrives(arriving: Any) -> None:
    sent = message("winback_voluntary", shop.policy(public_url=LONG_URL), "th")

    assert arriving(sent) == sent.as_bytes()


def test_a_long_address_to_unsubscribe_is_one_line_and_whole(arriving: Any) -> None:
    content = arriving(message("winback_voluntary", shop.policy(public_url=LONG_URL)))
    (line,) = lines(content, "List-Unsubscribe")

    assert re.fullmatch(rb"<https://(billing\.){40}garden\.example/unsubscribe/[\w.-]+>", line)
    assert lines(content, "List-Unsubscribe-Post") == [b"List-Unsubscribe=One-Click"]
    assert b"=?" not in line


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param("การชำระเงินของคุณไม่สำเร็จ โปรดอัปเดตบัตรของคุณ " * 4, id="thai"),
        pytest.param("Grüße " * 60, id="umlauts"),
        pytest.param("plain and long " * 60, id="plain"),
        pytest.param("x" * 1200, id="one-word"),
        pytest.param("🪴" * 80, id="beyond-the-first-plane"),
    ],
)
def test_a_subject_is_folded_into_words_that_everybody_reads(arriving: Any, subject: str) -> None:
    came = lines(arriving(bare(Subject=subject.strip())), "Subject")

    assert max(map(len, came)) <= 78
    assert all(len(word) <= 75 for line in came for word in line.split() if word[:2] == b"=?")
    assert str(make_header(decode_header(b"".join(came).decode()))) == subject.strip()


@pytest.mark.parametrize("length", range(60, 85))
def test_a_subject_begins_beside_its_name(arriving: Any, length: int) -> None:
    subject = f"Your {'box ' * 30}"[: length - 1].strip() + "x"
    came = arriving(bare(Subject=subject))

    assert b"\r\nSubject: Your " in came
    assert message_from_bytes(came, policy=default)["Subject"] == subject


NAMES = [
    pytest.param("Garden Box", id="plain"),
    pytest.param("Smith, Jones & Partners", id="comma"),
    pytest.param("Smith, Jones and the very long rest of their partners; all of them", id="long"),
    pytest.param('The "Box" (no. 1) <evil@x.example>', id="specials"),
    pytest.param("back\\slash\\", id="backslash"),
    pytest.param("=?utf-8?q?made=20up?=", id="looks-encoded"),
    pytest.param("a  b", id="two-blanks"),
    pytest.param(THAI_NAME, id="thai"),
    pytest.param(THAI_NAME * 4, id="long-thai"),
    pytest.param("", id="none"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("header", ["From", "Reply-To", "To"])
def test_a_name_never_makes_a_second_mailbox(arriving: Any, header: str, name: str) -> None:
    """The standard library drops the quotes of a name that it folds."""
    content = arriving(bare(**{header: Address(name, addr_spec=SPEC)}))
    came = b"\r\n".join(lines(content, header))

    ((shown, spec),) = getaddresses([came.decode().replace("\r\n", "")])
    assert spec == SPEC
    if came.startswith(b"=?"):
        shown = str(make_header(decode_header(came.rpartition(b"<")[0].decode())))
        assert all(len(word) <= 75 for word in came.split() if word[:2] == b"=?")
    assert shown.rstrip() == name


@given(st.text(max_size=300))
def test_any_name_is_one_mailbox_in_ascii_lines(name: str) -> None:
    try:
        address = Address(name, addr_spec=SPEC)
        made = bare(From=address)
    except ValueError:  # a line's end in it
        return
    content = made.as_bytes()

    assert content.isascii()
    require_sendable(made)
    assert content.count(b"\r\n\r\n") == 1
    (_, spec) = getaddresses([b"".join(lines(content, "From")).decode()])[-1]
    assert spec == SPEC


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize(
    "header", ["Subject", "List_Unsubscribe", "X_Evergreen_Original_To", "Reply_To", "Message_ID"]
)
def test_a_line_end_in_a_value_is_refused(header: str, end: str) -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|CR or LF"):
        bare(**{header: f"hello{end}Bcc: evil@x.example"})


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x85"])
def test_a_line_end_in_a_brands_name_injects_nothing(end: str) -> None:
    brand = Brand(name=f"Garden{end}Bcc: evil@x.example")
    settings = shop.policy(sender="billing@garden.example", brand=brand)
    try:
        content = message("winback_voluntary", settings).as_bytes()
    except (ValueError, RenderFailed):
        return

    assert b"\nBcc" not in content.partition(b"\r\n\r\n")[0]


LONGEST = LONGEST_LINE - len("List-Unsubscribe: ")


@pytest.mark.parametrize(("length", "fits"), [(LONGEST, True), (LONGEST + 1, False)])
def test_a_line_that_no_server_takes_is_found_before_it_leaves(length: int, fits: bool) -> None:
    made = bare(List_Unsubscribe="x" * length)
    if fits:
        require_sendable(made)
    else:
        with pytest.raises(ValueError, match="too long"):
            require_sendable(made)


def test_a_mail_with_such_a_line_is_not_made() -> None:
    """It fails for itself, before it is marked as being sent."""
    with pytest.raises(ValueError, match="too long"):
        message("winback_voluntary", shop.policy(public_url="https://" + "x" * 960 + ".example"))
