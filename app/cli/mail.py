"""`evergreen mail`: look at the mails, send a test, check the templates."""

from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import uuid4

import click
from babel import Locale

from app.cli import mail_experiments, mail_sheet, mail_unknown, mail_why
from app.settings import Settings
from notifications import lint as linter
from notifications.case import Case
from notifications.compose import compose
from notifications.experiments import arm_of
from notifications.kind import Kind
from notifications.kinds import KINDS
from notifications.languages import LANGUAGES
from notifications.policy import mailbox
from notifications.render import Rendered, RenderFailed, render, render_with
from notifications.transports import open_transport
from sync.changes import Done, RetryIn
from sync.errors import SettingsError, Unavailable
from sync.mirror.facts import CustomerFacts, load_customer
from sync.store.engine import make_engine

_KIND = click.argument("kind", metavar="KIND", type=click.Choice(sorted(KINDS)))
_LOCALE = click.option(
    "--locale", "language", type=click.Choice(LANGUAGES), help="Default: the customer's own."
)
_SAMPLE = click.option(
    "--sample", help="Which way the text turns; a wrong name lists those of the kind."
)


@click.group("mail")
def command() -> None:
    """Preview the lifecycle mails, send a test, check the templates."""


command.add_command(mail_unknown.unknown)
command.add_command(mail_unknown.settle)
command.add_command(mail_why.why)
command.add_command(mail_experiments.experiments)
command.add_command(mail_sheet.sheet)


@command.command("preview")
@_KIND
@_LOCALE
@_SAMPLE
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "text", "eml"]),
    default="text",
    show_default=True,
)
@click.option("--customer", "customer_id", help="Write to this customer of the mirror.")
@click.option("--variant", help="With the templates of this variant of an experiment.")
@click.pass_obj
def preview(
    settings: Settings,
    *,
    kind: str,
    language: str | None,
    sample: str | None,
    form: str,
    customer_id: str | None,
    variant: str | None,
) -> None:
    """Print a mail as it would go out, with made-up billing facts."""
    case = replace(_sample(settings, KINDS[kind], sample), variant=variant)
    _require_tried(settings, kind, variant)
    if customer_id:
        case = replace(case, customer=_customer(settings, customer_id))
    words = _words(KINDS[kind], case, language)
    written = {
        "html": lambda: words.html,
        "text": lambda: f"{words.subject}\n\n{words.text}",
        "eml": lambda: compose(KINDS[kind], case, words, f"preview:{kind}").as_string(),
    }
    click.echo(written[form]())


@command.command("test")
@_KIND
@_LOCALE
@_SAMPLE
@click.option("--to", "address", required=True, help="Where the test goes, redirect or not.")
@click.pass_obj
def test(
    settings: Settings, kind: str, language: str | None, sample: str | None, address: str
) -> None:
    """Send a mail with made-up facts through MAIL_URL; the subject says that it is a test."""
    if settings.mail_url is None:
        raise SettingsError("MAIL_URL is not set: there is no way to send mail")
    if mailbox(address) is None:
        raise click.BadParameter("no usable mail address", param_hint="--to")
    case = _sample(settings, KINDS[kind], sample)
    message = _test_message(KINDS[kind], case, language, address)
    transport = open_transport(settings.mail_url)
    try:
        outcome = transport.send(message)
    finally:
        transport.close()
    if isinstance(outcome, RetryIn):
        raise Unavailable(f"the mail server did not take it: {outcome.reason}")
    if not isinstance(outcome, Done):
        raise click.ClickException(f"{type(outcome).__name__}: {getattr(outcome, 'reason', '')}")
    click.echo(f"sent as {outcome.remote_id}")


@command.command("lint")
@click.pass_obj
def lint(settings: Settings) -> None:
    """Check every mail in every language; name every mistake at once, exit 1 on any."""
    found = linter.mistakes(settings.mail_policy)
    for mistake in found:
        click.echo(mistake, err=True)
    if found:
        raise click.exceptions.Exit(1)
    click.echo(f"{len(KINDS)} kinds in {len(LANGUAGES)} languages: no mistakes")


def _sample(settings: Settings, kind: Kind, name: str | None) -> Case:
    samples = kind.samples(settings.mail_policy)
    chosen = name or next(iter(samples))
    if chosen not in samples:
        raise click.BadParameter(f"choose from {', '.join(samples)}", param_hint="--sample")
    return samples[chosen]


def _require_tried(settings: Settings, kind: str, variant: str | None) -> None:
    """Let pass a variant of an experiment; of any other name the kind's own text would be shown."""
    experiment = settings.mail_policy.experiments.get(kind)
    arms = experiment.variants if experiment else {}
    if variant is not None and arm_of(variant) not in arms:
        known = f"choose from {', '.join(arms)}" if arms else f"no experiment is about {kind}"
        raise click.BadParameter(known, param_hint="--variant")


def _customer(settings: Settings, customer_id: str) -> CustomerFacts:
    engine = make_engine(settings.database_url)
    try:
        with engine.connect() as conn:
            found = load_customer(conn, "", customer_id)
    finally:
        engine.dispose()
    if found is None:
        raise click.BadParameter("the mirror has no such customer", param_hint="--customer")
    return found


def _words(kind: Kind, case: Case, language: str | None) -> Rendered:
    """Render as for a customer, but show what is wrong with a replaced template."""
    locale = Locale(language) if language else None
    try:
        folder = case.policy.templates_dir
        return render_with(kind, case, locale, folder) if locale else render(kind, case)
    except RenderFailed as error:
        cause = error.__cause__
        raise click.ClickException(f"{error}: {type(cause).__name__}: {cause}") from error


def _test_message(kind: Kind, case: Case, language: str | None, address: str) -> EmailMessage:
    to_tester = replace(
        case,
        now=datetime.now(UTC),
        policy=replace(case.policy, redirect=address),
    )
    words = _words(kind, to_tester, language)
    marked = replace(words, subject=f"[TEST] {words.subject}")
    return compose(kind, to_tester, marked, f"test:{uuid4()}")
