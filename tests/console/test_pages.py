import re
from collections import Counter
from html import unescape
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.console import pages
from app.console.pages import PAGES
from app.console.words import money
from tests.console.browser import rows, slices, token
from tests.console.conftest import Open
from tests.console.shop import ADDRESS, HOSTILE
from tests.mirror.fold import Json


def test_every_file_in_pages_is_registered() -> None:
    folder = Path(pages.__file__).parent
    files = {f"{pages.__name__}.{file.stem}" for file in folder.glob("[!_]*.py")}

    assert {page.routes[0].view.__module__ for page in PAGES} == files


def test_the_menu_names_every_page_and_marks_this_one(console: FlaskClient) -> None:
    for page in PAGES:
        shown = console.get("/console" + page.routes[0].rule).text

        assert re.findall(r'aria-current="page">([^<]+)<', shown) == [page.label]
        assert all(f">{each.label}</a>" in shown for each in PAGES)


def test_each_number_on_home_is_the_number_of_rows_behind_it(console: FlaskClient) -> None:
    home = console.get("/console/").text
    numbers = re.findall(r'<a class="number" href="([^"]+)"[^>]*>([\d,]+)</a>', home)
    assert len(numbers) > 20
    for link, number in numbers:
        behind = sum(rows(page) for page in slices(console, unescape(link)))
        assert behind == int(number.replace(",", "")), link


def test_at_risk_and_recovered_money_is_what_the_story_tells(
    console: FlaskClient, events: list[Json]
) -> None:
    failed = {e["data"]["object"]["id"] for e in events if e["type"] == "invoice.payment_failed"}
    last = {
        e["data"]["object"]["id"]: e["data"]["object"]
        for e in events
        if e["data"]["object"]["object"] == "invoice" and "id" in e["data"]["object"]
    }
    at_risk = [i for i in failed if last[i]["status"] == "open"]
    recovered = [i for i in failed if last[i]["status"] == "paid"]
    assert at_risk
    assert recovered

    shown = {
        show: console.get(f"/console/recovery?show={show}") for show in ("at-risk", "recovered")
    }

    owed = Counter[str]()
    for invoice in at_risk:
        owed[last[invoice]["currency"]] += last[invoice]["amount_remaining"]
    home = console.get("/console/").text
    assert all(f">{money(amount, currency)}</a>" in home for currency, amount in owed.items())
    assert {i for i in last if i in shown["at-risk"].text} == set(at_risk)
    assert {i for i in last if i in shown["recovered"].text} == set(recovered)


def test_an_event_shows_its_payload_and_what_came_of_it(
    console: FlaskClient, events: list[Json]
) -> None:
    event = next(e for e in events if e["type"] == "invoice.payment_failed")

    page = console.get(f"/console/events/{event['id']}")
    raw = console.get(f"/console/events/{event['id']}/payload")

    assert page.text.count("payment failed</a>") == 3
    assert ">sync</a>" in page.text
    assert "&#34;api_version&#34;" in page.text
    assert raw.json == event
    assert raw.headers["Content-Disposition"].startswith("attachment")


def test_what_cannot_be_read_is_shown_as_it_came(console: FlaskClient) -> None:
    page = console.get("/console/events/sha256:abc")

    assert page.status_code == 200
    assert "no JSON" in page.text
    assert "\\xff" in page.text


def search(client: FlaskClient, words: str) -> str:
    """Send the search form; return the page."""
    form = {"token": token(client), "words": words}
    return client.post("/console/customers", data=form).text


def test_a_customer_is_found_by_what_an_operator_has_at_hand(
    console: FlaskClient, events: list[Json]
) -> None:
    customer = next(e["data"]["object"] for e in events if e["type"] == "customer.created")
    owned = [e["data"]["object"] for e in events if e["data"]["object"].get("id")]
    hers = [o for o in owned if o.get("customer") == customer["id"]]
    wanted = {o["object"]: o["id"] for o in hers if o["object"] in {"subscription", "invoice"}}

    for words in (customer["id"], customer["email"], customer["email"].upper(), *wanted.values()):
        assert customer["id"] in search(console, f" {words} "), words
    assert "Nobody is known" in search(console, ADDRESS)
    assert "Nobody is known" in search(console, HOSTILE)


def test_a_customers_page_tells_the_whole_story(console: FlaskClient, events: list[Json]) -> None:
    failed = next(e for e in events if e["type"] == "invoice.payment_failed")
    invoice = failed["data"]["object"]

    page = console.get(f"/console/customers/{invoice['customer']}").text
    mails = console.get(f"/console/customers/{invoice['customer']}?show=mails").text

    timeline = page[page.index('id="timeline"') :]
    for told in ("invoice.payment_failed", "payment failed", "skipped", "paid", "sent"):
        assert told in timeline, told
    assert "invoice.payment_failed" not in mails[mails.index('id="timeline"') :]
    assert "Version 3" in page
    assert f"{HOSTILE[:8]}" not in page


def test_the_simulated_time_is_shown_only_when_time_is_simulated(
    console: FlaskClient, shop_engine: Engine, open_console: Open
) -> None:
    assert "simulated time" in console.get("/console/").text
    assert "simulated time" not in open_console(shop_engine).get("/console/").text


def test_an_empty_database_has_pages_too(engine: Engine, open_console: Open) -> None:
    client = open_console(engine)

    for page in PAGES:
        assert client.get("/console" + page.routes[0].rule).status_code == 200
