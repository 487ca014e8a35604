"""How long before a date a notice is owed, by place: engineering defaults, not legal advice.

Source: lifecycle, section 2, "notice windows". Not here: the United Kingdom's DMCC Act, expected
in spring 2027, and notices of Bacs debits, which Stripe sends; France and Germany are not
verified, so their shops' counsel must say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

Marks = dict[str, str]
Place = tuple[str | None, str | None]
"""Country and state of a customer's address, as Stripe writes them; None: anywhere."""

ANYWHERE: Place = (None, None)
CALIFORNIA: Place = ("US", "CA")
# An initial term as long as this is what California's rule on renewals is about.
LONG_TERM: Mapping[str, int] = MappingProxyType({"year": 1, "month": 12, "week": 52, "day": 365})
# What customers write of it in an address, beside Stripe's two letters.
STATES: Mapping[str, str] = MappingProxyType({"CALIFORNIA": "CA"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A notice is owed `opens_days` to `closes_days` before a date; we give it `days` before.

    `opens_days` None: it cannot be too early. `closes_days` None: no rule says by when.
    """

    days: int
    opens_days: int | None = None
    closes_days: int | None = None

    def holds(self, days: int) -> bool:
        """Tell whether a notice so many days before the date satisfies the rule."""
        early = self.opens_days is not None and days > self.opens_days
        return not early and days >= (self.closes_days or 0)

    def edge(self, about: datetime) -> datetime | None:
        """Return until when the notice must be out, None where no rule says."""
        return None if self.closes_days is None else about - timedelta(days=self.closes_days)


# By kind of mail and place, the narrowest place counts.
WINDOWS: Mapping[str, Mapping[Place, Window]] = MappingProxyType(
    {
        # Elsewhere the shop's own RENEWAL_REMINDERS decide alone.
        # Cal. Bus. & Prof. Code 17602(b), initial terms of a year and more: sidley.com 2022/03.
        "renewal_reminder": {CALIFORNIA: Window(days=30, opens_days=45, closes_days=15)},
        # Visa's rules for trials and introductory prices: paysafe.com. California's, for those
        # over 31 days, is 21 to 3 days (17602(b), sidley.com 2022/03): there both hold.
        "trial_ending": {
            ANYWHERE: Window(days=7, closes_days=7),
            CALIFORNIA: Window(days=7, opens_days=21, closes_days=7),
        },
        "promo_ending": {
            ANYWHERE: Window(days=7, closes_days=7),
            CALIFORNIA: Window(days=7, opens_days=21, closes_days=7),
        },
        # Visa: at least 7 days. California AB 2863: consumerfinsights.com, ktslaw.com.
        "price_change": {
            ANYWHERE: Window(days=14, closes_days=7),
            CALIFORNIA: Window(days=14, opens_days=30, closes_days=7),
        },
    }
)


def place(country: str | None, state: str | None) -> Place:
    """Return where a customer lives, as the table of windows writes it."""
    written = (state or "").strip().upper()
    return (country or "").strip().upper() or None, STATES.get(written, written) or None


def window(kind: str, where: Place) -> Window | None:
    """Return the window of `kind` at a place, None where no rule and no default is known."""
    by_place = WINDOWS.get(kind, {})
    wishes = (where, (where[0], None), ANYWHERE)
    return next((by_place[wish] for wish in wishes if wish in by_place), None)


def widest_days(kind: str) -> int:
    """Return how many days before its date a notice of `kind` is due at the earliest."""
    return max(each.days for each in WINDOWS[kind].values())


def marks(kind: str, where: Place, *, due_at: datetime, about: datetime, now: datetime) -> Marks:
    """Return what a notice's subject says of its place in time; empty for most.

    `late`: its own instant had passed when it was first seen, so it goes out at once. `edge`:
    epoch seconds, until when the law wants it out: no quiet hour may hold it longer, nor when it
    has passed.
    """
    rule = window(kind, where)
    edge = rule.edge(about) if rule else None
    late = {"late": "true"} if due_at < now else {}
    open_until = {"edge": str(int(edge.timestamp()))} if edge and edge >= due_at else {}
    return {**late, **open_until}
