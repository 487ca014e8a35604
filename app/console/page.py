"""What a page of the console is, and what it works with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue
from jinja2 import Environment
from sqlalchemy import Connection, Engine

from app.doorbell import Doorbell
from sync.clock import Clock, SimulatedClock


@dataclass(frozen=True, slots=True)
class Desk:
    """All that pages share. `lanes` are those of the workers, for the doorbell."""

    engine: Engine
    doorbell: Doorbell
    clock: Clock
    lanes: int
    templates: Environment

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold a connection on which PostgreSQL itself refuses to write."""
        with self.engine.connect() as conn:
            yield conn.execution_options(postgresql_readonly=True)

    def render(self, template: str, **values: Any) -> str:
        """Return the page made of `template`; see `templates/frame.html` for what it is put in."""
        return self.templates.get_template(template).render(
            here=request.endpoint,
            form_token=g.get("form_token", ""),
            simulated_now=self._simulated_now,
            **values,
        )

    def _simulated_now(self) -> datetime | None:
        return self.clock.now() if isinstance(self.clock, SimulatedClock) else None


View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class Route:
    """One address below `/console`. `view` is called with the desk and what the address names."""

    endpoint: str
    rule: str
    view: View
    methods: tuple[str, ...] = ("GET",)


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the navigation: it leads to the first route, and stands for all of them."""

    label: str
    routes: tuple[Route, ...]

    @property
    def endpoint(self) -> str:
        """Where the navigation leads."""
        return f"console.{self.routes[0].endpoint}"

    def holds(self, endpoint: str) -> bool:
        """Tell whether `endpoint` belongs to this page."""
        return endpoint in {f"console.{route.endpoint}" for route in self.routes}
