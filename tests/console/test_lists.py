import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.console import paging
from tests.console.browser import ids, rows


def test_every_event_is_found_once_through_all_pages(
    console: FlaskClient, shop_engine: Engine
) -> None:
    with shop_engine.connect() as conn:
        query = "SELECT event_id FROM evergreen.inbox ORDER BY seq DESC"
        expected = list(conn.execute(text(query)).scalars())

    shown = [each for each in ids(console, "/console/events") if each in set(expected)]

    assert len(expected) > 3 * paging.SIZE
    assert shown == expected


def test_a_filter_looks_a_window_at_a_time_and_goes_on(
    console: FlaskClient, shop_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However rare a type is, one page never reads more than a window of the table."""
    monkeypatch.setattr(paging, "WINDOW", 70)
    with shop_engine.connect() as conn:
        query = "SELECT event_id FROM evergreen.inbox WHERE type = 'product.created'"
        expected = set(conn.execute(text(query)).scalars())

    first = console.get("/console/events?type=product.created")
    shown = ids(console, "/console/events?type=product.created")

    assert "Look further back" in first.text
    assert expected
    assert {each for each in shown if each.startswith("evt_")} == expected


@pytest.mark.parametrize("name", ["invoices", "other_objects", "invoice_line_items"])
def test_every_object_of_a_table_is_found_once(
    console: FlaskClient, shop_engine: Engine, name: str
) -> None:
    with shop_engine.connect() as conn:
        expected = set(conn.execute(text(f"SELECT id FROM stripe.{name}")).scalars())

    shown = [each for each in ids(console, f"/console/mirror/{name}") if each in expected]

    assert sorted(shown) == sorted(expected)


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/console/events?state=dead", 1),
        ("/console/events?state=parked&received=last-day", 1),
        ("/console/events?object=cus_nobody", 2),
        ("/console/events?object=cus_nobody&type=customer.updated&state=pending", 1),
        ("/console/events?type=no.such", 0),
        ("/console/mail?state=sent&kind=no_such", 0),
        ("/console/mail?channel=inventory", 0),
        ("/console/stock?show=low&sku=SEEDS", 1),
        ("/console/stock?show=low&sku=GLOVES", 0),
        ("/console/recovery?show=at-risk&currency=xxx", 0),
    ],
)
def test_filters_keep_what_they_name(console: FlaskClient, path: str, count: int) -> None:
    page = console.get(path)

    assert page.status_code == 200
    assert rows(page) == count


def test_what_is_held_told_and_closed_is_shown(console: FlaskClient) -> None:
    page = console.get("/console/stock").get_data(as_text=True)

    assert all(f'id="{part}"' in page for part in ("held", "gates", "notices"))
    assert "rsv_1" in page
