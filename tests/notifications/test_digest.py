"""The daily digest: when it comes, what it counts, and that silence means trouble."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default as parsing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifications import digest_figures, samples
from notifications.digest_figures import Counted, Figures, Leaver, Sum
from notifications.kinds import digest
from notifications.policy import MailPolicy
from notifications.wording import Money
from sync.changes import Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW
from tests.notifications.test_postponed import record

# 08:00 on Tuesday, 1 December in Bangkok.
EIGHT = datetime(2026, 12, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MONDAY = date(2026, 11, 30)


def settings(**changed: Any) -> MailPolicy:
    given = {"marketing_inbox": "marketing@garden.example", "timezone": "Asia/Bangkok", **changed}
    return shop.policy(**given)


def due(engine: Engine, now: datetime, policy: MailPolicy) -> list[tuple[str, datetime]]:
    with engine.connect() as conn:
        return [
            (effect.subject["date"], effect.due_at) for effect in digest.scan(conn, now, policy)
        ]


@pytest.mark.parametrize(
    ("now", "days"),
    [
        pytest.param(
            EIGHT - 25 * shop.HOUR, ["2026-11-29", "2026-11-30", "2026-12-01"], id="known-ahead"
        ),
        pytest.param(EIGHT - 25 * shop.HOUR - SECOND, ["2026-11-29", "2026-11-30"], id="not-yet"),
        pytest.param(
            EIGHT + DAY - SECOND, ["2026-12-01", "2026-12-02", "2026-12-03"], id="caught-up"
        ),
        pytest.param(EIGHT + DAY, ["2026-12-02", "2026-12-03"], id="too-late"),
    ],
)
def test_a_digest_is_due_at_eight_in_the_accounts_zone(
    engine: Engine, now: datetime, days: list[str]
) -> None:
    found = due(engine, now, settings())

    assert [day for day, _ in found] == days
    assert all((due_at.hour, due_at.minute) == (1, 0) for _, due_at in found)


def test_each_day_is_recorded_once_and_not_without_an_inbox(engine: Engine) -> None:
    policy = settings()
    shop.scan(engine, EIGHT, policy)
    shop.scan(engine, EIGHT, policy)

    assert due(engine, EIGHT, policy) == []
    assert shop.rows(engine, "key")[0] == (":test:digest:2026-12-01",)
    assert due(engine, EIGHT + 9 * DAY, settings(marketing_inbox=None)) == []


QUIET = Figures(since=EIGHT - DAY, until=EIGHT)
DAY_OFF = Skipped("nothing_to_tell")


def with_(**told: str) -> Figures:
    counted: dict[str, Any] = {name: (Counted(name=what, count=1),) for name, what in told.items()}
    return replace(QUIET, **counted)


@pytest.mark.parametrize(
    ("figures", "day", "verdict"),
    [
        pytest.param(QUIET, MONDAY + DAY, DAY_OFF, id="no-news"),
        pytest.param(QUIET, MONDAY, None, id="weekly-heartbeat"),
        pytest.param(with_(sent="receipt"), MONDAY + DAY, DAY_OFF, id="receipts-are-routine"),
        pytest.param(with_(sent="receipt"), MONDAY, None, id="routine-is-told-once-a-week"),
        pytest.param(with_(skipped="paid"), MONDAY + DAY, DAY_OFF, id="not-needed-any-more"),
        pytest.param(with_(skipped="bad address"), MONDAY + DAY, None, id="reaches-nobody"),
        pytest.param(with_(sent="payment failed"), MONDAY + DAY, None, id="money-in-danger"),
        pytest.param(with_(sent="cancel scheduled"), MONDAY + DAY, None, id="about-to-leave"),
        pytest.param(replace(QUIET, left_count=1), MONDAY + DAY, None, id="left"),
        pytest.param(replace(QUIET, bounced=1), MONDAY + DAY, None, id="bounced"),
        pytest.param(replace(QUIET, failures=1), MONDAY + DAY, None, id="failed"),
        pytest.param(replace(QUIET, clicked=1), MONDAY + DAY, DAY_OFF, id="a-click-alone"),
        pytest.param(
            replace(QUIET, recovered=(Sum(amount=Money(1, "usd"), count=1),)),
            MONDAY + DAY,
            None,
            id="recovered",
        ),
        pytest.param(replace(QUIET, unknown=1), MONDAY + DAY, None, id="unknown-is-news"),
        pytest.param(
            replace(QUIET, at_risk=(Sum(amount=Money(1, "usd"), count=1),)),
            MONDAY + DAY,
            DAY_OFF,
            id="risk-was-told-before",
        ),
    ],
)
def test_a_day_without_news_has_no_digest(figures: Figures, day: date, verdict: Any) -> None:
    case = samples.case(settings(), subject={"date": day.isoformat()}, read=figures)

    assert digest.check(case) == verdict


def campaigns(engine: Engine) -> None:
    """One campaign recovered within the day, one still open; a link was followed."""
    with engine.begin() as conn:
        for number, ends in ((1, EIGHT - shop.HOUR), (2, None)):
            conn.execute(
                text(
                    "INSERT INTO evergreen.dunning_campaign (livemode, customer_id, opened_at,"
                    " anchor_at, window_s, terminal_at, segment, version, paid_invoices,"
                    " recoveries, failing_cycles, valuable, outcome, closed_at, looked_at) VALUES"
                    " (false, :who, :at, :at, 1, :ends_at, 'soft', 1, 0, 0, 0, false, :outcome,"
                    " :ends, :at)"
                ),
                {
                    "who": f"cus_{number}",
                    "at": EIGHT - 5 * DAY,
                    "ends_at": EIGHT + 5 * DAY,
                    "ends": ends,
                    "outcome": ends and "retry",
                },
            )
        for invoice, campaign, currency, got, ends in (
            ("in_1", 1, "usd", 2900, EIGHT - shop.HOUR),
            ("in_2", 1, "usd", 100, EIGHT),
            ("in_3", 1, "thb", 500, EIGHT - DAY),
            ("in_4", 2, "thb", 0, None),
        ):
            conn.execute(
                text(
                    "INSERT INTO evergreen.dunning_invoice (invoice, campaign, currency,"
                    " owed_minor, failed_at, recovered_minor, outcome, ended_at) VALUES"
                    " (:invoice, :campaign, :currency, 3000, :at, :got, :outcome, :ends)"
                ),
                {
                    "invoice": invoice,
                    "campaign": campaign,
                    "currency": currency,
                    "at": EIGHT - 5 * DAY,
                    "got": got,
                    "outcome": "retry" if ends else None,
                    "ends": ends,
                },
            )
        click = "INSERT INTO evergreen.dunning_click VALUES (:key, 1, :at)"
        conn.execute(text(click), {"key": "k0", "at": EIGHT - shop.HOUR})
        conn.execute(text(click), {"key": "k1", "at": EIGHT + SECOND})


@pytest.fixture
def busy_day(engine: Engine) -> Engine:
    record(
        engine,
        {"kind": "receipt", "at": EIGHT},
        {"kind": "receipt", "at": EIGHT - DAY + SECOND},
        {"kind": "resuming", "at": EIGHT - SECOND},
        {"kind": "receipt", "at": EIGHT - DAY, "key": "told-yesterday"},
        {"kind": "receipt", "at": EIGHT + SECOND, "key": "told-tomorrow"},
        {"kind": "copy", "at": EIGHT},
        {"kind": "receipt", "state": "skipped", "reason": "opted_out", "at": EIGHT},
        {"state": "unknown", "at": EIGHT - 9 * DAY},
        {"state": "failed", "reason": "render_failed", "at": EIGHT},
        {"state": "failed", "reason": "refused_550", "at": EIGHT},
        {"account": "acct_other", "at": EIGHT},
    )
    campaigns(engine)
    shop.mirror(engine, shop.customer())
    shop.mirror(
        engine,
        shop.ended(EIGHT, "too_expensive"),
        shop.ended(EIGHT - DAY, "unused", id="sub_2"),
    )
    return engine


def test_the_digest_counts_one_day(busy_day: Engine) -> None:
    with busy_day.connect() as conn:
        found = digest_figures.load(
            conn, EIGHT - DAY, EIGHT, accounts=frozenset({""}), livemode=None
        )

    assert found == Figures(
        since=EIGHT - DAY,
        until=EIGHT,
        sent=[Counted(name="receipt", count=2), Counted(name="resuming", count=1)],
        skipped=[Counted(name="opted out", count=1)],
        clicked=1,
        recovered=[Sum(amount=Money(3000, "usd"), count=2)],
        at_risk=[Sum(amount=Money(3000, "thb"), count=1)],
        left=[
            Leaver(
                customer_id="cus_1",
                name="Ada Lovelace",
                reason="cancellation requested",
                feedback="too expensive",
            )
        ],
        left_count=1,
        unknown=1,
        render_failures=1,
        failures=2,
    )


def test_what_came_back_is_counted_on_the_day_it_did(engine: Engine) -> None:
    came_back = "UPDATE evergreen.outbox SET bounced_at = :at WHERE key = :key"
    for key, at in (("before", EIGHT - DAY), ("within", EIGHT), ("after", EIGHT + SECOND)):
        record(engine, {"kind": "receipt", "at": EIGHT - 2 * DAY, "key": key})
        with engine.begin() as conn:
            conn.execute(text(came_back), {"key": key, "at": at})

    with engine.connect() as conn:
        found = digest_figures.load(
            conn, EIGHT - DAY, EIGHT, accounts=frozenset({""}), livemode=None
        )

    assert found == replace(
        QUIET, sent=[], skipped=[], recovered=[], at_risk=[], left=[], bounced=1
    )


def test_live_mode_counts_nothing_of_test_mode(busy_day: Engine) -> None:
    with busy_day.connect() as conn:
        found = digest_figures.load(
            conn, EIGHT - DAY, EIGHT, accounts=frozenset({""}), livemode=True
        )

    assert found.is_empty


def test_the_digest_goes_to_marketing(busy_day: Engine, tmp_path: Path) -> None:
    policy = settings(internal_inbox="operators@garden.example")
    shop.scan(busy_day, EIGHT, policy)
    shop.deliver_due(busy_day, tmp_path.as_uri(), EIGHT, policy)

    mails = [message_from_bytes(file.read_bytes(), policy=parsing) for file in tmp_path.iterdir()]
    (mail,) = [mail for mail in mails if mail["X-Evergreen-Kind"] == "digest"]
    assert mail["To"] == "marketing@garden.example"
    assert mail["Subject"] == "Emails until December 1, 2026: 3 sent, customers lost: 1"
    words = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for fact in ("receipt: 2", "$30.00 (2)", "THB", "opted out: 1", "too expensive"):
        assert fact in words
    assert NOW > EIGHT
