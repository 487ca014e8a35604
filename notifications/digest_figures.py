"""The figures of a day for the digest, read from our tables and the mirror."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Index, Row, text

from notifications.wording import Money
from sync.store.outbox import OUTBOX


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many mails of one kind, or with one reason."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """An amount in one currency, and of how many invoices."""

    amount: Money
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """Somebody whose subscription ended; words as Stripe says them, empty for unknown."""

    customer_id: str
    name: str
    reason: str
    feedback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What happened between two digests, and how things stand at its end.

    `clicked` are mails whose link somebody followed, `at_risk` what open campaigns are about,
    `left` the first of `left_count`. `unknown` are mails of which nobody knows whether they
    went out, however old; `bounced` counts those that came back, or drew a complaint.
    """

    since: datetime
    until: datetime
    sent: Sequence[Counted] = ()
    skipped: Sequence[Counted] = ()
    clicked: int = 0
    recovered: Sequence[Sum] = ()
    at_risk: Sequence[Sum] = ()
    left: Sequence[Leaver] = ()
    left_count: int = 0
    unknown: int = 0
    bounced: int = 0
    render_failures: int = 0
    failures: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to count; what is at risk was told before."""
        return not (self.is_news or self.clicked or self.sent or self.skipped)

    @property
    def is_news(self) -> bool:
        """Whether anything happened that is worth a mail.

        Money that failed or was recovered, somebody who left or is about to, an address that no
        mail reaches, a mail that a fault, a lapse or nobody knows what became of. Receipts,
        reminders and what was not needed any more are routine: they are counted on the days
        that have news, and once a week.
        """
        counts = (self.left_count, self.unknown, self.bounced, self.failures, self.recovered)
        told = {one.name for one in self.sent} & _NEWS
        return any(counts) or bool(told) or bool({one.name for one in self.skipped} & _AMISS)


_SHOWN = 20
# Mails that tell of money in danger, or of somebody who goes or changes their mind.
_NEWS = frozenset(
    kind.replace("_", " ")
    for kind in (
        "payment_failed",
        "action_required",
        "final_notice",
        "payment_recovered",
        "access_suspended",
        "trial_ended_no_card",
        "ended_nonpayment",
        "ended_voluntary",
        "cancel_scheduled",
        "cancel_reversed",
    )
)
# Somebody should have had a mail and did not.
_AMISS = frozenset(
    reason.replace("_", " ")
    for reason in ("no_email", "bad_address", "suppressed", "too_late", "livemode_mismatch")
)
_OURS = "account = ANY(:accounts) AND (cast(:livemode AS boolean) IS NULL OR livemode = :livemode)"
# Copies and the digest itself are no news.
_SETTLED = text(f"""
    SELECT CASE WHEN state = 'skipped' THEN reason ELSE kind END AS name,
           state = 'skipped' AS is_skipped, count(*) AS number
      FROM evergreen.outbox
     WHERE channel = 'mail' AND settled_at > :since AND settled_at <= :until
       AND state IN ('sent', 'skipped') AND kind NOT IN ('copy', 'digest') AND {_OURS}
     GROUP BY 1, 2 ORDER BY 3 DESC, 1""")  # noqa: S608 — our own condition
_TROUBLE = text(f"""
    SELECT count(*) FILTER (WHERE state = 'failed') AS failures,
           count(*) FILTER (WHERE state = 'failed' AND reason = 'render_failed') AS render_failures
      FROM evergreen.outbox
     WHERE channel = 'mail' AND settled_at > :since AND settled_at <= :until AND {_OURS}""")  # noqa: S608 — our own condition
Index("outbox_unknown_idx", OUTBOX.c.ended_at, postgresql_where=text("state = 'unknown'"))
_UNKNOWN = text(f"""
    SELECT count(*) FROM evergreen.outbox
     WHERE channel = 'mail' AND state = 'unknown' AND {_OURS}""")  # noqa: S608 — our own condition
# What came back is told within days; so the index on settled mails serves.
_BOUNCED = text(f"""
    SELECT count(*) FROM evergreen.outbox
     WHERE channel = 'mail' AND settled_at > cast(:since AS timestamptz) - interval '30 days'
       AND least(bounced_at, complained_at) > :since
       AND least(bounced_at, complained_at) <= :until AND {_OURS}""")  # noqa: S608 — our own condition
_CLICKED = text(f"""
    SELECT count(*) FROM evergreen.dunning_click AS click
      JOIN evergreen.dunning_campaign AS campaign ON campaign.id = click.campaign
     WHERE clicked_at > :since AND clicked_at <= :until AND {_OURS}""")  # noqa: S608 — our own condition
_RECOVERED = text(f"""
    SELECT currency, sum(recovered_minor)::bigint AS amount_minor, count(*) AS number
      FROM evergreen.dunning_invoice AS bill
      JOIN (SELECT id, livemode FROM evergreen.dunning_campaign) AS campaign
        ON campaign.id = bill.campaign
     WHERE ended_at > :since AND ended_at <= :until AND recovered_minor > 0 AND {_OURS}
     GROUP BY 1 ORDER BY 1""")  # noqa: S608 — our own condition
_AT_RISK = text(f"""
    SELECT currency, sum(owed_minor)::bigint AS amount_minor, count(*) AS number
      FROM evergreen.dunning_invoice AS bill
      JOIN (SELECT id, livemode FROM evergreen.dunning_campaign WHERE closed_at IS NULL)
           AS campaign ON campaign.id = bill.campaign
     WHERE bill.outcome IS NULL AND {_OURS}
     GROUP BY 1 ORDER BY 1""")  # noqa: S608 — our own condition
_LEFT = text(f"""
    SELECT sub.customer, who.name, sub.cancellation_reason, sub.cancellation_feedback,
           count(*) OVER () AS of_all
      FROM (SELECT * FROM stripe.subscriptions WHERE {_OURS}) AS sub
      LEFT JOIN stripe.customers AS who
        ON who.id = sub.customer AND who.account = sub.account AND who.deleted_at IS NULL
     WHERE sub.ended_at > :since AND sub.ended_at <= :until AND sub.status = 'canceled'
     ORDER BY sub.ended_at, sub.id LIMIT :shown""")  # noqa: S608 — our own condition


def load(
    conn: Connection,
    since: datetime,
    until: datetime,
    *,
    accounts: frozenset[str],
    livemode: bool | None,
) -> Figures:
    """Return what happened after `since` and not after `until`; `livemode` None: in both modes."""
    asked: Mapping[str, Any] = {
        "since": since,
        "until": until,
        "accounts": sorted(accounts),
        "livemode": livemode,
        "shown": _SHOWN,
    }
    settled = conn.execute(_SETTLED, asked).all()
    trouble = conn.execute(_TROUBLE, asked).one()
    left = conn.execute(_LEFT, asked).all()
    return Figures(
        since=since,
        until=until,
        sent=[_counted(row) for row in settled if not row.is_skipped],
        skipped=[_counted(row) for row in settled if row.is_skipped],
        clicked=conn.execute(_CLICKED, asked).scalar_one(),
        recovered=[_sum(row) for row in conn.execute(_RECOVERED, asked)],
        at_risk=[_sum(row) for row in conn.execute(_AT_RISK, asked)],
        left=[_leaver(row) for row in left],
        left_count=left[0].of_all if left else 0,
        unknown=conn.execute(_UNKNOWN, asked).scalar_one(),
        bounced=conn.execute(_BOUNCED, asked).scalar_one(),
        render_failures=trouble.render_failures,
        failures=trouble.failures,
    )


def _counted(row: Row[Any]) -> Counted:
    return Counted(name=(row.name or "").replace("_", " "), count=row.number)


def _sum(row: Row[Any]) -> Sum:
    return Sum(amount=Money(row.amount_minor, row.currency), count=row.number)


def _leaver(row: Row[Any]) -> Leaver:
    return Leaver(
        customer_id=row.customer,
        name=row.name or "",
        reason=(row.cancellation_reason or "").replace("_", " "),
        feedback=(row.cancellation_feedback or "").replace("_", " "),
    )
