"""What the campaigns brought back: amounts and counts by currency and month of the failure.

Source: lifecycle, section 3. A month has matured when every campaign of it had 28 days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from notifications.dunning.bills import RECOVERED

MATURES = timedelta(days=28)

_BY_MONTH = text("""
    SELECT to_char(bill.failed_at, 'YYYY-MM') AS month, bill.currency,
           count(*) AS failed, coalesce(sum(bill.owed_minor), 0)::bigint AS failed_minor,
           count(*) FILTER (WHERE bill.outcome = ANY(:recovered)) AS recovered,
           coalesce(sum(bill.recovered_minor), 0)::bigint AS recovered_minor,
           coalesce(sum(bill.recovered_minor) FILTER (WHERE campaign.credited_key IS NOT NULL),
                    0)::bigint AS credited_minor,
           date_trunc('month', min(bill.failed_at)) + interval '1 month' <= :mature_at AS matured
      FROM evergreen.dunning_invoice AS bill
      JOIN evergreen.dunning_campaign AS campaign ON campaign.id = bill.campaign
     WHERE bill.account = ANY(:accounts)
     GROUP BY 1, 2
     ORDER BY 1, 2""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One month's failures in one currency; amounts are minor units.

    `credited_minor` is the part whose payment followed a click in one of our mails. `matured`:
    the rates will hardly change any more.
    """

    month: str
    currency: str
    failed: int
    failed_minor: int
    recovered: int
    recovered_minor: int
    credited_minor: int
    matured: bool


def by_month(conn: Connection, accounts: Sequence[str], now: datetime) -> list[Recovery]:
    """Return what became of the failures of each month (UTC), by currency, oldest first."""
    wanted = {
        "accounts": list(accounts),
        "recovered": sorted(RECOVERED),
        "mature_at": now - MATURES,
    }
    return [Recovery(**row) for row in conn.execute(_BY_MONTH, wanted).mappings()]
