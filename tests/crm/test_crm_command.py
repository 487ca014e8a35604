"""`evergreen crm`, tried as a new user would: what it shows, and what it says to wrong input."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from app.cli.crm import command
from app.crm_settings import CrmSettings
from sync.changes import Done
from sync.crm.planning import told_of
from sync.crm.sinks import open_sinks
from sync.crm.vendors import HubSpot, Vendors
from sync.store import outbox
from sync.store.outbox import Lane
from sync.webhook_signature import Endpoint
from tests.crm.service import deliver_all, take_in
from tests.crm.shop import customer, told
from tests.fakes.hubspot.contacts import TOKEN, Account, hubspot
from tests.fakes.serving import serving


def crm(
    engine: Engine, *words: str, redis_url: str = "redis://127.0.0.1:1", **given: Any
) -> Result:
    customers = CrmSettings(**({"sinks": ("local",)} | given))
    settings = SimpleNamespace(
        database_url=engine.url.render_as_string(hide_password=False),
        redis_url=redis_url,
        clock="real",
        effect_accounts=frozenset({""}),
        customers=customers,
        crm=customers.sinks,
    )
    return CliRunner().invoke(command, words, obj=settings)


@pytest.fixture
def shop(engine: Engine) -> Engine:
    take_in(engine, [told(customer("cus_1", "ada@example.com", name="Ada"))], ["local"])
    deliver_all(engine, open_sinks(engine, ["local"]))
    take_in(engine, [told(customer("cus_2", name="Grace"))], ["local"])
    return engine


def standing(engine: Engine) -> dict[str, tuple[str, str | None]]:
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT key, state, sent_hash FROM evergreen.outbox"))
        return {row.key: (row.state, row.sent_hash) for row in rows}


def test_a_record_is_shown_field_by_field(shop: Engine) -> None:
    shown = crm(shop, "show", "cus_1").stdout.splitlines()

    assert ["version", "1"] in [line.split() for line in shown]
    assert ["name", "Ada"] in [line.split() for line in shown]


def test_a_record_is_json_for_programs(shop: Engine) -> None:
    (record,) = json.loads(crm(shop, "show", "cus_1", "--format", "json").stdout)

    assert (record["customer_id"], record["version"], record["status"]) == ("cus_1", 1, None)


def test_a_push_holds_though_somebody_is_just_finding_nothing_new(shop: Engine) -> None:
    deliver_all(shop, open_sinks(shop, ["local"]))
    soon = datetime.now(UTC) + timedelta(days=999)
    with shop.begin() as conn:
        outbox.add(conn, told_of("", "cus_1", soon, ["local"], livemode=False))
        (claimed,) = outbox.claim(conn, soon, lane=Lane("crm", "local"), simulated=True)
    crm(shop, "push", "cus_1")
    with shop.begin() as conn:
        outbox.settle(conn, claimed, Done(sent_hash=claimed.sent_hash), soon)
        (again,) = outbox.claim(conn, soon, lane=Lane("crm", "local"), simulated=True)

    assert again.sent_hash is None


def test_the_status_counts_what_was_delivered_and_what_waits(shop: Engine) -> None:
    rows = json.loads(crm(shop, "status", "--format", "json").stdout)

    assert [(row["sink"], row["state"], row["customers"]) for row in rows] == [
        ("local", "done", 1),
        ("local", "pending", 1),
    ]


def test_the_status_tells_a_sink_at_rest_as_blocked(shop: Engine) -> None:
    with shop.begin() as conn:
        conn.execute(
            text("""
            INSERT INTO evergreen.sink_pause (channel, sink, until, reason)
            VALUES ('crm', 'local', now() + interval '1 h', 'breaker_open')""")
        )
        conn.execute(text("UPDATE evergreen.outbox SET due_at = now() - interval '1 s'"))
    rows = json.loads(crm(shop, "status", "--sink", "local", "--format", "json").stdout)

    assert ("blocked", "breaker_open") in [(row["state"], row["reason"]) for row in rows]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "cus_9"], "no record of 'cus_9'"),
        (["status", "--sink", "hubspto"], "CRM does not name 'hubspto'; it names local"),
        (["setup", "--sink", "x"], "CRM does not name 'x'"),
        (["push"], "name customers, or --all"),
        (["push", "cus_1", "--all"], "name customers, or --all"),
        (["push", "cus_1", "cus_9"], "the mirror has never heard of cus_9"),
        (["push", "cus_1", "--sink", "salesforce"], "CRM does not name 'salesforce'"),
        (["replay", "--sink", "x"], "CRM does not name 'x'"),
    ],
    ids=str,
)
def test_wrong_input_is_said(shop: Engine, words: list[str], said: str) -> None:
    result = crm(shop, *words)

    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize("words", [["cus_1"], ["--all"]], ids=str)
def test_pushing_tells_again_what_has_not_changed(
    shop: Engine, redis_url: str, words: list[str]
) -> None:
    before = standing(shop)["crm:local::cus_1"]
    result = crm(shop, "push", *words, redis_url=redis_url)

    assert before[1] is not None
    assert standing(shop)["crm:local::cus_1"] == ("pending", None)
    assert result.stdout == f"local will be told of {len(words) + ('--all' in words)} customers\n"


def test_pushing_somebody_unknown_asks_for_nobody(shop: Engine) -> None:
    before = standing(shop)
    crm(shop, "push", "cus_1", "cus_9")

    assert standing(shop) == before


def test_pushing_brings_a_receiver_back_that_was_gone(shop: Engine, redis_url: str) -> None:
    receiver = Endpoint("https://x.test", ())
    with shop.begin() as conn:
        row = {"endpoint": receiver.id}
        conn.execute(text("INSERT INTO evergreen.webhook_gone VALUES (:endpoint, now())"), row)
    vendors = Vendors(webhook=receiver)
    crm(shop, "push", "cus_1", redis_url=redis_url, sinks=("webhook",), vendors=vendors)

    with shop.connect() as conn:
        assert conn.execute(text("TABLE evergreen.webhook_gone")).all() == []


def test_what_was_refused_is_tried_again_under_its_key(shop: Engine, redis_url: str) -> None:
    with shop.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET state = 'failed'"))
    first = crm(shop, "replay", "cus_2", redis_url=redis_url).stdout
    second = crm(shop, "replay", redis_url=redis_url).stdout

    assert (first, second) == ("1 will be tried again\n", "1 will be tried again\n")
    assert {state for state, _ in standing(shop).values()} == {"pending"}


@pytest.fixture
def account() -> Iterator[tuple[Account, dict[str, Any]]]:
    account = Account()
    with serving(hubspot(account)) as url:
        vendors = Vendors(hubspot=HubSpot(token=TOKEN, base_url=url))
        yield account, {"sinks": ("local", "hubspot"), "vendors": vendors}


def test_setting_up_makes_the_fields_and_can_be_repeated(
    engine: Engine, account: tuple[Account, dict[str, Any]]
) -> None:
    first = crm(engine, "setup", "--format", "json", **account[1])
    again = crm(engine, "setup", "--format", "json", **account[1])

    assert (first.exit_code, again.exit_code) == (0, 0)
    levels = [{(row["sink"], row["level"]) for row in json.loads(r.stdout)} for r in (first, again)]
    assert levels == [{("local", "ok"), ("hubspot", "made")}, {("local", "ok"), ("hubspot", "ok")}]


def test_setting_up_with_a_wrong_token_says_what_to_do(
    engine: Engine, account: tuple[Account, dict[str, Any]]
) -> None:
    right = account[1]["vendors"].hubspot
    wrong = Vendors(hubspot=HubSpot(token="wrong", base_url=right.base_url))
    result = crm(engine, "setup", sinks=("hubspot",), vendors=wrong)

    assert result.exit_code == 1
    assert "HubSpot answers 401" in result.stdout
    assert "wrong" not in result.stdout.replace("wrong  ", "")


def test_the_package_for_salesforce_is_written_without_any_call(
    engine: Engine, tmp_path: Path
) -> None:
    result = crm(engine, "setup", "--package", str(tmp_path / "new"))

    assert result.exit_code == 0
    written = sorted(path.name for path in tmp_path.rglob("*.*"))
    assert written == ["Contact.object", "Evergreen_CRM.permissionset", "package.xml"]
