"""One key's way to Stripe: its HTTP client, plain JSON back, and refusals that say who must act."""

from collections.abc import Mapping
from typing import Any

import orjson
import requests
import stripe
from requests.structures import CaseInsensitiveDict

from sync.errors import Rejected, Unavailable

Json = Mapping[str, Any]

TOO_MANY, _CONFLICT, _FINAL = 429, 409, range(300, 500)


class Refusal(Exception):
    """Stripe's no, or silence; the text holds no part of a key and nothing that was asked.

    `status` is None where no answer came. `may_pass`: the same request may succeed later.
    """

    def __init__(self, error: stripe.StripeError) -> None:
        self.status, self.headers = error.http_status, _headers(error)
        self.code, self.param = _told(error, "code"), _told(error, "param")
        # A key of the wrong mode was used: the object is not gone at all then.
        self.is_other_mode = "similar object exists" in (error.user_message or "")
        self.may_pass = _may_pass(self.status, self.headers)
        self.retry_after_s = _retry_after_s(self.headers)
        super().__init__(" ".join(filter(None, [_class(error), str(self.status or ""), self.code])))

    def as_error(self) -> Unavailable | Rejected:
        """Return the error of the taxonomy that says who must act."""
        if self.may_pass:
            return Unavailable(str(self), retry_after_s=self.retry_after_s)
        return Rejected(str(self))


class Connection:
    """Speaks the API version of the installed SDK, and repeats nothing by itself.

    Usable from several threads; nothing connects before the first request.
    """

    def __init__(self, api_key: str, *, base: str | None, timeout_s: tuple[float, float]) -> None:
        self._session = requests.Session()
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base} if base else {},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeout_s, session=self._session),
        )

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        *,
        account: str = "",
        idempotency_key: str | None = None,
    ) -> tuple[Json, Mapping[str, str]]:
        """Return the answer to one request and its headers; ids in `path` are URL-quoted.

        Raises:
            Refusal: Stripe refused, or did not answer.
            Unavailable: the answer is no JSON object.
        """
        options: dict[str, Any] = {"stripe_account": account or None}
        if idempotency_key is not None:
            options["idempotency_key"] = idempotency_key
        try:
            response = self._client.raw_request(method, path, **options, **params)
        except stripe.StripeError as error:
            # Without its cause: Stripe's texts name parts of keys and what was asked.
            raise Refusal(error) from None
        return _decoded(response.body), response.headers

    def close(self) -> None:
        """Close the connections; asking again opens new ones."""
        self._session.close()


def _decoded(body: str) -> Json:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        decoded = None
    if not isinstance(decoded, dict):
        raise Unavailable("the answer is no JSON object")
    return decoded


def _may_pass(status: int | None, headers: Mapping[str, str]) -> bool:
    """Tell whether the same request may succeed later. A 2xx here was no JSON."""
    if status is None or status in {TOO_MANY, _CONFLICT} or status not in _FINAL:
        return True
    return headers.get("stripe-should-retry") == "true"


def _class(error: stripe.StripeError) -> str:
    """Return the class that says most: below a failed connection, the one of its cause."""
    broken = isinstance(error, stripe.APIConnectionError) and error.__cause__
    return type(broken or error).__name__


def _told(error: stripe.StripeError, field: str) -> str | None:
    body = error.json_body
    told = body.get("error") if isinstance(body, dict) else None
    found = told.get(field) if isinstance(told, dict) else None
    return found if isinstance(found, str) else None


def _headers(error: stripe.StripeError) -> Mapping[str, str]:
    """Return the answer's headers; of one that is no JSON the SDK puts them for the body."""
    if isinstance(error.json_body, CaseInsensitiveDict):
        return error.json_body
    return error.headers or {}


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None
