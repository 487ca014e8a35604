"""Shopify: each movement as one idempotent adjustment, or the level by compare-and-set.

Since 2026-04 both `@idempotent` and `changeFromQuantity` (an explicit null opts out) are needed
when the mutation runs, though the schema does not say so. Shopify forgets a key after a while,
and no query finds an adjustment again: what is unclear by then is for a person to settle.
Source: shopify.dev changelogs for 2026-04; reference crm-inventory, sections 2 and 6.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sync.changes import Done, Failed, Outcome, RetryIn, Skipped, Unknown
from sync.delivery import signals
from sync.delivery.gate import NoAnswer
from sync.delivery.http import Answer, Call, Client
from sync.delivery.policy import Policy
from sync.delivery.signals import Meaning
from sync.delivery.sink import Finding
from sync.inventory.names import Names
from sync.inventory.sink import Intent, Level, Told
from sync.inventory.sinks.shopify_documents import ADJUST, ITEM, LEVEL, LOCATIONS, SET
from sync.inventory.vendors import Shopify

API_VERSION = "2026-10"
# Held for a day by one account of it; nine tenths of that are used.
KEY_LIVES = timedelta(hours=24)
_NAME = "shopify"
_TOKEN_PATH = "/admin/oauth/access_token"  # noqa: S105 — a path
_EARLY_S = 300.0
_UNAUTHORIZED = 401
_THROTTLED_AGAIN_S = 2.0
# Codes of `userErrors` and of GraphQL errors, and what they mean here. Codes of the schema of
# 2026-10; THROTTLED is its documented answer to a spent cost budget.
CODES: Mapping[str, Meaning] = MappingProxyType(
    {
        "THROTTLED": "busy",
        "ACCESS_DENIED": "mend",
        "SHOP_INACTIVE": "mend",
        "INTERNAL_SERVER_ERROR": "unclear",
        # An error without a code, such as a timeout: it says nothing of what was done.
        "GRAPHQL_ERROR": "unclear",
        "IDEMPOTENCY_CONCURRENT_REQUEST": "soon",
        "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": "refused",
        "IDEMPOTENCY_KEY_PARAMETER_MISMATCH": "refused",
        "CHANGE_FROM_QUANTITY_STALE": "soon",
    }
)


@dataclass(slots=True)
class _Token:
    """A token of the client-credentials grant, good for a day."""

    value: str = field(default="", repr=False)
    until: float = 0.0


class ShopifySink:
    """Repeats movements in one Shopify shop."""

    name = _NAME
    # 100 points a second on the standard plan; a mutation costs 10.
    policy = Policy(batch=10, calls_per_window=9, window_s=1, key_lives=KEY_LIVES)

    def __init__(
        self, shop: Shopify, client: Client, names: Callable[[Collection[str]], Names]
    ) -> None:
        """Speak through `client`; `names` reads what `setup` has found of some SKUs.

        Nothing connects yet.
        """
        self._shop, self._client, self._names = shop, client, names
        self._token = _Token()

    def setup(self) -> Sequence[Finding]:
        """Return that the shop can be asked, or what keeps us from it."""
        answer = self._ask(LOCATIONS, {})
        if isinstance(answer, Outcome):
            return [Finding("wrong", _NAME, getattr(answer, "reason", ""))]
        places = answer["data"]["locations"]["nodes"]
        named = ", ".join(f"{each['name']} = {each['id']}" for each in places)
        return [Finding("ok", "locations", named)]

    def find(self, sku: str) -> str | Outcome | None:
        """Return Shopify's inventory item of `sku`, None where it has none or several."""
        answer = self._ask(ITEM, {"query": f"sku:{_quoted(sku)}"})
        if isinstance(answer, Outcome):
            return answer
        nodes = answer["data"]["inventoryItems"]["nodes"]
        exact = [each["id"] for each in nodes if each["sku"] == sku]
        return exact[0] if len(exact) == 1 else None

    def deliver(self, batch: Sequence[Intent]) -> Sequence[Outcome]:
        """Repeat each; one call per intent, since each has a key of its own."""
        names = self._names({_sku(each) for each in batch if isinstance(each, Told | Level)})
        return [self._deliver(intent, names) for intent in batch]

    def resolve(self, intent: Intent) -> Outcome | None:
        """Return nothing: no query finds an adjustment by what it was for, or by its key.

        So a movement that is unclear beyond the life of its key waits for a person.
        """
        del intent
        return None

    def _deliver(self, intent: Intent, names: Names) -> Outcome:
        if not isinstance(intent, Told | Level):
            return Skipped("not_for_shopify")
        moved = intent.movement if isinstance(intent, Told) else intent
        item, place = names.skus.get(_sku(intent)), names.locations.get(moved.location)
        if item is None or place is None:
            return Failed("shopify_unknown_sku" if item is None else "shopify_unknown_location")
        if isinstance(intent, Told):
            return self._adjust(intent, item, place)
        return self._set(intent, item, place)

    def _adjust(self, told: Told, item: str, place: str) -> Outcome:
        moved = told.movement
        change = {
            "inventoryItemId": item,
            "locationId": place,
            "delta": moved.delta,
            "changeFromQuantity": None,
        }
        variables = {
            "key": told.key,
            "input": {
                "name": "available",
                "reason": "correction",
                "referenceDocumentUri": f"gid://{self._shop.app}/InvoiceLine/{moved.source_line}",
                "changes": [change],
            },
        }
        answer = self._ask(ADJUST, variables)
        return self._meant(answer, "inventoryAdjustQuantities", "inventoryAdjustmentGroup")

    def _set(self, level: Level, item: str, place: str) -> Outcome:
        """Set what is available to ours, unless somebody moves it between look and write."""
        stands = self._stands(item, place)
        if isinstance(stands, Outcome):
            return stands
        if stands is None:
            return Failed("shopify_not_stocked_there")
        if stands == level.available:
            return Done()
        quantity = {
            "inventoryItemId": item,
            "locationId": place,
            "quantity": level.available,
            "changeFromQuantity": stands,
        }
        key = uuid5(NAMESPACE_URL, f"evergreen:{level.key}|{stands}|{level.available}")
        variables = {
            "key": str(key),
            "input": {"name": "available", "reason": "correction", "quantities": [quantity]},
        }
        answer = self._ask(SET, variables)
        return self._meant(answer, "inventorySetQuantities", "inventoryAdjustmentGroup")

    def stands(self, sku: str, location: str) -> int | Outcome | None:
        """Return what Shopify shows as available; None where it does not know the shelf."""
        names = self._names({sku})
        item, place = names.skus.get(sku), names.locations.get(location)
        return self._stands(item, place) if item and place else None

    def _stands(self, item: str, place: str) -> int | Outcome | None:
        found = self._ask(LEVEL, {"item": item, "location": place})
        return found if isinstance(found, Outcome) else _available(found)

    def _meant(self, answer: Mapping[str, Any] | Outcome, mutation: str, group: str) -> Outcome:
        if isinstance(answer, Outcome):
            return answer
        told = answer["data"][mutation]
        if errors := told.get("userErrors"):
            return _refused(str(errors[0].get("code") or "USER_ERROR"))
        return Done((told.get(group) or {}).get("id"))

    def _ask(self, document: str, variables: Mapping[str, Any]) -> Mapping[str, Any] | Outcome:
        """Return the answer's JSON with its `data`, or what an answer without it means.

        All we ask may be asked again: a query, or a mutation under its key. A token that is
        refused is asked for anew, once.
        """
        body = {"query": document, "variables": variables}
        try:
            answer = self._post(body)
            if not isinstance(answer, Outcome) and answer.status == _UNAUTHORIZED:
                self._token = _Token()
                answer = self._post(body)
        except NoAnswer as silence:
            return signals.outcome(_NAME, silence)
        if isinstance(answer, Outcome):
            return answer
        return _data(answer)

    def _post(self, body: Mapping[str, Any]) -> Answer | Outcome:
        token = self._fresh_token()
        if isinstance(token, Outcome):
            return token
        call = Call(
            method="POST",
            path=f"/admin/api/{API_VERSION}/graphql.json",
            json=body,
            headers={"X-Shopify-Access-Token": token},
            repeatable=True,
        )
        return self._client.call(call)

    def _fresh_token(self) -> str | Outcome:
        if self._token.value and time.monotonic() < self._token.until:
            return self._token.value
        credentials = {
            "grant_type": "client_credentials",
            "client_id": self._shop.client_id,
            "client_secret": self._shop.client_secret,
        }
        try:
            answer = self._client.call(
                Call(
                    method="POST",
                    path=_TOKEN_PATH,
                    json=credentials,
                    repeatable=True,
                    only_asks=True,
                )
            )
        except NoAnswer as silence:
            # Nothing was moved yet, whatever became of the request for a token.
            return RetryIn(silence.delay_s or _THROTTLED_AGAIN_S, f"{_NAME}_no_token", "sink")
        if not answer.is_ok or not answer.body.get("access_token"):
            outcome = signals.outcome(_NAME, answer, code="no_token")
            wait_s = answer.asked_s(signals.MEND_FIRST_S if answer.is_alive else 0)
            return outcome if isinstance(outcome, RetryIn) else _no_token(wait_s)
        lives_s = float(answer.body.get("expires_in") or 0)
        until = time.monotonic() + max(lives_s - _EARLY_S, 0.0)
        self._token = _Token(str(answer.body["access_token"]), until)
        return self._token.value


