"""What a year left behind, in figures a person can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, text

from sync.mirror.objects import OBJECTS, OTHER
from sync.money import major


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency's minor units."""

    currency: str
    amount_minor: int

    def __str__(self) -> str:
        """Return it as people write it, such as 1,234.50 USD."""
        amount: Decimal = major(self.amount_minor, self.currency)
        return f"{amount:,} {self.currency.upper()}"


@dataclass(frozen=True, slots=True)
class Mails:
    """How the mails of one kind ended; those without an end yet still wait."""

    kind: str
    sent: int
    skipped: int
    failed: int
    waiting: int
    # Of the skipped ones, the reason that most have.
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts and sums of everything that the service holds."""

    events: Sequence[tuple[str, int]]
    objects: Sequence[tuple[str, int]]
    mails: Sequence[Mails]
    recovered: Sequence[Money]
    at_risk: Sequence[Money]
    stock: Sequence[tuple[str, int]]
    crm_records: int


def summarize(conn: Connection) -> Summary:
    """Return the summary of what `conn` leads to."""
    return Summary(
        events=[(row.state, row.total) for row in conn.execute(_EVENTS)],
        objects=_objects(conn),
        mails=[Mails(*row) for row in conn.execute(_MAILS)],
        recovered=[Money(*row) for row in conn.execute(_RECOVERED)],
        at_risk=[Money(*row) for row in conn.execute(_AT_RISK)],
        stock=[(row.sku, row.on_hand) for row in conn.execute(_STOCK)],
        crm_records=conn.execute(_CRM).scalar_one(),
    )


def _objects(conn: Connection) -> list[tuple[str, int]]:
    """Return how many rows each table of the mirror holds, where it holds any."""
    tables = [kind.table for kind in OBJECTS.values()]
    tables += [child.table for kind in OBJECTS.values() for child in kind.children]
    counted = [(table.name, table.fullname) for table in (*tables, OTHER.table)]
    return [
        (name, count)
        for name, full in counted
        if (count := conn.execute(text(f"SELECT count(*) FROM {full}")).scalar_one())  # noqa: S608 — names of our own tables
    ]


_EVENTS = text("SELECT state, count(*) AS total FROM evergreen.inbox GROUP BY 1 ORDER BY 2 DESC")
_MAILS = text("""
    SELECT kind,
           count(*) FILTER (WHERE state = 'sent') AS sent,
           count(*) FILTER (WHERE state = 'skipped') AS skipped,
           count(*) FILTER (WHERE state IN ('failed', 'unknown')) AS failed,
           count(*) FILTER (WHERE state IN ('pending', 'leased', 'sending')) AS waiting,
           mode() WITHIN GROUP (ORDER BY reason) FILTER (WHERE state = 'skipped') AS reason
    FROM evergreen.outbox WHERE channel = 'mail' GROUP BY 1 ORDER BY 2 DESC, 1
""")
# A charge failed once, and the money came all the same, by whatever way.
_RECOVERED = text("""
    SELECT currency, sum(amount_paid_minor)::bigint FROM stripe.invoices
    WHERE status = 'paid' AND amount_paid_minor > 0
      AND id IN (SELECT object_id FROM evergreen.inbox WHERE type = 'invoice.payment_failed')
    GROUP BY 1 ORDER BY 2 DESC
""")
_AT_RISK = text("""
    SELECT currency, sum(amount_remaining_minor)::bigint FROM stripe.invoices
    WHERE status = 'open' AND attempt_count > 0 AND amount_remaining_minor > 0
    GROUP BY 1 ORDER BY 2 DESC
""")
_STOCK = text("""
    SELECT sku, sum(on_hand)::bigint AS on_hand FROM evergreen.stock_level GROUP BY 1 ORDER BY 1
""")
_CRM = text("SELECT count(*) FROM evergreen.crm_record")


def lines(summary: Summary) -> list[str]:
    """Return the summary as lines of text, widest part first."""
    return [
        *_section("Events", [(state, f"{count:,}") for state, count in summary.events]),
        *_section("Mirrored", [(name, f"{count:,}") for name, count in summary.objects]),
        *_section("Mails", [_mail(mails) for mails in summary.mails]),
        *_section("Money", _money(summary)),
        *_section("Stock", [(sku, f"{on_hand:,}") for sku, on_hand in summary.stock]),
        *_section("CRM", [("records", f"{summary.crm_records:,}")]),
    ]


def _mail(mails: Mails) -> tuple[str, str]:
    """Return how one kind fared; what did not happen is not told."""
    why = (mails.reason or "").replace("_", " ")
    told = (
        (mails.sent, "sent"),
        (mails.skipped, f"not needed (mostly: {why})" if why else "not needed"),
        (mails.failed, "failed or unclear"),
        (mails.waiting, "still to come"),
    )
    return mails.kind, ", ".join(f"{count:,} {words}" for count, words in told if count)


def _money(summary: Summary) -> list[tuple[str, str]]:
    named = (("recovered", summary.recovered), ("still at risk", summary.at_risk))
    return [(name, " · ".join(map(str, amounts)) or "nothing") for name, amounts in named]


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    first, rest = f"  {title:<10}", " " * 12
    return [
        f"{first if number == 0 else rest}{name:<{width}}  {value}"
        for number, (name, value) in enumerate(rows)
    ] or [f"{first}nothing"]
