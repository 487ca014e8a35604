"""A simulated history, played through the running service at its own pace of time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_fixed

from app.simulator.history import Json
from sync.errors import Rejected

_OK = 200
# Stripe comes again, too, when the database is away for a moment.
_UNAVAILABLE = 503
_TRIES = 5
_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the story is: its own instant, and how many of its events are delivered."""

    at: datetime
    posted: int
    events: int

    @property
    def share(self) -> float:
        """The part of the events that is delivered, from 0 to 1."""
        return self.posted / self.events if self.events else 1.0


def play(
    events: tuple[Json, ...],
    *,
    move: Callable[[datetime], object],
    post: Callable[[Json], int],
    stands_at: datetime | None,
) -> Iterator[Progress]:
    """Deliver `events` second by second, the clock walked to each second before.

    `move` returns once everything due by then has happened. A story that was broken off is
    taken up again: what lies before `stands_at` is delivered without moving the clock, and
    the service knows the events that it has. Yields after every second.

    Raises:
        Rejected: the webhook answered anything but 200.
    """
    posted = 0
    for created, group in groupby(events, key=lambda event: int(event["created"])):
        at = datetime.fromtimestamp(created, UTC)
        if stands_at is None or at > stands_at:
            move(at)
        posted += _post_all(group, post)
        yield Progress(at, posted, len(events))


def _post_all(events: Iterable[Json], post: Callable[[Json], int]) -> int:
    again = Retrying(
        retry=retry_if_result(lambda status: status == _UNAVAILABLE),
        stop=stop_after_attempt(_TRIES),
        wait=wait_fixed(_WAIT_S),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    count = 0
    for event in events:
        status = again(post, event)
        if status != _OK:
            raise Rejected(f"the webhook answered {status} to {event['id']}")
        count += 1
    return count
