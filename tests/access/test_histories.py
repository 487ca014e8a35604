"""A simulated shop's year in any order: the same customers may use the service."""

import random
from collections import Counter

import pytest
from sqlalchemy import Engine, text

from app.simulator.disturb import disturb
from sync import access
from sync.access import Access
from tests.access.shop import TELLS, arrive, forget
from tests.simulator.histories import UNTIL, year


def everybody(engine: Engine) -> dict[str, Access | None]:
    with engine.connect() as conn:
        ids = conn.execute(text("SELECT id FROM stripe.customers")).scalars().all()
        return {one: access.load(conn, "", one, UNTIL, TELLS) for one in ids}


@pytest.mark.timeout(120)
def test_a_year_in_any_order_ends_with_the_same_access(engine: Engine) -> None:
    events = list(year(3, 25).events)
    for at in range(0, len(events), 300):
        arrive(engine, events[at : at + 300], UNTIL)
    wanted = everybody(engine)
    forget(engine)
    arriving = list(disturb(events, random.Random(1), duplicates=0.1, window=None))
    for at in range(0, len(arriving), 300):
        arrive(engine, arriving[at : at + 300], UNTIL)

    assert everybody(engine) == wanted
    states = Counter(each.state for each in wanted.values() if each)
    assert set(states) >= {"ok", "none", "suspended"}, states
    with engine.connect() as conn:
        noted = text("SELECT customer_id, state, since, until, reason FROM evergreen.access")
        for row in conn.execute(noted):
            found = wanted[row.customer_id]
            assert found is not None
            assert row[1:] == (found.state, found.since, found.until, found.reason)
