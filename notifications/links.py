"""Links that customers follow: signed, bound to one purpose, with nothing in them but ids."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, get_args

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from notifications.policy import MailPolicy
from sync.errors import Malformed

# card: save another payment method; return: come back after a subscription has ended.
Purpose = Literal["unsubscribe", "pay", "card", "manage", "keep", "return", "preferences"]

_MONTH = timedelta(days=30)
# An opt-out must work long after the mail was sent: people unsubscribe from old ones.
_YEARS = timedelta(days=3 * 365)
LIVES: Mapping[Purpose, timedelta] = MappingProxyType(
    {
        "unsubscribe": _YEARS,
        "preferences": _YEARS,
        "pay": _MONTH,
        "card": _MONTH,
        "manage": _MONTH,
        "keep": _MONTH,
        "return": _MONTH,
    }
)
UNSUBSCRIBE_PATH = "/unsubscribe/"
# All other purposes share one path; which one it is stands in the token, under the signature.
PATH = "/b/"
_SHARED = "b"


class LinkInvalid(Malformed):
    """We never made this link, or it was cut or changed on its way."""


class LinkExpired(LinkInvalid):
    """We made this link, but too long ago."""


@dataclass(frozen=True, slots=True)
class LinkSubject:
    """Whom a link is for, what it is about, and the mail it stands in.

    `object_id` is an invoice or a subscription, `message` what stands for the mail's effect
    outside the house (see `sync.store.outbox.MESSAGE`); empty where there is none.
    """

    account: str
    customer_id: str
    object_id: str = ""
    message: str = ""


def url(policy: MailPolicy, purpose: Purpose, subject: LinkSubject) -> str:
    """Return the address that lets whoever holds it do `purpose` for `subject`.

    The signature's time is real time, also when the business clock is simulated.
    """
    if purpose == "unsubscribe":
        who = [subject.account, subject.customer_id]
        return f"{policy.public_url}{UNSUBSCRIBE_PATH}{_serializer(policy, purpose).dumps(who)}"
    told = [purpose, subject.account, subject.customer_id, subject.object_id, subject.message]
    return f"{policy.public_url}{PATH}{_serializer(policy, _SHARED).dumps(told)}"


def read_unsubscribe(policy: MailPolicy, token: str) -> LinkSubject:
    """Return who unsubscribes with `token`; raises as `read` does."""
    match _content(policy, "unsubscribe", token):
        case [str(account), str(customer_id)], datetime() as made_at:
            return _fresh("unsubscribe", LinkSubject(account, customer_id), made_at)
        case _:
            raise LinkInvalid("link holds something else")


def read(policy: MailPolicy, token: str) -> tuple[Purpose, LinkSubject]:
    """Return what a token below `PATH` is good for, and for whom.

    Raises:
        LinkExpired: we made it, but too long ago for its purpose.
        LinkInvalid: it was not made here, or to unsubscribe, or was damaged.
    """
    match _content(policy, _SHARED, token):
        case [str(told), str(account), str(customer), str(about), str(message)], datetime() as at:
            purpose = next((each for each in get_args(Purpose) if each == told), None)
            if purpose is None or purpose == "unsubscribe":
                raise LinkInvalid("link for no purpose of ours")
            return purpose, _fresh(purpose, LinkSubject(account, customer, about, message), at)
        case _:
            raise LinkInvalid("link holds something else")


def _content(policy: MailPolicy, salt: str, token: str) -> tuple[Any, datetime]:
    try:
        content, made_at = _serializer(policy, salt).loads(
            token, max_age=int(_YEARS.total_seconds()), return_timestamp=True
        )
    except SignatureExpired as error:
        raise LinkExpired("link expired") from error
    except BadSignature as error:
        raise LinkInvalid("link not signed by us") from error
    return content, made_at


def _fresh(purpose: Purpose, subject: LinkSubject, made_at: datetime) -> LinkSubject:
    if datetime.now(UTC) - made_at > LIVES[purpose]:
        raise LinkExpired("link expired")
    return subject


def _serializer(policy: MailPolicy, salt: str) -> URLSafeTimedSerializer:
    # itsdangerous signs with the last of its keys and accepts all: ours stand newest first.
    return URLSafeTimedSerializer(
        list(reversed(policy.link_secrets)),
        salt=f"evergreen.{salt}",
        signer_kwargs={"digest_method": hashlib.sha256},
    )
