"""What events leave open is read from Stripe, outside every transaction and within a budget."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.faults import Fault, Faults
from app.simulator.stripe_api.server import StripeApi, serving
from sync.store import refetch
from sync.store.refetch import Wish
from tests.workers.events import event, failed_invoice
from tests.workers.world import Json, World, settings_for, world
from workers import reads

KEY = "sk_test_key_of_the_fake"
AT = datetime(2026, 6, 1, 9, 59, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)


@pytest.fixture
def stripe() -> StripeApi:
    """Stripe's side: an empty account, one minute after the events."""
    return StripeApi(Account(now=lambda: LATER), key=KEY)


@pytest.fixture
def shop(stripe: StripeApi, database_url: str, redis_url: str) -> Iterator[World]:
    """A service with a key, one minute after the events."""
    with serving(stripe) as base:
        keyed = {"STRIPE_API_KEY": KEY, "STRIPE_API_BASE": base, "STRIPE_READS_PER_SECOND": "100"}
        made = world(settings_for(database_url, redis_url, **keyed), LATER)
        yield made
        made.context.engine.dispose()


def read(shop: World) -> None:
    """Let time pass for what waits, and read."""
    shop.run("UPDATE evergreen.refetch SET due_at = now() - interval '1 second'")
    assert reads.read(shop.context, at_most_s=30)


def customer(tier: str) -> dict[str, Any]:
    subject = {"id": "cus_1", "object": "customer", "livemode": False, "created": 1}
    return {**subject, "discount": None, "metadata": {"tier": tier}}


def updated(tier: str, before: str) -> Json:
    changed = {"object": customer(tier), "previous_attributes": {"metadata": {"tier": before}}}
    told = event(f"evt_{tier}", "customer.updated", customer(tier), AT)
    return {**told, "data": changed}


def thin(event_id: str, **more: Any) -> Json:
    """Return a thin event of an object of version 1."""
    return {
        "id": event_id,
        "object": "v2.core.event",
        "type": "v1.customer.updated",
        "created": "2026-06-01T09:59:00.123Z",
        "livemode": False,
        "related_object": {"id": "cus_1", "type": "customer", "url": "/v1/customers/cus_1"},
        **more,
    }


WISHES = "SELECT object, id, reason FROM evergreen.refetch ORDER BY id"
TIERS = "SELECT data -> 'metadata' ->> 'tier', undecided, source FROM stripe.customers"
FIRST_MAIL = "SELECT min(due_at) FROM evergreen.outbox WHERE channel = 'mail'"
STATES = "SELECT event_id, state, last_error FROM evergreen.inbox ORDER BY seq"


def test_a_tie_that_nothing_decides_is_settled_by_one_reading(
    shop: World, stripe: StripeApi
) -> None:
    stripe.account.put(customer("C"))
    shop.arrive(updated("B", "A"), updated("C", "A"))
    shop.drain()

    assert shop.rows(WISHES) == [("customer", "cus_1", "undecided")]
    assert shop.rows(TIERS)[0][1] is True
    read(shop)
    assert shop.rows(TIERS) == [("C", False, "api")]
    assert shop.rows(WISHES) == []
    assert len(stripe.requests) == 1


def test_a_tie_that_a_late_event_decides_is_not_read(shop: World, stripe: StripeApi) -> None:
    shop.arrive(updated("B", "A"), updated("C", "A"))
    shop.drain()
    shop.arrive(event("evt_late", "customer.updated", customer("D"), LATER))
    shop.drain()
    read(shop)

    assert shop.rows(WISHES) == []
    assert list(stripe.requests) == []
    assert shop.rows(TIERS) == [("D", False, "event")]


def test_without_a_key_nothing_is_wished(shop: World) -> None:
    keyless = World(
        replace(shop.context, settings=replace(shop.context.settings, stripe_api_key=None))
    )
    keyless.arrive(updated("B", "A"), updated("C", "A"))
    keyless.drain()

    assert shop.rows(WISHES) == []
    assert reads.read(keyless.context, at_most_s=1)


