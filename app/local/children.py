"""Child processes that never outlive their use, not even when their starter is killed.

Each child leads a process group of its own (so Ctrl-C in a terminal reaches only the starter)
and first of all writes its id into a record in the state folder; it does so itself, since the
starter may be killed at any instant. Whoever starts next on that folder finds the records,
makes sure by the time of birth that the same processes are meant, and stops them first.
"""

import contextlib
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.local.state import secure

POLL_S = 0.02
_RECORD_AND_BECOME = 'echo $$ >&0; exec "$@" </dev/null'  # the record comes as standard input
_WRITES_WITHIN_S = 1.0
_BIRTH_TOLERANCE_S = 2.0  # the boot time, from which births are counted, moves with the clock
_KILL_WAIT_S = 5.0
_LOG_TAIL_BYTES = 4096
_LOG_TAIL_LINES = 25


@dataclass(frozen=True, slots=True)
class Child:
    """One child process: ours when `popen` is set, else left over by a starter that died."""

    name: str
    pid: int
    stop_signal: signal.Signals
    record: Path
    popen: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where the child's output goes."""
        return self.record.parent.parent / "logs" / f"{self.name}.log"

    def exit_code(self) -> int | None:
        """Return how the child's first process ended, None while it runs."""
        return self.popen.poll() if self.popen else None

    def ended_with(self) -> int:
        """Wait for the end of a child that ends by itself and return its exit code."""
        assert self.popen, "only a child of this process can be waited for"
        try:
            return self.popen.wait()
        finally:
            stop([self])

    def alive(self) -> bool:
        """Whether any process of the child's group still runs."""
        unreaped = self.popen is not None and self.exit_code() is None
        return unreaped or any(True for _ in _group(self.pid))


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that a child runs as."""

    uid: int
    gid: int

    @classmethod
    def named(cls, name: str) -> "Account":
        """Raise `KeyError` when the system has no such account."""
        entry = pwd.getpwnam(name)
        return cls(uid=entry.pw_uid, gid=entry.pw_gid)

    def options(self) -> Mapping[str, object]:
        """Return what makes `subprocess` drop every right but this account's."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def spawn(
    state: Path,
    name: str,
    argv: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    cwd: Path = Path("/"),
    account: Account | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start `argv` with exactly `environ`; output to `<state>/logs/<name>.log`."""
    record = _private(state / "processes") / f"{name}.record"
    with record.open("w") as written, _fresh_log(state, name).open("wb") as log:
        written.write(f"{stop_signal.name}\n")
        written.flush()
        popen = subprocess.Popen(  # noqa: S603 — the callers' own command lines
            ["/bin/sh", "-c", _RECORD_AND_BECOME, name, *argv],
            env=dict(environ),
            cwd=cwd,
            stdin=written,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **(account.options() if account else {}),  # type: ignore[call-overload]
        )
    return Child(name, popen.pid, stop_signal, record, popen)


def _private(folder: Path) -> Path:
    secure(folder).chmod(0o700)
    return folder


def _fresh_log(state: Path, name: str) -> Path:
    """Keep the log of the run before; a crash is often asked about after the restart."""
    log = _private(state / "logs") / f"{name}.log"
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_suffix(".previous.log"))
    return log


def stop(children: Iterable[Child], *, wait_s: float = 30.0) -> None:
    """Ask every child to stop, wait at most `wait_s` for all of them, then kill the rest."""
    running = tuple(children)
    _signal(running)
    if not _gone(running, wait_s):
        _signal(running, signal.SIGKILL)
        _gone(running, _KILL_WAIT_S)
    for child in running:
        child.record.unlink(missing_ok=True)


def _signal(children: Iterable[Child], number: signal.Signals | None = None) -> None:
    for child in children:
        if child.alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number or child.stop_signal)


def _gone(children: Sequence[Child], wait_s: float) -> bool:
    """Wait until no process of `children` runs; whether that came within `wait_s`."""
    until = time.monotonic() + wait_s
    while any(child.alive() for child in children):
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True


def stop_left_over(state: Path) -> tuple[str, ...]:
    """Stop what a starter that died left running on `state`; return the names."""
    records = sorted((state / "processes").glob("*.record"))
    left = [child for record in records if (child := _still_running(record))]
    stop(left)
    for record in records:
        record.unlink(missing_ok=True)
    return tuple(child.name for child in left)


def _still_running(record: Path) -> Child | None:
    """Return the child of `record` unless it ended; another process may have its id by now."""
    stop_signal, pid = _recorded(record)
    try:
        birth = psutil.Process(int(pid)).create_time() if pid else 0.0
    except psutil.NoSuchProcess:
        return None
    if abs(birth - record.stat().st_mtime) > _BIRTH_TOLERANCE_S:
        return None
    return Child(record.stem, int(pid), signal.Signals[stop_signal], record)


def _recorded(record: Path) -> tuple[str, str]:
    """Return the signal and the process id; a child that was just born gets time to write it."""
    while True:
        stop_signal, _, pid = record.read_text().partition("\n")
        if pid.endswith("\n") or time.time() - record.stat().st_mtime > _WRITES_WITHIN_S:
            return stop_signal, pid.strip()
        time.sleep(POLL_S)


def _group(leader: int) -> Iterable[int]:
    """Yield the live processes of a process group; the dead that nobody reaps do not count."""
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getpgid(pid) == leader and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                yield pid


def log_tail(log: Path) -> str:
    """Return the last lines of a log, empty when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-_LOG_TAIL_LINES:])
