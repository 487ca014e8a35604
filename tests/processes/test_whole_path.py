"""The Procfile's processes: signed events in; rows, mails, CRM records and stock out."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Row, text

from app.cli.clock import move
from app.local.story import play
from app.simulator.year import shop_year
from tests.mail_server import MailServer
from tests.mirror.fold import mirrored
from tests.processes.service import running, scalar

START = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=100)


@pytest.mark.processes
@pytest.mark.timeout(120)
def test_a_hundred_days_of_a_shop_go_all_the_way_through(
    tmp_path: Path, database_url: str, redis_url: str, engine: Engine, smtp_server: MailServer
) -> None:
    history = shop_year(5, customers=10, start=START, until=UNTIL)
    environ = {
        "DATABASE_URL": database_url.replace("postgresql+psycopg://", "postgres://"),
        "REDIS_URL": redis_url,
        "MAIL_URL": smtp_server.url,
        "CLOCK": "simulated",
    }
    with running(tmp_path, environ, "web", "worker", "clock") as service:
        story = play(
            history.events,
            move=lambda at: move(engine, at),
            post=service.post,
            stands_at=None,
        )
        delivered = [progress.posted for progress in story][-1]
        move(engine, UNTIL + timedelta(days=70))
        assert service.processes.death() is None

    assert delivered == len(history.events)
    assert mirrored(engine) == dict(history.objects)
    assert scalar(engine, "SELECT count(*) FROM evergreen.inbox WHERE state <> 'done'") == 0
    _mails_went_out_once_each(engine, smtp_server)
    _crm_and_stock_followed(engine)


# What that shop's customers hear of in these 170 days: all that is due, and nothing else.
DUE = {
    *("subscription_started", "trial_ending", "renewal_reminder", "receipt", "refund_confirmed"),
    *("payment_failed", "payment_recovered"),
    *("cancel_scheduled", "ended_voluntary", "winback_voluntary"),
}
# Why a planned mail may stay unsent: the money came first, or another mail says the same.
NOT_NEEDED = {"paid", "payment_recovered"}


def _mails_went_out_once_each(engine: Engine, smtp_server: MailServer) -> None:
    kinds = Counter(mail["X-Evergreen-Kind"] for mail in smtp_server.messages)
    ids = Counter(mail["Message-ID"] for mail in smtp_server.messages)

    assert set(kinds) == DUE
    assert kinds["subscription_started"] == scalar(engine, "SELECT count(*) FROM stripe.customers")
    assert max(ids.values()) == 1
    assert {(mail.kind, mail.total) for mail in _all(engine, SENT)} == set(kinds.items())
    assert {mail.remote_id for mail in _all(engine, SENT_AS)} == set(ids)
    assert {(mail.state, mail.reason) for mail in _all(engine, UNSENT)} <= {
        ("skipped", reason) for reason in NOT_NEEDED
    }


SENT = """
    SELECT kind, count(*) AS total FROM evergreen.outbox
    WHERE channel = 'mail' AND state = 'sent' GROUP BY kind
"""
SENT_AS = "SELECT remote_id FROM evergreen.outbox WHERE channel = 'mail' AND state = 'sent'"
UNSENT = """
    SELECT DISTINCT state, reason FROM evergreen.outbox
    WHERE channel = 'mail' AND state <> 'sent'
"""


def _all(engine: Engine, query: str) -> Sequence[Row[Any]]:
    with engine.connect() as conn:
        return conn.execute(text(query)).all()


def _crm_and_stock_followed(engine: Engine) -> None:
    customers = scalar(engine, "SELECT count(*) FROM stripe.customers")
    drift = """
        SELECT count(*) FROM evergreen.stock_level l
        WHERE on_hand <> (SELECT sum(delta) FROM evergreen.stock_movement m
                          WHERE m.sku = l.sku AND m.location = l.location
                            AND m.counter = 'on_hand')
    """

    assert scalar(engine, "SELECT count(*) FROM evergreen.crm_record") == customers
    assert scalar(engine, "SELECT count(*) FROM evergreen.stock_movement") != 0
    assert scalar(engine, drift) == 0