def test_no_such_object_is_a_deletion(shop: World, stripe: StripeApi) -> None:
    products = [{"id": f"prod_{n}", "object": "product", "livemode": False} for n in range(3)]
    stripe.account.put(*products)
    shop.arrive(*(event(f"evt_p{n}", "product.created", p, AT) for n, p in enumerate(products)))
    shop.arrive(updated("B", "A"), updated("C", "A"))
    shop.drain()
    read(shop)

    assert shop.rows("SELECT deleted_at, source FROM stripe.customers") == [(LATER, "api")]
    assert shop.rows(WISHES) == []


def test_a_mirror_too_young_to_know_its_own_key_buries_nothing(shop: World) -> None:
    """The key may be another account's; among so few objects nothing tells."""
    shop.arrive(updated("B", "A"), updated("C", "A"))
    shop.drain()
    read(shop)

    assert shop.rows("SELECT deleted_at FROM stripe.customers") == [(None,)]
    assert shop.rows("SELECT last_error FROM evergreen.refetch") == [("Rejected",)]


def test_an_answer_slower_than_the_next_event_loses(shop: World, stripe: StripeApi) -> None:
    stripe.account.put(customer("C"))
    shop.arrive(updated("B", "A"), updated("C", "A"))
    shop.drain()

    def meanwhile(_path: str) -> None:
        newest = event(
            "evt_newest", "customer.updated", customer("D"), LATER + timedelta(seconds=1)
        )
        shop.arrive(newest)
        shop.drain()

    stripe.between = meanwhile
    read(shop)
    assert shop.rows(TIERS) == [("D", False, "event")]


def test_a_thin_event_is_done_and_its_object_read(shop: World, stripe: StripeApi) -> None:
    stripe.account.put(customer("A"))
    shop.arrive(thin("evt_thin"))
    shop.drain()
    read(shop)

    assert shop.rows(STATES) == [("evt_thin", "done", None)]
    assert shop.rows(TIERS) == [("A", False, "api")]
    crm = shop.rows("SELECT event_id FROM evergreen.outbox WHERE channel = 'crm'")
    assert crm == [("evt_thin",)]


def test_a_thin_event_whose_twin_came_is_not_read(shop: World, stripe: StripeApi) -> None:
    shop.arrive(event("evt_twin", "customer.updated", customer("A"), AT))
    shop.arrive(thin("evt_thin", snapshot_event="evt_twin"))
    shop.drain()
    read(shop)

    assert [state for _, state, _ in shop.rows(STATES)] == ["done", "done"]
    assert list(stripe.requests) == []


def test_a_thin_event_of_version_two_is_kept_with_the_others(
    shop: World, stripe: StripeApi
) -> None:
    stripe.misbehave(Faults(script=[Fault.ERROR, Fault.ERROR, Fault.ERROR]))
    related = {"id": "acct_9", "type": "v2.core.account", "url": "/v2/core/accounts/acct_9"}
    shop.arrive(thin("evt_v2", type="v2.core.account.updated", related_object=related))
    shop.drain()

    assert shop.rows("SELECT path FROM evergreen.refetch") == [("/v2/core/accounts/acct_9",)]


