"""From a mail's words to the message that goes out."""

from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from notifications.case import Case
from notifications.headers import HEADERS, require_sendable
from notifications.keys import key_hash, message_of
from notifications.kind import Kind
from notifications.policy import mailbox
from notifications.render import Rendered


def compose(kind: Kind, case: Case, words: Rendered, key: str) -> EmailMessage:
    """Return the message for the effect `key`: the same key always has the same Message-ID.

    Raises:
        ValueError: there is no address to send it to, or no mail server would take it.
    """
    message = EmailMessage(policy=HEADERS)
    for name, value in _headers(kind, case, words, key).items():
        message[name] = value
    message.set_content(words.text, charset="utf-8")
    message.add_alternative(words.html, subtype="html", charset="utf-8")
    # Last, as setting the content takes away every header about it.
    message["Content-Language"] = words.language
    require_sendable(message)
    return message


def message_id(key: str, domain: str) -> str:
    """Return the Message-ID of the effect `key`, fixed for ever."""
    return f"<{message_of(key)}@{domain}>"


def _headers(kind: Kind, case: Case, words: Rendered, key: str) -> dict[str, Any]:
    policy = case.policy
    recipient, original = _recipient(kind, case)
    support = policy.brand.support_email
    return {
        "From": policy.from_address,
        "To": recipient,
        **({"Reply-To": Address(addr_spec=support)} if support else {}),
        "Subject": words.subject,
        "Date": case.now,
        "Message-ID": message_id(key, policy.from_address.domain),
        "Auto-Submitted": "auto-generated",
        "X-Evergreen-Kind": kind.name,
        "X-Evergreen-Key": key_hash(key),
        **({"X-Evergreen-Original-To": original} if original else {}),
        **_one_click(words),
    }


def _recipient(kind: Kind, case: Case) -> tuple[Address, str | None]:
    """Return whom to write to, and whom it was for where a redirect takes it."""
    policy = case.policy
    if kind.category == "internal":
        return _usable(mailbox(policy.inbox(to_marketing=kind.to_marketing) or "")), None
    customer = _usable(case.mailbox)
    if policy.redirect:
        return _usable(mailbox(policy.redirect)), customer.addr_spec
    return customer, None


def _usable(address: Address | None) -> Address:
    if address is None:
        raise ValueError("no usable address")
    return address


def _one_click(words: Rendered) -> dict[str, str]:
    """Return RFC 8058's headers: mail programs show a button that unsubscribes at once."""
    if words.unsubscribe_url is None:
        return {}
    return {
        "List-Unsubscribe": f"<{words.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
