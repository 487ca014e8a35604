"""Reconcile: finds what differs, mends it, and deletes nothing on a list's word."""

from collections.abc import Sequence

import orjson
import pytest
from sqlalchemy import Connection, select, text

from app.envelope import delivery
from app.simulator.stripe_api.faults import Fault, Faults
from sync.errors import Rejected
from sync.mirror import reconcile
from sync.mirror.parts import parts_of
from sync.mirror.probe import probe
from sync.mirror.reconcile import Step
from sync.mirror.sampling import sample
from sync.store import inbox, refetch
from sync.store.drift import DRIFT, Drift
from tests.backfill.several_lives import NOW, Shop, lived, withheld

DELETED = "SELECT count(*) FROM stripe.customers WHERE deleted_at IS NOT NULL"
FAULTS = (Fault.LIMITED, Fault.ERROR, Fault.HALF, Fault.DROPPED)
OLD = int(NOW.timestamp()) - 86_400


def run(shop: Shop, *names: str, dry_run: bool = False) -> dict[str, Step]:
    """Compare everything, or what is named; return the last word on each type."""
    check, parts = shop.reconcile(dry_run=dry_run), parts_of(names, ("",))
    with shop.engine.begin() as conn:
        reconcile.begin(conn, check.task, parts, None)
    return {step.part.object: step for step in check.steps(parts)}


def found(steps: dict[str, Step]) -> int:
    return sum(step.drift.found for step in steps.values())


def customers(shop: Shop, *ids: str, mirrored: Sequence[str] = ()) -> None:
    """Let Stripe hold these customers, and the mirror those that are `mirrored`."""
    shop.api.account.put(*map(customer, ids))
    shop.deliver([_created(each) for each in mirrored])


def customer(object_id: str, **fields: object) -> dict[str, object]:
    told = {"id": object_id, "object": "customer", "created": OLD, "livemode": False}
    return {**told, "discount": None, "email": f"{object_id}@example.com", **fields}


def _created(object_id: str) -> dict[str, object]:
    return _event(customer(object_id), "customer.created")


def _event(subject: dict[str, object], event_type: str) -> dict[str, object]:
    told = {"id": f"evt_{subject['id']}", "object": "event", "type": event_type}
    return {**told, "created": OLD, "livemode": False, "data": {"object": subject}}


def published(conn: Connection) -> dict[str, tuple[int, int, int, int]]:
    c = DRIFT.c
    rows = conn.execute(select(c.object, c.missing, c.stale, c.zombie, c.repaired))
    return {row[0]: tuple(row[1:]) for row in rows}


def test_what_was_withheld_is_found_and_mended(shop: Shop) -> None:
    shop.api.account.tell(*lived(2))
    shop.deliver(withheld(lived(2), seed=2))
    wrong = shop.drift()

    seen = run(shop, dry_run=True)
    assert shop.drift() == wrong
    mended = run(shop)

    assert shop.drift() == []
    # What came whole inside another object was mended before its own list was compared.
    assert found(seen) >= len(wrong) > 10
    assert found(seen) >= found(mended) > 10
    assert all(step.drift.repaired == step.drift.found for step in mended.values())
    assert found(run(shop.later())) == 0


def test_a_stripe_that_fails_now_and_then_is_reconciled_all_the_same(shop: Shop) -> None:
    shop.api.account.tell(*lived(5))
    shop.deliver(withheld(lived(5), seed=5))
    shop.api.misbehave(Faults(shares=dict.fromkeys(FAULTS, 0.02), seed=5))

    mended = run(shop)

    assert shop.drift() == []
    assert all(step.drift.repaired == step.drift.found for step in mended.values())


def test_each_kind_of_drift_is_told_by_its_name(shop: Shop) -> None:
    customers(shop, "cus_a", "cus_b", "cus_new", mirrored=["cus_a", "cus_b", "cus_gone"])
    shop.api.account.put(customer("cus_b", email="new@example.com"))

    drift = run(shop, "customer")["customer"].drift

    assert drift == Drift(object="customer", checked=4, missing=1, stale=1, zombie=1, repaired=3)
    with shop.engine.connect() as conn:
        assert published(conn)["customer"] == (1, 1, 1, 3)
    assert shop.drift() == []


def test_what_no_list_shows_but_exists_is_no_zombie(shop: Shop) -> None:
    customers(shop, "cus_a", mirrored=["cus_a", "cus_on_clock"])
    shop.api.account.put(customer("cus_on_clock", test_clock="clock_1"))

    drift = run(shop, "customer")["customer"].drift

    assert (drift.zombie, drift.checked) == (0, 2)
    assert shop.drift() == []


def test_an_event_that_waits_and_a_wish_to_read_are_no_drift(shop: Shop) -> None:
    customers(shop, "cus_a", "cus_b", "cus_c", mirrored=["cus_c"])
    shop.api.account.put(customer("cus_c", email="new@example.com"))
    wish = refetch.Wish(object="customer", id="cus_b", account="", reason="undecided")
    with shop.engine.begin() as conn:
        inbox.store(conn, delivery(orjson.dumps(_created("cus_a")), None))
        refetch.ask(conn, [wish])

    drift = run(shop, "customer")["customer"].drift

    assert (drift.checked, drift.missing, drift.stale) == (1, 0, 1)


