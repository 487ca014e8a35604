"""The only way to change something at Stripe: few requests, each with an idempotency key.

Everything here may be asked again with the same `key`: it is done once. A restricted key needs
write permission for what is used of it: Customer portal, Checkout Sessions, Subscriptions,
Promotion codes; without it Stripe answers 403, which is `Rejected` here.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Self
from urllib.parse import quote
from uuid import uuid4

import orjson
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random,
)

from sync.errors import Rejected, Unavailable
from sync.mirror.facts import LIVE_STATUSES
from sync.mirror.shapes import at, exact, instant, integer, ref, string
from sync.stripe_connection import Connection, Json, Refusal

Flow = Literal[
    "payment_method_update", "subscription_cancel", "subscription_pause", "subscription_update"
]

# A person may be waiting: one request takes 10 s at most, so only what failed fast is repeated.
_TIMEOUT_S = 2.0, 6.0
PATIENCE_S = 2.0
_PAUSE_S = wait_random(0.1, 0.3)
_ENDED = frozenset({"canceled", "incomplete_expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionCode:
    """A code for one customer and one use, with the terms of its coupon as Stripe has them.

    Either `percent_off` or `amount_off_minor` (of `currency`) is set. `months`: for how long the
    price is lowered; None once only, 0 for ever. `is_active`: it can still be redeemed.
    """

    id: str
    code: str
    expires_at: datetime
    is_active: bool
    percent_off: Decimal | None
    amount_off_minor: int | None
    currency: str | None
    months: int | None


class StripeWrites:
    """Writes to one Stripe account and those connected to it (`account`; empty: its own).

    Each method raises `Unavailable` (429, 5xx, no answer: the same may succeed later) or
    `Rejected` (Stripe refuses the request or the key: a person must look), nothing else.
    Usable from several threads; nothing connects before the first request.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base: str | None = None,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = Connection(api_key, base=base, timeout_s=_TIMEOUT_S)
        self._pages = ("https://", base) if base else ("https://",)
        self._retrying = Retrying(
            retry=retry_if_exception(_is_brief),
            stop=stop_after_attempt(2) | stop_before_delay(patience_s),
            wait=_PAUSE_S,
            sleep=sleep,
            reraise=True,
        )

    def portal_session(
        self,
        customer_id: str,
        *,
        account: str = "",
        return_url: str,
        flow: Flow | None = None,
        subscription_id: str | None = None,
        locale: str = "auto",
    ) -> str:
        """Return the address of a fresh customer portal, opened at `flow` where one is given.

        `subscription_id` is for the flows about one subscription. The address works for
        minutes: make it on the click. The shop configures the portal in its dashboard.
        """
        params: dict[str, Any] = {"customer": customer_id, "return_url": return_url}
        params["locale"] = locale
        if flow is not None:
            params["flow_data"] = _flow_data(flow, subscription_id, return_url)
        made = self._post("/v1/billing_portal/sessions", params, account, uuid4().hex)
        return self._address(made)

    def checkout_session(
        self,
        customer_id: str,
        *,
        account: str = "",
        prices: Sequence[tuple[str, int | None]],
        success_url: str,
        cancel_url: str,
        promotion_code: str | None = None,
        locale: str = "auto",
        key: str,
    ) -> str:
        """Return the address of a Checkout page that starts a subscription to `prices`.

        `prices`: ids of prices, each with its quantity; None for a metered one, where Stripe
        refuses any. `promotion_code`: the id of a code
        (`promo_…`) that is already applied; without one the page has a field for codes. The
        same `key` gives the same page for a day, an expired one too: let it name the click.
        """
        params: dict[str, Any] = {
            "mode": "subscription",
            "customer": customer_id,
            "line_items": [_line(price, quantity) for price, quantity in prices],
            "success_url": success_url,
            "cancel_url": cancel_url,
            "locale": locale,
        }
        if promotion_code is None:
            params["allow_promotion_codes"] = True
        else:
            params["discounts"] = [{"promotion_code": promotion_code}]
        return self._address(self._post("/v1/checkout/sessions", params, account, key))

    def is_subscribed(self, customer_id: str, *, account: str = "") -> bool:
        """Tell whether the customer has a living subscription, as Stripe itself knows it now."""
        params = {"customer": customer_id, "limit": 100}
        found = self._get("/v1/subscriptions", params, account).get("data") or ()
        return any(each.get("status") in LIVE_STATUSES for each in found)

    def keep_subscription(self, subscription_id: str, *, account: str = "", key: str) -> None:
        """Take back a scheduled cancellation; one that is not scheduled (any more) stays kept.

        Raises:
            Rejected: besides, when the subscription has ended already.
        """
        path = f"/v1/subscriptions/{quote(subscription_id, safe='')}"
        found = self._get(path, {}, account)
        if found.get("status") in _ENDED:
            raise Rejected("the subscription has ended")
        if undo := _undo(found):
            # Who cancels, keeps and cancels once more within a day can keep once more, too.
            scheduled = (found.get("cancel_at"), found.get("canceled_at"))
            self._post(path, undo, account, f"{key}:{scheduled}")

    def promotion_code(
        self, coupon: str, customer_id: str, *, account: str = "", expires_at: datetime, key: str
    ) -> PromotionCode:
        """Return the code of `key`, made now or on an earlier call, however long ago.

        The code follows from `key`, and Stripe keeps codes unique: that holds beyond the day for
        which Stripe remembers idempotency keys, and when a coupon was exchanged meanwhile.
        """
        if found := self.find_promotion_code(customer_id, account=account, key=key):
            return found
        params: dict[str, Any] = {
            "promotion": {"type": "coupon", "coupon": coupon},
            "customer": customer_id,
            "code": _code(key),
            "max_redemptions": 1,
            "expires_at": int(expires_at.timestamp()),
            "expand": ["promotion.coupon"],
        }
        # A key of this call's own, as Stripe repeats for a day what it said, an error of its own
        # too. That there is one code only, the code itself sees to.
        return _promotion_code(self._post("/v1/promotion_codes", params, account, uuid4().hex))

    def find_promotion_code(
        self, customer_id: str, *, account: str = "", key: str
    ) -> PromotionCode | None:
        """Return the code that was made for `key`, None where none was."""
        params: dict[str, Any] = {"code": _code(key), "customer": customer_id, "limit": 1}
        params["expand"] = ["data.promotion.coupon"]
        found = self._get("/v1/promotion_codes", params, account).get("data") or ()
        return _promotion_code(found[0]) if found else None

    def close(self) -> None:
        """Close the connections; writing again opens new ones."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _address(self, session: Json) -> str:
        """Return where to send a person; only a stand-in for Stripe has pages of its own."""
        found = string(session.get("url")) or ""
        if not found.startswith(self._pages):
            raise Rejected("the session has no address")
        return found

    def _get(self, path: str, params: Mapping[str, Any], account: str) -> Json:
        return self._asked("get", path, params, account, None)

    def _post(self, path: str, params: Mapping[str, Any], account: str, key: str) -> Json:
        return self._asked("post", path, params, account, _idempotency_key(key, path, params))

    def _asked(
        self, method: str, path: str, params: Mapping[str, Any], account: str, key: str | None
    ) -> Json:
        try:
            answer, _ = self._retrying(
                self._connection.ask, method, path, params, account=account, idempotency_key=key
            )
        except Refusal as refusal:
            raise refusal.as_error() from None
        return answer


def _is_brief(error: BaseException) -> bool:
    """Tell whether a moment's pause may help; the wait of a 429 is the caller's to choose."""
    if isinstance(error, Refusal):
        told = error.headers.get("stripe-should-retry")
        return error.may_pass and error.retry_after_s is None and told != "false"
    return isinstance(error, Unavailable)


def _idempotency_key(key: str, path: str, params: Mapping[str, Any]) -> str:
    """Return a name for exactly this request: with other parameters it is another one.

    Stripe refuses a known key with other parameters, and keys may hold no personal data.
    """
    told = orjson.dumps([key, path, params], option=orjson.OPT_SORT_KEYS)
    return f"evergreen-{hashlib.sha256(told).hexdigest()}"


def _code(key: str) -> str:
    """Return the code of a key: 50 bits that are easy to type, such as `K7Q2M-4XWPA`."""
    word = base64.b32encode(hashlib.sha256(f"promotion code {key}".encode()).digest()).decode()
    return f"{word[:5]}-{word[5:10]}"


def _line(price: str, quantity: int | None) -> Json:
    return {"price": price} | ({} if quantity is None else {"quantity": quantity})


def _flow_data(flow: Flow, subscription_id: str | None, return_url: str) -> Json:
    """Return the portal's order to open one task, and to come back when it is done."""
    after = {"type": "redirect", "redirect": {"return_url": return_url}}
    data: dict[str, Any] = {"type": flow, "after_completion": after}
    if subscription_id is not None:
        data[flow] = {"subscription": subscription_id}
    return data


