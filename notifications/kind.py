"""What a kind of mail is: when it is due, for whom, what stops it, and what it says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from notifications.case import Case, Needs
from notifications.policy import MailPolicy
from notifications.timing import Category
from sync.changes import Change, Effect, Later, RetryIn, Skipped

Verdict = Skipped | RetryIn | Later | None
# Scans record a mail this long before it is due, so that it goes out at its own instant and
# not at the next tick. Never below the time between two ticks (see `workers.clock`).
LOOK_AHEAD = timedelta(hours=25)
# Of one mail at one tick, most urgent first; the rest follows at the next ticks. More than
# can be sent meanwhile, and little enough to be recorded within half a second.
MOST_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of mail. Its templates stand in `kinds/templates/<name>/`.

    `watches` are the Stripe objects whose changes may cause it, through `plan`; `scan` finds
    what time brings. Both only propose: `check` decides again when the mail is due. `context`
    returns what the templates may name beside what every mail has, and `samples` cases for
    preview and lint, one for each way the text can turn. `needs` names further
    Stripe objects that `check` wants to see of the customer, `recalls` the kinds of other
    mails to them. `wants_offer` tells whether an offer shall be made for it when it leaves.
    `reads` looks up what no customer's case holds, for `Case.read`. Of internal kinds,
    `to_marketing` tells whose inbox they go to.
    """

    name: str
    category: Category
    check: Callable[[Case], Verdict]
    context: Callable[[Case], Mapping[str, Any]]
    samples: Callable[[MailPolicy], Mapping[str, Case]]
    watches: tuple[str, ...] = ()
    plan: Callable[[Change], Sequence[Effect]] = field(default=lambda _change: ())
    scan: Callable[[Connection, datetime, MailPolicy], Sequence[Effect]] | None = None
    needs: Needs = field(default_factory=dict)
    recalls: tuple[str, ...] = ()
    live: Callable[[Case], Sequence[tuple[str, str]]] | None = None
    wants_offer: Callable[[Case], bool] | None = None
    reads: Callable[[Connection, Case], object] | None = None
    to_marketing: bool = False
