"""The servers that the service needs, on a laptop: nothing to install, nothing left behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.local.children import stop_left_over
from app.local.postgresql import postgresql
from app.local.state import locked, secure
from app.local.valkey import valkey


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are; both URLs hold a password: never log them."""

    database_url: str
    redis_url: str


@contextmanager
def local_servers(state_dir: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Run PostgreSQL and Valkey on `state_dir` for as long as the context lasts.

    What an earlier starter left running there, because it was killed, is stopped first.
    `durable=False` is for tests: what was committed may be lost when the machine loses power.
    Raises `Unavailable` when another live process uses `state_dir` or a server does not
    start, `SettingsError` when the folder is not ours alone.
    """
    with (
        held(state_dir),
        postgresql(state_dir, durable=durable) as database_url,
        valkey(state_dir) as redis_url,
    ):
        yield Servers(database_url=database_url, redis_url=redis_url)


@contextmanager
def held(state_dir: Path) -> Iterator[None]:
    """Hold `state_dir` alone, free of processes that a killed starter left behind.

    At the end nothing that was started on it runs, even where an interrupt came in between.
    """
    with locked(secure(state_dir)):
        stop_left_over(state_dir)
        try:
            yield
        finally:
            stop_left_over(state_dir)
