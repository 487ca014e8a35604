"""`evergreen backfill`, `catch-up` and `reconcile`: what they say, and how they end."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from io import StringIO
from typing import Any

import pytest

from app.cli.backfill import Telling, covered
from app.cli.stripe_side import ProgressLine
from app.simulator.stripe_api.faults import Fault, Faults
from app.simulator.stripe_api.refusal import Refused
from sync.mirror.backfill import Step
from sync.mirror.parts import Part
from tests.backfill.several_lives import NOW, Shop, environ, lived, withheld
from tests.cli.command_line import evergreen

DAY_S = 86_400
NOW_S = int(NOW.timestamp())


def product(number: int, created: int = NOW_S - DAY_S) -> Mapping[str, Any]:
    told = {"object": "product", "created": created, "livemode": False}
    return {"id": f"prod_{number}", **told}


@pytest.mark.parametrize("command", ["backfill", "catch-up", "reconcile"])
def test_without_a_key_it_says_what_to_set(shop: Shop, command: str) -> None:
    said = evergreen(command, environ=environ(shop, STRIPE_API_KEY=""))

    assert (said.code, said.out) == (2, "")
    assert "STRIPE_API_KEY" in said.err


@pytest.mark.parametrize("word", ["product", "products"], ids=["as-stripe-says", "as-our-table"])
def test_a_backfill_tells_what_it_read(shop: Shop, word: str) -> None:
    shop.api.account.put(product(1), product(2))

    said = evergreen("backfill", word, "--format", "json", environ=environ(shop))

    row = {"object": "product", "account": "", "objects": 2, "changed": 2, "state": "done"}
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) == [row]


def test_an_object_that_nobody_knows_gets_a_hint(shop: Shop) -> None:
    said = evergreen("backfill", "custmer", environ=environ(shop))

    assert said.code == 2
    assert "did you mean 'customer'" in said.err


@pytest.mark.parametrize(
    ("since", "objects"), [("2026-11-10", 1), ("11d", 1), ("2020-01-01", 2), ("4000d", 2)]
)
def test_since_leaves_out_what_is_older(shop: Shop, since: str, objects: int) -> None:
    shop.api.account.put(product(1), product(2, created=NOW_S - 100 * DAY_S))

    said = evergreen(
        "backfill", "product", "--since", since, "--format", "json", environ=environ(shop)
    )

    assert json.loads(said.out)[0]["objects"] == objects


def test_what_stripe_refuses_is_told_and_the_rest_is_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a restricted key does that may not read invoices."""
    shop.api.account.put(product(1))
    answered = shop.api.answered

    def restricted(path: str, *rest: Any) -> tuple[int, Any]:
        if path == "/v1/invoices":
            return HTTPStatus.FORBIDDEN, Refused(403, "The key lacks a permission.").body
        return answered(path, *rest)

    monkeypatch.setattr(shop.api, "answered", restricted)
    said = evergreen("backfill", "--format", "json", environ=environ(shop))

    states = {row["object"]: row["state"] for row in json.loads(said.out)}
    assert said.code == 1
    assert states.pop("invoice") == "refused"
    assert set(states.values()) == {"done"}
    assert "Stripe does not show invoice: " in said.err
    assert "403" in said.err


def test_a_stripe_that_is_down_ends_it_with_a_way_to_go_on(shop: Shop) -> None:
    shop.api.account.put(product(1))
    shop.api.misbehave(Faults(script=[None] + [Fault.ERROR] * 3))

    broken = evergreen("backfill", "product", "price", environ=environ(shop))
    resumed = evergreen("backfill", "--resume", "--format", "json", environ=environ(shop))
    nothing = evergreen("backfill", "--resume", environ=environ(shop))

    assert broken.code == 3
    assert "evergreen backfill --resume" in broken.err
    assert [row["object"] for row in json.loads(resumed.out)] == ["price"]
    assert "no earlier run" in nothing.err


