"""Basic authentication: the provider repeats what stands in the webhook's address."""

import hmac
from base64 import b64decode
from binascii import Error
from collections.abc import Sequence

from notifications.feedback.report import Delivery, NotTheirs

PASSWORD_MISSING = "password_missing"  # noqa: S105 — a reason, no password


def require_password(delivery: Delivery, secrets: Sequence[str]) -> None:
    """Let pass whoever names one of our secrets as password; the user name is free.

    Raises:
        NotTheirs: `PASSWORD_MISSING`, or `password_wrong`.
    """
    scheme, _, told = delivery.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise NotTheirs(PASSWORD_MISSING)
    try:
        given = b64decode(told.strip(), validate=True).partition(b":")[2]
    except (Error, ValueError) as error:
        raise NotTheirs("password_wrong") from error
    matches = [hmac.compare_digest(given, secret.encode()) for secret in secrets]
    if not any(matches):
        raise NotTheirs("password_wrong")
