"""What the pages say, whoever opens them, and that opening them changes nothing."""

import re
from dataclasses import replace
from typing import Any, get_args

import pytest
from sqlalchemy import Engine

from app.customer_links.page import Pages
from notifications import samples
from notifications.links import Purpose
from sync.store.engine import make_engine
from tests.links.conftest import Visit, everything
from tests.mirror.fold import fold
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW

LIVE = shop.subscription(NOW + 3 * DAY)
LEAVING = shop.subscription(NOW + 3 * DAY, cancel_at_period_end=True, canceled_at=1)
ENDED = shop.ended(NOW - DAY)
PAID = {"status": "paid", "amount_paid": 2900, "amount_remaining": 0}
BY_HAND = shop.invoice(collection_method="send_invoice", due_date=1764547200)
OTHER = {"id": "in_2", "number": "GB-0043", "amount_remaining": 1000}
# What stands in Latin letters in any language.
FOREIGN = r"<[^>]*>|Garden Box|Stripe|GB-0042|US\$|billing@\S+"
BUTTON = '<button type="submit"'
PURPOSES: list[Purpose] = list(get_args(Purpose))


def opened(visit: Visit, purpose: Purpose, about: str) -> str:
    answer = visit.browser().get(visit.path(purpose, about))
    assert answer.status_code == 200
    return answer.text


def state(html: str) -> str:
    if "nothing left to do" in html:
        return "gone"
    return "open" if BUTTON in html else "done"


@pytest.mark.parametrize(
    ("purpose", "about", "mirrored", "told", "says"),
    [
        pytest.param("pay", "in_1", [shop.invoice()], "open", "$29.00", id="pay"),
        pytest.param("pay", "in_1", [shop.invoice(**PAID)], "done", "already paid", id="paid"),
        pytest.param("pay", "in_1", [shop.invoice(status="void")], "gone", "settled", id="void"),
        pytest.param("pay", "in_1", [], "gone", "no longer exists", id="pay-unknown"),
        pytest.param(
            "pay", "in_1", [shop.invoice(), shop.invoice(**OTHER)], "open", "$39.00", id="pay-both"
        ),
        pytest.param(
            "pay",
            "in_1",
            [shop.invoice(**PAID), shop.invoice(**OTHER)],
            "open",
            "$10.00",
            id="one-paid-one-open",
        ),
        pytest.param(
            "pay",
            "in_1",
            [shop.invoice(), shop.invoice(**OTHER, attempt_count=0)],
            "open",
            "$29.00",
            id="not-yet-charged-is-not-owed",
        ),
        pytest.param(
            "pay",
            "in_1",
            [
                shop.invoice(collection_method="send_invoice", due_date=1764547200),
                shop.invoice(**OTHER),
            ],
            "open",
            "$29.00",
            id="by-hand-stands-alone",
        ),
        pytest.param(
            "pay",
            "sub_1",
            [shop.subscription(status="unpaid"), shop.invoice()],
            "open",
            "GB-0042",
            id="pay-to-go-on",
        ),
        pytest.param(
            "pay", "sub_1", [shop.subscription(status="unpaid")], "open", "Pay now", id="unpaid"
        ),
        pytest.param("pay", "sub_1", [LIVE], "done", "already paid", id="goes-on-again"),
        pytest.param("pay", "sub_1", [ENDED], "gone", "November 30, 2026", id="pay-ended"),
        pytest.param("card", "sub_1", [LIVE], "open", "Garden Box", id="card"),
        pytest.param("card", "sub_1", [ENDED], "gone", "November 30, 2026", id="card-ended"),
        pytest.param("manage", "sub_1", [LIVE], "open", "December 4, 2026", id="manage"),
        pytest.param("manage", "sub_1", [LEAVING], "open", "Ends on", id="manage-leaving"),
        pytest.param("manage", "sub_1", [ENDED], "gone", "ended on", id="manage-ended"),
        pytest.param("keep", "sub_1", [LEAVING], "open", "December 4, 2026", id="keep"),
        pytest.param("keep", "sub_1", [LIVE], "done", "goes on as before", id="kept"),
        pytest.param("keep", "sub_1", [ENDED], "gone", "ended on", id="keep-ended"),
        pytest.param("return", "sub_1", [ENDED], "open", "Garden Box", id="return"),
        pytest.param(
            "return", "sub_1", [ENDED, {**LIVE, "id": "sub_2"}], "done", "Welcome back", id="back"
        ),
        pytest.param("return", "sub_1", [], "gone", "no longer exists", id="return-unknown"),
    ],
)
def test_a_page_tells_what_is_left_to_do(  # noqa: PLR0917 — one row of the table each
    visit: Visit, purpose: Purpose, about: str, mirrored: list[Any], told: str, says: str
) -> None:
    shop.mirror(visit.engine, shop.customer(), shop.product(), *mirrored)
    html = opened(visit, purpose, about)

    assert (state(html), says in html) == (told, True)
    assert not re.search(r"Ada|customer\.example|cus_1|None|\{[{%]", html)


