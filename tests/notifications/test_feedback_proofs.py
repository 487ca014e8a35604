"""What does not prove to be a provider's own is not looked into."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from notifications.feedback import READERS
from notifications.feedback.report import Delivery, NotTheirs
from sync.errors import Unavailable
from tests.notifications import sns
from tests.notifications.deliveries import (
    NOW,
    PASSWORD,
    RESEND_SECRET,
    Json,
    basic,
    read,
    svix,
)


def test_a_new_subscription_is_confirmed_at_amazon() -> None:
    with sns.amazon() as served:
        confirmed = served.get(sns.CONFIRM_URL)
        assert read("ses", sns.confirmation()) == []

        assert confirmed.call_count == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/",
        "https://evil.example/sns.eu-west-1.amazonaws.com",
        "http://sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com:8443/",
        "https://sns.eu-west-1.amazonaws.com@evil.example/",
        "https://me@sns.eu-west-1.amazonaws.com/",
        "https://evil.amazonaws.com/",
        "https://snsx.eu-west-1.amazonaws.com/",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://[::1",
        None,
    ],
)
def test_nothing_is_fetched_from_elsewhere(url: str | None) -> None:
    with sns.amazon() as served:
        for note in (sns.note(SigningCertURL=url), sns.confirmation(SubscribeURL=url)):
            with pytest.raises(NotTheirs, match="sns_address"):
                read("ses", note)

        fetched = {call.request.url for call in served.calls}
    assert fetched <= {sns.CERTIFICATE_URL}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Message": "{}  "}, "sns_signature_wrong"),
        ({"Subject": "new"}, "sns_signature_wrong"),
        ({"Timestamp": "2027"}, "sns_signature_wrong"),
        ({"Signature": "AAAA"}, "sns_signature_wrong"),
        ({"Signature": "not base64"}, "sns_signature_wrong"),
        ({"Signature": None}, "sns_signature_wrong"),
        ({"SignatureVersion": "1"}, "sns_signature_version"),
        ({"Type": "SubscriptionConfirmation"}, "sns_signature_wrong"),
        ({"Type": "Other"}, "sns_type"),
        ({"Type": ["Notification"]}, "sns_type"),
        ({"Message": {}}, "sns_fields"),
    ],
    ids=str,
)
def test_what_sns_has_not_signed_is_not_read(changed: Json, reason: str) -> None:
    with sns.amazon(), pytest.raises(NotTheirs, match=reason):
        read("ses", {**sns.note(), **changed})


def test_a_certificate_is_fetched_once_and_asked_for_again_after_a_failure() -> None:
    with sns.amazon() as served:
        served.replace("GET", sns.CERTIFICATE_URL, status=500)
        with pytest.raises(Unavailable):
            read("ses", sns.note())
        served.replace("GET", sns.CERTIFICATE_URL, body=requests.ConnectionError("Token=tok"))
        with pytest.raises(Unavailable) as refused:
            read("ses", sns.note())
        served.replace("GET", sns.CERTIFICATE_URL, body="no certificate")
        with pytest.raises(Unavailable):
            read("ses", sns.note())
        cut_off = {"Content-Encoding": "gzip"}
        served.replace("GET", sns.CERTIFICATE_URL, body=b"\x1f\x8b", headers=cut_off)
        with pytest.raises(Unavailable):
            read("ses", sns.note())
        served.replace("GET", sns.CERTIFICATE_URL, body=b"no gzip", headers=cut_off)
        with pytest.raises(Unavailable):
            read("ses", sns.note())
        served.replace("GET", sns.CERTIFICATE_URL, body=sns.CERTIFICATE)
        for _ in range(3):
            read("ses", sns.note())

        assert len(served.calls) == 6
    assert "tok" not in str(refused.value)


@pytest.mark.parametrize("provider", ["postmark", "ses"])
@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        pytest.param({}, "password_missing", id="none"),
        pytest.param({"authorization": "Bearer x"}, "password_missing", id="other-scheme"),
        pytest.param({"authorization": "Basic"}, "password_wrong", id="empty"),
        pytest.param({"authorization": "Basic é"}, "password_wrong", id="garbage"),
        pytest.param(basic(""), "password_wrong", id="no-password"),
        pytest.param(basic(PASSWORD[:-1]), "password_wrong", id="almost"),
        pytest.param(basic("x", user=PASSWORD), "password_wrong", id="as-user"),
    ],
)
def test_who_does_not_know_the_password_is_not_read(
    provider: str, headers: dict[str, str], reason: str
) -> None:
    """Not even the body is looked at, and nothing is fetched."""
    with pytest.raises(NotTheirs, match=reason):
        read(provider, b"{", headers)


@pytest.mark.parametrize("password", ["older-password", PASSWORD])
def test_each_live_password_lets_in(password: str) -> None:
    assert read("postmark", {}, basic(password)) == []


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        pytest.param({}, "signature_missing", id="none"),
        pytest.param(svix(b"{}", id=""), "signature_missing", id="no-id"),
        pytest.param(svix(b"{}", id="x" * 1001), "signature_missing", id="endless-id"),
        pytest.param(svix(b"{}", id="msg_2"), "signature_wrong", id="other-id"),
        pytest.param(svix(b"{ }"), "signature_wrong", id="other-content"),
        pytest.param(svix(b"{}", key=b"other"), "signature_wrong", id="other-key"),
        pytest.param(svix(b"{}", key=b""), "signature_wrong", id="no-key"),
        pytest.param(svix(b"{}", signature="v1,none v1, v2,x"), "signature_wrong", id="made-up"),
        pytest.param(svix(b"{}", moment="soon"), "signature_time", id="odd-time"),
        pytest.param(svix(b"{}", moment="²"), "signature_time", id="odd-digit"),
        pytest.param(svix(b"{}", moment="9" * 13), "signature_time", id="endless-time"),
        pytest.param(svix(b"{}", at=NOW - timedelta(seconds=301)), "signature_time", id="old"),
        pytest.param(svix(b"{}", at=NOW + timedelta(seconds=301)), "signature_time", id="ahead"),
    ],
)
def test_what_resend_has_not_signed_is_not_read(headers: dict[str, str], reason: str) -> None:
    odd = ("whsec_", "whsec_%", "none", PASSWORD, RESEND_SECRET)
    with pytest.raises(NotTheirs, match=reason):
        read("resend", b"{}", headers, odd)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signature_holds_for_five_minutes_both_ways(seconds: int) -> None:
    headers = svix(b"{}", at=NOW + timedelta(seconds=seconds))

    assert read("resend", b"{}", headers) == []


def test_one_of_several_signatures_is_enough() -> None:
    """While a secret is rolled, Resend signs with the old one and the new one."""
    right = svix(b"{}")["svix-signature"]

    assert read("resend", b"{}", svix(b"{}", signature=f"v1a,x v1,AAAA {right}")) == []


def test_the_vector_of_the_standard_webhooks_specification() -> None:
    """Source: the example in Svix's documentation of manual verification."""
    content = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    then = datetime.fromtimestamp(1614265330, UTC)

    read_at = READERS["resend"](Delivery(headers=headers, content=content), [secret], then)
    assert read_at == []
