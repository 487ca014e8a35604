"""Everything on one laptop: servers, migrations, mail catcher and the Procfile's processes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from app.local.environment import Places, compose, told_to_others
from app.local.mail_viewer import mail_viewer
from app.local.mailbox import Mailbox, mail_catcher
from app.local.ports import free_port, is_free
from app.local.postgresql import postgresql
from app.local.processes import PROCFILE, ProcessGroup, parse_procfile
from app.local.servers import held
from app.local.valkey import valkey
from sync.errors import SettingsError, Unavailable

DEFAULT_PORT = 8000
DEFAULT_MAIL_PORT = 8025
SERVING = ("web", "worker", "clock")
_READY_S = 60.0
_POLL_S = 0.05
_WATCH_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtMail:
    """The mail catcher of a stack."""

    smtp_url: str
    page_url: str
    mailbox: Mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    """What runs, and where; it ends with the context of `local_stack`."""

    base_url: str
    mail: CaughtMail | None  # None when mail goes where the user said
    environ: Mapping[str, str]  # what the processes run with; holds secrets
    log_dir: Path
    processes: ProcessGroup

    def wait_until_ready(self) -> None:
        """Return once the web process says that all it needs is there.

        Raises `Unavailable` when a process dies or a minute is not enough.
        """
        until = time.monotonic() + _READY_S
        while not _answers(f"{self.base_url}/readyz"):
            self.raise_on_death()
            if time.monotonic() > until:
                raise Unavailable(f"{self.base_url}/readyz does not say ready; see {self.log_dir}")
            time.sleep(_POLL_S)

    def raise_on_death(self) -> None:
        """Raise `Unavailable` with the end of its log when a process has died."""
        if death := self.processes.death():
            raise Unavailable(str(death))

    def watch(self) -> None:
        """Return never; raises `Unavailable` when a process dies."""
        while True:
            self.raise_on_death()
            time.sleep(_WATCH_S)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


@contextmanager
def local_stack(
    state: Path,
    environ: Mapping[str, str],
    *,
    simulated_clock: bool = False,
    types: Sequence[str] = SERVING,
    say: Callable[[str], None] = lambda _line: None,
) -> Iterator[LocalStack]:
    """Bring up what `environ` does not name already, migrate, and start process `types`.

    `environ` is the caller's own; its DATABASE_URL, REDIS_URL, MAIL_URL and PORT are used
    when given. With `simulated_clock` the business's time stands still until it is moved.
    `say` is told of each step. Raises `SettingsError` or `Unavailable`.
    """
    with ExitStack() as parts:
        parts.enter_context(held(state))
        say("starting the servers")
        mail = None if environ.get("MAIL_URL") else _caught_mail(parts, state)
        places = _places(parts, state, environ, mail)
        composed = compose(environ, places, state, simulated_clock=simulated_clock)
        commands = parse_procfile(PROCFILE.read_text())
        processes = parts.enter_context(ProcessGroup(commands, composed, state))
        say("migrating the database")
        processes.run_to_end("release")
        say(f"starting {', '.join(types)}")
        processes.start(*types)
        stack = LocalStack(
            base_url=f"http://localhost:{places.port}",
            mail=mail,
            environ=composed,
            log_dir=state / "logs",
            processes=processes,
        )
        if "web" in types:
            stack.wait_until_ready()
        parts.enter_context(told_to_others(state, composed))
        yield stack


def _caught_mail(parts: ExitStack, state: Path) -> CaughtMail:
    mailbox, smtp_url = parts.enter_context(mail_catcher(state / "mail"))
    page_url = parts.enter_context(mail_viewer(mailbox, DEFAULT_MAIL_PORT))
    return CaughtMail(smtp_url=smtp_url, page_url=page_url, mailbox=mailbox)


def _places(
    parts: ExitStack, state: Path, environ: Mapping[str, str], mail: CaughtMail | None
) -> Places:
    """Use the user's own servers where there are some, else start ours."""
    port = _port(environ)
    database_url = environ.get("DATABASE_URL") or parts.enter_context(
        postgresql(state, durable=True)
    )
    redis_url = environ.get("REDIS_URL") or parts.enter_context(valkey(state))
    return Places(
        database_url=database_url,
        redis_url=redis_url,
        mail_url=mail.smtp_url if mail else environ["MAIL_URL"],
        port=port,
    )


def _port(environ: Mapping[str, str]) -> int:
    """Return the port for the web process; one that the user has named must be free."""
    if not environ.get("PORT"):
        return DEFAULT_PORT if is_free(DEFAULT_PORT) else free_port()
    if not environ["PORT"].isdecimal() or not is_free(int(environ["PORT"])):
        raise SettingsError(f"PORT={environ['PORT']} is no free port; set PORT to another one")
    return int(environ["PORT"])
