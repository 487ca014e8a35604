"""What names no customer, or many: whose snapshots it asks for, slice by slice."""

from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from sync.crm import looking, spreading
from sync.crm.sinks import open_sinks
from tests.crm.known import day
from tests.crm.service import deliver_all, records, take_in
from tests.crm.shop import DAY, Json, customer, paid, subscription, told

LOCAL = ["local"]
CHARGE: dict[str, Any] = {
    "id": "ch_1",
    "object": "charge",
    "customer": "cus_1",
    "payment_intent": "pi_1",
    "status": "succeeded",
    "currency": "usd",
    "created": DAY,
}
REFUND: Json = {
    "id": "re_1",
    "object": "refund",
    "payment_intent": "pi_1",
    "amount": 300,
    "status": "succeeded",
    "currency": "usd",
    "created": DAY,
}
DISPUTE: Json = {
    "id": "dp_1",
    "object": "dispute",
    "charge": "ch_1",
    "amount": 400,
    "status": "lost",
    "currency": "usd",
    "created": DAY,
}
REFUSED = {**CHARGE, "id": "ch_0", "status": "failed", "payment_intent": "pi_0"}
BY_HAND: Json = {
    "id": "inpay_1",
    "object": "invoice_payment",
    "invoice": "in_cus_1_1",
    "payment": {"type": "payment_intent", "payment_intent": "pi_0"},
    "status": "paid",
    "created": DAY,
}


def sold(who: str, product: str = "prod_1") -> Json:
    found = subscription(who)
    (item,) = found["items"]["data"]
    return {**found, "items": {"data": [{**item, "price": {**item["price"], "product": product}}]}}


def product(name: str) -> Json:
    return {"id": "prod_1", "object": "product", "name": name}


COUPON: Json = {"id": "HALF", "object": "coupon", "percent_off": 50, "duration": "forever"}
DISCOUNT: Json = {
    "id": "di_1",
    "object": "discount",
    "customer": "cus_1",
    "start": DAY,
    "subscription": "sub_cus_1",
    "source": {"coupon": "HALF"},
}
DISCOUNTED = {**subscription("cus_1"), "discounts": ["di_1"]}


@pytest.mark.parametrize(
    ("before", "after", "name", "values"),
    [
        pytest.param([paid("cus_1"), CHARGE], REFUND, "ltv_net_minor", [1000, 700], id="refund"),
        pytest.param([paid("cus_1"), CHARGE], DISPUTE, "ltv_net_minor", [1000, 600], id="dispute"),
        pytest.param(
            [paid("cus_1"), REFUSED], BY_HAND, "failed_payment_count", [0, 1], id="invoice-payment"
        ),
        pytest.param([sold("cus_1")], product("Tea"), "plan", ["price_1000", "Tea"], id="product"),
        pytest.param([DISCOUNTED, DISCOUNT], COUPON, "mrr_minor", [1000, 500], id="coupon"),
        pytest.param([DISCOUNTED], DISCOUNT, "coupon", [None, "HALF"], id="discount"),
    ],
)
def test_what_comes_later_by_itself_moves_the_field(
    engine: Engine, before: list[Json], after: Json, name: str, values: list[Any]
) -> None:
    sinks = open_sinks(engine, LOCAL)
    found = []
    for batch in (before, [after]):
        take_in(engine, [told(each) for each in batch], LOCAL)
        deliver_all(engine, sinks)
        found.append(records(engine)["cus_1"][0][name])

    assert found == values


def test_a_product_that_many_have_is_told_in_slices(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = [f"cus_{n}" for n in range(25)]
    take_in(engine, [told(sold(who)) for who in everybody], LOCAL)
    deliver_all(engine, open_sinks(engine, LOCAL))
    monkeypatch.setattr(spreading, "SLICE", 4)
    monkeypatch.setattr(spreading, "MOST_SLICES", 3)
    commits: list[int] = []
    event.listen(engine, "commit", lambda _: commits.append(1))
    take_in(engine, [told(product("Tea"))], LOCAL)
    before = len(commits)
    with engine.connect() as conn:
        waiting = conn.execute(text("SELECT count(*) FROM evergreen.outbox WHERE state='pending'"))
        assert waiting.scalar_one() == 1
    deliver_all(engine, open_sinks(engine, LOCAL))

    assert {data["plan"] for data, _ in records(engine).values()} == {"Tea"}
    assert len(commits) - before > 3


def test_what_time_brings_is_told_once(engine: Engine) -> None:
    ends = {**DISCOUNT, "end": DAY + 40 * 86_400, "source": {"coupon": {**COUPON}}}
    take_in(engine, [told(each) for each in (customer("cus_1"), DISCOUNTED, ends)], LOCAL)
    with engine.begin() as conn:
        looking.note(conn, [(("", "cus_1"), False, day(40)), (("", "cus_2"), False, None)])
        early = looking.scan(conn, day(39), LOCAL)
        due = looking.scan(conn, day(40), LOCAL)
        again = looking.scan(conn, day(41), LOCAL)

    assert (early, [each.customer_id for each in due], again) == ([], ["cus_1"], [])


def test_a_look_that_is_no_longer_needed_is_forgotten(engine: Engine) -> None:
    with engine.begin() as conn:
        looking.note(conn, [(("", "cus_1"), False, day(40))])
        looking.note(conn, [(("", "cus_1"), False, None)])

        assert looking.scan(conn, day(99), LOCAL) == []