def test_a_list_cut_short_is_marked_and_then_made_whole(shop: World, stripe: StripeApi) -> None:
    lines = [{"id": f"il_{n:02}", "object": "line_item", "amount": n} for n in range(25)]
    url = "/v1/invoices/in_1/lines"
    shown = {"id": "in_1", "object": "invoice", "status": "open", "livemode": False}
    shown |= {"created": 1, "discounts": []}
    listed = {"object": "list", "url": url, "total_count": 25}
    stripe.account.put({**shown, "lines": {**listed, "data": lines, "has_more": False}})
    cut = {**shown, "lines": {**listed, "data": lines[:10], "has_more": True}}
    shop.arrive(event("evt_in", "invoice.finalized", cut, AT))
    shop.drain()
    how = "SELECT incomplete, source FROM stripe.invoices"
    count = "SELECT count(*), sum(amount_minor) FROM stripe.invoice_line_items"

    assert (shop.rows(how), shop.rows(count)) == ([(True, "event")], [(10, 45)])
    read(shop)
    assert (shop.rows(how), shop.rows(count)) == ([(False, "api")], [(25, 300)])


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param([Fault.LIMITED] * 9, "Unavailable", id="429"),
        pytest.param([Fault.HALF] * 9, "Unavailable", id="half-an-answer"),
    ],
)
def test_what_cannot_be_read_now_is_read_later(
    shop: World, stripe: StripeApi, script: list[Fault], error: str
) -> None:
    stripe.account.put(customer("C"))
    stripe.misbehave(Faults(script=script, retry_after_s=0))
    shop.arrive(updated("B", "A"), updated("C", "A"))
    shop.drain()
    read(shop)

    failed = shop.rows("SELECT last_error, attempts, due_at > now() FROM evergreen.refetch")
    assert failed == [(error, 1, True)]
    stripe.misbehave(Faults())
    read(shop)
    assert shop.rows(TIERS) == [("C", False, "api")]


def test_a_refused_key_leaves_the_wish_for_a_person_to_see(shop: World) -> None:
    wrong = replace(shop.context.settings, stripe_api_key="sk_test_revoked_key_of_it")
    shop.arrive(updated("B", "A"), updated("C", "A"))
    shop.drain()
    shop.run("UPDATE evergreen.refetch SET due_at = now()")
    reads.read(replace(shop.context, settings=wrong), at_most_s=30)

    assert shop.rows("SELECT last_error FROM evergreen.refetch") == [("Rejected",)]
    assert shop.rows("SELECT deleted_at FROM stripe.customers") == [(None,)]


def test_an_invoice_whose_payments_nobody_told_is_read_once(shop: World, stripe: StripeApi) -> None:
    paid = {
        "id": "in_1",
        "object": "invoice",
        "status": "paid",
        "amount_paid": 100,
        "discounts": [],
        "livemode": False,
        "created": 1,
    }
    payment = {
        "id": "inpay_1",
        "object": "invoice_payment",
        "invoice": "in_1",
        "livemode": False,
        "status": "paid",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
    }
    stripe.account.put(paid, payment)
    stripe.account.put({**paid, "payments": {"object": "list", "data": [payment], "url": ""}})
    shop.arrive(event("evt_paid", "invoice.paid", paid, AT))
    shop.drain()

    assert shop.rows(WISHES) == [("invoice", "in_1", "payments")]
    read(shop)
    ties = shop.rows("SELECT invoice, payment_intent FROM stripe.invoice_payments")
    assert (ties, shop.rows(WISHES)) == ([("in_1", "pi_1")], [])


def schedule(at: datetime) -> Json:
    """Return the event of a schedule that goes over to a price of its own."""
    phases = [{"start_date": 1, "items": [{"price": "price_2", "quantity": 1}]}]
    plan = {
        "id": "sub_sched_1",
        "object": "subscription_schedule",
        "status": "active",
        "customer": "cus_1",
        "phases": phases,
        "livemode": False,
        "created": 1,
    }
    return event(f"evt_plan_{at.minute}", "subscription_schedule.updated", plan, at)


PRICE = {
    "id": "price_2",
    "object": "price",
    "unit_amount": 3400,
    "currency": "usd",
    "product": "prod_1",
    "livemode": False,
    "created": 1,
}


