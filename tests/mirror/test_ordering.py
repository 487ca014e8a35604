"""The rules of sync.mirror.ordering, one by one, both ways round."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.mirror.events import Event
from sync.mirror.ordering import newest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(
    name: str,
    kind: str,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
    *,
    second: int = 0,
) -> Event:
    """Return an invoice's event: its state after, and what an update names of before."""
    subject = {"id": "in_1", "object": "invoice", **after}
    created = NOON + timedelta(seconds=second)
    return Event(
        id=name,
        type=kind,
        created=created,
        account="",
        livemode=False,
        object=subject,
        previous=before,
    )


UP, MADE, PAID = "invoice.updated", "invoice.created", "invoice.paid"
TABLE = [
    pytest.param(
        [event("b", UP, {"n": 1}, {"n": 0}), event("a", UP, {"n": 0}, {"n": 1}, second=1)],
        "a",
        id="a-newer-second-wins-whatever-the-chain-says",
    ),
    pytest.param(
        [event("z", MADE, {"n": 0}), event("a", UP, {"n": 1}, {"n": 0})],
        "a",
        id="created-comes-first",
    ),
    pytest.param(
        [event("a", "invoice.deleted", {"n": 0}), event("z", UP, {"n": 1}, {"n": 0})],
        "a",
        id="deleted-comes-last",
    ),
    pytest.param(
        [event("z", UP, {"n": 1}, {"n": 0}), event("a", UP, {"n": 2}, {"n": 1})],
        "a",
        id="the-end-of-a-chain",
    ),
    pytest.param(
        [
            event("c", UP, {"n": 1}, {"n": 0}),
            event("a", UP, {"n": 2}, {"n": 1}),
            event("b", UP, {"n": 1}, {"n": 2}),
            event("d", UP, {"n": 3}, {"n": 1}),
        ],
        "d",
        id="a-chain-that-meets-itself",
    ),
    pytest.param(
        [
            event("b", UP, {"status": "open", "tries": 1}, {"tries": 0}),
            event("a", PAID, {"status": "paid", "tries": 1}),
        ],
        "a",
        id="a-status-that-cannot-go-back-wins-without-a-diff",
    ),
    pytest.param(
        [
            event("z", "invoice.finalized", {"status": "open"}),
            event("a", PAID, {"status": "paid"}),
        ],
        "a",
        id="statuses-alone",
    ),
    pytest.param(
        [
            event("b", UP, {"m": {"x": 1}}, {"m": {"x": None}}),
            event("a", UP, {"m": {"x": 1, "y": 2}}, {"m": {"y": None}}),
        ],
        "a",
        id="an-added-metadata-key-is-null-before",
    ),
    pytest.param(
        [
            event("b", UP, {"n": 1, "seen": 5}, {"n": 0}),
            event("a", UP, {"n": 2, "seen": 9}, {"n": 1}),
        ],
        "a",
        id="a-field-that-no-event-names-does-not-break-the-chain",
    ),
]


@pytest.mark.parametrize(("events", "wanted"), TABLE)
def test_the_newest_is_found_both_ways_round(events: list[Event], wanted: str) -> None:
    forth, back = newest(events), newest(events[::-1])

    assert (forth.event.id, forth.provisional, forth.undecided) == (wanted, False, False)
    assert forth == back


CIRCLE = [event("a", UP, {"n": 1}, {"n": 0}), event("b", UP, {"n": 0}, {"n": 1})]


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        pytest.param({"n": 0}, "b", id="it-stood-at-0"),
        pytest.param({"n": 1}, "a", id="it-stood-at-1"),
    ],
)
def test_a_circle_ends_where_it_began_and_stays_open_to_correction(
    before: dict[str, Any], wanted: str
) -> None:
    found = newest([*CIRCLE, event("z", PAID, before, second=-9)])

    assert (found.event.id, found.provisional, found.undecided) == (wanted, True, False)


def test_a_circle_in_the_second_of_creation_is_certain() -> None:
    found = newest([event("z", MADE, {"n": 0}), *CIRCLE])

    assert (found.event.id, found.provisional, found.undecided) == ("b", False, False)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(CIRCLE, id="a-circle-of-which-nothing-is-known"),
        pytest.param(
            [event("a", UP, {"n": 1}, {"n": 0}), event("b", UP, {"n": 5}, {"n": 4})],
            id="a-chain-with-a-gap",
        ),
    ],
)
def test_what_cannot_be_known_is_said_and_chosen_alike(events: list[Event]) -> None:
    found = newest(events)

    assert found.undecided
    assert found == newest(events[::-1])


def test_without_a_snapshot_there_is_no_newest() -> None:
    with pytest.raises(ValueError, match="no newest"):
        newest([])
