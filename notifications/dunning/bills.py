"""A failed invoice, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# retry: the same method paid after all. new_method: another one did. card_updater: the card's
# network renewed it. out_of_band: not through Stripe. lost_passive: the service ended for want
# of payment. lost_active: the customer ended it. forgiven: the shop did not want it any more.
Outcome = Literal[
    "retry", "new_method", "card_updater", "out_of_band", "lost_passive", "lost_active", "forgiven"
]
RECOVERED: frozenset[Outcome] = frozenset({"retry", "new_method", "card_updater", "out_of_band"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An invoice whose charge failed, as the mirror shows it now.

    `owed_minor` is what remained to be paid when it failed, `recovered_minor` what was paid
    after that; both in minor units. `seen_at` is Stripe's time of the state this tells.
    """

    id: str
    currency: str
    owed_minor: int
    failed_at: datetime
    seen_at: datetime
    next_attempt: datetime | None = None
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    recovered_minor: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is still to be paid."""
        return self.outcome is None


def outcome_of(bills: Sequence[Bill]) -> Outcome | None:
    """Return how a campaign about `bills` ended; None while one of them is open.

    What was lost counts before what came in, and that before what nobody wanted any more; of
    several ways in which money came, the last.
    """
    ended = [bill for bill in bills if bill.outcome is not None]
    if len(ended) < len(bills):
        return None
    causes = {bill.outcome for bill in ended}
    lost: tuple[Outcome, ...] = ("lost_passive", "lost_active")
    for cause in lost:
        if cause in causes:
            return cause
    last = last_ended([bill for bill in ended if bill.outcome in RECOVERED])
    return last.outcome if last else "forgiven"


def last_ended(bills: Sequence[Bill]) -> Bill | None:
    """Return the bill that ended last, one that was paid before another; None without any."""
    ended = [bill for bill in bills if bill.ended_at is not None]
    return max(ended, key=lambda bill: (bill.ended_at, bill.outcome in RECOVERED), default=None)
