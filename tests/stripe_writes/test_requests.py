"""What is asked of Stripe by each method, and which error follows from which answer."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import responses

from sync.errors import Rejected, Unavailable
from sync.stripe_writes import StripeWrites
from tests.stripe_writes.conftest import KEY, NOW, NOW_S, Stripe, coupon, obj

API = "https://api.stripe.com/v1"
Call = Callable[[StripeWrites], Any]

RETURN, SUCCESS, CANCEL = "https://b.example/r", "https://b.example/s", "https://b.example/c"
CHECKOUT: Any = {
    "prices": [("price_1", 2), ("price_2", 1)],
    "success_url": SUCCESS,
    "cancel_url": CANCEL,
    "key": "k",
}
EXPIRES_AT = NOW + timedelta(days=14)
CARD = "payment_method_update"


def portal(writes: StripeWrites) -> str:
    return writes.portal_session("cus_1", return_url=RETURN)


def checkout(writes: StripeWrites) -> str:
    return writes.checkout_session("cus_1", **CHECKOUT)


def keep(writes: StripeWrites) -> None:
    writes.keep_subscription("sub_1", key="k")


def code(writes: StripeWrites) -> str:
    return writes.promotion_code("BACK20", "cus_1", expires_at=EXPIRES_AT, key="k").code


PORTAL_FORM = {"customer": "cus_1", "return_url": RETURN, "locale": "auto"}
CHECKOUT_FORM = {
    "mode": "subscription",
    "customer": "cus_1",
    "line_items[0][price]": "price_1",
    "line_items[0][quantity]": "2",
    "line_items[1][price]": "price_2",
    "line_items[1][quantity]": "1",
    "success_url": SUCCESS,
    "cancel_url": CANCEL,
    "locale": "auto",
}
CODE_FORM = {
    "promotion[type]": "coupon",
    "promotion[coupon]": "BACK20",
    "customer": "cus_1",
    "max_redemptions": "1",
    "expires_at": str(NOW_S + 14 * 86400),
    "expand[0]": "promotion.coupon",
}
FLOW = "flow_data[after_completion]"
AFTER = {f"{FLOW}[type]": "redirect", f"{FLOW}[redirect][return_url]": RETURN}
SESSION = {"id": "x", "url": "https://billing.stripe.com/p/session/x"}
ANYTHING = re.compile(f"{API}/.*")
PORTAL, SESSIONS = f"{API}/billing_portal/sessions", f"{API}/checkout/sessions"


@pytest.mark.parametrize(
    ("call", "url", "form"),
    [
        pytest.param(portal, PORTAL, PORTAL_FORM, id="portal"),
        pytest.param(
            lambda writes: writes.portal_session(
                "cus_1", return_url=RETURN, flow=CARD, locale="th"
            ),
            PORTAL,
            {**PORTAL_FORM, "locale": "th", "flow_data[type]": CARD, **AFTER},
            id="portal-card",
        ),
        pytest.param(
            lambda writes: writes.portal_session(
                "cus_1", return_url=RETURN, flow="subscription_cancel", subscription_id="sub_1"
            ),
            PORTAL,
            {
                **PORTAL_FORM,
                "flow_data[type]": "subscription_cancel",
                "flow_data[subscription_cancel][subscription]": "sub_1",
                **AFTER,
            },
            id="portal-cancel",
        ),
        pytest.param(
            checkout, SESSIONS, {**CHECKOUT_FORM, "allow_promotion_codes": "true"}, id="checkout"
        ),
        pytest.param(
            lambda writes: writes.checkout_session(
                "cus_1", **CHECKOUT, promotion_code="promo_1", locale="th"
            ),
            SESSIONS,
            {**CHECKOUT_FORM, "locale": "th", "discounts[0][promotion_code]": "promo_1"},
            id="checkout-with-code",
        ),
    ],
)
@responses.activate
def test_what_is_asked_for(call: Call, url: str, form: dict[str, str]) -> None:
    responses.post(url, json=SESSION)
    with StripeWrites(KEY) as writes:
        assert call(writes) == SESSION["url"]
    (sent,) = responses.calls

    assert dict(parse_qsl(str(sent.request.body), keep_blank_values=True)) == form
    assert sent.request.headers["Idempotency-Key"]
    assert "Stripe-Account" not in sent.request.headers


@pytest.mark.parametrize(
    ("scheduled", "form"),
    [
        pytest.param(
            {"cancel_at_period_end": True, "cancel_at": 5},
            {"cancel_at_period_end": "false"},
            id="by-the-flag",
        ),
        pytest.param(
            {"cancel_at_period_end": False, "cancel_at": 5}, {"cancel_at": ""}, id="by-an-instant"
        ),
    ],
)
@responses.activate
def test_what_takes_a_cancellation_back(scheduled: dict[str, Any], form: dict[str, str]) -> None:
    url = f"{API}/subscriptions/sub_1"
    responses.get(url, json={"id": "sub_1", "status": "active", **scheduled})
    responses.post(url, json={"id": "sub_1"})
    with StripeWrites(KEY) as writes:
        keep(writes)

    sent = responses.calls[-1].request
    assert dict(parse_qsl(str(sent.body), keep_blank_values=True)) == form


@responses.activate
def test_what_a_promotion_code_is_made_of() -> None:
    made = {"id": "promo_1", "code": "A", "active": True, "expires_at": 1}
    responses.get(f"{API}/promotion_codes", json={"object": "list", "data": []})
    responses.post(f"{API}/promotion_codes", json={**made, "promotion": {"coupon": coupon()}})
    with StripeWrites(KEY) as writes:
        code(writes)

    sent = dict(parse_qsl(str(responses.calls[-1].request.body)))
    assert len(sent.pop("code")) == len("ABCDE-FGHIJ")
    assert sent == CODE_FORM


CALLS = [
    pytest.param(portal, id="portal"),
    pytest.param(checkout, id="checkout"),
    pytest.param(keep, id="keep"),
    pytest.param(code, id="code"),
]
ANSWERS = [
    pytest.param(400, Rejected, 1, id="400"),
    pytest.param(401, Rejected, 1, id="401"),
    pytest.param(402, Rejected, 1, id="402"),
    pytest.param(403, Rejected, 1, id="403"),
    pytest.param(404, Rejected, 1, id="404"),
    pytest.param(409, Unavailable, 2, id="409"),
    pytest.param(429, Unavailable, 2, id="429"),
    pytest.param(500, Unavailable, 2, id="500"),
    pytest.param(503, Unavailable, 2, id="503"),
]


@pytest.mark.parametrize(("status", "error", "requests_made"), ANSWERS)
@pytest.mark.parametrize("call", CALLS)
@responses.activate
def test_who_must_act(call: Call, status: int, error: type[Exception], requests_made: int) -> None:
    told = f"Invalid API Key {KEY} for ada@customer.example"
    refused = {"error": {"type": "invalid_request_error", "message": told}}
    for method in ("GET", "POST"):
        responses.add(method, ANYTHING, json=refused, status=status)
    with (
        StripeWrites(KEY, sleep=lambda _s: None) as writes,
        pytest.raises((Rejected, Unavailable)) as raised,
    ):
        call(writes)

    assert type(raised.value) is error
    assert "ada" not in str(raised.value) + str(raised.value.__cause__)
    assert KEY not in str(raised.value)
    assert len(responses.calls) == requests_made
    assert len({sent.request.headers.get("Idempotency-Key") for sent in responses.calls}) == 1


@responses.activate
def test_an_error_that_stripe_repeats_is_not_asked_for_again() -> None:
    """Stripe keeps an error of its own for a day, and says it to the same key again."""
    responses.get(f"{API}/promotion_codes", json={"object": "list", "data": []})
    responses.post(f"{API}/promotion_codes", json={"error": {}}, status=500)
    keys = []
    with StripeWrites(KEY, sleep=lambda _s: None) as writes:
        for _ in range(2):
            with pytest.raises(Unavailable):
                code(writes)
            keys.append(responses.calls[-1].request.headers["Idempotency-Key"])

    assert keys[0] != keys[1]


@responses.activate
def test_what_a_busy_stripe_asks_for_is_passed_on_at_once() -> None:
    busy = {"error": {"type": "invalid_request_error", "code": "rate_limit"}}
    responses.post(PORTAL, json=busy, status=429, headers={"Retry-After": "7"})
    with StripeWrites(KEY) as writes, pytest.raises(Unavailable) as raised:
        portal(writes)

    assert raised.value.retry_after_s == 7
    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(requests.ConnectTimeout(), id="no-connection-in-time"),
        pytest.param(requests.ReadTimeout(), id="no-answer-in-time"),
        pytest.param(requests.ConnectionError(), id="connection-lost"),
    ],
)
@responses.activate
def test_silence_is_unavailable_after_one_more_try(broken: Exception) -> None:
    responses.post(PORTAL, body=broken)
    with StripeWrites(KEY, sleep=lambda _s: None) as writes, pytest.raises(Unavailable):
        portal(writes)

    keys = [sent.request.headers["Idempotency-Key"] for sent in responses.calls]
    assert (len(keys), len(set(keys))) == (2, 1)


@responses.activate
def test_what_took_long_is_not_tried_again() -> None:
    """Somebody waits: a second try may only follow on a fast failure."""

    def slow(_request: Any) -> Any:
        time.sleep(0.05)
        raise requests.ReadTimeout

    responses.add_callback("POST", PORTAL, slow)
    with StripeWrites(KEY, patience_s=0.04) as writes, pytest.raises(Unavailable):
        portal(writes)

    assert len(responses.calls) == 1


@pytest.mark.parametrize("url", [None, 5, "", "javascript:alert(1)", "http://phish.example"])
@responses.activate
def test_only_a_secure_address_is_handed_out(url: Any) -> None:
    responses.post(PORTAL, json={"id": "bps_1", "url": url})
    with StripeWrites(KEY) as writes, pytest.raises(Rejected):
        portal(writes)


def test_a_connected_account_is_written_to_by_name(stripe: Stripe, writes: StripeWrites) -> None:
    made = writes.promotion_code(
        "BACK20", "cus_1", account="acct_2", expires_at=EXPIRES_AT, key="k"
    )

    assert made.percent_off == 50
    assert list(stripe.account.all("promotion_code")) == []
    stripe.account.remove("customer", "cus_1")
    assert writes.portal_session("cus_1", account="acct_2", return_url=RETURN)
    with pytest.raises(Rejected):
        portal(writes)


def test_ids_do_not_lead_elsewhere(stripe: Stripe, writes: StripeWrites) -> None:
    stripe.account.put(obj("subscription", "sub_1/../x", status="active", cancel_at=5))
    with pytest.raises(Rejected):
        writes.keep_subscription("../customers/cus_1", key="k")
    writes.keep_subscription("sub_1/../x", key="k")

    kept = stripe.account.get("subscription", "sub_1/../x")
    assert kept is not None
    assert kept["cancel_at"] is None
