"""Delivering events over HTTP as Stripe does."""

from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import requests

from app.simulator.history import Json
from app.simulator.sign import sign
from sync.errors import Unavailable

_DEADLINE_S = 20.0


def body_of(event: Json) -> bytes:
    """Return an event as Stripe sends it: JSON with two spaces, in UTF-8."""
    return orjson.dumps(event, option=orjson.OPT_INDENT_2)


class Poster:
    """Posts signed events to one webhook address, over one connection that stays open.

    For one thread at a time; `secret` is the endpoint's signing secret.
    """

    def __init__(self, session: requests.Session, url: str, secret: str) -> None:
        self._session = session
        self._url = url
        self._secret = secret

    def post(self, event: Json, at: int) -> int:
        """Post one event, signed at the real Unix second `at`; return the HTTP status.

        Raises `Unavailable` when no answer came.
        """
        body = body_of(event)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, self._secret, at),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = self._session.post(
                self._url,
                data=body,
                headers=headers,
                timeout=_DEADLINE_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unavailable(f"no answer from {self._url}") from error
        return answer.status_code


@contextmanager
def poster(url: str, secret: str) -> Iterator[Poster]:
    """Open a connection to `url` for as long as the block runs."""
    with requests.Session() as session:
        # Settings of the machine (proxies, netrc) have no say in where a test event goes.
        session.trust_env = False
        yield Poster(session, url, secret)
