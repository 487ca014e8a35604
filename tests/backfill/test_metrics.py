"""What a Prometheus learns of drift, of reads from Stripe and of what is to be read again."""

from flask import Flask
from sqlalchemy import Engine

from app.metrics import blueprint
from sync.store import drift, refetch
from sync.store.budget import Budget
from sync.store.drift import Drift

TOKEN = "token-of-the-monitoring"
LABELS = 'object="invoice",mode="full"'


def scraped(engine: Engine) -> dict[str, float]:
    app = Flask(__name__)
    app.register_blueprint(blueprint(engine, TOKEN))
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if line[0] != "#"]
    return {name.removeprefix("evergreen_"): float(value) for name, _, value in lines}


def test_nothing_is_told_of_what_never_happened(engine: Engine) -> None:
    found = scraped(engine)

    assert (found["stripe_reads_total"], found["refetch_waiting"]) == (0, 0)
    assert not any(name.startswith("drift") for name in found)


def test_the_newest_check_counts_over_all_accounts(engine: Engine) -> None:
    with engine.begin() as conn:
        drift.publish(conn, Drift(object="invoice", checked=9, missing=9), "full")
        drift.publish(conn, Drift(object="invoice", checked=9, missing=2, repaired=2), "full")
        theirs = Drift(object="invoice", account="acct_2", checked=5, missing=1, zombie=1)
        drift.publish(conn, theirs, "full")

    found = scraped(engine)

    assert found[f'drift_objects{{{LABELS},found="missing"}}'] == 3
    assert found[f'drift_objects{{{LABELS},found="zombie"}}'] == 1
    assert found[f"drift_unrepaired_objects{{{LABELS}}}"] == 2
    assert found[f"drift_checked_timestamp_seconds{{{LABELS}}}"] > 1_700_000_000


def test_reads_refusals_and_wishes_are_counted(engine: Engine) -> None:
    budget = Budget(engine, per_s=10, burst=10)
    budget.take()
    budget.slow_down(0.1)
    with engine.begin() as conn:
        refetch.ask(conn, [refetch.Wish(object="invoice", id="in_1", account="", reason="thin")])

    found = scraped(engine)

    assert found["stripe_reads_total"] == 1
    assert found["stripe_reads_refused_total"] == 1
    assert found["refetch_waiting"] == 1
