"""The memory that each process of the service holds."""

from collections.abc import Iterator

from benchmarks.figures import Bar, Figure
from benchmarks.stage import Group

_LIMIT_MIB = 250
_PROCESS_TYPES = ("web", "worker", "clock")


def figures(group: Group, *names: str) -> Iterator[Figure]:
    """Return the resident memory of the largest process of each type, or of those called `names`.

    Pages that processes share, such as the interpreter's, count in each of them.
    """
    for name in names or _PROCESS_TYPES:
        held = max(process.memory_info().rss for process in group.family(name))
        yield Figure(
            f"memory of the largest {name} process",
            held / 2**20,
            "MiB",
            Bar("at most", _LIMIT_MIB),
        )
