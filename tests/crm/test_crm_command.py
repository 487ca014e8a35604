"""`evergreen crm`: what the records hold, and how delivery stands."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.cli.crm import command
from sync.crm.sinks import open_sinks
from tests.crm.test_delivery import customer_event, deliver_due, mirror


def crm(engine: Engine, *words: str) -> Result:
    url = engine.url.render_as_string(hide_password=False)
    settings = SimpleNamespace(database_url=url, clock="real")
    return CliRunner().invoke(command, words, obj=settings)


@pytest.fixture
def told(engine: Engine) -> Engine:
    mirror(engine, [customer_event("cus_1", "Ada", 100)])
    deliver_due(engine, open_sinks(engine, ["local"]))
    mirror(engine, [customer_event("cus_2", "Grace", 100)])
    return engine


def test_a_record_is_shown_field_by_field(told: Engine) -> None:
    shown = crm(told, "show", "cus_1").stdout.splitlines()

    assert ["version", "1"] in [line.split() for line in shown]
    assert ["name", "Ada"] in [line.split() for line in shown]


def test_a_record_is_json_for_programs(told: Engine) -> None:
    (record,) = json.loads(crm(told, "show", "cus_1", "--format", "json").stdout)

    assert (record["customer_id"], record["version"], record["status"]) == ("cus_1", 1, None)


def test_an_unknown_customer_is_said(told: Engine) -> None:
    result = crm(told, "show", "cus_9")

    assert result.exit_code == 2
    assert "no record of 'cus_9'" in result.stderr


def test_the_status_counts_what_was_delivered_and_what_waits(told: Engine) -> None:
    rows = json.loads(crm(told, "status", "--format", "json").stdout)

    assert [(row["sink"], row["state"], row["customers"]) for row in rows] == [
        ("local", "done", 1),
        ("local", "pending", 1),
    ]