def _undo(subscription: Json) -> Json | None:
    """Return what takes a cancellation back; both at once would be refused.

    With flexible billing Stripe turns the flag into the instant, so either may be set alone;
    where both are, the instant is only what the flag comes to.
    """
    if subscription.get("cancel_at_period_end"):
        return {"cancel_at_period_end": False}
    return {"cancel_at": ""} if subscription.get("cancel_at") else None


def _promotion_code(made: Json) -> PromotionCode:
    found = at(made, "promotion", "coupon")
    coupon: Json = found if isinstance(found, dict) else {}
    code_id, code = ref(made), string(made.get("code"))
    expires_at, percent_off = instant(made.get("expires_at")), exact(coupon.get("percent_off"))
    if code_id is None or code is None or expires_at is None:
        raise Rejected("the promotion code is not as asked for")
    return PromotionCode(
        id=code_id,
        code=code,
        expires_at=expires_at,
        is_active=made.get("active") is True,
        percent_off=Decimal(percent_off) if percent_off else None,
        amount_off_minor=integer(coupon.get("amount_off")),
        currency=string(coupon.get("currency")),
        months=_months(coupon),
    )


def _months(coupon: Json) -> int | None:
    """Return for how long a coupon lowers the price: None once only, 0 for ever."""
    if coupon.get("duration") == "repeating":
        return integer(coupon.get("duration_in_months"))
    return 0 if coupon.get("duration") == "forever" else None
