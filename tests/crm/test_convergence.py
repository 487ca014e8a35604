"""4,000 events of 100 customers, mirrored and delivered by four hands: few calls, none stale."""

import random
import threading

import pytest
from sqlalchemy import Engine

from sync.crm.sinks import open_sinks
from sync.crm.sinks.hubspot.properties import KEY
from sync.crm.vendors import HubSpot, Vendors
from tests.crm.service import deliver_all, deliver_due, retry_now, take_in
from tests.crm.shop import Json, paid, told
from tests.crm.test_hubspot import states
from tests.fakes.hubspot.contacts import TOKEN, Account, hubspot
from tests.fakes.serving import serving

CUSTOMERS, EVENTS, HANDS, BATCH = 100, 4_000, 4, 40
SINK = ["hubspot"]


def storm(rng: random.Random) -> tuple[list[Json], dict[str, int]]:
    """Return paid invoices in any order, and what each customer has paid in the end."""
    spent = {f"cus_{n}": 0 for n in range(CUSTOMERS)}
    events = []
    for number in range(EVENTS):
        who = rng.choice(list(spent))
        spent[who] += number
        events.append(told(paid(who, number, number), number))
    rng.shuffle(events)
    return events, spent


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.prove)])
def test_a_storm_ends_in_true_contacts_and_few_calls(engine: Engine, seed: int) -> None:
    account = Account()
    events, spent = storm(random.Random(seed))
    batches = [events[at : at + BATCH] for at in range(0, EVENTS, BATCH)]
    mirroring = threading.Lock()

    with serving(hubspot(account)) as url:
        vendors = Vendors(hubspot=HubSpot(token=TOKEN, base_url=url))
        open_sinks(engine, SINK, vendors)["hubspot"].setup()
        account.calls.clear()

        def work() -> None:
            sinks = open_sinks(engine, SINK, vendors)
            while batches:
                with mirroring:  # one lane, as in the drain
                    batch = batches.pop() if batches else []
                    take_in(engine, batch, SINK)
                deliver_due(engine, sinks)

        hands = [threading.Thread(target=work) for _ in range(HANDS)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        retry_now(engine)
        deliver_all(engine, open_sinks(engine, SINK, vendors))

    held = {each[KEY]: each["stripe_ltv_gross"] for each in account.contacts.values()}
    assert held == {who: f"{amount / 100:.2f}" for who, amount in spent.items() if amount}
    assert set(states(engine).values()) == {("done", None)}
    assert len(account.calls) < EVENTS / 20
