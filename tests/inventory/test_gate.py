"""The sold-out gate: off and on again at Stripe, and only what was turned off by us."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from requests import PreparedRequest
from sqlalchemy import Engine

from sync.changes import Done, Failed, RetryIn
from sync.inventory import gate, items, ledger
from sync.inventory.delivery import Ways
from sync.inventory.gate import is_closed
from sync.inventory.items import Item
from sync.inventory.ledger import Count
from sync.inventory.policy import GateMode, InventoryPolicy
from sync.inventory.stripe_gate import MARK, StripeGate
from sync.inventory.telling import Origin, tell
from tests.inventory import sales
from tests.inventory.shelf import NOW, mirror, rows, settle_all

API = "https://stripe.test"
MUG, TEA = Item(sku="MUG", oos_at=0, resume_at=3), Item(sku="TEA", oos_at=0, resume_at=1)


@pytest.mark.parametrize(
    ("shelves", "before", "closed"),
    [
        pytest.param([(MUG, 1, 1)], False, False, id="one-left"),
        pytest.param([(MUG, 0, 1)], False, True, id="none-left"),
        pytest.param([(MUG, 2, 1)], True, True, id="not-enough-to-resume"),
        pytest.param([(MUG, 3, 1)], True, False, id="enough-to-resume"),
        pytest.param([(MUG, 1, 2)], False, True, id="too-few-for-one-bundle"),
        pytest.param([(MUG, 9, 2), (TEA, 0, 1)], False, True, id="one-component-is-gone"),
        pytest.param([(MUG, 5, 2), (TEA, 9, 1)], True, True, id="one-component-is-not-back"),
        pytest.param([(MUG, -4, 1)], False, True, id="oversold"),
        pytest.param([(Item(sku="X", track=False), 0, 1)], False, False, id="untracked"),
        pytest.param([(Item(sku="X", policy="always"), 0, 1)], False, False, id="backorders"),
        pytest.param([], False, False, id="nothing-to-run-out-of"),
    ],
)
def test_when_a_thing_is_closed(
    shelves: Sequence[tuple[Item, int, int]], before: bool, closed: bool
) -> None:
    assert is_closed(shelves, before=before) is closed


@dataclass
class Stripe:
    """What is for sale at Stripe, by path, and the writes it got."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[tuple[str, str]] = field(default_factory=list)

    def get(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        """Show one thing."""
        found = self.objects.get(path(request))
        return (200, {}, json.dumps(found)) if found else (404, {}, MISSING)

    def post(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        """Turn one thing on or off."""
        given = {name: value for name, (value,) in parse_qs(body(request), True).items()}
        found = self.objects[path(request)]
        found["active"] = given["active"] == "true"
        found["metadata"][MARK] = given[f"metadata[{MARK}]"]
        self.writes.append((path(request), given["active"]))
        return 200, {}, json.dumps(found)


MISSING = json.dumps({"error": {"type": "invalid_request_error", "code": "resource_missing"}})


def path(request: PreparedRequest) -> str:
    return str(request.path_url).partition("?")[0]


def body(request: PreparedRequest) -> str:
    found = request.body or b""
    return found.decode() if isinstance(found, bytes) else str(found)


def thing(object_id: str, active: bool = True) -> dict[str, Any]:
    return {"id": object_id, "active": active, "metadata": {}}


@pytest.fixture
def stripe() -> Iterator[Stripe]:
    links = [thing("plink_1"), thing("plink_2")]
    lines = {"plink_1": "price_1", "plink_2": "price_9"}
    made = Stripe(
        {
            "/v1/prices/price_1": thing("price_1"),
            "/v1/products/prod_1": thing("prod_1"),
            "/v1/payment_links": {"data": links, "has_more": False},
            **{f"/v1/payment_links/{each['id']}": each for each in links},
            **{
                f"/v1/payment_links/{link}/line_items": {"data": [{"price": {"id": price}}]}
                for link, price in lines.items()
            },
        }
    )
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for known in made.objects:
            mock.add_callback("GET", API + known, callback=made.get)
            mock.add_callback("POST", API + known, callback=made.post)
        yield made


def ways(mode: GateMode) -> Ways:
    switch = StripeGate("sk_test_123", base=API)
    return Ways(InventoryPolicy(gate=mode), switch=switch)


CATALOGUE = [
    sales.event("product.created", sales.product("prod_1"), 1),
    sales.event("price.created", sales.price("price_1", "prod_1", sku_bundle="MUG:2,TEA"), 1),
    sales.event("price.created", sales.price("price_9", "prod_9", sku="CUP"), 1),
]


def count(engine: Engine, rules: Ways, **on_hand: int) -> None:
    with engine.begin() as conn:
        booked = ledger.count(conn, [Count(sku, "main", n) for sku, n in on_hand.items()], NOW)
        tell(conn, booked, rules.policy, Origin(now=NOW))
    settle_all(engine, rules)


@pytest.mark.parametrize(
    ("mode", "target"),
    [
        pytest.param("payment_link", "/v1/payment_links/plink_1", id="payment-link"),
        pytest.param("price", "/v1/prices/price_1", id="price"),
        pytest.param("product", "/v1/products/prod_1", id="product"),
        pytest.param("alert", None, id="alert"),
    ],
)
def test_what_is_sold_out_goes_off_and_comes_back(
    engine: Engine, stripe: Stripe, mode: GateMode, target: str | None
) -> None:
    rules = ways(mode)
    mirror(engine, CATALOGUE)
    count(engine, rules, MUG=9, TEA=9, CUP=9)
    count(engine, rules, MUG=1)
    count(engine, rules, MUG=1, TEA=8)
    off = list(stripe.writes)
    count(engine, rules, MUG=4)

    assert off == ([(target, "false")] if target else [])
    assert stripe.writes == ([(target, "false"), (target, "true")] if target else [])


def test_a_gate_stays_closed_until_the_upper_threshold(engine: Engine, stripe: Stripe) -> None:
    rules = ways("price")
    mirror(engine, CATALOGUE)
    with engine.begin() as conn:
        items.change(conn, "TEA", {"oos_at": 1, "resume_at": 4})
    for left in (5, 2, 1, 3, 2, 4, 2):
        count(engine, rules, MUG=50, TEA=left)

    assert [active for _, active in stripe.writes] == ["false", "true"]


def test_what_a_person_closed_stays_closed(engine: Engine, stripe: Stripe) -> None:
    rules = ways("price")
    stripe.objects["/v1/prices/price_1"]["active"] = False
    mirror(engine, CATALOGUE)
    count(engine, rules, MUG=9, TEA=9)
    count(engine, rules, TEA=0)
    count(engine, rules, TEA=9)

    assert stripe.writes == []


def test_what_a_person_opened_meanwhile_stays_open(engine: Engine, stripe: Stripe) -> None:
    rules = ways("price")
    mirror(engine, CATALOGUE)
    count(engine, rules, MUG=9, TEA=9)
    count(engine, rules, TEA=0)
    stripe.objects["/v1/prices/price_1"]["active"] = True
    count(engine, rules, MUG=8)

    assert len(stripe.writes) == 1


def test_a_crash_after_the_write_does_not_forget_who_did_it(engine: Engine, stripe: Stripe) -> None:
    rules = ways("price")
    mirror(engine, CATALOGUE)
    count(engine, rules, MUG=9, TEA=9)
    assert rules.switch
    rules.switch.turn_off("price", "price_1", "")
    count(engine, rules, TEA=0)
    shut = rows(engine, "SELECT acted, disabled FROM evergreen.stock_gate")
    count(engine, rules, TEA=9)

    assert shut == [(True, True)]
    assert [active for _, active in stripe.writes] == ["false", "true"]


def test_prices_of_accounts_that_we_do_not_serve_are_left_alone(
    engine: Engine, stripe: Stripe
) -> None:
    rules = ways("price")
    foreign = [{**event, "account": "acct_9"} for event in CATALOGUE]
    mirror(engine, foreign)
    count(engine, rules, MUG=9, TEA=9)
    count(engine, rules, MUG=0)

    assert stripe.writes == []


def test_a_default_price_is_left_alone(engine: Engine, stripe: Stripe) -> None:
    rules = ways("price")
    product = {**sales.product("prod_1"), "default_price": "price_1"}
    mirror(engine, [sales.event("product.created", product, 1), *CATALOGUE[1:]])
    count(engine, rules, MUG=0, TEA=0)
    count(engine, rules, MUG=9, TEA=9)
    count(engine, rules, MUG=0)

    assert stripe.writes == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(429, RetryIn, id="busy"),
        pytest.param(500, RetryIn, id="down"),
        pytest.param(401, Failed, id="key"),
        pytest.param(403, Failed, id="rights"),
        pytest.param(404, Failed, id="gone"),
    ],
)
def test_what_stripe_says_no_with(engine: Engine, status: int, kind: type) -> None:
    rules = ways("price")
    mirror(engine, CATALOGUE)
    with engine.begin() as conn:
        ledger.count(conn, [Count("MUG", "main", 0)], NOW)
    with responses.RequestsMock() as mock:
        mock.get(f"{API}/v1/prices/price_1", status=status, body=MISSING)
        outcome = gate.act(engine, "MUG", NOW, rules.policy, rules.switch)

    assert type(outcome) is kind
    assert "sk_test" not in str(outcome)


