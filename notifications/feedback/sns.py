"""Amazon SNS: whether a message is SNS's own, and the answer to a new subscription.

Source: docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from notifications.feedback import rsa
from notifications.feedback.report import NotTheirs
from sync.errors import Malformed, Unavailable

# As Amazon's own validators have it. Certificates and confirmations come from nowhere else.
_HOST = re.compile(r"sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?")
_TIMEOUTS_S = (3.0, 5.0)
_CERTIFICATE_BYTES = 32 * 1024
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
_SIGNED: Mapping[str, tuple[str, ...]] = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}


def verify(note: Mapping[str, Any]) -> None:
    """Let pass a message that SNS has signed with SHA-256 (the topic's SignatureVersion 2).

    Raises:
        NotTheirs: it has not.
        Unavailable: its certificate cannot be had just now.
    """
    fields = _SIGNED.get(str(note.get("Type")))
    if fields is None:
        raise NotTheirs("sns_type")
    if note.get("SignatureVersion") != "2":
        raise NotTheirs("sns_signature_version")
    told = {name: note[name] for name in fields if note.get(name) is not None}
    if not all(isinstance(value, str) for value in told.values()):
        raise NotTheirs("sns_fields")
    signed = "".join(f"{name}\n{value}\n" for name, value in told.items()).encode("utf-8")
    certificate = _certificate(_amazons(note.get("SigningCertURL")))
    if not rsa.is_signed(certificate, signed, _signature(note)):
        raise NotTheirs("sns_signature_wrong")


def confirm(note: Mapping[str, Any]) -> None:
    """Take up the subscription that a verified message offers.

    Raises:
        NotTheirs: its address is not Amazon's.
        Unavailable: Amazon does not answer just now; SNS asks again.
    """
    _get(_amazons(note.get("SubscribeURL")))


def _signature(note: Mapping[str, Any]) -> bytes:
    try:
        return b64decode(str(note.get("Signature")), validate=True)
    except (Error, ValueError) as error:
        raise NotTheirs("sns_signature_wrong") from error


def _amazons(url: object) -> str:
    """Return an address that leads to SNS and nowhere else."""
    try:
        parts = urlsplit(str(url))
        plain = parts.port is None and parts.username is None and parts.password is None
    except ValueError as error:
        raise NotTheirs("sns_address") from error
    host = parts.hostname or ""
    if not (parts.scheme == "https" and plain and _HOST.fullmatch(host)):
        raise NotTheirs("sns_address")
    return str(url)


@lru_cache(maxsize=8)
def _certificate(url: str) -> bytes:
    """Return a certificate's DER form. What comes from Amazon's host over TLS is Amazon's."""
    try:
        return rsa.der(_get(url).decode("ascii"))
    except (UnicodeDecodeError, Malformed) as error:
        raise Unavailable("the certificate cannot be read") from error


def _get(url: str) -> bytes:
    try:
        with requests.get(url, timeout=_TIMEOUTS_S, allow_redirects=False, stream=True) as answer:
            if answer.status_code != requests.codes.ok:
                raise Unavailable(f"SNS answers {answer.status_code}")
            return bytes(answer.raw.read(_CERTIFICATE_BYTES, decode_content=True))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        # Without its text: the address holds the subscription's token.
        raise Unavailable(f"SNS: {type(error).__name__}") from None
