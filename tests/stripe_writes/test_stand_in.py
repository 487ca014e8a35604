"""The stand-in takes writes as Stripe does: held against Stripe's own client."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import requests
import stripe as sdk
from stripe.params import PromotionCodeCreateParams, SubscriptionUpdateParams
from stripe.params.billing_portal import SessionCreateParams as PortalParams
from stripe.params.checkout import SessionCreateParams as CheckoutParams

from app.simulator.stripe_api.faults import Fault
from app.simulator.stripe_api.form import decoded
from app.simulator.stripe_api.writing import UPDATES, WRITES
from tests.stripe_writes.conftest import KEY, NOW_S, Stripe, obj

URLS = {"success_url": "https://b.example/s", "cancel_url": "https://b.example/c"}
CODE: Any = {"promotion": {"type": "coupon", "coupon": "BACK20"}, "customer": "cus_1"}


@pytest.fixture
def client(stripe: Stripe) -> Iterator[Any]:
    with requests.Session() as session:
        yield sdk.StripeClient(
            KEY,
            base_addresses={"api": stripe.base},
            max_network_retries=0,
            http_client=sdk.RequestsClient(timeout=10, session=session),
        ).v1


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("billing_portal/sessions", PortalParams),
        ("checkout/sessions", CheckoutParams),
        ("promotion_codes", PromotionCodeCreateParams),
        ("subscriptions", SubscriptionUpdateParams),
    ],
)
def test_it_takes_only_what_stripes_client_can_send(path: str, known: type) -> None:
    write = WRITES.get(path)
    taken = write.required | write.optional if write else UPDATES[path]

    assert taken <= inspect.get_annotations(known).keys()


def test_a_form_is_nested() -> None:
    body = "a=1&b[c]=2&d[1][e]=4&d[0][e]=3&f[]=x&g="

    assert decoded(body.replace("f[]=x", "f[0]=x")) == {
        "a": "1",
        "b": {"c": "2"},
        "d": [{"e": "3"}, {"e": "4"}],
        "f": ["x"],
        "g": "",
    }


def test_what_is_made_can_be_read(stripe: Stripe, client: Any) -> None:
    page = client.checkout.sessions.create(PAGE)
    code = client.promotion_codes.create({**CODE, "expand": ["promotion.coupon"]})

    assert page.url.startswith("https://checkout.stripe.com/")
    assert client.checkout.sessions.retrieve(page.id).status == "open"
    assert code.promotion.coupon.percent_off == 20
    assert [each.id for each in client.promotion_codes.list({"code": code.code})] == [code.id]
    assert [event["type"] for event in stripe.account.events] == ["promotion_code.created"]


def test_a_kept_subscription_reads_as_kept(stripe: Stripe, client: Any) -> None:
    stripe.account.put(obj("subscription", "sub_1", status="active", cancel_at=NOW_S + 9))
    client.subscriptions.update("sub_1", {"cancel_at": ""})

    assert client.subscriptions.retrieve("sub_1").cancel_at is None


def test_a_key_is_good_for_one_request_and_for_a_day(stripe: Stripe, client: Any) -> None:
    key: Any = {"idempotency_key": "k"}
    first = client.promotion_codes.create(CODE, key)

    assert client.promotion_codes.create(CODE, key).id == first.id
    with pytest.raises(sdk.IdempotencyError) as refused:
        client.promotion_codes.create({**CODE, "customer": "cus_2"}, key)
    assert refused.value.http_status == 400
    stripe.pass_time(25)
    assert client.promotion_codes.create({**CODE, "code": "B"}, key).id != first.id


def test_a_refusal_is_not_remembered(stripe: Stripe, client: Any) -> None:
    key: Any = {"idempotency_key": "k"}
    wish = {**CODE, "customer": "cus_9"}
    with pytest.raises(sdk.InvalidRequestError):
        client.promotion_codes.create(wish, key)
    stripe.account.put(obj("customer", "cus_9"))

    assert client.promotion_codes.create(wish, key).customer == "cus_9"


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        pytest.param(Fault.LIMITED, 0, id="limited"),
        pytest.param(Fault.ERROR, 0, id="error"),
        pytest.param(Fault.LOST, 0, id="lost"),
        pytest.param(Fault.DROPPED, 1, id="dropped"),
        pytest.param(Fault.HALF, 1, id="half"),
    ],
)
def test_what_goes_wrong_does_so_before_or_after_acting(
    stripe: Stripe, client: Any, fault: Fault, done: int
) -> None:
    stripe.fail(fault)
    with pytest.raises(sdk.StripeError):
        client.promotion_codes.create(CODE)

    assert len(list(stripe.account.all("promotion_code"))) == done


LINES = [{"price": "price_1", "quantity": 1}]
PAGE: Any = {"mode": "subscription", "customer": "cus_1", "line_items": LINES, **URLS}
REFUSALS: Mapping[str, tuple[Callable[[Any], object], str]] = {
    "unknown": (lambda c: c.promotion_codes.create({**CODE, "colour": "red"}), "colour"),
    "required": (lambda c: c.checkout.sessions.create({"customer": "cus_1"}), "line_items"),
    "past": (lambda c: c.promotion_codes.create({**CODE, "expires_at": NOW_S}), "expires_at"),
    "namesake": (lambda c: c.promotion_codes.create({**CODE, "code": "taken"}), "code"),
    "flow": (
        lambda c: c.billing_portal.sessions.create(
            {"customer": "cus_1", "flow_data": {"type": "subscription_cancel"}}
        ),
        "flow_data[subscription_cancel][subscription]",
    ),
    "used": (
        lambda c: c.checkout.sessions.create(
            {**PAGE, "discounts": [{"promotion_code": "promo_u"}]}
        ),
        "discounts[0][promotion_code]",
    ),
    "somebody-elses": (
        lambda c: c.checkout.sessions.create(
            {**PAGE, "discounts": [{"promotion_code": "promo_2"}]}
        ),
        "discounts[0][promotion_code]",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_stripe_refuses_is_refused(stripe: Stripe, client: Any, name: str) -> None:
    known: dict[str, Any] = {
        "active": True,
        "expires_at": None,
        "customer": "cus_1",
        "code": "TAKEN",
    }
    stripe.account.put(
        obj("promotion_code", "promo_t", **known),
        obj("promotion_code", "promo_u", **{**known, "active": False}),
        obj("promotion_code", "promo_2", **{**known, "customer": "cus_2"}),
    )
    call, param = REFUSALS[name]
    with pytest.raises(sdk.InvalidRequestError) as refused:
        call(client)

    assert (refused.value.http_status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        pytest.param({"cancel_at": "", "cancel_at_period_end": False}, "active", id="both"),
        pytest.param({"cancel_at": ""}, "canceled", id="ended"),
    ],
)
def test_a_subscription_that_cannot_be_kept(
    stripe: Stripe, client: Any, params: Any, status: str
) -> None:
    stripe.account.put(obj("subscription", "sub_1", status=status))
    with pytest.raises(sdk.InvalidRequestError):
        client.subscriptions.update("sub_1", params)


def test_a_code_may_be_named_again_when_it_is_over(stripe: Stripe, client: Any) -> None:
    hour_s = int(timedelta(hours=1).total_seconds())
    wish = {**CODE, "code": "BACK"}
    client.promotion_codes.create({**wish, "expires_at": NOW_S + hour_s})
    stripe.pass_time(1)

    assert client.promotion_codes.create(wish).code == "BACK"
