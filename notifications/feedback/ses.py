"""Amazon SES tells by Amazon SNS: bounces, complaints, deliveries.

Two proofs are asked for. The password in the subscription's address shows that the topic is
ours: SNS signs for every customer of Amazon alike. The signature shows that SNS says it.
Source: docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and
/notification-contents.html; .../sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from notifications.feedback import sns
from notifications.feedback.passwords import require_password
from notifications.feedback.report import (
    Delivery,
    Event,
    Report,
    decoded,
    list_of,
    mapping_of,
    message_in,
    message_of,
    text_of,
)

_EVENTS: Mapping[str, tuple[Event, str, str]] = {
    "Delivery": ("delivered", "delivery", "recipients"),
    "Bounce": ("bounced", "bounce", "bouncedRecipients"),
    "Complaint": ("complained", "complaint", "complainedRecipients"),
}


def read(delivery: Delivery, secrets: Sequence[str], now: datetime) -> Sequence[Report]:
    """Return what a delivery of SNS tells; a new subscription is confirmed on the way.

    Raises as `Reader` says.
    """
    del now
    require_password(delivery, secrets)
    note = decoded(delivery.content)
    sns.verify(note)
    if note.get("Type") == "SubscriptionConfirmation":
        sns.confirm(note)
    if note.get("Type") != "Notification" or not str(note.get("Message")).startswith("{"):
        return []  # a test message, or the farewell of a subscription
    return list(_reports(decoded(str(note["Message"]))))


def _reports(told: Mapping[str, Any]) -> Iterator[Report]:
    found = _EVENTS.get(str(told.get("eventType") or told.get("notificationType")))
    if found is None:
        return
    event, name, recipients = found
    detail = mapping_of(told.get(name))
    message = _message(mapping_of(told.get("mail")))
    for recipient in list_of(detail.get(recipients)) or [None]:
        yield Report(
            event=event,
            address=text_of(mapping_of(recipient).get("emailAddress") or recipient),
            message=message,
            for_good=detail.get("bounceType") == "Permanent",
        )


def _message(mail: Mapping[str, Any]) -> str | None:
    """Return which mail it is: by our tag, else by the headers as we wrote them."""
    tagged = list_of(mapping_of(mail.get("tags")).get("evergreen_key"))
    return message_of(next(iter(tagged), None)) or message_in(mail.get("headers"))
