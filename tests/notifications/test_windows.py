"""Notice windows by place, as data."""

from datetime import timedelta

import pytest

from notifications import windows
from notifications.windows import CALIFORNIA, WINDOWS, Window
from tests.notifications.shop import DAY, NOW


@pytest.mark.parametrize(
    ("country", "state", "place"),
    [
        pytest.param("US", "CA", CALIFORNIA, id="as-stripe-writes-it"),
        pytest.param("us", " California ", CALIFORNIA, id="as-people-write-it"),
        pytest.param("CA", None, ("CA", None), id="canada-is-no-california"),
        pytest.param(None, None, windows.ANYWHERE, id="nowhere"),
        pytest.param("US", "", ("US", None), id="no-state"),
    ],
)
def test_a_place_is_read_from_an_address(
    country: str | None, state: str | None, place: windows.Place
) -> None:
    assert windows.place(country, state) == place


@pytest.mark.parametrize(
    ("kind", "place", "window"),
    [
        pytest.param("renewal_reminder", CALIFORNIA, (30, 45, 15), id="renewal-california"),
        pytest.param("renewal_reminder", ("US", "NY"), None, id="renewal-elsewhere"),
        pytest.param("trial_ending", CALIFORNIA, (7, 21, 7), id="trial-california"),
        pytest.param("trial_ending", ("TH", None), (7, None, 7), id="trial-visa"),
        pytest.param("price_change", CALIFORNIA, (14, 30, 7), id="price-california"),
        pytest.param("price_change", ("GB", None), (14, None, 7), id="price-visa"),
        pytest.param("receipt", CALIFORNIA, None, id="no-rule"),
    ],
)
def test_the_narrowest_place_counts(
    kind: str, place: windows.Place, window: tuple[int, int | None, int] | None
) -> None:
    found = windows.window(kind, place)

    assert window == (found and (found.days, found.opens_days, found.closes_days))


@pytest.mark.parametrize(
    ("days", "holds"), [(46, False), (45, True), (30, True), (15, True), (14, False)]
)
def test_a_window_has_two_edges(days: int, holds: bool) -> None:
    assert WINDOWS["renewal_reminder"][CALIFORNIA].holds(days) is holds


@pytest.mark.parametrize(
    "kind", sorted(kind for kind in WINDOWS if windows.ANYWHERE in WINDOWS[kind])
)
def test_what_holds_anywhere_holds_in_every_place(kind: str) -> None:
    anywhere = WINDOWS[kind][windows.ANYWHERE]

    for rule in WINDOWS[kind].values():
        assert (rule.closes_days or 0) >= (anywhere.closes_days or 0)


def test_every_default_satisfies_its_own_rule() -> None:
    rules = [rule for by_place in WINDOWS.values() for rule in by_place.values()]

    assert all(rule.holds(rule.days) for rule in rules)
    assert Window(days=3).edge(NOW) is None


@pytest.mark.parametrize(
    ("due_in", "about_in", "marks"),
    [
        pytest.param(DAY, 31 * DAY, ["edge"], id="ahead"),
        pytest.param(timedelta(0), 30 * DAY, ["edge"], id="now"),
        pytest.param(-DAY, 29 * DAY, ["late", "edge"], id="missed-and-open"),
        pytest.param(-15 * DAY, 15 * DAY, ["late", "edge"], id="on-the-edge"),
        pytest.param(DAY, 8 * DAY, [], id="a-courtesy-after-the-edge"),
        pytest.param(-16 * DAY, 14 * DAY, ["late", "edge"], id="closed"),
    ],
)
def test_what_opens_inside_its_window_is_late(
    due_in: timedelta, about_in: timedelta, marks: list[str]
) -> None:
    found = windows.marks(
        "renewal_reminder", CALIFORNIA, due_at=NOW + due_in, about=NOW + about_in, now=NOW
    )

    assert list(found) == marks
    edge = str(int((NOW + about_in - 15 * DAY).timestamp()))
    assert found.get("edge", edge) == edge
