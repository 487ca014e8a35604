"""What the clock does beside the stock is done before shelves are locked: sales wait for them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event

from tests.inventory.shelf import NOW, levels
from tests.inventory.test_reservations import count, hold
from tests.workers.world import settings_for, world
from workers import clock


def test_holds_expire_last_in_a_scan(database_url: str, redis_url: str) -> None:
    shop = world(settings_for(database_url, redis_url), NOW)
    engine, asked = shop.context.engine, []

    def hear(*heard: Any) -> None:
        asked.append(heard[2])

    count(engine, MUG=5)
    hold(engine, ttl_s=60, MUG=1)
    event.listen(engine, "before_cursor_execute", hear)
    clock.scan(shop.context, NOW + timedelta(seconds=60))
    event.remove(engine, "before_cursor_execute", hear)
    locked = next(i for i, each in enumerate(asked) if "UPDATE evergreen.stock_level" in each)

    assert levels(engine, "reserved") == {}
    assert [each for each in asked[:locked] if "FROM stripe." in each]
    assert [each for each in asked[locked:] if "FROM stripe." in each] == []
    engine.dispose()
