"""Links that customers follow: signed, bound to one purpose, with nothing in them but ids."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from notifications.policy import MailPolicy
from sync.errors import Malformed

Purpose = Literal["unsubscribe"]

# An opt-out must work long after the mail was sent: people unsubscribe from old ones.
_LIVES: dict[Purpose, timedelta] = {"unsubscribe": timedelta(days=3 * 365)}
_PATHS: dict[Purpose, str] = {"unsubscribe": "/unsubscribe/"}


class LinkInvalid(Malformed):
    """We never made this link, or it was cut or changed on its way."""


class LinkExpired(LinkInvalid):
    """We made this link, but too long ago."""


@dataclass(frozen=True, slots=True)
class LinkSubject:
    """Whom a link is for."""

    account: str
    customer_id: str


def url(policy: MailPolicy, purpose: Purpose, subject: LinkSubject) -> str:
    """Return the address that lets whoever holds it do `purpose` for `subject`.

    The signature's time is real time, also when the business clock is simulated.
    """
    token = _serializer(policy, purpose).dumps([subject.account, subject.customer_id])
    return f"{policy.public_url}{_PATHS[purpose]}{token}"


def read(policy: MailPolicy, purpose: Purpose, token: str) -> LinkSubject:
    """Return whom `token` was made for.

    Raises:
        LinkExpired: it was made for this purpose, but too long ago.
        LinkInvalid: it was not made here, or for another purpose, or was damaged.
    """
    try:
        content = _serializer(policy, purpose).loads(
            token, max_age=int(_LIVES[purpose].total_seconds())
        )
    except SignatureExpired as error:
        raise LinkExpired("link expired") from error
    except BadSignature as error:
        raise LinkInvalid("link not signed by us") from error
    match content:
        case [str(account), str(customer_id)]:
            return LinkSubject(account, customer_id)
        case _:
            raise LinkInvalid("link holds something else")


def _serializer(policy: MailPolicy, purpose: Purpose) -> URLSafeTimedSerializer:
    # itsdangerous signs with the last of its keys and accepts all: ours stand newest first.
    return URLSafeTimedSerializer(
        list(reversed(policy.link_secrets)),
        salt=f"evergreen.{purpose}",
        signer_kwargs={"digest_method": hashlib.sha256},
    )
