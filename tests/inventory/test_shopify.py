"""Shopify: every movement lands once, whatever gets lost on the way, or is seen as in doubt."""

import random
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import responses
from click.testing import CliRunner
from sqlalchemy import Engine

from app.cli.stock import command
from app.stock_settings import StockSettings
from sync.changes import Done, Failed, Outcome, RetryIn, Skipped, Unknown
from sync.delivery.http import Client
from sync.inventory import ledger, remote
from sync.inventory.delivery import Ways
from sync.inventory.ledger import Booked, Count
from sync.inventory.names import Names
from sync.inventory.policy import InventoryPolicy
from sync.inventory.sink import Level, Notice, Told
from sync.inventory.sinks.shopify import API_VERSION, ShopifySink
from sync.inventory.vendors import Shopify, Vendors
from tests.inventory import sales
from tests.inventory.shelf import NOW, happen, rows, settle_all
from tests.inventory.shelf import ledger as booked

fakes = pytest.importorskip("graphql") and __import__("tests.fakes.shopify.shop", fromlist=["x"])
MUG, MAIN = f"{fakes.ITEM}1", f"{fakes.PLACE}1"
NAMES = Names({"MUG": MUG}, {"main": MAIN})


@pytest.fixture
def shop() -> Iterator[Any]:
    made = fakes.Shop(stock={(MUG, MAIN): 40}, skus={"MUG": MUG, "MUG-XL": f"{fakes.ITEM}2"})
    with fakes.running(made) as running:
        yield running


def sink_of(url: str, secret: str = "right", names: Names = NAMES) -> ShopifySink:
    app = Shopify(base_url=url, client_id="id", client_secret=secret)
    return ShopifySink(app, Client(url, tries=1), lambda _: names)


def told(delta: int = -2, key: str | None = None, **facts: Any) -> Told:
    moved = {
        "id": 7,
        "source_line": "in_1:il_1",
        "sku": "MUG",
        "location": "main",
        "revision": 1,
        "counter": "on_hand",
        "delta": delta,
        "level_after": 38,
        "cause": "invoice_paid",
        "event_id": None,
        "at": NOW,
        **facts,
    }
    return Told(Booked(**moved), key or str(uuid4()))


def level(available: int) -> Level:
    return Level("MUG", "main", available, str(uuid4()))


def one(sink: ShopifySink, intent: Told | Level) -> Outcome:
    (outcome,) = sink.deliver([intent])
    return outcome


def test_a_movement_lands_once_under_its_key(shop: Any) -> None:
    sink, movement = sink_of(shop.url), told()

    assert [one(sink, movement), one(sink, movement)] == [
        Done("gid://shopify/InventoryAdjustmentGroup/1")
    ] * 2
    assert shop.stock == {(MUG, MAIN): 38}
    assert shop.applied == [
        {
            "name": "available",
            "reason": "correction",
            "referenceDocumentUri": "gid://evergreen/InvoiceLine/in_1:il_1",
            "changes": [
                {
                    "inventoryItemId": MUG,
                    "locationId": MAIN,
                    "delta": -2,
                    "changeFromQuantity": None,
                }
            ],
        }
    ]
    assert shop.token_calls == 1


@pytest.mark.parametrize(
    ("before", "after", "kind", "reason", "stock"),
    [
        pytest.param("lost", None, Unknown, "shopify_no_answer", 40, id="lost-before"),
        pytest.param(None, "lost", Unknown, "shopify_no_answer", 38, id="lost-after"),
        pytest.param(503, None, Unknown, "shopify_503", 40, id="down"),
        pytest.param(None, 502, Unknown, "shopify_502", 38, id="garbage-gateway"),
        pytest.param("garbage", None, Unknown, "shopify_garbage", 40, id="garbage"),
        pytest.param(429, None, RetryIn, "shopify_429", 40, id="429"),
        pytest.param("THROTTLED", None, RetryIn, "shopify_throttled", 40, id="throttled"),
        pytest.param(403, None, RetryIn, "shopify_403", 40, id="no-rights"),
        pytest.param("ACCESS_DENIED", None, RetryIn, "shopify_access_denied", 40, id="denied"),
        pytest.param("SHOP_INACTIVE", None, RetryIn, "shopify_shop_inactive", 40, id="closed"),
        pytest.param(None, "", Unknown, "shopify_graphql_error", 38, id="an-error-without-a-code"),
        pytest.param("OTHER", None, Failed, "shopify_other", 40, id="another-no"),
    ],
)
def test_what_an_end_means_and_that_its_key_makes_it_whole(
    shop: Any, *, before: Any, after: Any, kind: type, reason: str, stock: int
) -> None:
    movement, sink = told(), sink_of(shop.url)
    shop.before, shop.after = [fault(before)], [fault(after)]
    first, stood = one(sink, movement), shop.stock[MUG, MAIN]

    assert (type(first), getattr(first, "reason", "")) == (kind, reason)
    assert stood == stock
    assert isinstance(one(sink, movement), Done)
    assert shop.stock[MUG, MAIN] == 38


