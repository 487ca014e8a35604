"""Workers killed in a burst, and a Valkey that forgets all: nothing is lost or doubled."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine

from app.local.state import secure
from app.local.valkey import valkey
from app.simulator.disturb import disturb
from app.simulator.history import Json
from app.simulator.year import shop_year
from sync.store.engine import make_engine
from sync.store.migrate import upgrade
from tests.mail_server import MailServer, running_mail_server
from tests.mirror.fold import rows
from tests.processes.service import Service, all_quiet, running, scalar, wait_until
from tests.workers.events import customer, expired_card, failed_invoice
from tests.workers.world import World, settings_for, world

RECOVERY_S = 60
# The burst comes at the real time, so that nothing here may wait for the morning.
ALL_DAY = "transactional:00:00-23:59:59.999999"


@pytest.mark.processes
@pytest.mark.timeout(240)
def test_killed_workers_and_a_wiped_valkey_lose_and_double_nothing(
    tmp_path: Path,
    database_url: str,
    undisturbed: World,
    engine: Engine,
    smtp_server: MailServer,
) -> None:
    now = datetime.now(UTC)
    history = shop_year(3, customers=10, start=now.replace(year=now.year - 1), until=now)
    burst = disturb(history.events, random.Random(1), duplicates=0.1, window=None)
    with valkey(secure(tmp_path / "valkey")) as redis_url:
        environ = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "MAIL_URL": smtp_server.url,
        }
        with running(tmp_path, environ, "web", "worker", "clock") as service:
            answers = _post_while_killing(service, [*burst, *_fails_today(now)])
            _kill_workers(service)
            redis.Redis.from_url(redis_url).flushall()
            took_s = wait_until(lambda: all_quiet(engine), within_s=RECOVERY_S)

    assert answers == {200}
    assert took_s < RECOVERY_S
    undisturbed.arrive(*history.events, *_fails_today(now))
    undisturbed.drain()
    undisturbed.deliver()
    assert scalar(engine, "SELECT count(*) FROM evergreen.inbox WHERE state <> 'done'") == 0
    for truth in (STOCK, CRM, MIRROR):
        assert rows(engine, truth) == rows(undisturbed.context.engine, truth)
    _each_mail_left_once_or_says_that_it_is_unclear(engine, smtp_server, undisturbed)


STOCK = "SELECT sku, location, on_hand, reserved FROM evergreen.stock_level"
CRM = "SELECT customer_id, (data - 'snapshot_version')::text FROM evergreen.crm_record"
MIRROR = "SELECT id, status, data::text FROM stripe.invoices"
# Every mail that left, or may have left, to those whose charge fails today; a campaign is
# numbered as it begins. What leaves to others in a shuffled burst depends on what came first.
LEFT = """
    SELECT kind, customer_id, (subject - 'campaign')::text FROM evergreen.outbox
    WHERE channel = 'mail' AND state IN ('sent', 'unknown') AND customer_id LIKE 'cus_today_%'
"""
FIRST_STEPS = """
    SELECT count(*) FROM evergreen.outbox
    WHERE kind = 'payment_failed' AND subject->>'step' = '1' AND customer_id LIKE 'cus_today_%'
      AND state IN ('sent', 'unknown')
"""
SENT_AS = "SELECT remote_id FROM evergreen.outbox WHERE channel = 'mail' AND state = 'sent'"


def _fails_today(now: datetime) -> list[Json]:
    """Return a few charges that fail right now for a reason about which a mail is due at once."""
    at = now - timedelta(minutes=1)
    names = [f"cus_today_{number}" for number in range(8)]
    told = [customer(at, customer_id=name) for name in names]
    for name in names:
        told.append(expired_card(at, invoice_id=f"in_{name}", customer_id=name))
        told.append(failed_invoice(at, invoice_id=f"in_{name}", customer_id=name))
    return told


def _each_mail_left_once_or_says_that_it_is_unclear(
    engine: Engine, server: MailServer, undisturbed: World
) -> None:
    ids = Counter(mail["Message-ID"] for mail in server.messages)
    kinds = {mail["X-Evergreen-Kind"] for mail in server.messages}

    assert max(ids.values()) == 1
    assert "payment_failed" in kinds
    assert {remote_id for (remote_id,) in rows(engine, SENT_AS)} <= set(ids)
    assert scalar(engine, FIRST_STEPS) == 8
    assert rows(engine, LEFT) == rows(undisturbed.context.engine, LEFT)


@pytest.fixture
def undisturbed(empty_database_url: str, redis_url: str) -> Iterator[World]:
    """A service with a database and a mail server of its own, to which nothing happens."""
    engine = make_engine(empty_database_url)
    upgrade(engine)
    engine.dispose()
    with running_mail_server() as mails:
        own = {"MAIL_URL": mails.url, "MAIL_HOURS": ALL_DAY}
        made = world(settings_for(empty_database_url, redis_url, **own), datetime.now(UTC))
        yield made
        made.context.engine.dispose()


def _post_while_killing(service: Service, burst: list[Json]) -> set[int]:
    answers = set()
    for number, event in enumerate(burst):
        answers.add(service.post(event))
        if number % 250 == 125:
            _kill_workers(service)
    return answers


def _kill_workers(service: Service) -> None:
    for process in service.workers_of("worker"):
        process.kill()
    time.sleep(0.05)
