"""Our AWS signatures against Amazon's published test suite."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from notifications.transports.sigv4 import Credentials, signed

KEYS = Credentials(
    key_id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region="us-east-1"
)
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOST = {"Host": "example.amazonaws.com"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def sign(**given: Any) -> dict[str, str]:
    request = {"method": "GET", "path": "/", "headers": HOST, "content": b"", "now": NOW, **given}
    return signed(KEYS, service="service", **request)


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "signature"),
    [
        pytest.param(
            "GET",
            "/",
            {},
            b"",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            id="get-vanilla",
        ),
        pytest.param(
            "POST",
            "/",
            {},
            b"",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            id="post-vanilla",
        ),
        pytest.param(
            "POST",
            "/?Param1=value1",
            {},
            b"",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
            id="post-vanilla-query",
        ),
        pytest.param(
            "POST",
            "/",
            FORM,
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            id="post-x-www-form-urlencoded",
        ),
    ],
)
def test_amazons_vectors(
    method: str, path: str, headers: dict[str, str], content: bytes, signature: str
) -> None:
    made = sign(method=method, path=path, headers={**HOST, **headers}, content=content)
    names = "content-type;host;x-amz-date" if headers else "host;x-amz-date"

    assert made["X-Amz-Date"] == "20150830T123600Z"
    assert made["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        f" SignedHeaders={names}, Signature={signature}"
    )


def test_the_time_is_utc_whatever_zone_it_comes_in() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=7)))

    assert sign(now=elsewhere) == sign()


def test_the_secret_does_not_show() -> None:
    assert "wJalr" not in repr(KEYS)
