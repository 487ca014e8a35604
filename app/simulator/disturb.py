"""The order in which webhooks arrive: late, early and twice."""

import random
from collections.abc import Iterable

from app.simulator.history import Json


def disturb(
    events: Iterable[Json],
    rng: random.Random,
    *,
    duplicates: float,
    window: int | None,
) -> list[Json]:
    """Return the events as they may arrive: some twice, none lost.

    `duplicates` is the share of events that come a second time. Two events change places
    only when they are less than `window` places apart; 0 keeps the order, None shuffles all.
    """
    delivered: list[Json] = []
    for event in events:
        delivered.append(event)
        if rng.random() < duplicates:
            delivered.append(event)
    if window is None:
        rng.shuffle(delivered)
        return delivered
    places = [(place + rng.random() * window, place) for place in range(len(delivered))]
    return [delivered[place] for _, place in sorted(places)]
