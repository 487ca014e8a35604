"""A customer's life as a campaign sees it: invoices that fail and end, a clock, an outbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from notifications.dunning.bills import Bill, Outcome
from notifications.dunning.campaign import (
    Campaign,
    Refusal,
    View,
    begin,
    follow,
    hold_until,
    thanks_for,
)
from notifications.dunning.messages import Whom, mails
from notifications.dunning.recorded import REPLANNED, Known, align
from notifications.dunning.segments import Standing
from sync.changes import Effect

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
WINDOW = timedelta(days=14)
WHOM = Whom(account="", livemode=False, customer_id="cus_1")
LOOK_EVERY = timedelta(hours=6)


@dataclass(slots=True)
class Mail:
    """A mail of the outbox."""

    effect: Effect
    due_at: datetime
    state: str = "pending"
    reason: str | None = None


@dataclass(slots=True)
class Life:
    """One customer. What happens changes the mirror at once; `look` lets the campaigns follow."""

    now: datetime = START
    standing: Standing = field(default_factory=Standing)
    bills: dict[str, Bill] = field(default_factory=dict)
    refusal: Refusal | None = None
    campaigns: list[Campaign] = field(default_factory=list)
    outbox: dict[str, Mail] = field(default_factory=dict)
    sent: list[tuple[datetime, Effect]] = field(default_factory=list)
    thanked: list[int] = field(default_factory=list)

    def fail(self, bill: str, segment: str, retry_in: timedelta | None) -> None:
        """Let a charge fail, for the first time or again."""
        next_attempt = self.now + retry_in if retry_in else None
        known = self.bills.get(bill)
        self.bills[bill] = Bill(
            id=bill,
            currency="usd",
            owed_minor=2900,
            failed_at=known.failed_at if known else self.now,
            seen_at=self.now,
            next_attempt=next_attempt,
        )
        self.refusal = Refusal(segment=segment, at=self.now, code=segment)

    def end(self, bill: str, outcome: Outcome) -> None:
        """Let an invoice end."""
        self.bills[bill] = replace(
            self.bills[bill], outcome=outcome, ended_at=self.now, next_attempt=None
        )

    def look(self) -> None:
        """Let the campaigns follow, as the drain and the scan do; again changes nothing."""
        for place, campaign in enumerate(self.campaigns):
            taken = {b.id for c in self.campaigns if c is not campaign for b in c.bills}
            after = follow(campaign, self._view(taken), self.now)
            self.campaigns[place] = after
            self._align(campaign, after)
        taken = {bill.id for campaign in self.campaigns for bill in campaign.bills}
        view = self._view(taken)
        closed = all(campaign.closed_at for campaign in self.campaigns)
        if closed and any(bill.is_open for bill in view.bills):
            new = begin(len(self.campaigns) + 1, view, WINDOW, self.now)
            self.campaigns.append(new)
            self._align(None, new)

    def _view(self, taken: set[str]) -> View:
        mine = tuple(bill for bill in self.bills.values() if bill.id not in taken)
        owed = any(bill.is_open for bill in self.bills.values())
        return View(bills=mine, refusal=self.refusal if owed else None, standing=self.standing)

    def _align(self, before: Campaign | None, after: Campaign) -> None:
        if before is not None and before.closed_at is not None:
            return
        known = {
            key: Known(mail.state, mail.reason)
            for key, mail in self.outbox.items()
            if mail.effect.subject["campaign"] == str(after.id)
        }
        planned = list(mails(WHOM, before)) if before else []
        aligned = align(known, planned, list(mails(WHOM, after)))
        for effect in (*aligned.new, *aligned.moved):
            self.outbox[effect.key] = Mail(effect, effect.due_at)
        for effect in aligned.retold:
            self.outbox[effect.key].effect = effect
        for key in aligned.gone:
            self.outbox[key].state = "skipped"
            self.outbox[key].reason = "closed" if after.closed_at else REPLANNED
        if after.closed_at and thanks_for(after):
            self.thanked.append(after.id)

    def walk(self, until: datetime) -> None:
        """Let time pass to `until`, each mail at its own instant, with a scan in between."""
        while self.now < until:
            due = [m.due_at for m in self.outbox.values() if m.state == "pending"]
            self.now = min([until, self.now + LOOK_EVERY, *(at for at in due if at > self.now)])
            self.look()
            self.deliver()

    def deliver(self) -> None:
        """Decide every mail that is due, in due order."""
        due = [m for m in self.outbox.values() if m.state == "pending" and m.due_at <= self.now]
        for mail in sorted(due, key=lambda mail: mail.due_at):
            self._decide(mail)

    def _decide(self, mail: Mail) -> None:
        effect = mail.effect
        owed = self.owed(effect.subject)
        assert effect.expires_at is not None
        if self.now >= effect.expires_at or not owed:
            mail.state, mail.reason = "skipped", "too_late" if owed else "paid"
            return
        until = hold_until(
            effect.kind,
            self.now,
            next_attempt=min((b.next_attempt for b in owed if b.next_attempt), default=None),
            last_mail_at=self.last_sent_at(effect.subject["campaign"]),
            terminal_at=datetime.fromtimestamp(int(effect.subject["terminal"]), UTC),
        )
        if until is not None:
            mail.due_at = until
            return
        mail.state = "sent"
        self.sent.append((self.now, effect))

    def owed(self, subject: Mapping[str, str]) -> list[Bill]:
        """Return what of a mail's invoices is still open."""
        about = (self.bills[bill] for bill in subject["invoices"].split(","))
        return [bill for bill in about if bill.is_open]

    def last_sent_at(self, campaign: str) -> datetime | None:
        """Return when a campaign's last mail went out."""
        times = [at for at, effect in self.sent if effect.subject["campaign"] == campaign]
        return max(times, default=None)
