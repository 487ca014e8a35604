"""HubSpot's stand-in on a real socket: what it holds at the end, whatever went wrong between."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sync.crm.sink import CrmSink
from sync.crm.sinks import open_sinks
from sync.crm.sinks.hubspot.properties import KEY
from sync.crm.vendors import HubSpot, Vendors
from tests.crm.service import deliver_all, take_in
from tests.crm.shop import customer, paid, subscription, told
from tests.fakes.hubspot.contacts import TOKEN, Account, hubspot
from tests.fakes.serving import serving

SINK = ["hubspot"]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def sinks(engine: Engine, account: Account) -> Iterator[dict[str, CrmSink]]:
    with serving(hubspot(account)) as url:
        yield opened(engine, url)


def opened(engine: Engine, url: str, token: str = TOKEN, **fields: Any) -> dict[str, CrmSink]:
    vendors = Vendors(hubspot=HubSpot(token=token, base_url=url), fields={"hubspot": fields})
    return open_sinks(engine, SINK, vendors)


def states(engine: Engine) -> dict[str, tuple[str, str | None]]:
    with engine.connect() as conn:
        rows = conn.execute(
            text("SELECT customer_id, state, reason FROM evergreen.outbox WHERE kind = 'snapshot'")
        )
        return {row.customer_id: (row.state, row.reason) for row in rows}


def set_up(sinks: dict[str, CrmSink], account: Account) -> None:
    sinks["hubspot"].setup()
    account.calls.clear()


def test_setting_up_makes_what_is_missing_and_is_safe_to_repeat(
    sinks: dict[str, CrmSink], account: Account
) -> None:
    first = {each.level for each in sinks["hubspot"].setup()}
    second = {each.level for each in sinks["hubspot"].setup()}

    assert (first, second) == ({"made"}, {"ok"})
    assert account.properties[KEY]["hasUniqueValue"] is True


def test_setting_up_tells_what_does_not_fit(sinks: dict[str, CrmSink], account: Account) -> None:
    account.properties[KEY] = {"name": KEY, "type": "string"}
    account.properties["stripe_mrr"] = {"name": "stripe_mrr", "type": "string"}
    wrong = [each.what for each in sinks["hubspot"].setup() if each.level == "wrong"]

    assert wrong == [f"property {KEY}", "property stripe_mrr"]


def test_money_is_in_major_units_and_a_contact_is_made_once(
    engine: Engine, sinks: dict[str, CrmSink], account: Account
) -> None:
    set_up(sinks, account)
    take_in(engine, [told(subscription("cus_1", 1999)), told(paid("cus_1", 1999))], SINK)
    take_in(engine, [told(customer("cus_1", "ada@example.com"))], SINK)
    deliver_all(engine, sinks)

    ((contact, held),) = account.contacts.items()
    assert (held[KEY], held["stripe_mrr"], held["stripe_status"]) == ("cus_1", "19.99", "active")
    assert (held["email"], held["lifecyclestage"]) == ("ada@example.com", "customer")
    assert held["stripe_first_paid_at"] == "2026-01-01T00:00:01Z"
    assert contact in engine.connect().execute(text("TABLE evergreen.crm_link")).one()
    assert len(account.calls) == 1


def test_what_people_changed_over_there_stays(
    engine: Engine, sinks: dict[str, CrmSink], account: Account
) -> None:
    set_up(sinks, account)
    take_in(engine, [told(customer("cus_1", "ada@example.com")), told(paid("cus_1"))], SINK)
    deliver_all(engine, sinks)
    ((contact, _),) = account.contacts.items()
    account.contacts[contact] |= {"email": "ada@work.example", "lifecyclestage": "evangelist"}

    take_in(engine, [told(paid("cus_1", 500, number=2))], SINK)
    deliver_all(engine, sinks)

    held = account.contacts[contact]
    assert held["stripe_ltv_gross"] == "15.00"
    assert (held["email"], held["lifecyclestage"]) == ("ada@work.example", "evangelist")


def test_nothing_new_costs_no_call(
    engine: Engine, sinks: dict[str, CrmSink], account: Account
) -> None:
    set_up(sinks, account)
    for name in ("Ada", "Ada L."):  # a name is not told
        take_in(engine, [told(customer("cus_1", "ada@example.com", name=name), len(name))], SINK)
        deliver_all(engine, sinks)

    assert len(account.calls) == 1


def test_contacts_that_were_there_are_adopted_in_one_go(
    engine: Engine, sinks: dict[str, CrmSink], account: Account
) -> None:
    set_up(sinks, account)
    mine = [account.add(email=f"a{n}@example.com", lifecyclestage="lead") for n in range(40)]
    everybody = [told(customer(f"cus_{n}", f"A{n}@example.com")) for n in range(60)]
    take_in(engine, everybody, SINK)
    deliver_all(engine, sinks)

    assert [account.contacts[each][KEY] for each in mine] == [f"cus_{n}" for n in range(40)]
    assert len(account.contacts) == 60
    assert len(account.calls) == 4  # refused, read by e-mail, adopted, made


@pytest.mark.parametrize("together", [True, False], ids=["one-batch", "one-after-the-other"])
def test_two_customers_of_one_address_are_one_contact(
    engine: Engine, sinks: dict[str, CrmSink], account: Account, together: bool
) -> None:
    set_up(sinks, account)
    everything = [
        [told(each) for each in (customer(who, "ada@example.com"), subscription(who, amount))]
        for who, amount in (("cus_1", 1000), ("cus_2", 500))
    ]
    for batch in [[*everything[0], *everything[1]]] if together else everything:
        take_in(engine, batch, SINK)
        deliver_all(engine, sinks)
    take_in(engine, [told(paid("cus_2", 700))], SINK)
    deliver_all(engine, sinks)

    (held,) = account.contacts.values()
    assert (held["stripe_customer_ids"], held["stripe_mrr"]) == ("cus_1; cus_2", "15.00")
    assert held["stripe_ltv_gross"] == "7.00"
    assert set(states(engine).values()) == {("done", None)}


@pytest.mark.parametrize("mixed", [False, True], ids=["409-for-all", "207"])
def test_one_bad_row_holds_up_nobody_else(
    engine: Engine, sinks: dict[str, CrmSink], account: Account, mixed: bool
) -> None:
    set_up(sinks, account)
    account.mixed = mixed
    take_in(engine, [told(customer(f"cus_{n}", f"a{n}@example.com")) for n in range(9)], SINK)
    take_in(engine, [told(subscription("cus_4", quantity=1))], SINK)
    nothing = {"name": "stripe_mrr", "type": "number", "options": [{"value": "0.00"}]}
    account.properties["stripe_mrr"] = nothing
    deliver_all(engine, sinks)

    found = states(engine)
    assert found.pop("cus_4") == ("failed", "hubspot_validation_error")
    assert set(found.values()) == {("done", None)}
    assert len(account.contacts) == 8


def test_a_contact_that_somebody_deleted_is_made_anew(
    engine: Engine, sinks: dict[str, CrmSink], account: Account
) -> None:
    set_up(sinks, account)
    take_in(engine, [told(customer("cus_1", "ada@example.com"))], SINK)
    deliver_all(engine, sinks)
    account.contacts.clear()
    account.add(email="somebody@example.com")
    take_in(engine, [told(paid("cus_1"))], SINK)
    deliver_all(engine, sinks)

    (_, held) = account.contacts.values()
    assert (held[KEY], held["email"]) == ("cus_1", "ada@example.com")


def test_all_who_shared_a_deleted_contact_share_the_new_one(
    engine: Engine, sinks: dict[str, CrmSink], account: Account
) -> None:
    set_up(sinks, account)
    for who in ("cus_1", "cus_2"):
        take_in(engine, [told(customer(who, "ada@example.com")), told(paid(who))], SINK)
        deliver_all(engine, sinks)
    account.contacts.clear()
    for number in (2, 3):
        take_in(engine, [told(paid("cus_1", 1000, number))], SINK)
        deliver_all(engine, sinks)

    (held,) = account.contacts.values()
    assert (held["stripe_customer_ids"], held["stripe_ltv_gross"]) == ("cus_1; cus_2", "40.00")


def test_an_erased_customer_loses_what_we_wrote_and_gets_no_contact(
    engine: Engine, sinks: dict[str, CrmSink], account: Account
) -> None:
    set_up(sinks, account)
    take_in(engine, [told(customer("cus_1", "ada@example.com"))], SINK)
    deliver_all(engine, sinks)
    gone = [told({**customer(who), "deleted": True}, 9, "deleted") for who in ("cus_1", "cus_2")]
    take_in(engine, gone, SINK)
    deliver_all(engine, sinks)

    (held,) = account.contacts.values()
    assert held["stripe_deleted"] == "true"
    assert set(states(engine).values()) == {("done", None)}


def test_fields_go_where_the_shop_wants_them(engine: Engine, account: Account) -> None:
    account.properties["monthly_revenue"] = {"name": "monthly_revenue", "type": "number"}
    with serving(hubspot(account)) as url:
        sinks = opened(engine, url, mrr_minor="monthly_revenue", coupon=None)
        sinks["hubspot"].setup()
        take_in(engine, [told(subscription("cus_1"))], SINK)
        deliver_all(engine, sinks)

    (held,) = account.contacts.values()
    assert held["monthly_revenue"] == "10.00"
    assert {"stripe_mrr", "stripe_coupon"} & set(held) == set()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seed", "mixed"), [(1, False), (2, True)], ids=["409-for-all", "207"])
def test_with_every_fourth_call_failing_the_contacts_are_exact(
    engine: Engine, sinks: dict[str, CrmSink], account: Account, seed: int, mixed: bool
) -> None:
    rng = random.Random(seed)
    set_up(sinks, account)
    account.mixed = mixed
    for n in (n for n in range(0, 40, 4) if n % 5 != 4):
        account.add(email=f"a{n}@example.com")
    account.faults.rng, account.faults.share = rng, 0.25
    account.faults.kinds = ("lost_before", "lost_after", "garbage", "busy", "error", "slow")
    everybody = [f"cus_{n}" for n in range(40)]
    for who in everybody:  # each fifth shares its address with the one before
        n = int(who[4:])
        take_in(engine, [told(customer(who, f"a{n - (n % 5 == 4)}@example.com"))], SINK)
    spent = dict.fromkeys(everybody, 0)
    for number in range(60):
        who = rng.choice(everybody)
        spent[who] += 100 * number
        take_in(engine, [told(paid(who, 100 * number, number))], SINK)
        if number % 10 == 0:
            deliver_all(engine, sinks)
    deliver_all(engine, sinks)

    assert account.faults.met > 3
    assert set(states(engine).values()) == {("done", None)}
    held = {
        who: round(100 * float(each["stripe_ltv_gross"]))
        for each in account.contacts.values()
        for who in each["stripe_customer_ids"].split("; ")
    }
    shared = {who: sum(spent[each] for each in together(who)) for who in everybody}
    assert held == shared
    assert len(account.contacts) == 32


def together(who: str) -> set[str]:
    n = int(who[4:])
    first = n - (n % 5 == 4)
    return {f"cus_{first}", f"cus_{first + 1}"} if first % 5 == 3 else {who}
