"""Real shapes of every mirrored object: told by the simulator, or written by hand."""

from collections.abc import Mapping, Sequence
from functools import cache

from app.simulator.lives import LIVES
from app.simulator.versions import rendered
from tests.mirror.billing_documents import ALL
from tests.mirror.fold import Json
from tests.mirror.test_payment_objects import SHAPES
from tests.simulator.histories import told


@cache
def examples() -> Mapping[str, Sequence[Json]]:
    """Return objects in their newest shape, by type."""
    found: dict[str, list[Json]] = {}
    written = [shapes.newest(name) for name, shapes in ALL.items()]
    for subject in (*written, *(shapes.newest for shapes in SHAPES)):
        found.setdefault(subject["object"], []).append(subject)
    for life in sorted(LIVES):
        for (name, _), subject in told(3, life).objects.items():
            found.setdefault(name, []).append(subject)
    return found


def at_version(subject: Json, version: str) -> Json:
    """Return an object in the newest shape as it would have been rendered at `version`."""
    event = {"type": "some.created", "data": {"object": subject}}
    found: Json = rendered(event, version)["data"]["object"]
    return found
