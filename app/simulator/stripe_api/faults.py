"""How the server misbehaves: as data, the same at every run."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto


class Fault(Enum):
    """What happens to one request instead of a plain answer."""

    LIMITED = auto()  # 429 with Retry-After
    ERROR = auto()  # 500
    DROPPED = auto()  # it is done, and the connection closed without an answer
    LOST = auto()  # the connection is closed before anything is done
    HALF = auto()  # 200, and the first half of the JSON
    SLOW = auto()  # the state as it was, sent after `slow_s`


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which requests go wrong.

    The first ones as `script` says (None: well), those after it by chance, as `shares` says
    and `seed` decides. Besides, more than `per_s` requests within a second are refused.
    Objects named in `vanishing` are deleted as soon as a list has shown them.
    """

    script: Sequence[Fault | None] = ()
    shares: Mapping[Fault, float] = field(default_factory=dict)
    seed: int = 0
    per_s: int | None = None
    retry_after_s: int = 1
    slow_s: float = 1.0
    vanishing: frozenset[str] = frozenset()

    def fault(self, number: int) -> Fault | None:
        """Return what happens to the request with this number, counted from 0."""
        if number < len(self.script):
            return self.script[number]
        drawn = random.Random(f"{self.seed}:{number}").random()
        for fault, share in self.shares.items():
            drawn -= share
            if drawn < 0:
                return fault
        return None
