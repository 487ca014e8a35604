"""What a button does: where it leads, what it changes, and what it does when Stripe does not."""

import subprocess
import sys
import threading
from typing import Any

import pytest
from sqlalchemy import text

from app.customer_links import StripeSide
from app.customer_links.stripe_side import AT_ONCE
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.faults import Fault
from app.simulator.stripe_api.server import StripeApi, serving
from notifications import links
from notifications.links import LinkSubject, Purpose
from tests.links.conftest import KEY, OTHER_KEY, Visit
from tests.mirror.fold import fold
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW

PAGE = "https://invoice.stripe.com/i/acct_1/test_x?s=ap"
PORTAL, SHOP = "https://billing.stripe.com/p/login/x", "https://garden.example/plans"
LIVE = shop.subscription(NOW + 3 * DAY)
LEAVING = shop.subscription(NOW + 3 * DAY, cancel_at_period_end=True, canceled_at=1)
ENDED = shop.ended(NOW - DAY)
OTHER = {"id": "in_2", "number": "GB-0043", "created": 1, "hosted_invoice_url": f"{PAGE}&2"}
BY_PURPOSE: dict[Purpose, dict[str, Any]] = {
    "card": LIVE,
    "manage": LIVE,
    "keep": LEAVING,
    "return": ENDED,
}
SESSIONS = "/v1/billing_portal/sessions", "/v1/checkout/sessions"


def mirror(visit: Visit, *subjects: dict[str, Any]) -> None:
    shop.mirror(visit.engine, shop.customer(), shop.product(), *subjects)


def made(visit: Visit) -> dict[str, Any]:
    """Return the only session that was made at Stripe."""
    (answered,) = visit.api.account.answered.values()
    return dict(answered.answer)


def test_one_invoice_is_paid_on_its_own_page(visit: Visit) -> None:
    mirror(visit, shop.invoice())
    answer = visit.post("pay", "in_1")

    assert (answer.status_code, answer.location, visit.asked()) == (303, PAGE, [])


def test_several_invoices_are_paid_in_the_portal(visit: Visit) -> None:
    mirror(visit, shop.invoice(), shop.invoice(**OTHER))
    answer = visit.post("pay", "in_1")

    assert (answer.status_code, answer.location, made(visit)["flow"]) == (
        303,
        made(visit)["url"],
        None,
    )


@pytest.mark.parametrize(
    ("purpose", "about", "form", "flow"),
    [
        pytest.param("pay", "in_1", {"way": "update"}, "payment_method_update", id="pay-later"),
        pytest.param("card", "sub_1", {}, "payment_method_update", id="card"),
        pytest.param("manage", "sub_1", {}, None, id="manage"),
    ],
)
def test_the_portal_opens_where_it_helps(
    visit: Visit, purpose: Purpose, about: str, form: dict[str, str], flow: str | None
) -> None:
    mirror(visit, LIVE, shop.invoice())
    answer, session = visit.post(purpose, about, **form), made(visit)

    assert (answer.status_code, answer.location) == (303, session["url"])
    assert (session["flow"] or {}).get("type") == flow
    assert (session["customer"], session["locale"]) == ("cus_1", "en")
    assert session["return_url"].startswith("https://billing.garden.example/b/")


def test_who_comes_back_pays_for_what_they_had(visit: Visit) -> None:
    mirror(visit, shop.ended(NOW - DAY, items=[shop.item(quantity=3)]))
    answer, session = visit.post("return", "sub_1"), made(visit)

    assert (answer.status_code, answer.location) == (303, session["url"])
    whole = visit.api.account.get("checkout.session", session["id"])
    assert whole is not None
    (line,) = whole["line_items"]["data"]
    assert (line["price"]["id"], line["quantity"]) == ("price_1", 3)
    back = session["success_url"].removeprefix("https://billing.garden.example")
    assert "Welcome back" in visit.browser().get(back).text
    assert "Continue" in visit.browser().get(back.partition("?")[0]).text


def test_two_clicks_at_once_make_one_session(visit: Visit) -> None:
    mirror(visit, ENDED)
    locations = set()
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.customer_links.acting.time.time", lambda: 1_800_000_000.0)
            locations.add(visit.post("return", "sub_1").location)

    assert len(locations) == 1


