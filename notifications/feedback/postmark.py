"""Postmark's webhooks: bounce, spam complaint, delivery, subscription change.

They are not signed: the address holds a user name and a password. Source:
postmarkapp.com/developer/webhooks/webhooks-overview and the page of each record type.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from notifications.feedback.passwords import require_password
from notifications.feedback.report import (
    Delivery,
    Event,
    Report,
    decoded,
    mapping_of,
    message_of,
    text_of,
)

_FOR_GOOD = frozenset({"HardBounce", "BadEmailAddress"})
# Told as bounces, and yet the mail may have arrived, or may still arrive.
_NO_BOUNCE = frozenset(
    "Transient Subscribe Unsubscribe AutoResponder AddressChange OpenRelayTest Unknown"
    " ChallengeVerification InboundError".split()
)
_SUPPRESSIONS: Mapping[str, Event] = {
    "HardBounce": "bounced",
    "SpamComplaint": "complained",
    "ManualSuppression": "unsubscribed",
}


def read(delivery: Delivery, secrets: Sequence[str], now: datetime) -> Sequence[Report]:
    """Return what a delivery of Postmark tells; raises as `Reader` says."""
    del now
    require_password(delivery, secrets)
    record = decoded(delivery.content)
    told = _RECORDS.get(str(record.get("RecordType")), _nothing)(record)
    return [told] if told else []


def _nothing(_record: Mapping[str, Any]) -> None:
    return None


def _delivered(record: Mapping[str, Any]) -> Report:
    return _report(record, "delivered", "Recipient")


def _complained(record: Mapping[str, Any]) -> Report:
    return _report(record, "complained", "Email")


def _bounced(record: Mapping[str, Any]) -> Report | None:
    sort = str(record.get("Type"))
    if sort == "SpamComplaint":
        return _complained(record)
    if sort in _NO_BOUNCE:
        return None
    return _report(record, "bounced", "Email", for_good=sort in _FOR_GOOD)


def _subscription(record: Mapping[str, Any]) -> Report | None:
    event = _SUPPRESSIONS.get(str(record.get("SuppressionReason")))
    if event is None or record.get("SuppressSending") is not True:
        return None
    return _report(record, event, "Recipient", for_good=event == "bounced")


def _report(
    record: Mapping[str, Any], event: Event, address: str, *, for_good: bool = False
) -> Report:
    return Report(
        event=event,
        address=text_of(record.get(address)),
        message=message_of(mapping_of(record.get("Metadata")).get("evergreen_key")),
        for_good=for_good,
    )


_RECORDS: Mapping[str, Callable[[Mapping[str, Any]], Report | None]] = {
    "Delivery": _delivered,
    "Bounce": _bounced,
    "SpamComplaint": _complained,
    "SubscriptionChange": _subscription,
}
