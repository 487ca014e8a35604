"""The whole way with the real worker: events in, contacts at the vendor, quota and breaker on."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from app.crm_settings import CrmSettings
from sync.crm.sinks import open_sinks
from sync.crm.sinks.hubspot.properties import KEY
from sync.crm.vendors import HubSpot, Vendors
from tests.crm.service import NOW, take_in
from tests.crm.shop import customer, told
from tests.crm.test_hubspot import states
from tests.fakes.hubspot.contacts import TOKEN, Account, hubspot
from tests.fakes.serving import serving
from tests.workers.world import settings_for, world
from workers.context import Context
from workers.deliver import deliver

SINKS = ("local", "hubspot")


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def context(
    database_url: str, redis_url: str, engine: Engine, account: Account
) -> Iterator[Context]:
    with serving(hubspot(account)) as url:
        vendors = Vendors(hubspot=HubSpot(token=TOKEN, base_url=url))
        open_sinks(engine, ["hubspot"], vendors)["hubspot"].setup()
        settings = settings_for(database_url, redis_url)
        crm = CrmSettings(sinks=SINKS, vendors=vendors)
        made = world(replace(settings, customers=crm), NOW).context
        yield made
        made.engine.dispose()


def ask_and_deliver(context: Context) -> None:
    take_in(
        context.engine, [told(customer(f"cus_{n}", f"a{n}@example.com")) for n in range(3)], SINKS
    )
    with context.engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET hold_until = NULL"))
    deliver(context, at_most_s=5)


def test_every_sink_is_told(context: Context, account: Account) -> None:
    ask_and_deliver(context)

    assert {each[KEY] for each in account.contacts.values()} == {"cus_0", "cus_1", "cus_2"}
    assert set(states(context.engine).values()) == {("done", None)}


def test_a_vendor_that_is_busy_rests_and_holds_up_no_other(
    context: Context, account: Account
) -> None:
    account.faults.script.extend(["busy"])
    ask_and_deliver(context)

    with context.engine.connect() as conn:
        by_sink = conn.execute(text("SELECT DISTINCT sink, state, attempts FROM evergreen.outbox"))
        assert sorted(map(tuple, by_sink)) == [("hubspot", "pending", 0), ("local", "done", 1)]
        pauses = conn.execute(text("SELECT sink, reason FROM evergreen.sink_pause")).all()
        assert [tuple(each) for each in pauses] == [("hubspot", "hubspot_429")]
