"""Test clocks: time that the shop moves by itself."""

from typing import Any

from app.simulator.history import Json
from app.simulator.periods import DAY
from app.simulator.world import World


def test_clock(world: World, name: str) -> dict[str, Any]:
    """Return a clock that makes time pass for the objects on it."""
    return {
        "id": world.new_id("test_helpers.test_clock"),
        "object": "test_helpers.test_clock",
        "created": world.now,
        "deletes_after": world.now + 30 * DAY,
        "frozen_time": world.now,
        "livemode": False,
        "name": name,
        "status": "ready",
        "status_details": {"advancing": None},
    }


def advancing(until: int) -> Json:
    """Return what changes when a clock begins to move to a later instant."""
    return {
        "status": "advancing",
        "status_details": {"advancing": {"target_frozen_time": until}},
    }


def ready(at: int) -> Json:
    """Return what changes when a clock has come to an instant."""
    return {"frozen_time": at, "status": "ready", "status_details": {"advancing": None}}
