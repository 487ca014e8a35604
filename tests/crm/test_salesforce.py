"""Salesforce's stand-in on a real socket: what it holds at the end, whatever went wrong."""

import random
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import Engine

from sync.crm.fields import BY_NAME
from sync.crm.sink import CrmSink
from sync.crm.sinks import open_sinks
from sync.crm.sinks.salesforce.columns import DEFAULT_NAMES, KEY
from sync.crm.sinks.salesforce.setting_up import DESCRIBED, package
from sync.crm.vendors import Salesforce, Vendors
from tests.crm.service import deliver_all, outcomes, take_in
from tests.crm.shop import Json, customer, paid, subscription, told
from tests.crm.test_hubspot import states
from tests.fakes.salesforce.org import CLIENT_ID, CLIENT_SECRET, Org, salesforce
from tests.fakes.serving import Fault, serving

SINK = ["salesforce"]
FAULTS: tuple[Fault, ...] = (
    *("lost_before", "lost_after", "garbage", "busy", "error", "slow", "expired"),
)


def deployed() -> dict[str, Json]:
    """Return the fields of the package, as `describe` tells them."""
    key: Json = {"type": "string", "externalId": True, "unique": True}
    names = DEFAULT_NAMES.items()
    return {KEY: key} | {theirs: {"type": DESCRIBED[BY_NAME[n].kind]} for n, theirs in names}


@pytest.fixture
def org() -> Org:
    return Org(fields=deployed())


@pytest.fixture
def sinks(engine: Engine, org: Org) -> Iterator[dict[str, CrmSink]]:
    with serving(salesforce(org)) as url:
        yield opened(engine, url)


def opened(engine: Engine, url: str, secret: str = CLIENT_SECRET) -> dict[str, CrmSink]:
    vendor = Salesforce(login_url=url, client_id=CLIENT_ID, client_secret=secret)
    return open_sinks(engine, SINK, Vendors(salesforce=vendor))


def test_a_contact_is_made_once_and_keeps_what_people_changed(
    engine: Engine, sinks: dict[str, CrmSink], org: Org
) -> None:
    take_in(engine, [told(customer("cus_1", "ada@example.com", name="Ada Lovelace"))], SINK)
    take_in(engine, [told(subscription("cus_1", 1999))], SINK)
    deliver_all(engine, sinks)
    held = org.contacts["cus_1"]
    assert (held["LastName"], held["Email"]) == ("Ada Lovelace", "ada@example.com")
    assert (held["Stripe_Mrr__c"], held["Stripe_Livemode__c"]) == (19.99, False)
    assert held["Stripe_Trial_End__c"] is None

    held["LastName"] = "Lovelace"
    take_in(engine, [told(paid("cus_1", 500))], SINK)
    deliver_all(engine, sinks)

    assert (held["LastName"], held["Stripe_Ltv_Gross__c"]) == ("Lovelace", 5.0)
    assert (org.calls, org.log_ins) == ([1, 1], 1)


def test_two_hundred_go_in_one_call(engine: Engine, sinks: dict[str, CrmSink], org: Org) -> None:
    take_in(engine, [told(customer(f"cus_{n}")) for n in range(250)], SINK)
    deliver_all(engine, sinks, limit=sinks["salesforce"].policy.batch)

    assert (len(org.contacts), org.calls) == (250, [200, 50])
    assert org.contacts["cus_7"]["LastName"] == "cus_7"


def test_a_token_that_is_over_is_renewed_once(
    engine: Engine, sinks: dict[str, CrmSink], org: Org
) -> None:
    for number in (1, 2):
        take_in(engine, [told(paid("cus_1", 100, number))], SINK)
        org.expire()
        deliver_all(engine, sinks)

    assert org.contacts["cus_1"]["Stripe_Ltv_Gross__c"] == 2.0
    assert set(states(engine).values()) == {("done", None)}


def test_a_wrong_secret_stops_the_sink_and_not_the_customer(engine: Engine, org: Org) -> None:
    take_in(engine, [told(paid("cus_1"))], SINK)
    with serving(salesforce(org)) as url:
        (outcome,) = outcomes(engine, opened(engine, url, "wrong"))

    assert (outcome.reason, outcome.scope) == ("salesforce_401", "sink")


def test_rows_end_each_by_themselves(engine: Engine, sinks: dict[str, CrmSink], org: Org) -> None:
    emails = {"cus_1": "rejected@example.com", "cus_2": "b@example.com", "cus_3": "c@example.com"}
    org.locked["cus_2"] = 2
    take_in(engine, [told(customer(who, email)) for who, email in emails.items()], SINK)
    deliver_all(engine, sinks)

    assert states(engine) == {
        "cus_1": ("failed", "salesforce_field_custom_validation_exception"),
        "cus_2": ("done", None),
        "cus_3": ("done", None),
    }


def test_a_contact_that_somebody_deleted_is_made_anew(
    engine: Engine, sinks: dict[str, CrmSink], org: Org
) -> None:
    take_in(engine, [told(customer("cus_1", "ada@example.com", name="Ada"))], SINK)
    deliver_all(engine, sinks)
    org.contacts.clear()
    take_in(engine, [told(paid("cus_1"))], SINK)
    deliver_all(engine, sinks)

    assert org.contacts["cus_1"]["LastName"] == "Ada"


def test_setting_up_names_what_must_be_deployed(sinks: dict[str, CrmSink], org: Org) -> None:
    assert {each.level for each in sinks["salesforce"].setup()} == {"ok"}

    org.fields[KEY] = {"type": "string"}
    del org.fields["Stripe_Mrr__c"]
    org.fields["Stripe_Plan__c"] = {"type": "boolean"}
    wrong = [each.what for each in sinks["salesforce"].setup() if each.level == "wrong"]

    assert wrong == [f"field {KEY}", "field Stripe_Plan__c", "field Stripe_Mrr__c"]


def test_the_package_holds_every_field_and_lets_our_user_see_it() -> None:
    files = package({"mrr_minor": "Revenue__c", "coupon": None}, "68.0")
    trees = {name: ET.fromstring(content) for name, content in files.items()}
    space = "{http://soap.sforce.com/2006/04/metadata}"
    fields = [each.text for each in trees["objects/Contact.object"].iter(f"{space}fullName")]
    seen = [each.text for each in trees["permissionsets/Evergreen_CRM.permissionset"].iter()]

    assert {KEY, "Revenue__c", "Stripe_Status__c"} <= set(fields)
    assert "Stripe_Coupon__c" not in fields
    assert "Contact.Revenue__c" in seen


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_with_every_fourth_call_failing_the_contacts_are_exact(
    engine: Engine, sinks: dict[str, CrmSink], org: Org, seed: int
) -> None:
    rng = random.Random(seed)
    kinds: list[Fault] = [
        "lost_before",
        "lost_after",
        "garbage",
        "busy",
        "error",
        "slow",
        "expired",
    ]
    org.faults.rng, org.faults.share, org.faults.kinds = rng, 0.25, kinds
    spent = {f"cus_{n}": 0 for n in range(30)}
    for number in range(1, 60):
        who = rng.choice(list(spent))
        spent[who] += 100 * number
        take_in(engine, [told(paid(who, 100 * number, number))], SINK)
        if number % 2 == 0:
            deliver_all(engine, sinks)
    deliver_all(engine, sinks)

    held = {who: round(100 * each["Stripe_Ltv_Gross__c"]) for who, each in org.contacts.items()}
    assert held == {who: amount for who, amount in spent.items() if amount}
    assert set(states(engine).values()) == {("done", None)}
    assert org.faults.met > 3
