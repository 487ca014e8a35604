"""How a sink wants to be spoken to: batches, its quota, and for how long it knows our keys."""

from dataclasses import dataclass
from datetime import timedelta

# One call with all its tries ends within this; a lease is three times as long, so that who
# lost one has stopped sending before another begins.
DEADLINE_S = 20.0
LEASE_S = 3 * DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The plain numbers of one sink.

    `batch`: most effects in one hand. `calls_per_window`: calls in any `window_s` seconds, by
    all our processes together; write 90 % of the provider's quota, None for no limit.
    `key_lives`: for how long the provider knows an idempotency key; None where it knows none,
    so that what is unclear must never be sent again.
    """

    batch: int = 10
    calls_per_window: int | None = None
    window_s: int = 1
    key_lives: timedelta | None = None


# What never leaves the house.
AT_HOME = Policy(batch=20)
