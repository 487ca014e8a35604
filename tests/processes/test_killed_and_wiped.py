"""Workers killed in a burst, and a Valkey that forgets all: nothing is lost or doubled."""

import random
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine

from app.local.state import secure
from app.local.valkey import valkey
from app.simulator.disturb import disturb
from app.simulator.history import Json
from app.simulator.year import shop_year
from tests.mail_server import MailServer
from tests.mirror.fold import mirrored
from tests.processes.service import Service, all_quiet, running, scalar, wait_until

RECOVERY_S = 60


@pytest.mark.processes
@pytest.mark.timeout(180)
def test_killed_workers_and_a_wiped_valkey_lose_and_double_nothing(
    tmp_path: Path, database_url: str, engine: Engine, smtp_server: MailServer
) -> None:
    now = datetime.now(UTC)
    history = shop_year(3, customers=12, start=now.replace(year=now.year - 1), until=now)
    burst = disturb(history.events, random.Random(1), duplicates=0.1, window=None)
    with valkey(secure(tmp_path / "valkey")) as redis_url:
        environ = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "MAIL_URL": smtp_server.url,
        }
        with running(tmp_path, environ, "web", "worker", "clock") as service:
            answers = _post_while_killing(service, burst)
            _kill_workers(service)
            redis.Redis.from_url(redis_url).flushall()
            took_s = wait_until(lambda: all_quiet(engine), within_s=RECOVERY_S)

    assert answers == {200}
    assert took_s < RECOVERY_S
    assert mirrored(engine) == dict(history.objects)
    ids = Counter(mail["Message-ID"] for mail in smtp_server.messages)
    assert max(ids.values(), default=0) <= 1
    doubled = """
        SELECT count(*) FROM (
            SELECT 1 FROM evergreen.stock_movement
            GROUP BY source_line, sku, location, revision, counter HAVING count(*) > 1) d
    """
    assert scalar(engine, doubled) == 0


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
