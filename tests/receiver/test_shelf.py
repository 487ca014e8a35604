"""The door's own connections to the inbox."""

import time

from sqlalchemy import Engine

from app.deadline import Watch, guard, lives
from app.shelf import Shelf
from sync.store.inbox import Delivery

HOLD_S = 0.3


def test_a_connection_that_waits_for_the_next_delivery_is_not_hung_up(engine: Engine) -> None:
    """It was taken out of the pool for good, and so from under the pool's time limit."""
    watch = Watch()
    guard(engine, watch, HOLD_S)
    shelf = Shelf(engine, watch, HOLD_S)
    assert shelf.store(Delivery(event_id="evt_1", payload=b"{}")) == "stored"
    time.sleep(HOLD_S + 0.5)

    (waiting,) = shelf._idle
    assert lives(waiting)
    shelf.close()
