"""What a history knows of an object beyond what its events show, and who may see it."""

from datetime import UTC, datetime

import pytest

from app.simulator.history import Json, key_of
from app.simulator.stripe_api.account import from_history
from app.simulator.stripe_api.answer import answer, parsed
from app.simulator.telling import as_read, as_told
from tests.simulator.histories import told


def listed(*ids: str, has_more: bool = False) -> Json:
    data = [{"id": each, "object": "line_item"} for each in ids]
    return {"object": "list", "data": data, "has_more": has_more, "total_count": len(ids)}


TEN, ELEVEN = [f"il_{n}" for n in range(10)], [f"il_{n}" for n in range(11)]
PRICE = {"id": "price_1", "object": "price", "active": True}
TIERED = {**PRICE, "tiers": [{"up_to": None}]}


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        pytest.param({"object": "invoice", "lines": listed(*TEN)}, None, id="ten-are-shown"),
        pytest.param(
            {"object": "invoice", "lines": listed(*ELEVEN)},
            {
                "object": "invoice",
                "lines": {**listed(*TEN, has_more=True), "total_count": 11},
            },
            id="the-eleventh-is-not",
        ),
        pytest.param(TIERED, PRICE, id="tiers-are-left-out"),
        pytest.param(
            {"object": "item_of_something", "price": TIERED},
            {"object": "item_of_something", "price": PRICE},
            id="and-of-a-price-inside",
        ),
        pytest.param({"object": "customer", "metadata": {"tiers": "1"}}, None, id="metadata"),
    ],
)
def test_events_cut_lists_short_and_leave_out_what_must_be_asked_for(
    whole: Json, shown: Json | None
) -> None:
    assert as_told(whole) == (whole if shown is None else shown)
    assert shown is not None or as_told(whole) is whole


def test_the_api_shows_lists_whole_but_objects_inside_as_events_do() -> None:
    subscription = {"object": "subscription", "items": {**listed(*ELEVEN), "price": PRICE}}

    assert as_read(subscription) == subscription
    assert as_read({**TIERED, "product": TIERED}) == {**TIERED, "product": PRICE}


def test_a_subscription_of_twelve_and_an_invoice_of_twenty_five_are_kept_whole() -> None:
    history = told(4, "many_lines")
    (subscription,) = [key for key in history.objects if key[0] == "subscription"]
    shown, whole = history.objects[subscription], history.whole_objects()[subscription]
    lines = [
        len(each["lines"]["data"])
        for (kind, _), each in history.whole_objects().items()
        if kind == "invoice"
    ]

    assert (len(shown["items"]["data"]), len(whole["items"]["data"])) == (10, 12)
    assert (shown["items"]["has_more"], shown["items"]["total_count"]) == (True, 12)
    assert sorted(lines) == [12, 12, 12, 25]


def test_what_events_show_whole_is_the_same_in_both() -> None:
    history = told(4, "renewal")
    kinds = {each["object"] for each in history.whole.values()}

    assert kinds == {"checkout.session"}
    assert history.whole_objects().keys() == history.objects.keys()


def test_the_api_serves_the_whole_as_it_was_at_any_time() -> None:
    history = told(4, "many_lines")
    drafts = [e["data"]["object"] for e in history.events if e["type"] == "invoice.created"]
    early, late = drafts[0], max(drafts, key=lambda each: int(each["lines"]["total_count"]))
    now = datetime.fromtimestamp(int(early["created"]), UTC)

    then, today = from_history(history, until=now), from_history(history)
    for invoice, account in ((early, then), (late, today)):
        path = f"/v1/invoices/{invoice['id']}/lines"
        page = answer(account, path, parsed("limit=100"))
        assert len(page["data"]) == invoice["lines"]["total_count"]


def test_tiers_are_read_only_when_they_are_asked_for() -> None:
    history = told(4, "tiered_seats")
    (price,) = [key for key in history.objects if key[0] == "price"]
    account, path = from_history(history), f"/v1/prices/{price[1]}"

    assert "tiers" not in answer(account, path, {})
    assert len(answer(account, path, parsed("expand[]=tiers"))["tiers"]) == 3


@pytest.mark.parametrize(
    ("obj", "key"),
    [
        ({"object": "invoice", "id": "in_1", "customer": "cus_1"}, ("invoice", "in_1")),
        ({"object": "invoice", "customer": "cus_1"}, None),
        (
            {"object": "entitlements.active_entitlement_summary", "customer": "cus_1"},
            ("entitlements.active_entitlement_summary", "cus_1"),
        ),
    ],
    ids=["by-id", "preview", "summary"],
)
def test_an_object_is_named_by_its_id_or_as_its_customers(
    obj: Json, key: tuple[str, str] | None
) -> None:
    assert key_of(obj) == key