def _sku(intent: Told | Level) -> str:
    return intent.movement.sku if isinstance(intent, Told) else intent.sku


def _no_token(wait_s: float) -> RetryIn:
    return RetryIn(max(wait_s, _THROTTLED_AGAIN_S), f"{_NAME}_no_token", "sink")


def _data(answer: Answer) -> Mapping[str, Any] | Outcome:
    """Return an answer with data; what has none is an error of GraphQL's, of HTTP's, or garbage."""
    errors = answer.body.get("errors")
    if isinstance(errors, list) and errors:
        return _refused(_code_of(errors[0]))
    if answer.is_ok:
        ok = isinstance(answer.body.get("data"), dict)
        return answer.body if ok else Unknown(f"{_NAME}_garbage")
    return signals.outcome(_NAME, answer)


def _code_of(error: Any) -> str:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    return str((extensions or {}).get("code") or "GRAPHQL_ERROR")


def _refused(code: str) -> Outcome:
    """Return what a code means; a no that we do not know is final: nothing was moved by it."""
    meaning = CODES.get(code, "refused")
    return signals.outcome(_NAME, Answer(200, {}), code=code, codes={code: meaning})


def _available(answer: Mapping[str, Any]) -> int | None:
    item = answer["data"].get("inventoryItem") or {}
    level = item.get("inventoryLevel") or {}
    return next(
        (each["quantity"] for each in level.get("quantities") or () if each["name"] == "available"),
        None,
    )


def _quoted(sku: str) -> str:
    """Return a SKU as one term of Shopify's search syntax."""
    return '"' + sku.replace("\\", "\\\\").replace('"', '\\"') + '"'
