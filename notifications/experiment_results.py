"""How experiments come out: who recovered or came back, by variant, and whether it is luck.

Customers count once, from their first mail of the experiment (or from when they would have
got it). Only those whose days are over count for the rate, so a look in between is not
mistaken for a result. Source: lifecycle, section 3 (fixed horizon, two-proportion z).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from math import erfc, sqrt

from sqlalchemy import Connection, text

from notifications.dunning.bills import RECOVERED
from notifications.experiments import CAMPAIGN_KINDS, DAYS, HOLD_OUT, Experiment, arm_of

_LUCK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Counts of customers in one arm: all, those whose days are over, and who came back."""

    experiment: str
    kind: str
    arm: str
    customers: int
    mails: int
    matured: int
    recovered: int

    @property
    def rate(self) -> float | None:
        """Which part of the matured recovered; None while there is none."""
        return self.recovered / self.matured if self.matured else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One arm against the control: `z` and the chance `p` that so much is luck."""

    arm: Arm
    is_control: bool
    z: float | None
    p: float | None

    @property
    def verdict(self) -> str:
        """What it means in a word, at 95 %."""
        if self.is_control:
            return "control"
        if self.z is None or self.p is None:
            return "too_early"
        if self.p >= _LUCK:
            return "no_difference"
        return "better" if self.z > 0 else "worse"


def two_proportion_z(control: Arm, other: Arm) -> float | None:
    """Return how many standard errors `other` recovers more often; None when none can be told.

    Source: the pooled two-proportion z-test.
    """
    total = control.matured + other.matured
    if not control.matured or not other.matured:
        return None
    pooled = (control.recovered + other.recovered) / total
    spread = pooled * (1 - pooled) * (1 / control.matured + 1 / other.matured)
    if not spread:
        return None
    return (other.recovered / other.matured - control.recovered / control.matured) / sqrt(spread)


def judged(arms: Iterable[Arm], running: Mapping[str, Experiment]) -> list[Result]:
    """Return every arm beside its control: the first in the file, else the first by name."""
    orders = {experiment.name: list(experiment.variants) for experiment in running.values()}
    results = []
    for name, group in groupby(sorted(arms, key=lambda arm: arm.experiment), _experiment_of):
        order = orders.get(name, [])
        ordered = sorted(group, key=lambda arm: _place(arm.arm, order))
        results += [_result(ordered[0], arm) for arm in ordered]
    return results


def _experiment_of(arm: Arm) -> str:
    return arm.experiment


def _place(arm: str, order: Sequence[str]) -> tuple[bool, int, str]:
    return arm == HOLD_OUT, order.index(arm) if arm in order else len(order), arm


def _result(control: Arm, arm: Arm) -> Result:
    z = None if arm is control else two_proportion_z(control, arm)
    p = None if z is None else erfc(abs(z) / sqrt(2))
    return Result(arm=arm, is_control=arm is control, z=z, p=p)


_COUNT = text("""
    WITH seen AS (
      SELECT mail.variant, mail.kind, mail.account, mail.customer_id, count(*) AS mails,
             min(mail.settled_at) AS at,
             make_interval(days => min(coalesce(known.days, :default_days))) AS lasts
        FROM evergreen.outbox AS mail
        LEFT JOIN unnest(cast(:names AS text[]), cast(:days AS int[])) AS known (name, days)
               ON known.name = split_part(mail.variant, '/', 1)
       WHERE mail.variant IS NOT NULL AND mail.channel = 'mail'
         AND (mail.state IN ('sent', 'unknown')
              OR (mail.state = 'skipped' AND mail.reason = :held_out))
       GROUP BY 1, 2, 3, 4),
    ended AS (
      SELECT seen.*, seen.at + seen.lasts <= :now AS is_over,
             CASE WHEN seen.kind = ANY(:campaign_kinds) THEN EXISTS (
                    SELECT FROM evergreen.dunning_campaign AS campaign
                     WHERE campaign.customer_id = seen.customer_id
                       AND campaign.account = seen.account
                       AND campaign.opened_at <= seen.at
                       AND campaign.outcome = ANY(:recovered)
                       AND campaign.closed_at > seen.at
                       AND campaign.closed_at <= seen.at + seen.lasts)
                  ELSE EXISTS (
                    SELECT FROM stripe.subscriptions AS sub
                     WHERE sub.customer = seen.customer_id AND sub.account = seen.account
                       AND sub.status NOT IN ('incomplete', 'incomplete_expired')
                       AND sub.created > seen.at AND sub.created <= seen.at + seen.lasts)
             END AS is_back
        FROM seen)
    SELECT variant, kind, count(*) AS customers, sum(mails)::int AS mails,
           count(*) FILTER (WHERE is_over) AS matured,
           count(*) FILTER (WHERE is_over AND is_back) AS recovered
      FROM ended GROUP BY 1, 2 ORDER BY 1, 2""")


def count(conn: Connection, running: Mapping[str, Experiment], now: datetime) -> list[Arm]:
    """Return the counts of every experiment that ever ran; `now` is business time."""
    lasting = {experiment.name: experiment.days for experiment in running.values()}
    rows = conn.execute(
        _COUNT,
        {
            "now": now,
            "names": list(lasting),
            "days": list(lasting.values()),
            "default_days": DAYS,
            "held_out": HOLD_OUT,
            "campaign_kinds": sorted(CAMPAIGN_KINDS),
            "recovered": sorted(RECOVERED),
        },
    )
    return [
        Arm(
            experiment=row.variant.partition("/")[0],
            kind=row.kind,
            arm=arm_of(row.variant),
            customers=row.customers,
            mails=row.mails if arm_of(row.variant) != HOLD_OUT else 0,
            matured=row.matured,
            recovered=row.recovered,
        )
        for row in rows
    ]
