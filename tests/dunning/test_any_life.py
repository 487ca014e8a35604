"""Any life of a customer, in any order, told again and again, with the clock moved at will."""

from datetime import datetime, timedelta
from itertools import groupby, pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from notifications.dunning.bills import Bill, Outcome
from notifications.dunning.segments import GAP, SEGMENTS, Standing
from sync.changes import Effect
from tests.dunning.lives import Life

HOURS = st.integers(min_value=1, max_value=24 * 9).map(lambda hours: timedelta(hours=hours))
RETRIES = st.none() | HOURS
ENDS: tuple[Outcome, ...] = ("retry", "new_method", "lost_passive", "lost_active", "forgiven")


class AnyLife(RuleBasedStateMachine):
    """Charges fail, are tried again, end; the campaigns look when they look."""

    def __init__(self) -> None:
        """Begin with a customer who owes nothing."""
        super().__init__()
        self.life = Life()
        self.away = False
        self.revoked = False

    @initialize(invoices=st.integers(0, 20), cycles=st.integers(1, 4), valuable=st.booleans())
    def know(self, invoices: int, cycles: int, *, valuable: bool) -> None:
        """Say who this is."""
        self.life.standing = Standing(
            paid_invoices=invoices, failing_cycles=cycles, valuable=valuable
        )

    def _open(self) -> list[Bill]:
        return [bill for bill in self.life.bills.values() if bill.is_open]

    @rule(segment=st.sampled_from(sorted(SEGMENTS)), retry_in=RETRIES)
    def fail(self, segment: str, retry_in: timedelta | None) -> None:
        """Let another invoice's charge fail."""
        self._fail(f"in_{len(self.life.bills)}", segment, retry_in)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), segment=st.sampled_from(sorted(SEGMENTS)), retry_in=RETRIES)
    def fail_again(self, data: st.DataObject, segment: str, retry_in: timedelta | None) -> None:
        """Let a retry fail, for the same reason or another."""
        bill = data.draw(st.sampled_from(self._open()))
        self._fail(bill.id, segment, retry_in)

    def _fail(self, bill: str, segment: str, retry_in: timedelta | None) -> None:
        self.revoked |= segment == "revoked"
        self.life.fail(bill, segment, retry_in)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), outcome=st.sampled_from(ENDS))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        """Let an invoice end in any way."""
        self.life.end(data.draw(st.sampled_from(self._open())).id, outcome)

    @rule()
    def look(self) -> None:
        """Tell the campaigns; telling them again changes nothing."""
        self.life.look()
        campaigns, waiting = list(self.life.campaigns), self._waiting()
        self.life.look()
        assert (self.life.campaigns, self._waiting()) == (campaigns, waiting)

    @rule(passes=HOURS)
    def wait(self, passes: timedelta) -> None:
        """Let time pass as it does."""
        self.life.look()
        self.life.deliver()
        self.life.walk(self.life.now + passes)

    @rule(passes=HOURS)
    def sleep(self, passes: timedelta) -> None:
        """Let time pass while nothing of ours runs, and catch up."""
        self.away = True
        self.life.now += passes
        self.life.look()
        self.life.deliver()

    @invariant()
    def no_step_is_sent_twice(self) -> None:
        """A key is one mail, and a step's number is too, whatever its kind."""
        steps = [
            (effect.subject["campaign"], effect.subject["step"])
            for _, effect in self.life.sent
            if effect.kind != "dunning_task"
        ]
        assert len(steps) == len(set(steps))

    @invariant()
    def a_day_lies_between_two_mails(self) -> None:
        """However plans change."""
        for _, of_one in groupby(self._mails(), key=lambda sent: sent[1].subject["campaign"]):
            times = [at for at, _ in of_one]
            assert all(later - first >= GAP for first, later in pairwise(times))

    @invariant()
    def one_campaign_is_open_and_an_invoice_is_in_one(self) -> None:
        """Whatever joins whenever."""
        campaigns = self.life.campaigns
        assert sum(campaign.closed_at is None for campaign in campaigns) <= 1
        members = [bill.id for campaign in campaigns for bill in campaign.bills]
        assert len(members) == len(set(members))

    def _waiting(self) -> dict[str, object]:
        return {key: (m.due_at, m.state, m.effect) for key, m in self.life.outbox.items()}

    def _mails(self) -> list[tuple[datetime, Effect]]:
        return [each for each in self.life.sent if each[1].kind != "dunning_task"]

    def teardown(self) -> None:
        """Once quiet: who still owes was warned, and nothing is left waiting."""
        life = self.life
        life.look()
        life.deliver()
        life.walk(life.now + timedelta(days=40))
        assert {mail.state for mail in life.outbox.values()} <= {"sent", "skipped"}
        warned = [e.subject["invoices"] for _, e in life.sent if e.kind == "final_notice"]
        named = {bill for bills in warned for bill in bills.split(",")}
        if not self.away and not self.revoked:
            assert {bill.id for bill in self._open()} <= named
        self.no_step_is_sent_twice()
        self.a_day_lies_between_two_mails()


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=120, stateful_step_count=20, deadline=None)
