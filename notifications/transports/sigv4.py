"""AWS Signature Version 4, for requests without odd paths.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key of one AWS account, and the region it is used in; the secret never shows."""

    key_id: str
    secret: str = field(repr=False)
    region: str


def signed(
    credentials: Credentials,
    *,
    service: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    content: bytes,
    now: datetime,
) -> dict[str, str]:
    """Return `headers` with X-Amz-Date and Authorization, valid for some minutes around `now`.

    `path` may carry a query whose parameters are quoted and in order already. All of `headers`
    are signed, so that they must go out as they are; Host must be among them.
    """
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    dated = {**headers, "X-Amz-Date": moment}
    canonical = {name.lower(): " ".join(value.split()) for name, value in sorted(dated.items())}
    names = ";".join(sorted(canonical))
    request = "\n".join(
        (
            method,
            *_path_and_query(path),
            *(f"{name}:{canonical[name]}" for name in sorted(canonical)),
            "",
            names,
            hashlib.sha256(content).hexdigest(),
        )
    )
    scope = f"{moment[:8]}/{credentials.region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}"
    signature = _hmac(_signing_key(credentials.secret, scope), to_sign).hex()
    credential = f"Credential={credentials.key_id}/{scope}"
    proof = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    return {**dated, "Authorization": proof}


def _path_and_query(path: str) -> tuple[str, str]:
    bare, _, query = path.partition("?")
    return bare, query


def _signing_key(secret: str, scope: str) -> bytes:
    """Return the day's key for one region and service."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