def fault(which: Any) -> Any:
    if which is None:
        return None
    if which == "lost":
        return fakes.lost
    if which == "garbage":
        return fakes.said(200, b"<html>")
    if isinstance(which, int):
        return fakes.said(which)
    if not which:
        return fakes.said(200, b'{"errors": [{"message": "Timeout"}]}')
    return fakes.graphql_error(which)


def test_a_full_quota_makes_the_whole_sink_wait_as_long_as_is_asked(shop: Any) -> None:
    shop.before = [fakes.said(429, Retry_After="17")]

    assert one(sink_of(shop.url), told()) == RetryIn(17, "shopify_429", "sink")


def test_a_token_that_ended_is_asked_for_anew_once(shop: Any) -> None:
    sink = sink_of(shop.url)
    one(sink, told())
    shop.tokens.clear()

    assert isinstance(one(sink, told()), Done)
    assert (shop.token_calls, shop.stock[MUG, MAIN]) == (2, 36)


def test_a_wrong_secret_stops_the_sink_until_a_person_mends_it(shop: Any) -> None:
    outcome = one(sink_of(shop.url, "wrong"), told())

    assert isinstance(outcome, RetryIn)
    assert (outcome.scope, outcome.reason) == ("sink", "shopify_no_token")
    assert shop.stock == {(MUG, MAIN): 40}


def test_a_key_of_another_movement_is_refused(shop: Any) -> None:
    sink, key = sink_of(shop.url), str(uuid4())
    one(sink, told(-2, key))

    assert one(sink, told(-3, key)) == Failed("shopify_idempotency_key_parameter_mismatch")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        pytest.param(Names({}, {"main": MAIN}), "shopify_unknown_sku", id="sku"),
        pytest.param(Names({"MUG": MUG}, {}), "shopify_unknown_location", id="location"),
    ],
)
def test_what_shopify_does_not_know_is_for_a_person(shop: Any, names: Names, reason: str) -> None:
    assert one(sink_of(shop.url, names=names), told()) == Failed(reason)
    assert shop.asked == []


def test_only_names_that_are_needed_are_read(engine: Engine) -> None:
    with engine.begin() as conn:
        remote.keep(conn, "shopify", "sku", {"MUG": MUG, "TEA": f"{fakes.ITEM}2"})
        remote.keep(conn, "shopify", "location", {"main": MAIN, "attic": f"{fakes.PLACE}2"})

    assert remote.names(engine, "shopify", {"MUG", "CUP"}) == Names(
        {"MUG": MUG}, {"main": MAIN, "attic": f"{fakes.PLACE}2"}
    )


def test_a_notice_is_not_for_shopify(shop: Any) -> None:
    notice = Notice(
        id=1, kind="oversold", sku="MUG", location="main", on_hand=-1, available=-1, at=NOW
    )

    assert sink_of(shop.url).deliver([notice]) == [Skipped("not_for_shopify")]


def test_a_level_is_set_by_compare_and_set(shop: Any) -> None:
    sink = sink_of(shop.url)
    outcomes = [one(sink, level(11)), one(sink, level(11))]

    assert [type(each) for each in outcomes] == [Done, Done]
    assert (shop.stock[MUG, MAIN], len(shop.applied)) == (11, 1)
    (quantity,) = shop.applied[0]["quantities"]
    assert quantity["changeFromQuantity"] == 40


def test_a_level_that_somebody_moves_meanwhile_is_looked_at_again(shop: Any) -> None:
    sink = sink_of(shop.url)

    def sold_there() -> None:
        shop.stock[MUG, MAIN] = 39

    shop.before = [None, sold_there]
    first = one(sink, level(11))

    assert isinstance(first, RetryIn)
    assert first.reason == "shopify_change_from_quantity_stale"
    assert (one(sink, level(11)), shop.stock[MUG, MAIN]) == (
        Done("gid://shopify/InventoryAdjustmentGroup/1"),
        11,
    )


def test_setting_up_finds_places_and_exact_skus(shop: Any) -> None:
    sink = sink_of(shop.url)

    assert [(each.level, each.hint) for each in sink.setup()] == [("ok", f"1 = {MAIN}")]
    assert (sink.find("MUG"), sink.find("MUG-XL"), sink.find("TEA")) == (
        MUG,
        f"{fakes.ITEM}2",
        None,
    )
    assert sink_of(shop.url, "wrong").setup()[0].level == "wrong"


