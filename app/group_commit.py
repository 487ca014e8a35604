"""Group commit: what arrives while a commit is under way waits, and the next one takes all of it.

No thread of its own: whoever finds nobody at work commits at once, alone, and then leaves the
next commit to the first of those who came meanwhile.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sync.errors import Unavailable
from sync.store.inbox import Delivery

# Whether a delivery was new, or why it is not known to be stored.
Fate = bool | Exception
_MOST_AT_ONCE = 32


@dataclass(slots=True, eq=False)
class _Turn:
    """A delivery whose thread sleeps until its fate is known, or until it is to commit itself."""

    delivery: Delivery
    fate: Fate | None = None
    asleep: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.asleep.acquire()


class GroupCommit:
    """Lets one caller at a time commit for all who wait."""

    def __init__(self, commit: Callable[[Sequence[Delivery]], Sequence[Fate]]) -> None:
        """Have `commit` write several deliveries; it returns the fate of each."""
        self._commit = commit
        self._lock = threading.Lock()
        self._waiting: deque[_Turn] = deque()
        self._is_busy = False

    def add(self, delivery: Delivery) -> Fate:
        """Commit `delivery`, with others or for others; return its fate."""
        turn = _Turn(delivery)
        if not self._comes_first(turn):
            turn.asleep.acquire()
        if turn.fate is None:
            self._commit_waiting()
        assert turn.fate is not None
        return turn.fate

    def _comes_first(self, turn: _Turn) -> bool:
        with self._lock:
            self._waiting.append(turn)
            comes_first = not self._is_busy
            self._is_busy = True
        return comes_first

    def _commit_waiting(self) -> None:
        together = self._gather()
        try:
            fates = self._commit([turn.delivery for turn in together])
            for turn, fate in zip(together, fates, strict=True):
                turn.fate = fate
        finally:
            self._hand_over()
            for turn in together:
                turn.asleep.release()

    def _gather(self) -> list[_Turn]:
        with self._lock:
            most = min(_MOST_AT_ONCE, len(self._waiting))
            together = [self._waiting.popleft() for _ in range(most)]
        for turn in together:
            turn.fate = Unavailable("the commit did not end")  # until it is known
        return together

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].asleep.release()
            else:
                self._is_busy = False
