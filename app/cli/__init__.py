"""The command line: `evergreen <command>`; one file per command group.

Exit codes: 0 done · 1 looked and found something wrong · 2 wrong use or settings ·
3 a server could not be reached.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import click
import redis
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app import log
from app.redaction import without_secrets
from app.settings import Settings, environ
from sync.errors import EvergreenError, SettingsError, Unavailable

_WORDS = "evergreen.words"
_HELP = ("-h", "--help")


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives, and whether it needs whole settings or only the environment."""

    module: str
    help: str
    needs_settings: bool = True
    # What may be missing, since only some of the commands below connect to anything.
    stands_in: Mapping[str, str] = field(default_factory=dict)
    # The words of those that do connect to the database: nothing stands in for it.
    connects: frozenset[str] = frozenset()

    def given(self, words: Sequence[str]) -> Mapping[str, str]:
        """Return what stands in for settings that `words` can do without."""
        connects = any(word.partition("=")[0] in self.connects for word in words)
        dropped = {"DATABASE_URL"} if connects else set[str]()
        return {name: value for name, value in self.stands_in.items() if name not in dropped}


# Who writes copy needs no database to look at a mail.
_FOR_PREVIEWS: Mapping[str, str] = MappingProxyType(
    {
        "DATABASE_URL": "postgresql://localhost/evergreen",
        "REDIS_URL": "redis://localhost:6379/0",
        "STRIPE_WEBHOOK_SECRETS": "whsec_for_previews_only",
        "MAIL_FROM": "Shop <billing@shop.example>",
    }
)
# Imported when called: a command must not pay for the others.
COMMANDS: Mapping[str, Entry] = {
    "access": Entry("access", "Show who may use the service."),
    "backfill": Entry("backfill", "Read all that Stripe holds into the mirror."),
    "catch-up": Entry("catch_up", "Take in the events that the webhook missed."),
    "clock": Entry("clock", "Show, set or advance the simulated clock."),
    "console": Entry("console", "Make a password for the console.", needs_settings=False),
    "crm": Entry("crm", "Look at the CRM records."),
    "db": Entry("db", "Bring the database to this code's schema."),
    "demo": Entry("demo", "A year of a shop's life, on this machine.", needs_settings=False),
    "doctor": Entry("doctor", "Name every mistake in the set-up at once.", needs_settings=False),
    "effects": Entry("effects", "List, show, settle and replay what leaves the house."),
    "events": Entry("events", "List, show and replay the events in the inbox."),
    "mail": Entry(
        "mail",
        "Preview, test and check the mails.",
        stands_in=_FOR_PREVIEWS,
        connects=frozenset({"why", "unknown", "settle", "experiments", "--customer"}),
    ),
    "reconcile": Entry("reconcile", "Compare the mirror with Stripe, and mend it."),
    "reproject": Entry("reproject", "Recompute the mirror's columns after an upgrade."),
    "run": Entry("run", "Run everything on this machine.", needs_settings=False),
    "schema": Entry("schema", "Print the page on all tables.", needs_settings=False),
    "simulate": Entry("simulate", "Make up a shop's Stripe events.", needs_settings=False),
    "stock": Entry("stock", "Look at the stock, count it, map SKUs."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is called."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember the words, for whoever must know whether only help is asked for."""
        ctx.meta[_WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 — click's signature
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command called `cmd_name`, None when there is none."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if ctx.resilient_parsing:
            return click.Command(cmd_name, short_help=entry.help)
        command: click.Command = importlib.import_module(f"app.cli.{entry.module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in sorted(COMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": _HELP})
@click.pass_context
def evergreen(ctx: click.Context) -> None:
    """Stripe billing sync and lifecycle worker."""
    entry = COMMANDS.get(ctx.invoked_subcommand or "")
    wants_help = any(word in _HELP for word in ctx.meta[_WORDS])
    if entry and entry.needs_settings and not wants_help:
        ctx.obj = Settings.from_environ(
            {**entry.given(ctx.meta[_WORDS]), **with_local_stack(environ())}
        )
    else:
        ctx.obj = environ()


def with_local_stack(given: Mapping[str, str]) -> Mapping[str, str]:
    """Return `given`, or that of the local stack that runs here, when no database is named."""
    if given.get("DATABASE_URL"):
        return given
    local = importlib.import_module("app.local.environment")
    running: Mapping[str, str] = local.of_running_stack()
    return {**running, **given}


def main() -> None:
    """Run the command line; errors that a person can mend come as one clear message."""
    log.configure("warning", sys.stderr)  # standard output belongs to the rows
    try:
        sys.exit(evergreen.main(standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SettingsError as mistakes:
        _fail(2, f"the settings are not usable:\n{_bullets(str(mistakes))}")
    except ProgrammingError as error:
        _fail(2, f"the database lacks our tables (evergreen db upgrade): {_first_line(error)}")
    except (DBAPIError, redis.RedisError, Unavailable) as error:
        _fail(3, f"a server cannot be reached, or not used: {_first_line(error)}")
    except EvergreenError as error:
        _fail(1, str(error))
    except OSError as error:
        _fail(2, str(error))


def _fail(code: int, message: str) -> None:
    click.echo(f"evergreen: {message}", err=True)
    sys.exit(code)


def _first_line(error: Any) -> str:
    return without_secrets(str(getattr(error, "orig", None) or error).strip()).partition("\n")[0]


def _bullets(lines: str) -> str:
    return "\n".join(f"  - {line}" for line in lines.splitlines())
