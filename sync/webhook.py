"""A webhook that we send: one signed POST, and what its end means.

What is posted is a state, so posting it again is safe: everything but 2xx and 410 is tried
again. Redirects are not followed, and what the receiver answers is neither read nor kept.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
import urllib3

from sync import webhook_signature
from sync.changes import Done, Failed, Outcome, RetryIn
from sync.webhook_signature import Endpoint

CONNECT_S, READ_S = 5.0, 15.0
_AGAIN_S = 5.0
_LONGEST_WAIT_S = 86_400.0
_GONE = 410
# The receiver wants no more of them: a person must ask for them again.
GONE = Failed("webhook_gone")


class _Session(requests.Session):
    """Never looks where a redirect leads."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 — requests' signature
        """Return no target."""
        return


class Webhook:
    """The way to one receiver; nothing connects before the first post."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Post to `endpoint`."""
        self.endpoint = endpoint
        self._session = _Session()

    def post(self, message_id: str, content: bytes) -> Outcome:
        """Post JSON; return `GONE`, or Done, or RetryIn with the time the receiver asks for."""
        signed = webhook_signature.headers(
            self.endpoint.keys, message_id, content, datetime.now(UTC)
        )
        try:
            response = self._session.post(
                self.endpoint.url,
                data=content,
                headers={"Content-Type": "application/json", "User-Agent": "Evergreen", **signed},
                auth=_as_it_is,
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
            )
        except requests.Timeout:
            return RetryIn(_AGAIN_S, "webhook_timeout")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            return RetryIn(_AGAIN_S, "webhook_unreachable")
        with response:
            return _meaning(response)

    def close(self) -> None:
        """Close the connections; posting again opens new ones."""
        self._session.close()


def _meaning(response: requests.Response) -> Outcome:
    if 200 <= response.status_code < 300:  # noqa: PLR2004 — HTTP's own class
        return Done()
    if response.status_code == _GONE:
        return GONE
    asked_s = _asked_s(response.headers.get("Retry-After", ""))
    return RetryIn(max(asked_s, _AGAIN_S), f"webhook_{response.status_code}")


def _asked_s(asked: str) -> float:
    """Return how many seconds the receiver asks us to wait, at most a day."""
    try:
        if asked.isascii() and asked.isdigit():
            wait_s = float(asked)
        else:
            wait_s = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(wait_s, _LONGEST_WAIT_S)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from adding a password out of ~/.netrc."""
    return request