@pytest.mark.parametrize(
    ("code", "kind", "scope"),
    [
        pytest.param("IDEMPOTENCY_CONCURRENT_REQUEST", RetryIn, "item", id="concurrent"),
        pytest.param("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", Failed, "", id="mismatch"),
        pytest.param("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", Failed, "", id="previous"),
        pytest.param("CHANGE_FROM_QUANTITY_STALE", RetryIn, "item", id="stale"),
        pytest.param("ITEM_NOT_STOCKED_AT_LOCATION", Failed, "", id="validation"),
    ],
)
@responses.activate
def test_what_each_user_error_means(code: str, kind: type, scope: str) -> None:
    url = "https://shop.example"
    responses.post(
        f"{url}/admin/oauth/access_token", json={"access_token": "t", "expires_in": 86399}
    )
    payload = {"inventoryAdjustmentGroup": None, "userErrors": [{"code": code, "message": ""}]}
    responses.post(
        f"{url}/admin/api/{API_VERSION}/graphql.json",
        json={"data": {"inventoryAdjustQuantities": payload}},
    )
    outcome = one(sink_of(url), told())

    assert (type(outcome), getattr(outcome, "scope", "")) == (kind, scope)


def test_the_shop_is_right_in_the_end_or_what_is_not_is_seen(engine: Engine, shop: Any) -> None:
    """Sales and returns through the ledger, a quarter of all calls lost before or after acting."""
    rng = random.Random(11)
    ways = Ways(
        InventoryPolicy(followers=("shopify",)),
        {"shopify": ShopifySink(
            Shopify(base_url=shop.url, client_id="id", client_secret="right"),
            Client(shop.url, tries=1),
            lambda skus: remote.names(engine, "shopify", skus),
        )},
    )  # fmt: skip
    with engine.begin() as conn:
        remote.keep(conn, "shopify", "sku", NAMES.skus)
        remote.keep(conn, "shopify", "location", NAMES.locations)
        opened = ledger.count(conn, [Count("MUG", "main", 40)], NOW)
    faults = [None, None, None, fakes.lost]
    shop.before = [rng.choice(faults) for _ in range(300)]
    shop.after = [rng.choice(faults) for _ in range(300)]
    price = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)
    happen(engine, [price], ways)
    for number in range(20):
        line = sales.Sold(id=f"il_{number}", price="price_1", product="prod_1", quantity=2)
        bill = sales.invoice(f"in_{number}", "paid", [line])
        note = sales.credit_note(f"cn_{number}", f"in_{number}", {line.id: 1}, 1000)
        told_of = [
            sales.event("invoice.paid", bill, 20),
            sales.event("credit_note.created", note, 21),
        ]
        happen(engine, told_of[: 1 + number % 2], ways, again=True)
    settle_all(engine, ways, again=True)
    unclear = rows(engine, "SELECT 1 FROM evergreen.outbox WHERE state IN ('unknown', 'pending')")

    assert opened[0].cause == "first_count"
    assert unclear == []
    assert shop.stock[MUG, MAIN] == booked(engine)["MUG"] == 10
    assert len(shop.applied) == 30
    assert ShopifySink.policy.key_lives == timedelta(hours=24)


def test_setting_up_and_comparing_from_the_command_line(
    engine: Engine, database_url: str, shop: Any
) -> None:
    app = Shopify(base_url=shop.url, client_id="id", client_secret="right")
    stock = StockSettings(
        sinks=("local", "shopify"),
        policy=InventoryPolicy(followers=("shopify",)),
        vendors=Vendors(shopify=app),
    )
    settings = SimpleNamespace(database_url=database_url, clock="real", livemode=False, stock=stock)
    run = CliRunner().invoke
    with engine.begin() as conn:
        ledger.count(conn, [Count("MUG", "main", 38), Count("TEA", "main", 1)], NOW)
    place = ["--location", f"main={MAIN}"]
    first = run(command, ["setup", *place, "--format", "csv"], obj=settings)
    differs = run(command, ["reconcile", "--remote", "--format", "csv"], obj=settings)
    shop.stock[MUG, MAIN] = 38
    same = run(command, ["reconcile", "--remote"], obj=settings)
    wrong = run(command, ["setup", "--location", "main"], obj=settings)

    assert first.exit_code == 1
    assert f"shopify,made,MUG,{MUG}" in first.stdout
    assert 'shopify,wrong,TEA,"no variant has this SKU, or several have"' in first.stdout
    assert (differs.exit_code, differs.stdout.splitlines()[1]) == (
        1,
        "shopify,MUG,main,available,40,38",
    )
    assert (same.exit_code, wrong.exit_code) == (0, 2)
