"""One customer's campaign: opened by a failed charge, joined by further ones, closed once.

Pure: what the mirror shows and `now` go in, the campaign as it shall be comes out. Telling it
the same again changes nothing, and no step that has passed is ever changed.
Source: lifecycle, section 3 and rulings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from notifications.dunning.bills import RECOVERED, Bill, Outcome, last_ended, outcome_of
from notifications.dunning.declines import UNKNOWN, VERSION
from notifications.dunning.segments import (
    FINAL_BEFORE,
    GAP,
    SEGMENTS,
    Segment,
    Standing,
    StepKind,
    offsets,
)
from notifications.timing import TIMINGS

# What belongs to one failure comes in several events: until then the first plan is not final.
SETTLES = timedelta(hours=1)
# A charge that is about to be tried again may make a mail needless.
BEFORE_RETRY = timedelta(hours=12)
AFTER_RETRY = timedelta(hours=2)
# Stripe retries beyond our window, or leaves the subscription be: then this counts as the end.
GIVEN_UP_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The newest word of the bank on what is open."""

    segment: str
    at: datetime
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the mirror shows of a customer: failed invoices, the bank's word, their standing."""

    bills: tuple[Bill, ...]
    refusal: Refusal | None = None
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One mail to come, or gone. The number is its own for ever; later plans go on counting."""

    number: int
    kind: StepKind
    due_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign as it stands.

    Steps count from `anchor_at`, those of a segment `from_event` from `asked_at`. An
    invoice that joins when no step lies ahead starts another round, with new steps from
    `first_step` on. `standing` is the one at the start.
    """

    id: int
    opened_at: datetime
    anchor_at: datetime
    window: timedelta
    segment: str = UNKNOWN
    code: str | None = None
    asked_at: datetime | None = None
    standing: Standing = field(default_factory=Standing)
    version: int = VERSION
    bills: tuple[Bill, ...] = ()
    steps: tuple[Step, ...] = ()
    first_step: int = 1
    outcome: Outcome | None = None
    closed_at: datetime | None = None

    @property
    def terminal_at(self) -> datetime:
        """When the service ends, by our settings, unless it is paid."""
        return self.anchor_at + self.window

    @property
    def open_bills(self) -> tuple[Bill, ...]:
        """What is still to be paid."""
        return tuple(bill for bill in self.bills if bill.is_open)


def begin(number: int, view: View, window: timedelta, now: datetime) -> Campaign:
    """Return a new campaign about all that is open in `view`."""
    bills = tuple(bill for bill in view.bills if bill.is_open)
    start = min(bill.failed_at for bill in bills)
    fresh = Campaign(
        id=number,
        opened_at=start,
        anchor_at=start,
        window=window,
        bills=bills,
        standing=view.standing,
    )
    asked = _asked(fresh, view.refusal)
    return replace(asked, steps=_planned(asked, now, whole=True))


def follow(campaign: Campaign, view: View, now: datetime) -> Campaign:
    """Return the campaign after a look at the mirror.

    Of a closed one only the way in which it ended may still become clearer.
    """
    seen = {bill.id: bill for bill in view.bills}
    known = tuple(seen.get(bill.id, bill) for bill in campaign.bills)
    if campaign.closed_at is not None:
        return replace(campaign, bills=known, outcome=outcome_of(known) or campaign.outcome)
    told = {bill.id for bill in known}
    joining = tuple(bill for bill in view.bills if bill.is_open and bill.id not in told)
    looked = replace(campaign, bills=known + joining)
    if outcome_of(looked.bills) is not None or _given_up(looked, now):
        return _closed(looked, now)
    asked = _asked(_in_round(looked, joining, now), view.refusal)
    demanded = asked.segment != campaign.segment and SEGMENTS[asked.segment].from_event
    return replace(asked, steps=_planned(asked, now, whole=demanded))


def thanks_for(campaign: Campaign) -> Bill | None:
    """Return the bill whose payment settled all, None when something was lost or given up."""
    last = last_ended(campaign.bills)
    settled = campaign.outcome in RECOVERED and last is not None and last.outcome in RECOVERED
    return last if settled else None


def hold_until(
    kind: str,
    now: datetime,
    *,
    next_attempt: datetime | None,
    last_mail_at: datetime | None,
    terminal_at: datetime,
) -> datetime | None:
    """Return until when a due step waits, None when it goes out now.

    Not within 12 h before a known retry, but 2 h after it, unless that is too late for a last
    warning; and at most one mail in 24 h. A retry cannot do what the bank asks of the customer,
    so `action_required` waits for none.
    """
    waits = [last_mail_at + GAP] if last_mail_at is not None else []
    if next_attempt is not None and kind != "action_required":
        begins, ends = next_attempt - BEFORE_RETRY, next_attempt + AFTER_RETRY
        in_time = kind != "final_notice" or ends < terminal_at
        waits += [ends] if begins <= now and in_time else []
    return max((until for until in waits if until > now), default=None)