@pytest.mark.parametrize(
    "there", [pytest.param(True, id="there"), pytest.param(False, id="no-such-price")]
)
def test_a_price_to_come_that_nobody_told_is_read_once(
    shop: World, stripe: StripeApi, *, there: bool
) -> None:
    products = [{"id": f"prod_{n}", "object": "product", "livemode": False} for n in range(3)]
    stripe.account.put(*products, *([PRICE] if there else []))
    shop.arrive(*(event(f"evt_p{n}", "product.created", p, AT) for n, p in enumerate(products)))
    shop.arrive(schedule(AT))
    shop.drain()

    assert shop.rows(WISHES) == [("price", "price_2", "unknown")]
    read(shop)
    known = shop.rows("SELECT unit_amount_minor FROM stripe.prices WHERE deleted_at IS NULL")
    assert (known, shop.rows(WISHES)) == ([(3400,)] if there else [], [])


def test_a_price_that_its_own_event_tells_is_not_read(shop: World, stripe: StripeApi) -> None:
    shop.arrive(schedule(AT))
    shop.drain()
    shop.arrive(event("evt_price", "price.created", PRICE, AT))
    shop.drain()
    read(shop)
    shop.arrive(schedule(LATER))
    shop.drain()

    assert (shop.rows(WISHES), list(stripe.requests)) == ([], [])


def paid_out_of_band(shop: World, stripe: StripeApi) -> None:
    """Let an invoice be paid that no payment will ever be named for."""
    paid = {"id": "in_1", "object": "invoice", "status": "paid", "amount_paid": 100}
    paid |= {"livemode": False, "created": 1, "discounts": []}
    stripe.account.put(paid)
    shop.arrive(event("evt_paid", "invoice.paid", paid, AT))
    shop.drain()


def test_an_invoice_without_any_payment_is_read_once(shop: World, stripe: StripeApi) -> None:
    paid_out_of_band(shop, stripe)
    read(shop)
    read(shop)

    assert shop.rows(WISHES) == []
    assert len(stripe.requests) == 1


def test_a_thin_event_is_read_whatever_else_is_asked_of_its_object(
    shop: World, stripe: StripeApi
) -> None:
    """A tie, a thin event, and a later event that settles the tie but not the thin one."""
    stripe.account.put(customer("Z"))
    shop.arrive(thin("evt_thin"))
    shop.drain()
    shop.arrive(updated("B", "A"), updated("C", "A"))
    shop.drain()
    shop.arrive(event("evt_next", "customer.updated", customer("D"), AT + timedelta(seconds=1)))
    shop.drain()
    read(shop)

    assert shop.rows(TIERS) == [("Z", False, "api")]


@pytest.mark.parametrize("days_old", [0, 60], ids=["fresh", "long-past"])
def test_what_follows_from_a_thin_event_is_as_old_as_the_event(
    shop: World, stripe: StripeApi, days_old: int
) -> None:
    """So that a recovered past mails nobody: its mails are of no use any more.

    Where the bank's reason is not known, the first mail is due a day after the failure.
    """
    happened = AT.replace(microsecond=123_000) - timedelta(days=days_old)
    failed = failed_invoice(AT)["data"]["object"]
    stripe.account.put({**failed, "discounts": [], "livemode": False})
    related = {"id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1"}
    told = thin("evt_thin", type="v1.invoice.payment_failed", related_object=related)
    shop.arrive({**told, "created": happened.isoformat()})
    shop.drain()
    read(shop)

    assert shop.rows(FIRST_MAIL) == [(happened + timedelta(days=1),)]


def test_what_a_backfill_left_open_mails_nobody(shop: World, stripe: StripeApi) -> None:
    failed = failed_invoice(AT)["data"]["object"]
    stripe.account.put({**failed, "discounts": [], "livemode": False})
    with shop.context.engine.begin() as conn:
        refetch.ask(conn, [Wish(object="invoice", id="in_1", account="", reason="thin")])
    read(shop)

    assert shop.rows("SELECT id FROM stripe.invoices") == [("in_1",)]
    assert shop.rows(FIRST_MAIL) == [(None,)]
