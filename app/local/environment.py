"""The settings with which the processes run on a laptop: the user's own, and what is missing."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.local.ports import LOOPBACK
from app.local.state import checkout_root, in_use, ours_alone, secret, write_private

# What a process needs of the terminal it was started from, and nothing of the service's own.
TERMINAL = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "LOG_LEVEL", "PORT")
# What the command line in another terminal must know. Other keys of the user's are not kept.
KEPT = (
    *("DATABASE_URL", "REDIS_URL", "PORT", "CLOCK", "PUBLIC_URL", "SECRET_KEY"),
    *("STRIPE_WEBHOOK_SECRETS", "STRIPE_WEBHOOK_SECRET"),
    *("MAIL_URL", "MAIL_FROM", "MARKETING_INBOX", "INTERNAL_INBOX"),
)
_KEPT_IN = "environment.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the parts of a local stack are reached."""

    database_url: str
    redis_url: str
    mail_url: str
    port: int


def closed_off(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return `environ` without keys, vendors and servers of the user's own.

    For the demo: nothing that it does may reach a real database, mailbox, CRM or Stripe.
    """
    return {name: environ[name] for name in TERMINAL if name in environ}


def compose(
    environ: Mapping[str, str], places: Places, state: Path, *, simulated_clock: bool
) -> dict[str, str]:
    """Return the processes' whole environment; what the user has set wins over our defaults."""
    given = {name: value for name, value in environ.items() if value}
    secrets = {} if names_webhook_secret(given) else _webhook_secret(state)
    clock = {"CLOCK": "simulated"} if simulated_clock else {}
    return _defaults(places, state) | secrets | given | _found(places) | clock


def names_webhook_secret(environ: Mapping[str, str]) -> bool:
    """Whether the user has said with which secrets Stripe signs."""
    return bool(environ.get("STRIPE_WEBHOOK_SECRETS") or environ.get("STRIPE_WEBHOOK_SECRET"))


def _webhook_secret(state: Path) -> dict[str, str]:
    return {"STRIPE_WEBHOOK_SECRETS": f"whsec_{secret(state, 'webhook')}"}


def _defaults(places: Places, state: Path) -> dict[str, str]:
    """Return what a laptop can do without; secrets are random and kept in `state`."""
    return {
        "SECRET_KEY": secret(state, "secret-key"),
        "MAIL_FROM": "Evergreen <billing@evergreen.example>",
        "MARKETING_INBOX": "marketing@evergreen.example",
        "INTERNAL_INBOX": "operators@evergreen.example",
        "PUBLIC_URL": f"http://localhost:{places.port}",
    }


def _found(places: Places) -> dict[str, str]:
    return {
        "DATABASE_URL": places.database_url,
        "REDIS_URL": places.redis_url,
        "MAIL_URL": places.mail_url,
        "PORT": str(places.port),
        # gunicorn alone would listen on every interface
        "GUNICORN_CMD_ARGS": f"--bind {LOOPBACK}:{places.port}",
    }


@contextmanager
def told_to_others(state: Path, composed: Mapping[str, str]) -> Iterator[None]:
    """Let `of_running_stack` find the settings of this stack while the context lasts."""
    kept = {name: composed[name] for name in KEPT if name in composed}
    write_private(state / _KEPT_IN, json.dumps(kept))
    try:
        yield
    finally:
        (state / _KEPT_IN).unlink(missing_ok=True)


def of_running_stack(root: Path | None = None) -> Mapping[str, str]:
    """Return the settings of the local stack that runs for this checkout, empty when none does.

    Of several that run, the one that came up last. `root` holds the stacks' state folders.
    """
    told = (root or checkout_root()).glob(f"*/{_KEPT_IN}")
    running = [path for path in told if ours_alone(path) and in_use(path.parent)]
    if not running:
        return {}
    newest = max(running, key=lambda path: path.stat().st_mtime)
    kept: Mapping[str, str] = json.loads(newest.read_text())
    return kept
