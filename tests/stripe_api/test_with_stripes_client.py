"""The fake is honest: Stripe's own client works with it as with Stripe."""

import pytest
import requests
import stripe

from app.simulator.stripe_api.account import Account, from_history
from app.simulator.stripe_api.faults import Fault, Faults
from app.simulator.stripe_api.server import StripeApi, serving
from tests.simulator.histories import UNTIL, year
from tests.stripe_api.conftest import Stripe, client
from tests.stripe_api.objects import KEY, invoice, obj, subscription


def test_auto_paging_yields_every_customer_once_newest_first(shop: Stripe) -> None:
    shop.account.put(*(obj("customer", f"cus_{n:02}", n // 3) for n in range(25)))

    found = [each.id for each in shop.client.v1.customers.list({"limit": 7}).auto_paging_iter()]

    assert found == [f"cus_{n:02}" for n in reversed(range(25))]
    assert shop.api.counts == {"customers": 4}


def test_auto_paging_backwards_yields_the_oldest_first(shop: Stripe) -> None:
    shop.account.put(*(obj("customer", f"cus_{n}", n) for n in range(6)))
    listed = shop.client.v1.customers.list({"limit": 2, "ending_before": "cus_0"})

    assert [each.id for each in listed.auto_paging_iter()] == [f"cus_{n}" for n in range(1, 6)]


def test_canceled_subscriptions_are_listed_only_when_asked_for(shop: Stripe) -> None:
    shop.account.put(
        subscription("sub_1"), subscription("sub_2", "canceled"), subscription("sub_3", "past_due")
    )
    subscriptions = shop.client.v1.subscriptions

    assert [s.id for s in subscriptions.list()] == ["sub_3", "sub_1"]
    assert [s.id for s in subscriptions.list({"status": "all"})] == ["sub_3", "sub_2", "sub_1"]
    assert [s.id for s in subscriptions.list({"status": "ended"})] == ["sub_2"]
    assert [s.id for s in subscriptions.list({"status": "past_due"})] == ["sub_3"]


def test_an_invoice_is_expanded_and_its_lines_go_on_behind_the_first_ten(shop: Stripe) -> None:
    shop.account.put(
        obj("customer", "cus_1", email="a@example.com"),
        invoice("in_1", lines=25, customer="cus_1"),
        obj("invoice_payment", "inpay_1", invoice="in_1"),
    )
    invoices = shop.client.v1.invoices

    plain = invoices.retrieve("in_1")
    expanded = invoices.retrieve("in_1", {"expand": ["customer", "payments"]})

    assert plain.customer == "cus_1"
    assert "payments" not in plain
    assert isinstance(expanded.customer, stripe.Customer)
    assert expanded.customer.email == "a@example.com"
    assert [each.id for each in expanded.payments or ()] == ["inpay_1"]
    assert (len(plain.lines.data), plain.lines.has_more) == (10, True)
    assert [each.amount for each in plain.lines.auto_paging_iter()] == list(range(25))


def test_what_never_was_is_resource_missing(shop: Stripe) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.invoices.retrieve("in_none")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert str(refused.value.user_message) == "No such invoice: 'in_none'"


def test_a_deleted_customer_is_told_as_deleted_and_a_deleted_product_is_missing(
    shop: Stripe,
) -> None:
    shop.account.put(obj("customer", "cus_1"), obj("product", "prod_1"))
    shop.account.remove("customer", "cus_1")
    shop.account.remove("product", "prod_1")

    assert shop.client.v1.customers.retrieve("cus_1").deleted is True
    assert shop.client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.products.retrieve("prod_1")


def test_a_wrong_key_is_refused(shop: Stripe, session: requests.Session) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        client(shop.base, session, "sk_test_other").v1.customers.list()

    assert refused.value.http_status == 401


def test_an_unknown_path_is_refused(shop: Stripe) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        shop.client.raw_request("get", "/v1/trees")


def test_too_many_requests_in_a_second_are_refused(shop: Stripe) -> None:
    shop.api.misbehave(Faults(per_s=2, retry_after_s=3))
    shop.client.v1.customers.list()
    shop.client.v1.customers.list()

    with pytest.raises(stripe.RateLimitError) as refused:
        shop.client.v1.customers.list()

    assert refused.value.headers is not None
    assert refused.value.headers["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault.LIMITED, stripe.RateLimitError),
        (Fault.ERROR, stripe.APIError),
        (Fault.DROPPED, stripe.APIConnectionError),
        (Fault.HALF, stripe.APIError),
    ],
)
def test_a_scripted_fault_hits_one_request(
    shop: Stripe, fault: Fault, raised: type[stripe.StripeError]
) -> None:
    shop.api.misbehave(Faults(script=(None, fault)))
    shop.client.v1.customers.list()

    with pytest.raises(raised):
        shop.client.v1.customers.list()
    assert shop.client.v1.customers.list().data == []


def test_a_connected_account_is_read_by_its_id_and_no_other_is(session: requests.Session) -> None:
    other = Account(id="acct_other")
    other.put(obj("customer", "cus_theirs"))
    api = StripeApi(Account(), key=KEY, connected={"acct_other": other})
    with serving(api) as base:
        customers = client(base, session).v1.customers

        assert customers.list().data == []
        assert customers.list(options={"stripe_account": "acct_other"}).data[0].id == "cus_theirs"
        with pytest.raises(stripe.PermissionError):
            customers.list(options={"stripe_account": "acct_none"})


def test_a_year_of_a_shop_is_served_whole(session: requests.Session) -> None:
    history = year(4, 25)
    api = StripeApi(from_history(history, now=lambda: UNTIL), key=KEY)
    with serving(api) as base:
        stripes = client(base, session)
        customers = stripes.v1.customers.list({"limit": 100}).auto_paging_iter()
        invoices = stripes.v1.invoices.list({"limit": 100}).auto_paging_iter()
        found = {("customer", each.id) for each in customers}
        found |= {("invoice", each.id) for each in invoices}

    expected = {key for key in history.objects if key[0] in {"customer", "invoice"}}
    assert found == expected - history.deleted
    assert found
