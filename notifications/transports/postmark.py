"""Postmark's e-mail API. It knows no idempotency key: an end without an answer is unknown.

Source: postmarkapp.com/developer/api/email-api and /developer/api/overview (error codes).
"""

from collections.abc import Mapping
from email.message import EmailMessage

import orjson

from notifications.transports.http import Answer, HttpApi, Meaning, token
from notifications.transports.parts import parts, stream
from sync.changes import Done, Outcome

_EXAMPLE = "postmark://SERVER_TOKEN@api.postmarkapp.com?transactional=outbound&marketing=broadcast"
_STREAMS = {"transactional": "outbound", "marketing": "broadcast"}
# What no other mail would meet: an invalid message, an inactive recipient, a forbidden file.
# Every other code is about our account, token, sender or stream.
_THIS_MAIL = ("300", "402", "403", "406", "411")
_CODES: Mapping[str, Meaning] = dict.fromkeys(_THIS_MAIL, "refused")
_UNPROCESSABLE = 422


def from_url(mail_url: str) -> "PostmarkTransport":
    """Return the transport for `postmark://SERVER_TOKEN@api.postmarkapp.com`.

    Raises:
        SettingsError: as `http.place` does.
    """
    place, server_token = token(mail_url, _EXAMPLE, _STREAMS)
    return PostmarkTransport(HttpApi("postmark", place.base), server_token, place.options)


class PostmarkTransport:
    """Hands messages to one Postmark server, each to the stream of its sort."""

    def __init__(self, api: HttpApi, server_token: str, streams: Mapping[str, str]) -> None:
        self._api, self._streams = api, streams
        self._headers = {"Accept": "application/json", "X-Postmark-Server-Token": server_token}

    def send(self, message: EmailMessage) -> Outcome:
        """Send `message` and tell how that ended."""
        content = orjson.dumps(_payload(message, self._streams[stream(message)]))
        answer = self._api.post("/email", content, self._headers)
        return self._outcome(answer) if isinstance(answer, Answer) else answer

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _outcome(self, answer: Answer) -> Outcome:
        code, taken = answer.body.get("ErrorCode"), answer.body.get("MessageID")
        if answer.is_ok and code == 0 and isinstance(taken, str):
            return Done(taken)
        if answer.is_ok and isinstance(code, int) and code:
            answer = Answer(_UNPROCESSABLE, answer.headers, answer.body)
        if answer.status != _UNPROCESSABLE or not isinstance(code, int):
            return self._api.refusal(answer)
        meaning: Mapping[str, Meaning] = {str(code): "mend", **_CODES}
        return self._api.refusal(answer, str(code), meaning)


def _payload(message: EmailMessage, stream_id: str) -> dict[str, object]:
    said = parts(message)
    # Without X-PM-KeepID Postmark replaces the Message-ID. The metadata come back in webhooks.
    headers = {**said.headers, "X-PM-KeepID": "true"}
    payload = {
        "From": str(said.sender),
        "To": said.to,
        "ReplyTo": said.reply_to,
        "Subject": said.subject,
        "TextBody": said.text,
        "HtmlBody": said.html,
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
        "Tag": said.kind or None,
        "Metadata": {"evergreen_key": said.key_hash},
        "MessageStream": stream_id,
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    return {name: value for name, value in payload.items() if value is not None}
