"""The Procfile's process types as child processes: what runs in production runs here too."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from app.local.children import Child, log_tail, spawn, stop
from app.local.state import CHECKOUT
from sync.errors import SettingsError, Unavailable

PROCFILE = CHECKOUT / "Procfile"
_LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>\S.*)")
_SHELL = "/bin/sh"
_NEEDS_THE_SHELL = re.compile(r"[;&|()]|^(exec|\w+=)")


def parse_procfile(text: str) -> dict[str, str]:
    """Return the command of every process type; blank lines and comments do not count.

    Raises `SettingsError` for a line that is no `name: command` and for a name given twice.
    """
    commands: dict[str, str] = {}
    for line in filter(_says_something, text.splitlines()):
        found = _LINE.fullmatch(line.strip())
        if not found or found["name"] in commands:
            raise SettingsError(f"Procfile: not a new `name: command`: {line.strip()}")
        commands[found["name"]] = found["command"]
    return commands


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


@dataclass(frozen=True, slots=True)
class Death:
    """A process that ended though nobody asked it to."""

    name: str
    exit_code: int
    log: Path

    def __str__(self) -> str:
        return f"{self.name} ended with {self.exit_code}; {self.log} ends:\n{log_tail(self.log)}"


@dataclass(slots=True)
class ProcessGroup:
    """Runs process types of a Procfile with one environment; stops them at its end.

    `environ` is all that the processes get, except that their `python` is this one. Output
    goes to `<state>/logs/<name>.log`.
    """

    commands: Mapping[str, str]
    environ: Mapping[str, str]
    state: Path
    stop_within_s: float = 30.0  # as long as a platform waits before it kills
    _running: list[Child] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stop(self._running, wait_s=self.stop_within_s)

    def start(self, *names: str) -> None:
        """Start process types; raises `SettingsError` for one that the Procfile lacks."""
        for name in names:
            self._running.append(self._spawn(name))

    def run_to_end(self, name: str) -> None:
        """Run a process type that ends by itself; raises `Unavailable` when it fails."""
        child = self._spawn(name)
        if exit_code := child.ended_with():
            raise Unavailable(str(Death(name, exit_code, child.log)))

    def death(self) -> Death | None:
        """Return one process that has ended, None while all run."""
        for child in self._running:
            exit_code = child.exit_code()
            if exit_code is not None:
                return Death(child.name, exit_code, child.log)
        return None

    def restart(self, name: str) -> None:
        """Stop one process type and start it again."""
        ending = [child for child in self._running if child.name == name]
        stop(ending, wait_s=self.stop_within_s)
        self._running = [child for child in self._running if child not in ending]
        self.start(name)

    def pids(self) -> Mapping[str, int]:
        """Return the process id (and group) of every process type that was started."""
        return {child.name: child.pid for child in self._running}

    def _spawn(self, name: str) -> Child:
        if name not in self.commands:
            raise SettingsError(f"the Procfile has no process type {name}")
        return spawn(
            self.state,
            name,
            [_SHELL, "-c", shell_line(self.commands[name])],
            environ=with_this_python(self.environ),
            cwd=CHECKOUT,
        )


def shell_line(command: str) -> str:
    """Return `command` so that the shell becomes it where it can: one process less to watch."""
    return command if _NEEDS_THE_SHELL.search(command) else f"exec {command}"


def with_this_python(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return `environ` in which `python` and the installed commands are this interpreter's."""
    own = str(Path(sys.executable).parent)
    others: Sequence[str] = [environ["PATH"]] if environ.get("PATH") else []
    return {**environ, "PATH": ":".join([own, *others]), "PYTHONUNBUFFERED": "1"}
