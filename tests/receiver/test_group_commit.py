"""Several deliveries, one commit: who goes with whom, and what each is told."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from app.group_commit import Fate, GroupCommit
from sync.errors import Unavailable
from sync.store.inbox import Delivery


def named(name: str) -> Delivery:
    return Delivery(event_id=name, payload=b"{}")


class Gate:
    """A commit that stands still until it is opened, and remembers its groups."""

    def __init__(self, write: Callable[[Sequence[Delivery]], Sequence[Fate]]) -> None:
        self.write = write
        self.groups: list[list[str]] = []
        self.opened = threading.Event()
        self.group = GroupCommit(self.commit)

    def commit(self, deliveries: Sequence[Delivery]) -> Sequence[Fate]:
        """Stand still, then write."""
        self.groups.append([each.event_id for each in deliveries])
        assert self.opened.wait(10)
        return self.write(deliveries)

    def add(self, pool: ThreadPoolExecutor, names: Sequence[str]) -> list[Future[Fate]]:
        """Let the first come and the others wait behind it, in this order; then open."""
        fates = []
        for number, name in enumerate(names):
            fates.append(pool.submit(self.group.add, named(name)))
            until = time.monotonic() + 5
            while len(self.groups) + len(self.group._waiting) <= number:
                assert time.monotonic() < until
                time.sleep(0.001)
        self.opened.set()
        return fates


def test_what_comes_during_a_commit_is_committed_together() -> None:
    gate = Gate(lambda group: [each.event_id < "c" for each in group])
    with ThreadPoolExecutor(5) as pool:
        fates = gate.add(pool, ["a", "b", "c", "d", "e"])

    assert gate.groups == [["a"], ["b", "c", "d", "e"]]
    assert [fate.result() for fate in fates] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("waiting", "groups"), [(32, [1, 32]), (33, [1, 32, 1])], ids=["just-fit", "one-more"]
)
def test_so_many_go_together(waiting: int, groups: list[int]) -> None:
    gate = Gate(lambda group: [True] * len(group))
    with ThreadPoolExecutor(waiting + 1) as pool:
        fates = gate.add(pool, [f"{number:02}" for number in range(waiting + 1)])

    assert [len(group) for group in gate.groups] == groups
    assert [fate.result() for fate in fates] == [True] * (waiting + 1)


def test_a_mistake_in_a_commit_is_raised_once_and_takes_nobody_for_stored() -> None:
    def fails_for_many(group: Sequence[Delivery]) -> Sequence[Fate]:
        if len(group) > 1:
            raise ZeroDivisionError
        return [True]

    gate = Gate(fails_for_many)
    with ThreadPoolExecutor(4) as pool:
        first, leader, *others = gate.add(pool, ["a", "b", "c", "d"])

    assert first.result() is True
    assert isinstance(leader.exception(), ZeroDivisionError)
    assert [type(fate.result()) for fate in others] == [Unavailable] * 2
    assert gate.group.add(named("e")) is True, "it goes on"


def test_nobody_is_forgotten_when_many_come_at_once() -> None:
    group = GroupCommit(lambda deliveries: [int(each.event_id) % 2 == 0 for each in deliveries])
    with ThreadPoolExecutor(16) as pool:
        fates = list(pool.map(lambda number: group.add(named(str(number))), range(5000)))

    assert fates == [number % 2 == 0 for number in range(5000)]
    assert (list(group._waiting), group._is_busy) == ([], False)