def test_what_was_just_created_is_not_missed_yet(shop: Shop) -> None:
    young, old = int(NOW.timestamp()) - 59, int(NOW.timestamp()) - 60
    shop.api.account.put(customer("cus_young", created=young), customer("cus_old", created=old))

    drift = run(shop, "customer")["customer"].drift

    assert (drift.checked, drift.missing) == (1, 1)


def test_a_key_of_another_account_deletes_nothing(shop: Shop) -> None:
    ours = [f"cus_{number}" for number in range(30)]
    customers(shop, "cus_theirs", mirrored=ours)

    with pytest.raises(Rejected, match="another account"):
        probe(shop.engine, shop.side().reads, "")
    step = run(shop, "customer")["customer"]

    assert step.foreign
    assert shop.world.rows(DELETED) == [(0,)]


@pytest.mark.parametrize(("gone", "foreign"), [(6, False), (7, True)], ids=["a-fifth", "more"])
def test_deleting_stops_above_one_in_five(shop: Shop, gone: int, foreign: bool) -> None:
    ours = [f"cus_{number:02}" for number in range(30)]
    customers(shop, *ours[gone:], mirrored=ours)

    step = run(shop, "customer")["customer"]

    assert step.foreign is foreign
    assert shop.world.rows(DELETED) == [(0 if foreign else gone,)]


def test_a_check_that_was_interrupted_goes_on(shop: Shop) -> None:
    ours = [f"cus_{number:03}" for number in range(250)]
    customers(shop, *ours, mirrored=[*ours[:-3], "cus_gone"])
    check, parts = shop.reconcile(), parts_of(["customer"], ("",))
    with shop.engine.begin() as conn:
        reconcile.begin(conn, check.task, parts, None)
    next(iter(check.steps(parts)))

    *_, last = check.steps(parts)

    assert last.drift == Drift(object="customer", checked=251, missing=3, zombie=1, repaired=4)


def test_a_sample_finds_what_is_new_and_wrong_at_a_few_reads(shop: Shop) -> None:
    shop.api.account.tell(*lived(3))
    shop.deliver(withheld(lived(3), seed=3))
    wrong = len(shop.drift())
    shop.api.requests.clear()

    drifts = sample(shop.reconcile(), "", reads=20)

    assert len(shop.api.requests) <= 20 + 3
    assert len(drifts) == 4
    for _ in range(10):
        sample(shop.reconcile(), "", reads=20)
    assert len(shop.drift()) < wrong
    modes = shop.world.rows("SELECT DISTINCT mode FROM evergreen.drift")
    assert modes == [("sample",)]


def test_nothing_that_a_check_mends_is_mailed(shop: Shop) -> None:
    shop.api.account.tell(*lived(4))

    run(shop)

    with shop.engine.connect() as conn:
        mails = conn.execute(text("SELECT count(*) FROM evergreen.outbox WHERE channel = 'mail'"))
        assert mails.scalar_one() == 0


def test_what_only_shows_inside_another_object_is_compared_too(shop: Shop) -> None:
    tax_id = {"id": "txi_1", "object": "tax_id", "created": OLD, "customer": "cus_a"}
    customers(shop, "cus_a", mirrored=["cus_a"])
    shop.api.account.put({**tax_id, "type": "eu_vat", "value": "DE1", "livemode": False})

    first = run(shop, "customer")["customer"].drift
    second = run(shop.later(), "customer")["customer"].drift

    assert (first.stale, first.repaired) == (1, 1)
    assert (second.checked, second.found) == (1, 0)
    assert shop.drift() == []


@pytest.mark.parametrize(
    ("shown", "ended"),
    [
        pytest.param(None, [("di_1", True), ("di_invoice", False)], id="taken-away"),
        pytest.param("di_1", [("di_1", False), ("di_invoice", False)], id="still-there"),
    ],
)
def test_a_discount_that_nothing_shows_any_more_has_ended(
    shop: Shop, shown: str | None, ended: list[tuple[str, bool]]
) -> None:
    """No list of Stripe's tells of discounts, and an invoice keeps those that ended since."""
    customers(shop, "cus_a", mirrored=["cus_a"])
    told = {"object": "discount", "customer": "cus_a", "livemode": False}
    discounts = [{**told, "id": "di_1"}, {**told, "id": "di_invoice", "invoice": "in_1"}]
    shop.deliver([_event(each, "customer.discount.created") for each in discounts])
    shop.api.account.put(customer("cus_a", discount=discounts[0] if shown else None))

    drift = run(shop, "customer")["customer"].drift

    rows = "SELECT id, deleted_at IS NOT NULL FROM stripe.discounts ORDER BY id"
    assert shop.world.rows(rows) == ended
    assert (drift.stale, drift.repaired) == (int(not shown), int(not shown))


def test_a_sample_does_not_follow_long_lists(shop: Shop) -> None:
    """What looks long is left to the full check: the sample's reads are few, whatever it meets."""
    lines = [{"id": f"il_{n:03}", "object": "line_item", "amount": 1} for n in range(30)]
    for number in range(40):
        listed = {"object": "list", "has_more": False, "url": f"/v1/invoices/in_{number}/lines"}
        invoice = {"id": f"in_{number}", "object": "invoice", "discounts": [], "livemode": False}
        shop.api.account.put({**invoice, "created": number, "lines": {**listed, "data": lines}})

    sample(shop.reconcile(), "", reads=5, names=["invoice"])

    assert len(shop.api.requests) <= 1 + 3