@pytest.mark.parametrize("purpose", ["pay", "card", "manage", "keep", "return"])
def test_nothing_is_told_of_somebody_who_is_gone(visit: Visit, purpose: Purpose) -> None:
    gone = shop.event({"id": "cus_1", "object": "customer", "deleted": True}, at=NOW + DAY)
    shop.mirror(visit.engine, shop.customer(), LEAVING, shop.invoice())
    fold(visit.engine, [[{**gone, "type": "customer.deleted"}]])

    assert state(opened(visit, purpose, "sub_1")) == "gone"


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_opening_a_page_changes_nothing(visit: Visit, purpose: Purpose, method: str) -> None:
    """Scanners open every link in a mail, often before its reader does."""
    shop.mirror(visit.engine, shop.customer(), shop.product(), LEAVING, shop.invoice())
    before, path = visit.rows(), visit.path(purpose, "sub_1")
    answer = visit.browser().open(path, method=method, query_string={"way": "update"})

    assert answer.status_code == 200
    assert visit.rows() == before
    assert visit.asked() == []
    assert not answer.headers.get("Set-Cookie")


def test_a_change_of_any_row_would_be_seen(engine: Engine) -> None:
    before = everything(engine)
    shop.mirror(engine, shop.customer())

    assert {name for name in before if everything(engine)[name] != before[name]} >= {
        "stripe.customers"
    }


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_page_speaks_the_customers_language(visit: Visit, purpose: Purpose) -> None:
    thai = shop.customer(preferred_locales=["th"])
    shop.mirror(visit.engine, thai, shop.product(), LEAVING, shop.invoice(), shop.product())
    for html in (opened(visit, purpose, "sub_1"), visit.post(purpose, "sub_1").text):
        assert ('<html lang="th">' in html) is bool(html)  # a browser sent on reads nothing
        words = re.sub(FOREIGN, "", html.split("</style>")[-1])
        assert not re.search(r"[A-Za-z]{2,}", words)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_page_is_hardened(visit: Visit, purpose: Purpose) -> None:
    answer = visit.browser().get(visit.path(purpose, "sub_1"))
    policy = answer.headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self' https:;" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "<script" not in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["x", "x.y.z", "%00", "a" * 5000])
def test_a_bad_token_costs_nothing(visit: Visit, method: str, token: str) -> None:
    """It is refused before the database is asked: there is none behind this browser."""
    browser = Visit(nowhere(), visit.api, visit.base, visit.clock, visit.policy).browser()
    answer = browser.open(f"/b/{token}", method=method)

    assert answer.status_code == 400
    assert "does not work" in answer.text
    assert visit.asked() == []


def test_without_a_database_the_page_asks_for_a_minute(visit: Visit) -> None:
    browser = Visit(nowhere(), visit.api, visit.base, visit.clock, visit.policy).browser()
    answer = browser.get(visit.path("pay", "in_1"))

    assert (answer.status_code, "try again in a minute" in answer.text) == (503, True)


def nowhere() -> Engine:
    return make_engine("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        pytest.param("US", "America/New_York", id="the-customers"),
        pytest.param(None, "Asia/Bangkok", id="the-accounts"),
    ],
)
def test_a_page_counts_days_as_the_mail_does(country: str | None, zone: str) -> None:
    pages = Pages(shop.policy(timezone="Asia/Bangkok"))

    assert pages.wording(replace(samples.CUSTOMER, country=country)).zone.key == zone
