"""A webhook that we send: one signed POST, and what its end means.

What is posted is a state, or has an id that the receiver knows again, so posting it again is
safe: everything but 2xx and 410 is tried again. Redirects are not followed, and what the
receiver answers is neither read nor kept.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
"""

from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from sync import webhook_signature
from sync.changes import Done, Failed, Outcome, RetryIn
from sync.delivery.gate import Gate, Held, NoAnswer
from sync.delivery.http import Answer, Call, Client, Unclear
from sync.delivery.signals import BUSY_AGAIN_S
from sync.webhook_signature import Endpoint

READ_S = 15.0
_AGAIN_S = 5.0
_GONE, _BUSY = 410, 429
# The specification's advice for what a receiver must take.
MOST_BYTES = 20_000
# The receiver wants no more of them: a person must ask for them again.
GONE = Failed("webhook_gone")
TOO_LARGE = Failed("webhook_too_large")


class Webhook:
    """The way to one receiver; nothing connects before the first post.

    A host written as an address is where the operator wants it. A host name must lead to a
    public address, unless the endpoint is `private_too`: whoever answers for names must not be
    able to turn our posts against our own network.
    """

    def __init__(self, endpoint: Endpoint, gate: Gate | None = None) -> None:
        """Post to `endpoint`, each time through `gate`; None: no quota, no breaker."""
        self.endpoint = endpoint
        self._client = Client(
            endpoint.url,
            gate,
            tries=1,
            read_s=READ_S,
            most_bytes=0,
            public_only=not (endpoint.private_too or _is_meant(endpoint.url)),
        )

    def post(self, message_id: str, content: bytes) -> Outcome:
        """Post JSON; return `GONE`, or Done, or RetryIn with the time the receiver asks for."""
        if len(content) > MOST_BYTES:
            return TOO_LARGE
        signed = webhook_signature.headers(
            self.endpoint.keys, message_id, content, datetime.now(UTC)
        )
        try:
            answer = self._client.call(
                Call(method="POST", path="", content=content, headers=signed)
            )
        except NoAnswer as error:
            return _without_answer(error)
        return _meaning(answer)

    def close(self) -> None:
        """Close the connections; posting again opens new ones."""
        self._client.close()


def _is_meant(url: str) -> bool:
    """Tell whether the operator has written the very machine."""
    host = urlsplit(url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _meaning(answer: Answer) -> Outcome:
    if answer.is_ok:
        return Done()
    if answer.status == _GONE:
        return GONE
    reason = f"webhook_{answer.status}"
    if answer.status == _BUSY:
        return RetryIn(answer.asked_s(BUSY_AGAIN_S), reason, scope="sink")
    return RetryIn(answer.asked_s(_AGAIN_S), reason)


def _without_answer(error: NoAnswer) -> Outcome:
    if isinstance(error, Held):
        return RetryIn(error.delay_s, error.reason, scope="sink")
    return RetryIn(_AGAIN_S, f"webhook_{'timeout' if isinstance(error, Unclear) else error.reason}")