def test_what_is_metered_has_no_quantity(visit: Visit) -> None:
    """Stripe refuses a Checkout that names one."""
    metered = shop.item(id="si_2", quantity=None, unit_amount=None)
    metered["price"] |= {"id": "price_2", "recurring": {"usage_type": "metered"}}
    visit.api.account.put({"id": "price_2", "object": "price", **metered["price"]})
    mirror(visit, shop.ended(NOW - DAY, items=[shop.item(quantity=3), metered]))
    answer = visit.post("return", "sub_1")

    assert (answer.status_code, answer.location) == (303, made(visit)["url"])
    whole = visit.api.account.get("checkout.session", made(visit)["id"]) or {}
    assert [line["quantity"] for line in whole["line_items"]["data"]] == [3, None]


@pytest.mark.parametrize("status", ["active", "past_due", "canceled"])
def test_nobody_subscribes_twice(visit: Visit, status: str) -> None:
    """Stripe knows of a Checkout that was just paid before its event has reached the mirror."""
    mirror(visit, ENDED)
    again = {**LIVE, "id": "sub_2", "status": status}
    visit.api.account.put(again)
    answer = visit.post("return", "sub_1")

    assert answer.status_code == (303 if status == "canceled" else 200)
    assert ("Welcome back" in answer.text) is (status != "canceled")
    assert len(visit.api.account.answered) == (status == "canceled")


def test_an_answer_that_stripe_repeats_lasts_a_minute(visit: Visit) -> None:
    """For a day Stripe says the same to the same key, an error of its own too."""
    mirror(visit, LEAVING)
    for minute in range(2):
        visit.api.account.put(dict(LEAVING))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.customer_links.acting.time.time", lambda at=minute: 1.8e9 + 60 * at)
            visit.post("keep", "sub_1")

    kept = visit.api.account.get("subscription", "sub_1")
    assert kept is not None
    assert kept["cancel_at_period_end"] is False


def test_a_subscription_is_kept_with_one_click(visit: Visit) -> None:
    mirror(visit, LEAVING)
    visit.api.account.put(dict(LEAVING))
    answers = [visit.post("keep", "sub_1") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("goes on as before" in answer.text for answer in answers)
    kept = visit.api.account.get("subscription", "sub_1")
    assert kept is not None
    assert kept["cancel_at_period_end"] is False
    assert [path for method, path in visit.asked() if method == "POST"] == [
        "/v1/subscriptions/sub_1"
    ]


@pytest.mark.parametrize(
    ("purpose", "about", "mirrored", "says"),
    [
        pytest.param("pay", "in_1", shop.invoice(status="paid"), "already paid", id="paid"),
        pytest.param("pay", "in_1", shop.invoice(status="void"), "nothing left", id="void"),
        pytest.param("card", "sub_1", ENDED, "nothing left", id="card-ended"),
        pytest.param("manage", "sub_1", ENDED, "nothing left", id="manage-ended"),
        pytest.param("keep", "sub_1", LIVE, "goes on as before", id="kept"),
        pytest.param("return", "sub_1", LIVE, "Welcome back", id="back"),
    ],
)
def test_what_is_settled_is_not_done_again(
    visit: Visit, purpose: Purpose, about: str, mirrored: dict[str, Any], says: str
) -> None:
    mirror(visit, mirrored)
    answer = visit.post(purpose, about)

    assert (answer.status_code, says in answer.text, visit.asked()) == (200, True, [])
    assert "<button" not in answer.text


@pytest.mark.parametrize("key", [None, OTHER_KEY], ids=["no-key", "refused-key"])
@pytest.mark.parametrize(
    ("purpose", "leads_to"),
    [("card", PORTAL), ("manage", PORTAL), ("keep", PORTAL), ("return", SHOP)],
)
def test_where_stripe_cannot_be_asked_the_settings_lead_on(
    visit: Visit, purpose: Purpose, leads_to: str, key: str | None
) -> None:
    mirror(visit, BY_PURPOSE[purpose])
    path = visit.path(purpose, "sub_1")
    led = visit.browser(key, portal_url=PORTAL).post(path)
    lost = visit.browser(key, shop_url=None).post(path)

    assert (led.status_code, led.location) == (303, leads_to)
    assert (lost.status_code, "mailto:billing@garden.example" in lost.text) == (200, True)


@pytest.mark.parametrize(
    ("portal_url", "form", "leads_to"),
    [
        pytest.param(PORTAL, {}, PORTAL, id="the-portals-login"),
        pytest.param(None, {}, f"{PAGE}&2", id="the-oldest-invoices-page"),
        pytest.param(None, {"way": "update"}, f"{PAGE}&2", id="that-also-for-another-card"),
    ],
)
def test_several_invoices_without_stripe(
    visit: Visit, portal_url: str | None, form: dict[str, str], leads_to: str
) -> None:
    mirror(visit, shop.invoice(), shop.invoice(**OTHER))
    browser = visit.browser(None, portal_url=portal_url)

    assert browser.post(visit.path("pay", "in_1"), data=form).location == leads_to


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("https://checkout.stripe.com/x", (303, True), id="stripes"),
        pytest.param("https://pay.garden.example/x", (303, True), id="the-shops-own-domain"),
        pytest.param("http://invoice.stripe.com/x", (200, False), id="not-encrypted"),
        pytest.param("javascript:alert(1)", (200, False), id="no-web-address"),
        pytest.param("//evil.example", (200, False), id="no-scheme"),
        pytest.param("", (200, False), id="none"),
    ],
)
def test_a_browser_is_sent_to_https_addresses_only(
    visit: Visit, address: str, expected: tuple[int, bool]
) -> None:
    mirror(visit, shop.invoice(hosted_invoice_url=address))
    answer = visit.browser(None).post(visit.path("pay", "in_1"))

    shown = address != "" and address in (answer.location or "") + answer.text
    assert (answer.status_code, shown) == expected


