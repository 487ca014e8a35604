"""Resend's e-mail API, with its idempotency key.

The key is remembered for 24 hours and holds for the very same payload only. A mail written
anew has links signed anew, so what is unclear is repeated here, at once, with the same bytes;
what is still unclear then is unknown.
Source: resend.com/docs/dashboard/emails/idempotency-keys, /docs/api-reference/errors.
"""

import re
import time
from collections.abc import Callable, Mapping
from email.headerregistry import Address
from email.message import EmailMessage

import orjson

from notifications.transports.http import Answer, HttpApi, Meaning, token
from notifications.transports.parts import parts
from sync.changes import Done, Outcome, Unknown

_EXAMPLE = "resend://API_KEY@api.resend.com"
_PAUSES_S = (1.0, 3.0)
_CODES: Mapping[str, Meaning] = {
    # Another request with this key is under way, or was taken with other words.
    "concurrent_idempotent_requests": "unclear",
    "invalid_idempotent_request": "unclear",
    "daily_quota_exceeded": "mend",
    "monthly_quota_exceeded": "mend",
    "invalid_from_address": "mend",
    "security_error": "refused",
}


def from_url(mail_url: str) -> "ResendTransport":
    """Return the transport for `resend://API_KEY@api.resend.com`.

    Raises:
        SettingsError: as `http.place` does.
    """
    place, api_key = token(mail_url, _EXAMPLE, {})
    return ResendTransport(HttpApi("resend", place.base), api_key)


class ResendTransport:
    """Hands messages to one Resend account; a repeated request is one mail."""

    def __init__(
        self, api: HttpApi, api_key: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._api, self._api_key, self._sleep = api, api_key, sleep

    def send(self, message: EmailMessage) -> Outcome:
        """Send `message` and tell how that ended; what is unclear is repeated twice.

        After an unclear end only "it was taken" is an end: that the repetition is refused does
        not tell what became of the first.
        """
        content = orjson.dumps(_payload(message))
        outcome = self._send(message, content)
        if not isinstance(outcome, Unknown):
            return outcome
        for pause_s in _PAUSES_S:
            self._sleep(pause_s)
            again = self._send(message, content)
            if isinstance(again, Done):
                return again
        return outcome

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _send(self, message: EmailMessage, content: bytes) -> Outcome:
        key = str(message["X-Evergreen-Key"] or message["Message-ID"])
        headers = {"Authorization": f"Bearer {self._api_key}", "Idempotency-Key": key}
        answer = self._api.post("/emails", content, headers)
        return self._outcome(answer) if isinstance(answer, Answer) else answer

    def _outcome(self, answer: Answer) -> Outcome:
        taken, name = answer.body.get("id"), answer.body.get("name")
        if answer.is_ok and isinstance(taken, str):
            return Done(taken)
        return self._api.refusal(answer, name if isinstance(name, str) else "", _CODES)


def _payload(message: EmailMessage) -> dict[str, object]:
    said = parts(message)
    payload = {
        "from": _address(said.sender),
        "to": [said.to],
        "reply_to": said.reply_to,
        "subject": said.subject,
        "text": said.text,
        "html": said.html,
        "headers": said.headers,
        # They come back in webhooks.
        "tags": [{"name": "evergreen_key", "value": said.key_hash}] if said.key_hash else None,
    }
    return {name: value for name, value in payload.items() if value is not None}


def _address(address: Address) -> str:
    """Return a sender as Resend reads it: the name is neither quoted nor encoded.

    Source: github.com/anymail/django-anymail, backends/resend.py (measured there).
    """
    name = " ".join(re.sub(r'[",:;<>()\[\]\\@]', " ", address.display_name).split())
    return f"{name} <{address.addr_spec}>" if name else address.addr_spec
