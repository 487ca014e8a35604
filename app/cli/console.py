"""`evergreen console`: what the operator console needs from the command line."""

import sys

import click

from app.console.password import SHORTEST, hashed
from sync.errors import Malformed


@click.group()
def command() -> None:
    """Make a password for the operator console."""


@command.command("hash-password")
def hash_password() -> None:
    """Ask for a password (or read it from standard input) and print what to set.

    The password itself is kept nowhere.
    """
    try:
        password_hash = hashed(_read_password())
    except Malformed as error:
        raise click.UsageError(str(error)) from error
    click.echo(password_hash)
    if sys.stdout.isatty():
        click.echo("set CONSOLE_PASSWORD_HASH to this line, in single quotes", err=True)


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    asked = f"Password, {SHORTEST} characters or more"
    return str(click.prompt(asked, hide_input=True, confirmation_prompt=True, err=True))
