"""How tests read a page."""

import re
from collections.abc import Iterator
from html import unescape

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_LINK = re.compile(r'<a\b[^>]*?\bhref="([^"]+)"')
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
_ROW = re.compile(r"<tbody>(.*?)</tbody>", re.DOTALL)


def links(page: TestResponse) -> list[str]:
    """Return where the links of a page lead, without those to a place on the same page."""
    found = (unescape(link).partition("#")[0] for link in _LINK.findall(page.text))
    return [link for link in found if link]


def rows(page: TestResponse) -> int:
    """Return how many rows the tables of a page hold."""
    return sum(body.count("<tr") for body in _ROW.findall(page.text))


def token(client: FlaskClient, path: str = "/console/") -> str:
    """Return the token in the first form of a page."""
    found = _TOKEN.search(client.get(path).text)
    assert found

    return unescape(found.group(1))


def slices(client: FlaskClient, path: str) -> Iterator[TestResponse]:
    """Yield a list's pages, from the first to the last."""
    next_page: str | None = path
    while next_page:
        page = client.get(next_page)
        assert page.status_code == 200
        yield page
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        next_page = unescape(older.group(1)) if older else None


def ids(client: FlaskClient, path: str) -> list[str]:
    """Return the ids that a whole list shows, in its order."""
    shown = re.compile(r'<a class="id" href="[^"]+">([^<]+)</a>')
    return [each for page in slices(client, path) for each in shown.findall(page.text)]
