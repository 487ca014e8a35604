"""`evergreen run`: the whole service on this machine, for `stripe listen` to forward to."""

from collections.abc import Mapping

import click

from app.local.environment import names_webhook_secret
from app.local.interruption import interruptible
from app.local.stack import LocalStack, local_stack
from app.local.state import state_dir
from sync.errors import Unavailable

WHSEC_MISSING = """\
STRIPE_WEBHOOK_SECRETS is not set: no event from Stripe will be accepted yet.
`stripe listen` prints the secret it signs with ("whsec_..."). Stop this with Ctrl-C and start
it again with that secret:

  STRIPE_WEBHOOK_SECRETS=whsec_... make run
"""


@click.command("run")
@click.pass_obj
def command(environ: Mapping[str, str]) -> None:
    """Run everything on this machine until Ctrl-C, to forward Stripe's events to.

    Starts what the environment does not name: PostgreSQL without DATABASE_URL, Valkey without
    REDIS_URL, a mail catcher without MAIL_URL. Then migrates and runs web, worker and clock.
    """
    try:
        with interruptible(), local_stack(state_dir("run"), environ, say=click.echo) as stack:
            click.echo(_welcome(stack, known_secret=names_webhook_secret(environ)))
            _serve(stack)
    except Unavailable as problem:
        raise click.ClickException(str(problem)) from problem


def _serve(stack: LocalStack) -> None:
    try:
        stack.watch()
    finally:
        click.echo("stopping")


def _welcome(stack: LocalStack, *, known_secret: bool) -> str:
    lines = [
        "",
        f"Evergreen serves on {stack.base_url}; logs are in {stack.log_dir}",
        *([f"Mail is caught: read it on {stack.mail.page_url}"] if stack.mail else []),
        f"Forward events:  stripe listen --forward-to {stack.base_url}/webhooks/stripe",
        "Ctrl-C stops everything.",
        *([] if known_secret else ["", WHSEC_MISSING]),
    ]
    return "\n".join(lines)
