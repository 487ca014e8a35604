"""`evergreen mail experiments`: what the variants of each mail brought."""

import click

from app.cli.output import output_format, show_rows
from app.cli.shelves import business_now
from app.settings import Settings
from notifications import experiment_results
from notifications.experiment_results import Result
from sync.store.engine import make_engine

_COLUMNS = (
    *("experiment", "kind", "variant", "customers", "mails", "matured", "recovered"),
    *("rate_percent", "z", "p", "verdict"),
)


@click.command("experiments")
@output_format
@click.pass_obj
def experiments(settings: Settings, format_: str) -> None:
    """Compare the variants of each mail by how many customers recovered or came back."""
    running = settings.mail_policy.experiments
    engine = make_engine(settings.database_url)
    try:
        with engine.connect() as conn:
            arms = experiment_results.count(conn, running, business_now(conn, settings))
    finally:
        engine.dispose()
    results = experiment_results.judged(arms, running)
    show_rows([_row(result) for result in results], format_, columns=_COLUMNS)


def _row(result: Result) -> dict[str, object]:
    arm = result.arm
    return {
        "experiment": arm.experiment,
        "kind": arm.kind,
        "variant": arm.arm,
        "customers": arm.customers,
        "mails": arm.mails,
        "matured": arm.matured,
        "recovered": arm.recovered,
        "rate_percent": None if arm.rate is None else f"{100 * arm.rate:.1f}",
        "z": None if result.z is None else f"{result.z:.2f}",
        "p": None if result.p is None else f"{result.p:.3f}",
        "verdict": result.verdict,
    }
