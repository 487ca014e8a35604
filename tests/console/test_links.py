"""From Stripe's ids to the console's pages."""

import pytest
from flask import Flask

from app.console import links, queries_objects


@pytest.mark.parametrize(
    ("object_id", "table"),
    [
        pytest.param("sub_1", "subscriptions", id="subscription"),
        pytest.param("sub_sched_1", "subscription_schedules", id="two-words"),
        pytest.param("cs_test_a1", "checkout_sessions", id="test-mode"),
        pytest.param("cs_live_a1", "checkout_sessions", id="live-mode"),
        pytest.param("py_1", "charges", id="other-payment"),
        pytest.param("pm_1_2", "payment_methods", id="underscore-inside"),
        pytest.param("txn_1", None, id="no-table"),
        pytest.param("sub", None, id="no-id"),
        pytest.param(7, None, id="no-text"),
    ],
)
def test_an_id_leads_to_its_table(object_id: str, table: str | None) -> None:
    app = Flask(__name__)
    app.add_url_rule("/mirror/<name>/<path:object_id>", "console.object")
    with app.test_request_context():
        assert links.names_object(object_id) is (table is not None)
        if table:
            assert links.object_url(object_id) == f"/mirror/{table}/{object_id}"


def test_every_id_leads_to_a_table_of_the_mirror() -> None:
    assert set(links._TABLES.values()) <= queries_objects.TABLES.keys()
