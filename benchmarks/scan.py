"""What the clock's look at the mirror costs in a shop with very many subscriptions."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

import psycopg
from sqlalchemy import Engine

from app.settings import Settings
from benchmarks.figures import Bar, Figure
from benchmarks.stage import Stage
from notifications import scans
from notifications.policy import MailPolicy
from sync.store.engine import make_engine

_BAR_S = 2.0  # for a million subscriptions
_TICK = timedelta(minutes=1)
# Four in five pay monthly, one yearly; renewals are spread evenly; one in seven has ended. One
# in fifty is on trial, one in ten has a discount with an end, one in ten a price change ahead,
# one in five hundred is paused until a day. Cards expire in the next four years, as nearly all
# are replaced before they do.
_FILL = """
CREATE TEMPORARY TABLE made AS
SELECT number, 'sub_' || number AS id, 'cus_' || number AS customer,
    CASE WHEN number % 7 = 0 THEN 'canceled' WHEN number % 50 = 1 THEN 'trialing'
        ELSE 'active' END AS status,
    CASE WHEN number % 5 = 0 THEN 'year' ELSE 'month' END AS every,
    now() + random() * CASE WHEN number % 5 = 0 THEN interval '365 days' ELSE interval '30 days' END
        AS renews_at,
    now() - random() * interval '1500 days' AS started_at,
    CASE WHEN number % 7 = 0 THEN now() - random() * interval '365 days' END AS ended_at,
    CASE WHEN number % 2 = 0 THEN 'payment_failed' ELSE 'cancellation_requested' END AS reason,
    date_trunc('month', now()) + (random() * 48)::int * interval '1 month' AS card_month
FROM generate_series(1, %s) AS number
"""
_COPIES = (
    """
    INSERT INTO stripe.customers (id, email, default_payment_method, livemode, as_of, data)
    SELECT customer, customer || '@shop.example', 'pm_' || number, false, now(),
        '{"object": "customer", "address": {"country": "US", "state": "CA"}}'
    FROM made
    """,
    """
    INSERT INTO stripe.subscriptions (id, customer, status, currency, current_period_start,
        current_period_end, start_date, trial_end, cancel_at_period_end, ended_at,
        cancellation_reason, pause_collection_behavior, pause_collection_resumes_at,
        collection_method, livemode, data, as_of)
    SELECT id, customer, status, 'usd', renews_at - ('1 ' || every)::interval, renews_at,
        started_at, CASE WHEN status = 'trialing' THEN renews_at END, false, ended_at,
        CASE WHEN ended_at IS NOT NULL THEN reason END,
        CASE WHEN number % 500 = 2 THEN 'void' END,
        CASE WHEN number % 500 = 2 THEN renews_at END,
        'charge_automatically', false, '{"object": "subscription"}', now()
    FROM made
    """,
    """
    INSERT INTO stripe.subscription_items (id, subscription, price, quantity, currency,
        unit_amount_minor, recurring_interval, recurring_interval_count, current_period_end,
        livemode, data, as_of)
    SELECT 'si_' || number, id, 'price_' || every, 1, 'usd', 900, every, 1, renews_at,
        false, '{"object": "subscription_item"}', now()
    FROM made
    """,
    """
    INSERT INTO stripe.payment_methods (id, customer, type, card_exp_month, card_exp_year,
        livemode, data, as_of)
    SELECT 'pm_' || number, customer, 'card', extract(month FROM card_month),
        extract(year FROM card_month), false, '{"object": "payment_method"}', now()
    FROM made
    """,
    """
    INSERT INTO stripe.discounts (id, customer, subscription, coupon, ends_at, livemode, data,
        as_of)
    SELECT 'di_' || number, customer, id, 'half', now() + random() * interval '180 days',
        false, '{"object": "discount"}', now()
    FROM made WHERE number % 10 = 3
    """,
    """
    INSERT INTO stripe.subscription_schedules (id, customer, subscription, status,
        current_phase_end, ends_at, prices, livemode, data, as_of)
    SELECT 'sub_sched_' || number, customer, id, 'active', renews_at,
        renews_at + interval '30 days', ARRAY['price_' || every, 'price_new'], false,
        '{"object": "subscription_schedule"}', now()
    FROM made WHERE number % 10 = 4
    """,
)


def measure(stage: Stage) -> Iterator[Figure]:
    """Fill the mirror by SQL, let the clock look until all is found, then minute by minute.

    The first looks record the reminders of some days, as after a long outage; each takes a
    share of them. The bar is for any one look: while it lasts, the clock does nothing else.
    """
    count = stage.scale.subscriptions
    with stage.database() as database_url:
        _fill(database_url, count)
        policy = Settings.from_environ(stage.environ(database_url)).mail_policy
        engine = make_engine(database_url, statement_ms=120_000)
        try:
            now = datetime.now(UTC)
            first = list(_until_nothing_is_found(engine, now, policy))
            ticks = [_look(engine, now + _TICK * n, policy) for n in (1, 2, 3)]
        finally:
            engine.dispose()
    name, bar = f"scan of {count:,} subscriptions", Bar("at most", _BAR_S * 1000)
    yield Figure(f"{name}, each minute", median(took_s for took_s, _ in ticks) * 1000, "ms", bar)
    found = sum(found for _, found in first)
    slowest_s = max(took_s for took_s, _ in first)
    yield Figure(f"... finding {found:,} after an outage, one look", slowest_s * 1000, "ms", bar)


def _fill(database_url: str, count: int) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(_FILL.replace("%s", str(count)).encode())
        for copy in _COPIES:
            conn.execute(copy.encode())
        conn.execute("VACUUM ANALYZE")


def _until_nothing_is_found(
    engine: Engine, now: datetime, policy: MailPolicy
) -> Iterator[tuple[float, int]]:
    look = _look(engine, now, policy)
    while look[1]:
        yield look
        look = _look(engine, now, policy)


def _look(engine: Engine, now: datetime, policy: MailPolicy) -> tuple[float, int]:
    """Return the seconds that one look took, and how many mails it found."""
    began = time.perf_counter()
    with engine.begin() as conn:
        found = scans.scan(conn, now, policy)
    return time.perf_counter() - began, found
