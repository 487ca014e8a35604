"""The gate's hand at Stripe: payment links, prices and products, off and on again.

That it was us is written on the thing itself, by the request that turns it off: so it cannot be
lost between the request and our record of it. Archiving a price or product blocks new sales,
keeps existing subscriptions and deactivates payment links.
Source: docs.stripe.com/products-prices/manage-prices
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
import requests
import stripe

from sync.errors import Rejected, Unavailable
from sync.inventory.gate import Target

MARK = "evergreen_sold_out"
_PATHS: Mapping[Target, str] = {
    "payment_link": "/v1/payment_links",
    "price": "/v1/prices",
    "product": "/v1/products",
}
_TIMEOUT_S = 2.0, 6.0
_PAGE = 100
_BUSY = frozenset({409, 424, 425, 429})
Json = Mapping[str, Any]


class StripeGate:
    """Turns things off and on with one key; needs write permission on what the gate closes."""

    def __init__(self, api_key: str, *, base: str | None = None) -> None:
        """Nothing connects before the first request."""
        self._session = requests.Session()
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base} if base else {},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=_TIMEOUT_S, session=self._session),
        )

    def links_with(self, price: str, account: str) -> Sequence[str]:
        """Return the payment links that sell `price`; those that somebody closed, too."""
        return [
            link["id"]
            for link in self._list("/v1/payment_links", account)
            if self._sells(link["id"], price, account)
        ]

    def turn_off(self, target: Target, target_id: str, account: str) -> bool:
        """Take off sale, unless it is so; return whether it bears our mark then."""
        path = f"{_PATHS[target]}/{quote(target_id, safe='')}"
        found = self._ask("get", path, account)
        if not found.get("active"):
            return _is_marked(found)
        self._ask("post", path, account, active="false", metadata={MARK: "true"})
        return True

    def turn_on(self, target: Target, target_id: str, account: str) -> bool:
        """Put back on sale what we took off, and take our mark away."""
        path = f"{_PATHS[target]}/{quote(target_id, safe='')}"
        found = self._ask("get", path, account)
        if not _is_marked(found):
            return False
        self._ask("post", path, account, active="true", metadata={MARK: ""})
        return True

    def close(self) -> None:
        """Close the connections; asking again opens new ones."""
        self._session.close()

    def _sells(self, link: str, price: str, account: str) -> bool:
        lines = self._list(f"/v1/payment_links/{quote(link, safe='')}/line_items", account)
        return any((line.get("price") or {}).get("id") == price for line in lines)

    def _list(self, path: str, account: str) -> Iterator[Json]:
        after: dict[str, str] = {}
        while True:
            page = self._ask("get", path, account, limit=_PAGE, **after)
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def _ask(self, method: str, path: str, account: str, **params: Any) -> Json:
        try:
            response = self._client.raw_request(
                method, path, stripe_account=account or None, **params
            )
        except stripe.StripeError as error:
            # Without its cause: Stripe's texts name parts of keys and what was asked.
            raise _refusal(error) from None
        found: Json = orjson.loads(response.body)
        return found


def _is_marked(found: Json) -> bool:
    return bool((found.get("metadata") or {}).get(MARK))


def _refusal(error: stripe.StripeError) -> Unavailable | Rejected:
    status = error.http_status
    said = " ".join(filter(None, [type(error).__name__, str(status or ""), error.code]))
    if status is None or status in _BUSY or status >= 500:  # noqa: PLR2004 — HTTP's own class
        return Unavailable(said)
    return Rejected(said)
