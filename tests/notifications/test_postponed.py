"""A mail that waits for its hour, on a real database: no failed attempt, and no second mail."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifications import caps
from notifications.experiments import Experiment
from sync.changes import Done, Effect, Later, Skipped
from sync.store import outbox
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW

NIGHT = datetime(2026, 12, 1, 20, tzinfo=UTC)
MORNING = NIGHT + 5 * HOUR
RETURNS = "winback_voluntary"


@pytest.fixture
def sleeping(engine: Engine) -> Engine:
    """Somebody in Bangkok who left; the mail to win them back is due at night."""
    shop.mirror(engine, shop.customer(address={"country": "TH"}), shop.product())
    shop.mirror(engine, shop.ended(NIGHT - 30 * DAY))
    shop.scan(engine, NIGHT)
    return engine


def test_a_mail_in_quiet_hours_waits_and_is_no_failed_attempt(
    sleeping: Engine, tmp_path: Path
) -> None:
    opens = MORNING + HOUR
    for _ in range(3):
        assert shop.deliver_due(sleeping, tmp_path.as_uri(), NIGHT) in (
            [Later(opens, "quiet_hours")],
            [],
        )
    assert shop.rows(sleeping, "state, reason, attempts, due_at, retry_at") == [
        ("pending", "quiet_hours", 0, opens, None)
    ]
    assert list(tmp_path.iterdir()) == []

    (sent,) = shop.deliver_due(sleeping, tmp_path.as_uri(), opens)
    assert isinstance(sent, Done)
    assert shop.rows(sleeping, "state, reason, attempts") == [("sent", None, 1)]


def test_the_scan_does_not_bring_a_postponed_mail_forward(sleeping: Engine) -> None:
    shop.deliver_due(sleeping, "file:///nonexistent", NIGHT)
    shop.scan(sleeping, NIGHT + HOUR)

    assert shop.rows(sleeping, "due_at") == [(MORNING + HOUR,)]


def test_a_simulated_clock_stops_at_the_opening(sleeping: Engine) -> None:
    shop.deliver_due(sleeping, "file:///nonexistent", NIGHT)

    with sleeping.connect() as conn:
        assert outbox.next_due(conn, NIGHT + DAY) == MORNING + HOUR


def record(engine: Engine, *rows: dict[str, Any]) -> None:
    """Put mails to cus_1 on record as they ended."""
    plain = {
        "kind": RETURNS,
        "customer": "cus_1",
        "state": "sent",
        "at": NOW - DAY,
        "account": "",
        "variant": None,
        "reason": None,
    }
    insert = text(
        "INSERT INTO evergreen.outbox (key, channel, kind, customer_id, account, due_at, state,"
        " settled_at, variant, reason) VALUES (:key, 'mail', :kind, :customer, :account, :at,"
        " :state, :at, :variant, :reason)"
    )
    with engine.begin() as conn:
        conn.execute(insert, [{**plain, "key": f"k{n}", **row} for n, row in enumerate(rows)])


def test_what_counts_for_a_cap_is_what_the_same_customer_has_or_may_have(engine: Engine) -> None:
    record(
        engine,
        {},
        {"state": "unknown", "kind": "winback_delinquent"},
        {"state": "sending"},
        {"state": "skipped"},
        {"state": "pending"},
        {"kind": "receipt"},
        {"customer": "cus_2"},
        {"account": "acct_1"},
        {"at": NOW - 7 * DAY},
        {"key": "own"},
    )
    mine = Effect(key="own", channel="mail", kind=RETURNS, due_at=NOW, customer_id="cus_1")

    with engine.begin() as conn:
        found = caps.load(conn, mine, NOW)
    assert sorted((sent.kind, NOW - sent.at) for sent in found) == [
        ("winback_delinquent", DAY),
        (RETURNS, DAY),
        (RETURNS, DAY),
    ]


def test_two_mails_at_once_see_each_other(engine: Engine) -> None:
    """Else both would find room for one more."""
    mine = Effect(key="own", channel="mail", kind=RETURNS, due_at=NOW, customer_id="cus_1")
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as first:
            assert caps.load(first, mine, NOW) == []
            other = pool.submit(_counted, engine, mine)
            sleep(0.2)
            assert not other.done()
            first.execute(
                text(
                    "INSERT INTO evergreen.outbox (key, channel, kind, customer_id, due_at, state)"
                    " VALUES ('k', 'mail', :kind, 'cus_1', :at, 'sending')"
                ),
                {"kind": RETURNS, "at": NOW},
            )
        assert other.result(10) == 1


def _counted(engine: Engine, effect: Effect) -> int:
    with engine.begin() as conn:
        return len(caps.load(conn, replace(effect, key="another"), NOW))


def test_the_third_marketing_mail_of_a_week_waits(sleeping: Engine, tmp_path: Path) -> None:
    record(sleeping, {"at": NIGHT - DAY}, {"at": NIGHT - 6 * DAY})
    opens = MORNING + HOUR
    # Free at night, so it waits for the hour as well.
    assert shop.deliver_due(sleeping, tmp_path.as_uri(), NIGHT) == [
        Later(NIGHT + DAY + 6 * HOUR, "capped")
    ]
    assert shop.deliver_due(sleeping, tmp_path.as_uri(), opens) == []
    (sent,) = shop.deliver_due(sleeping, tmp_path.as_uri(), opens + DAY)
    assert isinstance(sent, Done)


def test_a_skip_names_the_cap(sleeping: Engine) -> None:
    record(sleeping, {"at": NIGHT}, {"at": NIGHT})
    with sleeping.begin() as conn:
        conn.execute(
            text("UPDATE evergreen.outbox SET expires_at = :at WHERE state = 'pending'"),
            {"at": NIGHT + 2 * DAY},
        )

    assert shop.deliver_due(sleeping, "file:///nonexistent", NIGHT) == [Skipped("capped")]


@pytest.mark.parametrize(
    ("variants", "hold_out", "recorded"),
    [
        pytest.param({"plain": 1}, 0, ("sent", None, "try/plain"), id="in-an-arm"),
        pytest.param({}, 1, ("skipped", "hold_out", "try/hold_out"), id="held-out"),
    ],
)
def test_the_row_tells_which_arm_it_was(
    sleeping: Engine,
    tmp_path: Path,
    variants: dict[str, int],
    hold_out: int,
    recorded: tuple[Any, ...],
) -> None:
    tried = Experiment(name="try", kind=RETURNS, variants=variants, hold_out=hold_out)
    settings = shop.policy(experiments={RETURNS: tried})
    shop.deliver_due(sleeping, tmp_path.as_uri(), NIGHT, settings)
    assert shop.rows(sleeping, "variant") == [(None,)]

    shop.deliver_due(sleeping, tmp_path.as_uri(), NIGHT + timedelta(hours=6), settings)
    assert shop.rows(sleeping, "state, reason, variant") == [recorded]