def test_catch_up_brings_in_what_was_missed_and_asks_for_a_backfill(shop: Shop) -> None:
    clocked = {"CLOCK": "simulated"}
    evergreen_set(shop)
    new = evergreen("catch-up", "--format", "json", environ=environ(shop, **clocked))
    events = lived(1, start=NOW.replace(month=10, day=25), until=NOW.replace(hour=1))
    shop.api.account.tell(*events)
    shop.deliver(withheld(events, 1))

    since = ["--since", "29d", "--format", "json"]
    missed = evergreen("catch-up", *since, environ=environ(shop, **clocked))
    shop.world.drain()

    assert (new.code, json.loads(new.out)[0]["gap"]) == (1, "new")
    assert "evergreen backfill" in new.err
    assert (missed.code, json.loads(missed.out)[0]["missed"] > 10) == (0, True)
    assert shop.drift() == []


def evergreen_set(shop: Shop) -> None:
    """Let the simulated clock stand at NOW."""
    at = NOW.isoformat()
    shop.world.run(f"INSERT INTO evergreen.clock (now_at, target_at) VALUES ('{at}', '{at}')")


def test_reconcile_exits_by_what_stays_different(shop: Shop) -> None:
    shop.api.account.put(product(1), product(2))
    words = ["reconcile", "product", "--format", "json"]

    dry = evergreen(*words, "--dry-run", environ=environ(shop))
    mended = evergreen(*words, environ=environ(shop))
    sampled = evergreen(*words, "--sample", "5", environ=environ(shop))

    found = [json.loads(said.out)[0] for said in (dry, mended)]
    assert [dry.code, mended.code, sampled.code] == [1, 0, 0]
    assert [(row["missing"], row["repaired"]) for row in found] == [(2, 0), (2, 2)]


def test_reconcile_with_a_key_of_another_account_changes_nothing(shop: Shop) -> None:
    shop.api.account.put(product(0), product(1))
    evergreen("backfill", "product", environ=environ(shop))
    shop.api.account.remove("product", "prod_0")
    shop.api.account.remove("product", "prod_1")
    shop.world.run(
        "INSERT INTO stripe.products SELECT (jsonb_populate_record(p,"
        " jsonb_build_object('id', 'prod_' || n))).* FROM stripe.products p,"
        " generate_series(10, 30) n WHERE p.id = 'prod_0'"
    )

    said = evergreen("reconcile", environ=environ(shop))

    assert said.code == 1
    assert "another account" in said.err
    living = "SELECT count(*) FROM stripe.products WHERE deleted_at IS NULL"
    assert shop.world.rows(living) == [(23,)]


@pytest.mark.parametrize(
    ("at", "parents_left", "parents", "share"),
    [
        pytest.param(1_000, 0, 0, 0.0, id="at-the-newest"),
        pytest.param(250, 0, 0, 0.75, id="by-time"),
        pytest.param(None, 0, 0, None, id="nothing-seen"),
        pytest.param(None, 3, 12, 0.75, id="by-parents"),
    ],
)
def test_how_much_of_a_list_is_walked(
    at: int | None, parents_left: int, parents: int, share: float | None
) -> None:
    assert covered(1_000, at, 0, parents_left, parents) == share


class Terminal(StringIO):
    def isatty(self) -> bool:
        """Say that a person looks on."""
        return True


@pytest.mark.parametrize("stream", [Terminal(), StringIO()], ids=["terminal", "file"])
def test_progress_is_told_on_a_terminal_only(stream: StringIO) -> None:
    part = Part("invoice")
    steps = [Step(part=part, objects=100, oldest=at) for at in (NOW_S, NOW_S - DAY_S)]
    telling = Telling(3, lambda: 7, ProgressLine(stream))

    assert list(telling.told(iter(steps))) == steps

    expected = "invoice (1 of 3): 100 objects" in stream.getvalue()
    assert expected is stream.isatty()
    assert stream.getvalue().rpartition("\r")[2] == ""
