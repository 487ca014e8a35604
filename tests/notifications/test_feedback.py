"""What the providers' webhooks tell."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.feedback.report import Report
from sync.errors import Malformed
from tests.notifications import sns
from tests.notifications.deliveries import ADA, HASH, MESSAGE, Json, read


def told(event: Any, *, for_good: bool = False, address: str | None = ADA) -> list[Report]:
    return [Report(event=event, address=address, message=MESSAGE, for_good=for_good)]


def postmark(record: str, address: str = "Email", **fields: Any) -> Json:
    return {
        "RecordType": record,
        "MessageID": "883953f4",
        address: ADA,
        "Metadata": {"evergreen_key": HASH},
        **fields,
    }


@pytest.mark.parametrize(
    ("record", "reports"),
    [
        pytest.param(postmark("Delivery", "Recipient"), told("delivered"), id="delivered"),
        pytest.param(
            postmark("Bounce", Type="HardBounce"), told("bounced", for_good=True), id="hard"
        ),
        pytest.param(
            postmark("Bounce", Type="BadEmailAddress"),
            told("bounced", for_good=True),
            id="no-address",
        ),
        pytest.param(postmark("Bounce", Type="SoftBounce"), told("bounced"), id="soft"),
        pytest.param(postmark("Bounce", Type="Blocked"), told("bounced"), id="blocked"),
        pytest.param(postmark("Bounce", Type="SpamComplaint"), told("complained"), id="spam"),
        pytest.param(postmark("SpamComplaint"), told("complained"), id="complaint"),
        pytest.param(postmark("Bounce", Type="Transient"), [], id="delayed"),
        pytest.param(postmark("Bounce", Type="AutoResponder"), [], id="on-holiday"),
        pytest.param(postmark("Open", "Recipient"), [], id="opened"),
        pytest.param({}, [], id="nothing"),
        pytest.param(
            postmark("Delivery", "Recipient", Metadata={"evergreen_key": "zz"}),
            [Report(event="delivered", address=ADA)],
            id="not-ours",
        ),
        pytest.param(
            postmark("Bounce", Type="HardBounce", Metadata=[], Email=7),
            [Report(event="bounced", for_good=True)],
            id="odd-fields",
        ),
    ],
)
def test_what_postmark_tells(record: Json, reports: list[Report]) -> None:
    assert read("postmark", record) == reports


@pytest.mark.parametrize(
    ("reason", "suppressed", "reports"),
    [
        ("HardBounce", True, told("bounced", for_good=True)),
        ("SpamComplaint", True, told("complained")),
        ("ManualSuppression", True, told("unsubscribed")),
        ("ManualSuppression", False, []),
        (None, False, []),
    ],
)
def test_a_change_of_postmarks_own_list(
    reason: str | None, suppressed: bool, reports: list[Report]
) -> None:
    change = {"SuppressionReason": reason, "SuppressSending": suppressed}

    assert read("postmark", postmark("SubscriptionChange", "Recipient", **change)) == reports


def resend(kind: str, **data: Any) -> Json:
    told = {"email_id": "56761188", "to": [ADA], "tags": {"evergreen_key": HASH}, **data}
    return {"type": kind, "created_at": "2026-12-01T09:00:00.000Z", "data": told}


@pytest.mark.parametrize(
    ("event", "reports"),
    [
        pytest.param(resend("email.delivered"), told("delivered"), id="delivered"),
        pytest.param(
            resend("email.bounced", bounce={"type": "Permanent"}),
            told("bounced", for_good=True),
            id="hard",
        ),
        pytest.param(resend("email.bounced"), told("bounced", for_good=True), id="bounced"),
        pytest.param(
            resend("email.bounced", bounce={"type": "Transient"}), told("bounced"), id="soft"
        ),
        pytest.param(resend("email.complained"), told("complained"), id="complaint"),
        pytest.param(resend("email.delivery_delayed"), [], id="delayed"),
        pytest.param(resend("contact.created"), [], id="other"),
        pytest.param(
            resend(
                "email.delivered",
                tags=None,
                headers=[{"name": "X-Evergreen-Key", "value": HASH}, 7, {}],
            ),
            told("delivered"),
            id="named-by-header",
        ),
        pytest.param(
            resend(
                "email.delivered",
                tags=[],
                headers=[{"name": "Message-Id", "value": f"<{MESSAGE}@shop.example>"}],
            ),
            told("delivered"),
            id="named-by-message-id",
        ),
        pytest.param(
            resend("email.complained", to=[ADA, "bob@customer.example"]),
            told("complained", address=None),
            id="one-of-several",
        ),
        pytest.param(
            {"type": "email.bounced", "data": 1}, [Report(event="bounced", for_good=True)]
        ),
        pytest.param({}, [], id="nothing"),
    ],
)
def test_what_resend_tells(event: Json, reports: list[Report]) -> None:
    assert read("resend", event) == reports


def ses(kind: str, /, name: str = "eventType", **detail: Any) -> Json:
    mail = {"messageId": "0102", "tags": {"evergreen_key": [HASH]}}
    return {name: kind, "mail": mail, kind.lower(): detail}


BOUNCED: Json = {"bouncedRecipients": [{"emailAddress": ADA, "status": "5.1.1"}]}


@pytest.mark.parametrize(
    ("event", "reports"),
    [
        pytest.param(ses("Delivery", recipients=[ADA]), told("delivered"), id="delivered"),
        pytest.param(
            ses("Bounce", bounceType="Permanent", **BOUNCED),
            told("bounced", for_good=True),
            id="hard",
        ),
        pytest.param(
            ses("Bounce", "notificationType", bounceType="Permanent", **BOUNCED),
            told("bounced", for_good=True),
            id="older-name",
        ),
        pytest.param(ses("Bounce", bounceType="Transient", **BOUNCED), told("bounced"), id="soft"),
        pytest.param(
            ses("Complaint", complainedRecipients=[{"emailAddress": ADA}]),
            told("complained"),
            id="complaint",
        ),
        pytest.param(ses("DeliveryDelay"), [], id="delayed"),
        pytest.param(ses("Bounce", bouncedRecipients=7), told("bounced", address=None), id="odd"),
        pytest.param(
            {
                "eventType": "Delivery",
                "delivery": {"recipients": [ADA]},
                "mail": {"headers": [{"name": "X-Evergreen-Key", "value": HASH}]},
            },
            told("delivered"),
            id="named-by-header",
        ),
        pytest.param({}, [], id="nothing"),
    ],
)
def test_what_ses_tells(event: Json, reports: list[Report]) -> None:
    with sns.amazon():
        assert read("ses", sns.note(orjson.dumps(event).decode())) == reports


def test_a_message_that_is_no_event_says_nothing() -> None:
    with sns.amazon():
        assert read("ses", sns.note("Successfully validated SNS topic")) == []
        assert read("ses", sns.confirmation(Type="UnsubscribeConfirmation")) == []


@pytest.mark.parametrize("provider", ["postmark", "resend"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff", b"null"])
def test_what_is_theirs_and_no_object_is_malformed(provider: str, content: bytes) -> None:
    with pytest.raises(Malformed):
        read(provider, content)


NAMES = st.sampled_from(["", "evergreen_key", "name", "type", "value"])
PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.text("a@é\0", max_size=3) | NAMES
OBJECTS = st.dictionaries(NAMES, PLAIN | st.lists(PLAIN, max_size=2), max_size=2)
JSON = PLAIN | OBJECTS | st.lists(PLAIN | OBJECTS, max_size=2)
POSTMARK = st.fixed_dictionaries(
    {"RecordType": st.sampled_from(["Delivery", "Bounce", "SubscriptionChange"])},
    optional=dict.fromkeys(("Email", "Recipient", "Type", "Metadata", "SuppressionReason"), JSON),
)
RESEND = st.fixed_dictionaries(
    {"type": st.sampled_from(["email.delivered", "email.bounced"])},
    optional={
        "data": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("to", "tags", "headers", "bounce"), JSON)
        )
        | JSON
    },
)


@given(POSTMARK, RESEND)
def test_nothing_that_a_provider_says_breaks_the_reading(one: Json, other: Json) -> None:
    for report in (*read("postmark", one), *read("resend", other)):
        assert report.address is None or isinstance(report.address, str)