@responses.activate
def test_links_are_asked_for_once_with_what_they_sell() -> None:
    """And the rest of a list that is cut short."""

    def link(link_id: str, price: str, *, has_more: bool) -> dict[str, Any]:
        listed = {"data": [{"price": {"id": price}}], "has_more": has_more}
        return {**thing(link_id), "line_items": listed}

    links = [
        link("plink_1", "price_1", has_more=True),
        link("plink_2", "price_9", has_more=False),
        link("plink_3", "price_9", has_more=True),
    ]
    responses.get(f"{API}/v1/payment_links", json={"data": links, "has_more": False})
    rest = {"data": [{"price": {"id": each}} for each in ("price_9", "price_1")]}
    responses.get(f"{API}/v1/payment_links/plink_3/line_items", json=rest)
    found = StripeGate("sk_test_123", base=API).links_with("price_1", "")
    asked = [parse_qs(str(call.request.path_url).partition("?")[2]) for call in responses.calls]

    assert found == ["plink_1", "plink_3"]
    assert [each.get("expand[0]") for each in asked] == [["data.line_items"], None]


def test_stripe_is_left_alone_for_as_long_as_it_asks(engine: Engine) -> None:
    rules = ways("price")
    mirror(engine, CATALOGUE)
    with engine.begin() as conn:
        ledger.count(conn, [Count("MUG", "main", 0)], NOW)
    with responses.RequestsMock() as mock:
        busy = {"Retry-After": "17"}
        mock.get(f"{API}/v1/prices/price_1", status=429, body=MISSING, headers=busy)
        outcome = gate.act(engine, "MUG", NOW, rules.policy, rules.switch)

    assert outcome == RetryIn(17, "stripe_unavailable")


def test_nobody_acts_without_a_key(engine: Engine) -> None:
    assert gate.act(engine, "MUG", NOW, InventoryPolicy(gate="price"), None) == Done()
