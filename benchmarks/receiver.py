"""The CPU that one durable delivery costs the web process, against a plain Flask 200."""

from collections.abc import Iterator

from benchmarks import events, load
from benchmarks.figures import Bar, Figure
from benchmarks.stage import Group, Scale, Stage, procfile
from sync.errors import Unavailable

_CONNECTIONS = 8
_PLAIN = {"plain": "gunicorn benchmarks.plain:app"}


def measure(stage: Stage) -> Iterator[Figure]:
    """Post the same 7 KB events to both, in turns, over 8 connections.

    Both run under our gunicorn settings with one worker process; counted are user and system
    time of that process, not of PostgreSQL. No drain runs. Of each side the best round counts:
    other work on the machine can only add to it.
    """
    with stage.database() as database_url:
        environ = stage.environ(database_url, WEB_CONCURRENCY="1")
        with (
            stage.serving(procfile("web"), environ) as ours,
            stage.serving(_PLAIN, environ) as plain,
        ):
            rounds = [
                (_cpu_s(ours, "web", name, count), _cpu_s(plain, "plain", name, count))
                for name, count in _rounds(stage.scale)
            ][1:]
    yield Figure(
        "durable receiver, CPU per request",
        min(one for one, _ in rounds) * 1e6,
        "us",
        Bar("at most", 2, of="ratio"),
        compared=min(other for _, other in rounds) * 1e6,
        versus="a plain Flask 200",
    )


def _rounds(scale: Scale) -> Iterator[tuple[str, int]]:
    """Return a name and a number of requests for each round; the first one only warms up."""
    yield "warm", scale.requests // 4
    for number in range(scale.rounds):
        yield f"round{number}", scale.requests


def _cpu_s(group: Group, server: str, name: str, count: int) -> float:
    """Return the CPU seconds per request that `server` used for `count` of them."""
    requests = events.requests([body for _, body in events.invoices(count, name)])
    before = group.cpu_s(server)
    seen = load.run(group.port, _CONNECTIONS, requests)
    if seen.not_ok:
        raise Unavailable(f"{seen.not_ok} requests were refused")
    return (group.cpu_s(server) - before) / count
