"""Choosing what marketing one reads, topic by topic, and back again."""

import pytest
from sqlalchemy import text

from notifications import suppression
from notifications.suppression import Topic
from sync.changes import Skipped
from tests.links.conftest import Visit
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW

SUPPRESSED = "SELECT topic, customer_id FROM evergreen.suppression ORDER BY topic, customer_id"
NOWHERE = "file:///nonexistent"


def choose(visit: Visit, *topics: str) -> str:
    answer = visit.browser().post(visit.path("preferences"), data={"topic": list(topics)})
    assert answer.status_code == 200
    return answer.text


def suppressed(visit: Visit) -> list[tuple[str, str | None]]:
    with visit.engine.connect() as conn:
        return [(row[0], row[1]) for row in conn.execute(text(SUPPRESSED))]


def checked(html: str) -> list[bool]:
    return [" checked" in line for line in html.splitlines() if 'type="checkbox"' in line]


@pytest.mark.parametrize(
    ("wished", "kept", "boxes"),
    [
        pytest.param(["offers", "restart"], [], [True, True], id="all"),
        pytest.param(["offers"], ["restart"], [True, False], id="one"),
        pytest.param(["restart", "nonsense"], ["offers"], [False, True], id="the-other"),
        pytest.param([], ["marketing"], [False, False], id="none"),
    ],
)
def test_what_is_chosen_is_kept_for_person_and_address(
    visit: Visit, wished: list[str], kept: list[str], boxes: list[bool]
) -> None:
    shop.mirror(visit.engine, shop.customer())
    pages = [choose(visit, *wished) for _ in range(2)]

    assert suppressed(visit) == [(topic, who) for topic in kept for who in ("cus_1", None)]
    assert [checked(page) for page in pages] == [boxes, boxes]
    assert "Saved" in pages[0]
    assert checked(visit.browser().get(visit.path("preferences")).text) == boxes


def test_who_unsubscribed_can_come_back(visit: Visit) -> None:
    shop.mirror(visit.engine, shop.customer())
    left = visit.browser().post(visit.path("unsubscribe")).text
    assert suppressed(visit) == [("marketing", "cus_1"), ("marketing", None)]
    choose(visit, "offers", "restart")

    assert "/b/" in left
    assert suppressed(visit) == []


def test_who_has_no_address_changes_nothing_for_others(visit: Visit) -> None:
    """The page of a customer whose address is gone: others' wishes are rows without one, too."""
    shop.mirror(visit.engine, shop.customer(email=None))
    with visit.engine.begin() as conn:
        suppression.suppress(conn, "", topic="marketing", reason="left", customer_id="cus_2")
    page = visit.browser().get(visit.path("preferences")).text
    choose(visit, "offers", "restart")

    assert checked(page) == [True, True]
    assert suppressed(visit) == [("marketing", "cus_2")]


@pytest.mark.parametrize("topic", ["all", "marketing"])
def test_only_the_chooser_is_let_back(visit: Visit, topic: Topic) -> None:
    """A complaint or a dead address ends all mail; no page takes that back."""
    shop.mirror(visit.engine, shop.customer())
    mine = "cus_1" if topic == "all" else "cus_2"
    with visit.engine.begin() as conn:
        suppression.suppress(conn, "", topic=topic, reason="complained", customer_id=mine)
    choose(visit, "offers", "restart")

    assert suppressed(visit) == [(topic, mine)]


@pytest.mark.parametrize(
    ("wished", "goes_out"),
    [(["offers"], True), (["restart"], False), ([], False), (["offers", "restart"], True)],
)
def test_the_mails_keep_to_it(visit: Visit, wished: list[str], goes_out: bool) -> None:
    shop.mirror(visit.engine, shop.customer(), shop.product(), shop.ended(NOW - 30 * DAY))
    shop.scan(visit.engine)
    choose(visit, *wished)

    (outcome,) = shop.deliver_due(visit.engine, NOWHERE, NOW)
    assert (outcome != Skipped("opted_out")) is goes_out