def _asked(campaign: Campaign, refusal: Refusal | None) -> Campaign:
    """Take up what the bank said last; the same reason again changes no date."""
    if refusal is None or refusal.segment == campaign.segment:
        return campaign if refusal is None else replace(campaign, code=refusal.code)
    return replace(campaign, segment=refusal.segment, code=refusal.code, asked_at=refusal.at)


def _in_round(campaign: Campaign, joining: Sequence[Bill], now: datetime) -> Campaign:
    """Begin another round for what joins after the last mail: nobody would be told of it."""
    start = min((bill.failed_at for bill in joining), default=campaign.anchor_at)
    if start <= campaign.anchor_at or any(step.due_at > now for step in campaign.steps):
        return campaign
    return replace(campaign, anchor_at=start, first_step=_next_number(campaign.steps))


def _given_up(campaign: Campaign, now: datetime) -> bool:
    """Tell whether nothing will come any more, though Stripe has ended nothing."""
    late = now >= campaign.terminal_at + GIVEN_UP_AFTER
    return late and all(bill.next_attempt is None for bill in campaign.open_bills)


def _closed(campaign: Campaign, now: datetime) -> Campaign:
    last = last_ended(campaign.bills)
    given_up = outcome_of(campaign.bills) is None
    return replace(
        campaign,
        outcome="lost_passive" if given_up else outcome_of(campaign.bills),
        closed_at=now if given_up or last is None else last.ended_at,
        steps=_passed(campaign.steps, now),
    )


def _planned(campaign: Campaign, now: datetime, *, whole: bool) -> tuple[Step, ...]:
    """Return the steps that have passed, and those ahead.

    `whole`: a first plan, whose earlier steps are given too, so that the one still of use goes
    out and the others are on record. Otherwise nothing is sent late.
    """
    passed = _passed(campaign.steps, now)
    in_round = [step for step in passed if step.number >= campaign.first_step]
    settling = not in_round and now <= campaign.anchor_at + SETTLES
    over = any(step.kind == "final_notice" for step in in_round)
    slots = [
        (kind, due_at)
        for kind, due_at in _slots(campaign, over=over)
        if due_at > now or whole or settling or kind == "final_notice"
    ]
    return (*passed, *_steps(campaign, slots, _next_number(passed)))


def _passed(steps: Sequence[Step], now: datetime) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.due_at <= now)


def _next_number(steps: Sequence[Step]) -> int:
    return max((step.number for step in steps), default=0) + 1


def _slots(campaign: Campaign, *, over: bool) -> list[tuple[StepKind, datetime]]:
    """Return all steps of the segment in due order; `over`: the final notice has passed."""
    segment = SEGMENTS[campaign.segment]
    due = _due(campaign, segment)
    if over:
        return [(segment.kind, at) for at in due if segment.from_event]
    if not segment.final:
        return [(segment.kind, at) for at in due]
    final_at = _final_at(campaign, segment, due)
    before = [(segment.kind, at) for at in due if at <= final_at - GAP]
    return [*before, ("final_notice", final_at)]


def _due(campaign: Campaign, segment: Segment) -> list[datetime]:
    asked_at = campaign.asked_at or campaign.anchor_at
    start = max(asked_at, campaign.anchor_at) if segment.from_event else campaign.anchor_at
    times = [start + after for after in offsets(segment, loyal=campaign.standing.loyal)]
    return [at for at in times if at < campaign.terminal_at]


def _final_at(campaign: Campaign, segment: Segment, due: Sequence[datetime]) -> datetime:
    """Return when the last warning goes out: 3 days ahead, or once no retry is planned."""
    last = max(due, default=campaign.anchor_at)
    planned = max(last, campaign.terminal_at - FINAL_BEFORE)
    ran_out_at = _ran_out_at(campaign)
    if ran_out_at is None:
        return planned
    # What the bank asks of the customer comes first.
    return max(last, ran_out_at) if segment.from_event else min(planned, ran_out_at)


def _ran_out_at(campaign: Campaign) -> datetime | None:
    """Return since when Stripe plans no retry, None while it does.

    The first retry may be told a moment after the failure, in an event of its own.
    """
    owed = campaign.open_bills
    if any(bill.next_attempt for bill in owed):
        return None
    return max(campaign.anchor_at + SETTLES, *(bill.seen_at for bill in owed))


def _steps(
    campaign: Campaign, slots: Sequence[tuple[StepKind, datetime]], number: int
) -> Iterator[Step]:
    followers = (*(at for _, at in slots[1:]), None)
    for place, ((kind, due_at), follower) in enumerate(zip(slots, followers, strict=False)):
        about = campaign.terminal_at if kind == "final_notice" else follower
        expires_at = TIMINGS[kind].expires_at(due_at, about if about and about > due_at else None)
        yield Step(number=number + place, kind=kind, due_at=due_at, expires_at=expires_at)
