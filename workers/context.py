"""What a worker process needs, made once per process on first use."""

from dataclasses import dataclass
from functools import cache

from sqlalchemy import Engine

from app import log
from app.doorbell import Doorbell, connect
from app.settings import Settings
from sync.clock import Clock, RealClock, SimulatedClock
from sync.store.engine import make_engine

# At most: one for each lane of effects that is served at a time, and some for the rest.
_CONNECTIONS = 9


@dataclass(frozen=True, slots=True)
class Context:
    """The settings and what was made of them; nothing has connected yet."""

    settings: Settings
    engine: Engine
    doorbell: Doorbell
    clock: Clock


def build(settings: Settings) -> Context:
    """Return the context for `settings`."""
    # What a lost connection interrupts is done again by its lease or by the sweep.
    engine = make_engine(settings.database_url, pool_size=_CONNECTIONS, ping=False)
    clock: Clock = SimulatedClock(engine) if settings.clock == "simulated" else RealClock()
    return Context(settings, engine, Doorbell(connect(settings.redis_url, timeout_s=2)), clock)


@cache
def current() -> Context:
    """Return this process's context, from its environment.

    Raises:
        SettingsError: the environment is wrong.
    """
    settings = Settings.load()
    log.configure(settings.log_level)
    return build(settings)
