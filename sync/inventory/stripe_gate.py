"""The gate's hand at Stripe: payment links, prices and products, off and on again.

That it was us is written on the thing itself, by the request that turns it off: so it cannot be
lost between the request and our record of it. Archiving a price or product blocks new sales,
keeps existing subscriptions and deactivates payment links.
Source: docs.stripe.com/products-prices/manage-prices
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sync.inventory.gate import Target
from sync.mirror.shapes import at, mappings
from sync.stripe_connection import Connection, Json, Refusal

MARK = "evergreen_sold_out"
_PATHS: Mapping[Target, str] = {
    "payment_link": "/v1/payment_links",
    "price": "/v1/prices",
    "product": "/v1/products",
}
_TIMEOUT_S = 2.0, 6.0
_PAGE = 100


class StripeGate:
    """Turns things off and on with one key; needs write permission on what the gate closes.

    Raises `Unavailable` (with the wait that Stripe asks for) or `Rejected`, nothing else.
    """

    def __init__(self, api_key: str, *, base: str | None = None) -> None:
        """Nothing connects before the first request."""
        self._connection = Connection(api_key, base=base, timeout_s=_TIMEOUT_S)

    def links_with(self, price: str, account: str) -> Sequence[str]:
        """Return the payment links that sell `price`; those that somebody closed, too."""
        links = self._list("/v1/payment_links", account, expand=["data.line_items"])
        return [link["id"] for link in links if self._sells(link, price, account)]

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
        self._connection.close()

    def _sells(self, link: Json, price: str, account: str) -> bool:
        """Tell by the lines that came with the link, and by all of them where some are missing."""
        shown = link.get("line_items") or {"has_more": True}
        if _names(shown, price) or not shown.get("has_more"):
            return _names(shown, price)
        path = f"/v1/payment_links/{quote(link['id'], safe='')}/line_items"
        return any(at(line, "price", "id") == price for line in self._list(path, account))

    def _list(self, path: str, account: str, **params: Any) -> Iterator[Json]:
        after: dict[str, str] = {}
        while True:
            page = self._ask("get", path, account, limit=_PAGE, **params, **after)
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def _ask(self, method: str, path: str, account: str, **params: Any) -> Json:
        try:
            found, _ = self._connection.ask(method, path, params, account=account)
        except Refusal as refusal:
            raise refusal.as_error() from None
        return found


def _names(lines: Json, price: str) -> bool:
    return any(at(line, "price", "id") == price for line in mappings(lines.get("data")))


def _is_marked(found: Json) -> bool:
    return bool((found.get("metadata") or {}).get(MARK))
