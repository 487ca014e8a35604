"""From a campaign's steps to the mails: their keys, and what each is told about its campaign."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from notifications.dunning.bills import Bill
from notifications.dunning.campaign import Campaign, Step
from notifications.dunning.segments import SEGMENTS
from notifications.keys import effect_key
from notifications.proposal import epoch
from notifications.timing import TIMINGS
from sync.changes import Effect

TASK = "dunning_task"
THANKS = "payment_recovered"
# The mails that a payment is thanked for: `action_required` alone leads to a receipt.
WARNINGS = ("payment_failed", "final_notice")
STEPS = ("action_required", *WARNINGS)
_TASK_AT_STEP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Whose campaign it is."""

    account: str
    livemode: bool
    customer_id: str


def mails(whom: Whom, campaign: Campaign) -> Iterator[Effect]:
    """Yield the mail of every step, those gone too, and the task where a person shall act."""
    if campaign.closed_at is not None:
        return
    subject = _subject(campaign)
    for step in campaign.steps:
        yield _mail(whom, campaign, step, subject)
    second = next((each for each in campaign.steps if each.number == _TASK_AT_STEP), None)
    if campaign.standing.valuable and second is not None:
        lives = second.due_at, TIMINGS[TASK].expires_at(second.due_at)
        yield _effect(whom, TASK, (str(campaign.id),), subject, lives)


def thanks(whom: Whom, campaign: Campaign, bill: Bill, now: datetime) -> Effect:
    """Return the mail that thanks for `bill`, the last one to be paid."""
    due_at = bill.ended_at or now
    subject = {"campaign": str(campaign.id), "invoice": bill.id}
    lives = due_at, TIMINGS[THANKS].expires_at(due_at)
    return _effect(whom, THANKS, (str(campaign.id),), subject, lives)


def _mail(whom: Whom, campaign: Campaign, step: Step, subject: Mapping[str, str]) -> Effect:
    number = str(step.number)
    told = {**subject, "step": number}
    parts = (str(campaign.id), number)
    return _effect(whom, step.kind, parts, told, (step.due_at, step.expires_at))


def _effect(
    whom: Whom,
    kind: str,
    parts: tuple[str, ...],
    subject: Mapping[str, str],
    lives: tuple[datetime, datetime],
) -> Effect:
    due_at, expires_at = lives
    return Effect(
        key=effect_key(whom.account, livemode=whom.livemode, kind=kind, parts=parts),
        channel="mail",
        kind=kind,
        account=whom.account,
        livemode=whom.livemode,
        customer_id=whom.customer_id,
        subject=subject,
        due_at=due_at,
        expires_at=expires_at,
    )


def _subject(campaign: Campaign) -> Mapping[str, str]:
    """Return what its mails are told: never the bank's code, only which words to use."""
    owed = [bill.id for bill in campaign.open_bills]
    standing = campaign.standing
    tone = "repeat" if standing.repeats else "loyal" if standing.loyal else ""
    return {
        "campaign": str(campaign.id),
        "invoice": owed[0],
        "invoices": ",".join(owed),
        "copy": SEGMENTS[campaign.segment].copy,
        "tone": tone,
        "terminal": epoch(campaign.terminal_at),
    }
