"""What the tests of the providers' HTTP interfaces share."""

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from notifications.headers import HEADERS
from notifications.transports import Transport, open_transport
from notifications.transports.resend import ResendTransport
from sync.changes import Outcome

SECRET = "s3cret-key/with+signs"
URLS = {
    "postmark": f"postmark://{SECRET.replace('/', '%2F')}@api.postmarkapp.com",
    "resend": "resend://:s3cret-key%2Fwith+signs@api.resend.com",
    "ses": "ses://AKIDEXAMPLE:s3cret-key%2Fwith%2Bsigns@email.eu-west-1.amazonaws.com",
}
ENDPOINTS = {
    "postmark": "https://api.postmarkapp.com/email",
    "resend": "https://api.resend.com/emails",
    "ses": "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails",
}
TAKEN: dict[str, dict[str, Any]] = {
    "postmark": {"ErrorCode": 0, "Message": "OK", "MessageID": "m-1"},
    "resend": {"id": "m-1"},
    "ses": {"MessageId": "m-1"},
}
KEY = "ab" * 32
THAI = " ".join(["การชำระเงินของคุณไม่สำเร็จ"] * 4)
LONG_URL = "<https://" + "billing." * 30 + "garden.example/unsubscribe/token>"


def mail(*, marketing: bool = False) -> EmailMessage:
    message = EmailMessage(policy=HEADERS)
    message["From"], message["To"] = '"Box, Garden" <shop@shop.example>', "ada@customer.example"
    message["Reply-To"] = "help@shop.example"
    message["Subject"] = THAI
    message["Date"] = datetime(2026, 12, 1, tzinfo=UTC)
    message["Message-ID"] = "<1@shop.example>"
    message["X-Evergreen-Kind"], message["X-Evergreen-Key"] = "payment_failed", KEY
    if marketing:
        message["List-Unsubscribe"] = LONG_URL
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content("Hello สวัสดี")
    message.add_alternative("<p>Hello สวัสดี</p>", subtype="html")
    return message


def transport(provider: str) -> Transport:
    opened = open_transport(URLS[provider])
    if isinstance(opened, ResendTransport):
        opened._sleep = lambda _s: None
    return opened


def send(provider: str, message: EmailMessage | None = None) -> Outcome:
    opened = transport(provider)
    outcome = opened.send(message or mail())
    opened.close()
    return outcome
