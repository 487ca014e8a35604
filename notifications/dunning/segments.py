"""Who is written to when, and in which tone: rows that marketing can read.

Source: lifecycle, section 3. Days count from a campaign's start, its first failed charge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from notifications.dunning.declines import UNKNOWN

StepKind = Literal["payment_failed", "action_required", "final_notice"]
# Which words: retry (we try again by ourselves), card (update it), bank (ask it, or use another
# card), generic (no reason is known), other (none is told: use another way to pay), confirm
# (3-D Secure), revoked (cancel or update).
Copy = Literal["retry", "card", "bank", "generic", "other", "confirm", "revoked"]

DAY = timedelta(days=1)
# At most one mail of a campaign in this time.
GAP = timedelta(hours=24)
FINAL_BEFORE = 3 * DAY
# Somebody who paid this often, or was recovered before, is first given a day in peace.
TENURE_INVOICES = 12
# From here on another way to pay is worth talking about.
REPEAT_CYCLES = 3
REPEAT_WITHIN = timedelta(days=182)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One way to go about a failed payment.

    `final`: ends with a final notice before the terminal action. `from_event`: days count from
    the bank's demand, which only the customer can fulfil. `waits`: a loyal customer's steps
    come a day later.
    """

    name: str
    days: tuple[int, ...]
    copy: Copy
    kind: StepKind = "payment_failed"
    final: bool = True
    from_event: bool = False
    waits: bool = True


_ROWS = (
    Segment(name="funds", days=(2, 6, 10), copy="retry"),
    Segment(name="card", days=(0, 2, 5, 9), copy="card"),
    Segment(name="bank", days=(1, 4, 8), copy="bank"),
    Segment(name=UNKNOWN, days=(1, 4, 8), copy="generic"),
    # Nobody shall lose the service unannounced, so these two end with a final notice as well.
    Segment(
        name="confirm",
        days=(0, 1, 3),
        copy="confirm",
        kind="action_required",
        from_event=True,
        waits=False,
    ),
    Segment(name="blocked", days=(0, 3, 7), copy="other"),
    # An intent to cancel: once, and then never again.
    Segment(name="revoked", days=(0,), copy="revoked", final=False, waits=False),
)
SEGMENTS: Mapping[str, Segment] = MappingProxyType({row.name: row for row in _ROWS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a customer was to us before this failure.

    `failing_cycles` counts invoices of the last half year that failed at first, this one too.
    `valuable`: pays more a month than nine of ten customers.
    """

    paid_invoices: int = 0
    recoveries: int = 0
    failing_cycles: int = 1
    valuable: bool = False

    @property
    def repeats(self) -> bool:
        """Whether payments of this customer fail again and again."""
        return self.failing_cycles >= REPEAT_CYCLES

    @property
    def loyal(self) -> bool:
        """Whether this is a good customer's slip: written to later, and with an apology."""
        known = self.paid_invoices >= TENURE_INVOICES or self.recoveries >= 1
        return known and not self.repeats


def offsets(segment: Segment, *, loyal: bool) -> tuple[timedelta, ...]:
    """Return after which time each step is due, the final notice aside."""
    delay = DAY if loyal and segment.waits else timedelta(0)
    return tuple(days * DAY + delay for days in segment.days)
