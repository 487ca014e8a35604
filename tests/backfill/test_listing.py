"""Which page of a list is asked for next."""

from collections.abc import Mapping
from typing import Any

import pytest

from sync.mirror.client import Page
from sync.mirror.listing import Place, asked, gone_on
from sync.mirror.objects import OBJECTS
from tests.backfill.several_lives import NOW

SEEN = Place(since=5, after="x_9", created=20)
HUNDRED = {"limit": 100}
LAST = {"id": "x_3", "created": 7}


@pytest.mark.parametrize(
    ("name", "place", "expected"),
    [
        pytest.param("product", Place(), HUNDRED, id="from-the-newest"),
        pytest.param(
            "product",
            SEEN,
            {**HUNDRED, "created[gte]": 5, "starting_after": "x_9"},
            id="after-the-last",
        ),
        pytest.param(
            "product",
            Place(since=5, created=20),
            {**HUNDRED, "created[gte]": 5, "created[lte]": 20},
            id="by-creation-when-the-last-is-gone",
        ),
        pytest.param(
            "payment_link", Place(since=5, created=20), HUNDRED, id="again-where-there-is-no-filter"
        ),
        pytest.param("subscription", Place(), {**HUNDRED, "status": "all"}, id="ended-ones-too"),
        pytest.param("price", Place(question=1), {**HUNDRED, "active": "false"}, id="inactive-too"),
    ],
)
def test_what_is_asked(name: str, place: Place, expected: Mapping[str, Any]) -> None:
    params = dict(asked(OBJECTS[name], place))
    expand = params.pop("expand", [])

    assert params == expected
    assert expand == [f"data.{each}" for each in OBJECTS[name].endpoint.expand]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("place", "objects", "has_more", "expected"),
    [
        pytest.param(SEEN, [LAST], True, (Place(since=5, after="x_3", created=7), True), id="on"),
        pytest.param(
            SEEN, [LAST], False, (Place(since=5, after="x_3", created=7), False), id="last-page"
        ),
        pytest.param(SEEN, [], False, (SEEN, False), id="empty"),
        pytest.param(SEEN, [], True, (SEEN, False), id="empty-never-goes-on"),
        pytest.param(
            Place(parent="cus_1"),
            [LAST],
            True,
            (Place(parent="cus_1", after="x_3", created=7), True),
            id="on-below-a-parent",
        ),
        pytest.param(
            Place(since=5, parent="cus_1", after="x_9"),
            [LAST],
            False,
            (Place(since=5, parent="cus_1"), False),
            id="through-with-a-parent",
        ),
    ],
)
def test_where_a_list_goes_on(
    place: Place,
    objects: list[Mapping[str, Any]],
    has_more: bool,
    expected: tuple[Place, bool],
) -> None:
    assert gone_on(place, Page(tuple(objects), has_more, NOW)) == expected


@pytest.mark.parametrize("place", [Place(), SEEN, Place(question=1, parent="cus_1")])
def test_a_place_travels_as_text(place: Place) -> None:
    assert Place.of_text(place.as_text()) == place
