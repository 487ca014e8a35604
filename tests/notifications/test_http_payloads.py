"""What each provider is told about a mail: everything the message says, under its own names."""

import re
from base64 import b64decode
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default as parsing
from pathlib import Path
from typing import Any

import orjson
import pytest
import responses

from notifications.transports import open_transport
from tests.notifications.providers import (
    ENDPOINTS,
    KEY,
    LONG_URL,
    SECRET,
    TAKEN,
    THAI,
    URLS,
    mail,
    send,
)


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mocked:
        yield mocked


def sent(api: responses.RequestsMock) -> tuple[dict[str, Any], dict[str, str]]:
    request = api.calls[0].request
    return orjson.loads(request.body or b""), dict(request.headers)


@pytest.mark.parametrize(("marketing", "stream"), [(False, "outbound"), (True, "news")])
def test_what_postmark_is_told(api: responses.RequestsMock, marketing: bool, stream: str) -> None:
    api.post(ENDPOINTS["postmark"], json=TAKEN["postmark"])
    opened = open_transport(URLS["postmark"] + "?marketing=news")
    opened.send(mail(marketing=marketing))
    payload, headers = sent(api)
    named = {each["Name"]: each["Value"] for each in payload["Headers"]}

    assert headers["X-Postmark-Server-Token"] == SECRET
    assert payload["MessageStream"] == stream
    assert payload["From"] == '"Box, Garden" <shop@shop.example>'
    assert (payload["To"], payload["ReplyTo"]) == ("ada@customer.example", "help@shop.example")
    assert payload["Subject"] == THAI
    assert payload["TextBody"].strip() == "Hello สวัสดี"
    assert payload["HtmlBody"].strip() == "<p>Hello สวัสดี</p>"
    assert (named["Message-ID"], named["X-PM-KeepID"]) == ("<1@shop.example>", "true")
    assert (named["X-Evergreen-Kind"], named["X-Evergreen-Key"]) == ("payment_failed", KEY)
    assert named.get("List-Unsubscribe") == (LONG_URL if marketing else None)
    assert payload["Metadata"] == {"evergreen_key": KEY}
    assert not {"Content-Type", "MIME-Version", "From", "Date"} & named.keys()


def test_what_resend_is_told(api: responses.RequestsMock) -> None:
    api.post(ENDPOINTS["resend"], json=TAKEN["resend"])
    send("resend", mail(marketing=True))
    payload, headers = sent(api)

    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["Idempotency-Key"] == KEY
    assert payload["from"] == "Box Garden <shop@shop.example>"
    assert (payload["to"], payload["reply_to"]) == (["ada@customer.example"], "help@shop.example")
    assert payload["subject"] == THAI
    assert payload["headers"]["List-Unsubscribe"] == LONG_URL
    assert payload["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert payload["headers"]["Message-ID"] == "<1@shop.example>"
    assert payload["tags"] == [{"name": "evergreen_key", "value": KEY}]


@pytest.mark.parametrize(("marketing", "used"), [(False, None), (True, "news")])
def test_what_ses_is_told(api: responses.RequestsMock, marketing: bool, used: str | None) -> None:
    api.post(ENDPOINTS["ses"], json=TAKEN["ses"])
    message = mail(marketing=marketing)
    open_transport(URLS["ses"] + "?marketing=news").send(message)
    payload, headers = sent(api)
    raw = b64decode(payload["Content"]["Raw"]["Data"])

    assert raw == message.as_bytes()
    assert message_from_bytes(raw, policy=parsing)["Subject"] == THAI
    assert payload["Destination"] == {"ToAddresses": ["ada@customer.example"]}
    assert payload["EmailTags"] == [{"Name": "evergreen_key", "Value": KEY}]
    assert payload.get("ConfigurationSetName") == used
    assert re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-1/ses/aws4_request,"
        r" SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}",
        headers["Authorization"],
    )
    assert headers["Host"] == "email.eu-west-1.amazonaws.com"
    assert SECRET not in str(headers)


@pytest.mark.parametrize("provider", URLS)
def test_a_password_file_of_the_machine_does_not_replace_the_key(
    api: responses.RequestsMock, provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("default login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    api.post(ENDPOINTS[provider], json=TAKEN[provider])
    send(provider)

    assert "Basic" not in sent(api)[1].get("Authorization", "")