@pytest.mark.parametrize("purpose", BY_PURPOSE)
@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.LIMITED, Fault.DROPPED, Fault.HALF])
def test_when_stripe_is_down_the_button_stays(visit: Visit, purpose: Purpose, fault: Fault) -> None:
    mirror(visit, BY_PURPOSE[purpose])
    visit.api.account.put(dict(LEAVING))
    visit.fail(fault, fault)
    answer = visit.post(purpose, "sub_1")

    assert answer.status_code == 503
    assert "try again in a minute" in answer.text
    assert '<button type="submit"' in answer.text


def test_of_many_who_wait_for_stripe_few_hold_a_thread(visit: Visit) -> None:
    """The others are told at once to come again, so that webhooks always find a thread."""
    mirror(visit, LIVE)
    browsers, release, waiting = visit.browser(), threading.Event(), threading.Semaphore(0)

    def hold(_path: str) -> None:
        waiting.release()
        release.wait(10)

    visit.api.between = hold
    path, answers = visit.path("manage", "sub_1"), list[int]()

    def click() -> None:
        answers.append(browsers.application.test_client().post(path).status_code)

    threads = [threading.Thread(target=click) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert waiting.acquire(timeout=10)
    turned_away = [browsers.post(path).status_code for _ in range(3)]
    release.set()
    for thread in threads:
        thread.join()

    assert (turned_away, answers) == ([503] * 3, [303] * AT_ONCE)
    assert browsers.post(path).status_code == 303


def test_a_turn_is_given_back_whatever_happens() -> None:
    def broken() -> Any:
        raise ZeroDivisionError

    side = StripeSide(broken)
    for _ in range(AT_ONCE + 1):
        with pytest.raises(ZeroDivisionError), side.asking():
            pytest.fail("nobody answers")
    with side.__class__(lambda: None).asking() as nobody:  # type: ignore[arg-type,return-value]  # never used
        assert nobody is None


def test_a_web_process_loads_stripes_module_at_the_first_click_only() -> None:
    code = "import app.web, sys; print('app.customer_links.acting' in sys.modules, *sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()

    assert loaded[0] == "True"
    assert {"stripe", "sync.stripe_writes", "mjml", "notifications.kinds"}.isdisjoint(loaded)


def test_no_connection_of_the_database_waits_for_stripe(visit: Visit) -> None:
    mirror(visit, LIVE)
    held: list[int] = []

    def look(_path: str) -> None:
        with visit.engine.connect() as conn:
            others = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'idle in transaction'"
            )
            held.append(conn.execute(text(others)).scalar_one())

    visit.api.between = look

    assert (visit.post("manage", "sub_1").status_code, held) == (303, [0])


def test_a_connected_accounts_customer_is_asked_for_there(visit: Visit) -> None:
    other = Account(id="acct_2")
    other.put({"id": "cus_9", "object": "customer"})
    api = StripeApi(Account(), key=KEY, connected={"acct_2": other})
    theirs = [shop.customer(id="cus_9"), shop.subscription(id="sub_9", customer="cus_9")]
    fold(visit.engine, [[shop.event(each, account="acct_2") for each in theirs]])
    with serving(api) as base:
        there = Visit(visit.engine, api, base, visit.clock, visit.policy)
        subject = LinkSubject("acct_2", "cus_9", "sub_9")
        url = links.url(visit.policy, "manage", subject).removeprefix(visit.policy.public_url)

        assert there.browser().post(url).status_code == 303
    assert other.answered
