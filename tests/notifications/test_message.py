"""The message as it arrives: one recipient, headers whole, the same id for the same effect."""

import hashlib
import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as parsing
from typing import Any

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from notifications import links, samples
from notifications.case import Case
from notifications.compose import compose
from notifications.kinds import KINDS
from notifications.policy import Brand, MailPolicy
from notifications.render import render
from notifications.transports import open_transport
from sync.changes import Done
from sync.errors import SettingsError
from tests.mail_server import MailServer
from tests.notifications import shop

KEY = ":test:winback_voluntary:sub_1:30"
LONG_URL = "https://" + "billing." * 12 + "garden.example"
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def message(kind: str, settings: MailPolicy, language: str = "en", **changed: Any) -> EmailMessage:
    case = next(iter(KINDS[kind].samples(settings).values()))
    return compose(
        KINDS[kind], (case := replace(case, **changed)), words(kind, case, language), KEY
    )


def words(kind: str, case: Case, language: str) -> Any:
    return render(KINDS[kind], case, Locale(language))


def parsed(sent: EmailMessage) -> EmailMessage:
    found = message_from_bytes(sent.as_bytes(), policy=parsing)
    assert isinstance(found, EmailMessage)
    return found


@pytest.mark.parametrize("language", ["en", "th"])
def test_the_contracts_headers(language: str) -> None:
    sent = parsed(message("winback_voluntary", shop.policy(), language))
    digest = hashlib.sha256(KEY.encode()).hexdigest()

    assert sent["From"] == "Garden Box <billing@garden.example>"
    assert sent["To"] == "ada@customer.example"
    assert sent["Message-ID"] == f"<{digest[:32]}@garden.example>"
    assert sent["X-Evergreen-Kind"] == "winback_voluntary"
    assert sent["X-Evergreen-Key"] == digest
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["Date"].datetime == samples.NOW
    assert sent["X-Evergreen-Original-To"] is None
    assert sent["Content-Language"] == language
    assert [part.get_content_type() for part in sent.iter_parts()] == ["text/plain", "text/html"]


def test_one_click_unsubscribe_survives_the_way_through_smtp(smtp_server: MailServer) -> None:
    settings = shop.policy(public_url=LONG_URL)
    transport = open_transport(smtp_server.url)
    assert isinstance(transport.send(message("winback_voluntary", settings, "th")), Done)
    transport.close()

    (got,) = smtp_server.messages
    address = got["List-Unsubscribe"].strip()
    assert re.fullmatch(rf"<{re.escape(LONG_URL)}/unsubscribe/[\w.-]+>", address)
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = address.strip("<>").rpartition("/")[2]
    assert links.read_unsubscribe(settings, token) == links.LinkSubject("", "cus_sample")
    text = got.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert address.strip("<>") in text
    assert "ยกเลิกการรับอีเมล" in text


def test_a_redirect_takes_the_mail_and_says_whose_it_was() -> None:
    sent = parsed(message("payment_failed", shop.policy(redirect="Team <qa@garden.example>")))

    assert sent["To"] == "Team <qa@garden.example>"
    assert sent["X-Evergreen-Original-To"] == "ada@customer.example"
    assert "List-Unsubscribe" not in sent


def test_answers_go_to_support() -> None:
    settings = shop.policy(brand=Brand(name="Garden Box", support_email="help@garden.example"))

    assert parsed(message("payment_failed", settings))["Reply-To"] == "help@garden.example"
    assert "help@garden.example" in message("payment_failed", settings).as_string()


def test_nothing_on_the_wire_is_more_than_ascii_lines() -> None:
    content = message("winback_voluntary", shop.policy(public_url=LONG_URL), "th").as_bytes()

    assert content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert max(map(len, content.split(b"\r\n"))) < 998


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_name_and_product_make_a_mail_to_one_recipient(name: str, product: str) -> None:
    item = replace(samples.ITEM, product_name=product)
    sent = parsed(
        message(
            "payment_failed",
            shop.policy(),
            customer=replace(samples.CUSTOMER, name=name),
            subscription=samples.subscription(items=(item,)),
        )
    )

    assert [address.addr_spec for address in sent["To"].addresses] == ["ada@customer.example"]
    assert sent.keys() == parsed(message("payment_failed", shop.policy())).keys()
    assert not UNPRINTABLE.search(sent["Subject"])


@pytest.mark.parametrize(
    ("address", "usable"),
    [
        pytest.param("ada@customer.example", "ada@customer.example", id="plain"),
        pytest.param(" ada@customer.example\u200b ", "ada@customer.example", id="blanks"),
        pytest.param('"a b"@c.example', '"a b"@c.example', id="quoted"),
        pytest.param("ada@bücher.example", "ada@xn--bcher-kva.example", id="international-domain"),
        pytest.param("ädä@customer.example", None, id="needs-smtputf8"),
        pytest.param("a@b.example, evil@x.example", None, id="two"),
        pytest.param("a@b.example\r\nBcc: evil@x.example", None, id="injection"),
        pytest.param("Ada <ada@customer.example>", None, id="with-a-name"),
        pytest.param("ada", None, id="no-domain"),
        pytest.param("@customer.example", None, id="no-person"),
        pytest.param("ada@", None, id="nothing-after-at"),
    ],
)
def test_an_address_is_used_only_when_mail_can_get_there(address: str, usable: str | None) -> None:
    customer = replace(samples.CUSTOMER, email=address)
    case = replace(samples.case(shop.policy(), subject={}), customer=customer)

    assert (case.mailbox and case.mailbox.addr_spec) == usable


@given(st.text())
def test_any_address_is_one_mailbox_or_none(address: str) -> None:
    customer = replace(samples.CUSTOMER, email=address)
    found = replace(samples.case(shop.policy(), subject={}), customer=customer).mailbox

    assert found is None or (found.addr_spec.isascii() and "\n" not in found.addr_spec)


def test_the_invoices_address_stands_in_for_a_missing_one() -> None:
    nameless = replace(samples.CUSTOMER, email=None)
    invoice = samples.invoice(customer_email="invoice@customer.example")
    case = replace(samples.case(shop.policy(), subject={}), customer=nameless, invoice=invoice)

    assert case.address == "invoice@customer.example"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sender": "nobody"},
        {"sender": "ünicode@shop.example"},
        {"public_url": "javascript:alert(1)"},
        {"shop_url": "ftp://shop.example"},
        {"link_secrets": ()},
        {"link_secrets": ("",)},
        {"timezone": "Mars/Olympus"},
        {"brand": Brand(colour="red")},
        {"redirect": "qa@x, y@z"},
        {"marketing_inbox": "none"},
    ],
    ids=str,
)
def test_settings_no_mail_can_be_made_with_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        shop.policy(**wrong)


@pytest.mark.parametrize(
    ("colour", "on_colour"),
    [
        ("#1f6f50", "#ffffff"),
        ("#ffe600", "#000000"),
        ("#000000", "#ffffff"),
        ("#FFFFFF", "#000000"),
    ],
)
def test_a_button_can_be_read(colour: str, on_colour: str) -> None:
    assert Brand(colour=colour).on_colour == on_colour
