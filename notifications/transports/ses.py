"""Amazon SES, API v2, with the raw message. No idempotency key: no answer means unknown.

Source: docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage

import orjson

from notifications.transports.http import Answer, HttpApi, Meaning, place
from notifications.transports.parts import parts, stream
from notifications.transports.sigv4 import Credentials, signed
from sync.changes import Done, Outcome
from sync.errors import SettingsError

_EXAMPLE = (
    "ses://ACCESS_KEY_ID:SECRET_KEY@email.eu-west-1.amazonaws.com"
    "?transactional=CONFIGURATION_SET&marketing=CONFIGURATION_SET"
)
_REGION = re.compile(r"email(?:-fips)?\.([a-z]{2}(?:-[a-z0-9]+)+)\.amazonaws\.com(?:\.cn)?")
_SETS = {"transactional": "", "marketing": ""}
_PATH = "/v2/email/outbound-emails"
_CODES: Mapping[str, Meaning] = {
    **dict.fromkeys(("TooManyRequestsException", "ThrottlingException"), "busy"),
    **dict.fromkeys(("Throttling", "LimitExceededException"), "busy"),
    # Also said of a sender that is not verified: a person must look, and no mail is lost.
    **dict.fromkeys(("MessageRejected", "AccountSuspendedException"), "mend"),
    **dict.fromkeys(("SendingPausedException", "MailFromDomainNotVerifiedException"), "mend"),
}


def from_url(mail_url: str) -> "SesTransport":
    """Return the transport for `ses://KEY_ID:SECRET@email.<region>.amazonaws.com`.

    Raises:
        SettingsError: as `http.place` does, or the host names no region.
    """
    found = place(mail_url, _EXAMPLE, {**_SETS, "region": ""})
    in_host = _REGION.fullmatch(found.host)
    region = found.options["region"] or (in_host[1] if in_host else "")
    if not (region and found.user and found.password):
        raise SettingsError(f"Amazon SES is written {_EXAMPLE}, special characters as %XX")
    credentials = Credentials(key_id=found.user, secret=found.password, region=region)
    return SesTransport(HttpApi("ses", found.base), found.host, credentials, found.options)


class SesTransport:
    """Hands messages to SES in one region, each with the configuration set of its sort."""

    def __init__(
        self,
        api: HttpApi,
        host: str,
        credentials: Credentials,
        configuration_sets: Mapping[str, str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api, self._host, self._credentials = api, host, credentials
        self._sets, self._now = configuration_sets, now

    def send(self, message: EmailMessage) -> Outcome:
        """Send `message` and tell how that ended."""
        content = orjson.dumps(_payload(message, self._sets[stream(message)]))
        headers = signed(
            self._credentials,
            service="ses",
            method="POST",
            path=_PATH,
            headers={"Host": self._host, "Content-Type": "application/json"},
            content=content,
            now=self._now(),
        )
        answer = self._api.post(_PATH, content, headers)
        return self._outcome(answer) if isinstance(answer, Answer) else answer

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _outcome(self, answer: Answer) -> Outcome:
        taken = answer.body.get("MessageId")
        if answer.is_ok and isinstance(taken, str):
            return Done(taken)
        return self._api.refusal(answer, _code(answer), _CODES)


def _code(answer: Answer) -> str:
    """Return the error's name, such as `MessageRejected`, without what may stand around it."""
    in_body = answer.body.get("__type") or answer.body.get("code")
    told = answer.headers.get("x-amzn-ErrorType") or (in_body if isinstance(in_body, str) else "")
    return told.partition(":")[0].rpartition("#")[2]


def _payload(message: EmailMessage, configuration_set: str) -> dict[str, object]:
    said = parts(message)
    payload = {
        "Destination": {"ToAddresses": [message["To"].addresses[0].addr_spec]},
        "Content": {"Raw": {"Data": b64encode(message.as_bytes()).decode()}},
        "ConfigurationSetName": configuration_set or None,
        # SES replaces the Message-ID; the tag comes back in events.
        "EmailTags": [{"Name": "evergreen_key", "Value": said.key_hash}] if said.key_hash else None,
    }
    return {name: value for name, value in payload.items() if value is not None}
