import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import InternalError

from app.console.page import Desk
from app.console.pages import PAGES
from app.console.render import templates
from app.doorbell import Doorbell, connect
from sync.clock import RealClock
from sync.store.engine import make_engine
from tests.console.browser import links
from tests.console.conftest import Open

ESCAPED = "&lt;script&gt;alert(&#39;canary&#39;)&lt;/script&gt;"
MOST_OF_A_KIND = 6


def kind_of(link: str) -> str:
    """Return a link's shape: its path without what names one row, and what it filters by."""
    parts = urlsplit(link)
    path = re.sub(r"[^/]*[_:%][^/]*", "*", parts.path)
    return f"{path}?{re.sub('=[^&]*', '', parts.query)}"


def crawl(client: FlaskClient) -> Iterator[tuple[str, Any]]:
    """Follow every link from Home, some of each kind; yield where each leads."""
    waiting, kinds, seen = ["/console/"], dict[str, int](), {"/console/"}
    while waiting:
        path = waiting.pop()
        page = client.get(path)
        yield path, page
        for link in links(page) if page.mimetype == "text/html" else ():
            kind = kind_of(link)
            if link not in seen and kinds.get(kind, 0) < MOST_OF_A_KIND:
                kinds[kind] = kinds.get(kind, 0) + 1
                seen.add(link)
                waiting.append(link)


def test_every_link_leads_somewhere_and_nothing_hostile_becomes_markup(
    console: FlaskClient,
) -> None:
    """The canary stands in everything a stranger could have written."""
    seen = dict(crawl(console))

    # The customer of the dead event was never mirrored; saying so is right.
    nobody = "/console/customers/cus_nobody"
    assert {path for path, page in seen.items() if page.status_code != 200} <= {nobody}
    assert len(seen) > 60
    pages = {path: page for path, page in seen.items() if page.mimetype == "text/html"}
    for path, page in pages.items():
        assert not re.search(r"<script|<img|style=", page.text), path
    escaped = [path for path, page in pages.items() if ESCAPED in page.text]
    for part in ("/customers/", "/events/", "/mail", "/mirror/", "/stock", "/recovery"):
        assert any(part in path for path in escaped), part


def test_every_page_carries_the_strict_headers(console: FlaskClient) -> None:
    for page in PAGES:
        answer = console.get("/console" + page.routes[0].rule)

        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; style-src 'self'" in policy
        assert "script" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Robots-Tag"] == "noindex"


def test_the_stylesheet_is_open_to_the_log_in_page(shop_engine: Engine, open_console: Open) -> None:
    stranger = open_console(shop_engine, logged_in=False)

    with stranger.get("/console/static/console.css") as answer:
        assert answer.mimetype == "text/css"


@pytest.mark.parametrize(
    "path",
    [
        "/console/events?state=nonsense",
        "/console/events?before=nonsense",
        "/console/events?before=[1.5]",
        "/console/events?before=[99999999999999999999]",
        "/console/mail?before=[1,2]",
        '/console/mail?before=["2026-01-01","x"',
        "/console/mail?channel=post",
        "/console/events?type=" + "x" * 300,
        "/console/events?type=%00",
        "/console/customers/cus_%00",
        "/console/recovery?show=x",
    ],
)
def test_an_address_that_asks_for_nonsense_gets_400(console: FlaskClient, path: str) -> None:
    assert console.get(path).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/console/no-such-page",
        "/console/events/evt_no_such",
        "/console/events/evt_no_such/payload",
        "/console/customers/cus_no_such",
        "/console/mail/no:such:key",
        "/console/mirror/no_such_table",
        "/console/mirror/customers/cus_no_such",
    ],
)
def test_what_is_not_there_is_404_in_the_consoles_own_words(
    console: FlaskClient, path: str
) -> None:
    answer = console.get(path)

    assert answer.status_code == 404
    assert "To the console" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_database_that_is_away_is_a_503_that_says_so(open_console: Open) -> None:
    client = open_console(make_engine("postgresql://nobody@localhost:1/none"))

    answer = client.get("/console/events")

    assert answer.status_code == 503
    assert "did not answer" in answer.text


def test_pages_cannot_write(shop_engine: Engine) -> None:
    doorbell = Doorbell(connect("redis://localhost:1"))
    desk = Desk(shop_engine, doorbell, RealClock(), 1, templates(PAGES))

    with pytest.raises(InternalError, match="read-only"), desk.reading() as conn:
        conn.execute(text("DELETE FROM evergreen.inbox"))
