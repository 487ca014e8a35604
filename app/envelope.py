"""What the receiver needs to know of a body it has just authenticated, and no more."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from sync.store.inbox import Delivery
from sync.store.lanes import slot

# JSON may hold it, PostgreSQL's jsonb may not. An even number of backslashes is not an escape.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,255}", re.ASCII)
_LONGEST = 500
_TYPE = re.compile(r"[a-z0-9_.\[\]]{1,255}", re.ASCII)


class _Subject(msgspec.Struct):
    id: str | None = None
    object: str | None = None
    customer: Any = None


class _Data(msgspec.Struct):
    object: _Subject


class _Related(msgspec.Struct):
    id: str


class _Envelope(msgspec.Struct):
    """A snapshot event (`event`) or a thin one (`v2.core.event`)."""

    id: str
    type: str
    created: int | str
    livemode: bool | None = None
    account: str | None = None
    context: str | None = None
    api_version: str | None = None
    data: _Data | None = None
    related_object: _Related | None = None


_DECODER = msgspec.json.Decoder(_Envelope)


def delivery(body: bytes, livemode: bool | None) -> Delivery:
    """Return what to keep of an authentic `body`; one that cannot be used says why.

    `livemode`: the mode of this deployment, None when it takes both.
    """
    try:
        _refuse_unstorable(body)
        envelope = _DECODER.decode(body)
        created = _instant(envelope.created)
    except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError):
        return _unreadable(body, "not_an_event")
    object_id = _object_id(envelope)
    account = envelope.account or envelope.context or ""
    if not _is_sane(envelope, object_id, account):
        return _unreadable(body, "odd_envelope")
    mismatch = None not in {livemode, envelope.livemode} and livemode != envelope.livemode
    return Delivery(
        event_id=envelope.id,
        payload=body,
        account=account,
        type=envelope.type,
        object_id=object_id,
        created=created,
        api_version=envelope.api_version if _ID.fullmatch(envelope.api_version or "-") else None,
        livemode=envelope.livemode,
        slot=slot(object_id or envelope.id),
        parked="wrong_livemode" if mismatch else None,
    )


def _object_id(envelope: _Envelope) -> str | None:
    """Return the id of the event's object; a customer's, where there is one for each customer."""
    if envelope.data is None:
        return envelope.related_object.id if envelope.related_object else None
    subject = envelope.data.object
    if subject.id is None and subject.object in _ONE_PER_CUSTOMER:
        return subject.customer if isinstance(subject.customer, str) else None
    return subject.id


# They have no id of their own.
_ONE_PER_CUSTOMER = frozenset({"entitlements.active_entitlement_summary"})


def _unreadable(body: bytes, reason: str) -> Delivery:
    return Delivery(
        event_id=f"sha256:{hashlib.sha256(body).hexdigest()}", payload=body, parked=reason
    )


def _refuse_unstorable(body: bytes) -> None:
    """Refuse what the decoder skips over, and what the mirror could not keep."""
    if not body.isascii():
        body.decode()
    if b"\\u0000" in body and _NUL.search(body):
        raise ValueError("a text holds NUL")


def _is_sane(envelope: _Envelope, object_id: str | None, account: str) -> bool:
    """Tell whether every name is one that Stripe gives, or lets a shop give.

    A shop chooses the ids of its coupons, plans and products: any text, such as `25% OFF`.
    """
    ids = [envelope.id, *filter(None, [account])]
    given = all(_ID.fullmatch(each) for each in ids) and _TYPE.fullmatch(envelope.type)
    chosen = object_id is None or (object_id.isprintable() and len(object_id) <= _LONGEST)
    return bool(given) and chosen


def _instant(created: int | str) -> datetime:
    if isinstance(created, str):
        parsed = datetime.fromisoformat(created)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(created, UTC)
    except OSError as error:
        raise ValueError("out of range") from error
