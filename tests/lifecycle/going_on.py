"""How time and news pass for the state machine, and what it looks at on the way."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from app.simulator.history import Json
from tests.lifecycle import laws, once_quiet
from tests.lifecycle.service import DAY, Letter, Service
from tests.lifecycle.stripe_side import Account, Patron
from tests.lifecycle.truth import LIVE, Truth, subscription_id

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HOURS = st.integers(1, 24 * 3).map(lambda hours: timedelta(hours=hours))
DAYS = st.integers(1, 40).map(lambda days: timedelta(days=days))
SECOND = timedelta(seconds=1)
# A campaign, and what follows when nobody ends it.
_SETTLES_DAYS = 22


class GoingOn(RuleBasedStateMachine):
    """Stripe tells in any order; the service does its work, or is away, or dies over it."""

    service: Service

    def __init__(self) -> None:
        """Begin with nobody."""
        super().__init__()
        self.service.begin(START)
        self.account = Account(0, self.service.second)
        self.chance = random.Random(0)
        self.held: list[Json] | None = None
        self.undisturbed = True
        self.failed: set[str] = set()

    def _tell(self) -> None:
        """Hand over what Stripe has to tell, in any order and partly twice, or hold it back."""
        news = self.account.news()
        self.service.truth.order |= {event["id"]: place for place, event in news}
        events = [event for _, event in news]
        if self.held is not None:
            self.held += events
            return
        self.chance.shuffle(events)
        self.service.arrive([*events, *events[: self.chance.randrange(2)]])

    def _then(self) -> None:
        """Let what was just done be told and worked on."""
        at = datetime.fromtimestamp(self.account.world.now, UTC)
        self._tell()
        self._walk(at)
        self._check(self.service.work())

    def _walk(self, until: datetime) -> None:
        while self.service.now < until:
            self._check(self.service.step(until))

    def _check(self, letters: list[Letter]) -> None:
        """Look at the mails that just left, each by itself and with the customer's others."""
        truth = self.service.truth
        wrong = [(each.key, why) for each in letters if (why := laws.broken(each, truth))]
        assert not wrong, wrong
        for who in {each.row["customer_id"] for each in letters}:
            all_mails = [each for each in self.service.letters if each.row["customer_id"] == who]
            found = laws.broken_together(all_mails)
            assert not found, f"{found}\n{once_quiet.leaflet(all_mails)}"
        self.failed |= {each["id"] for each in truth.all("invoice") if _has_failed(each, truth)}

    def _pass(self, until: datetime) -> None:
        """Let Stripe and the service go on side by side."""
        while self.service.now < until:
            wakes_at = self.account.wakes_at
            stop = min(until, datetime.fromtimestamp(wakes_at, UTC)) if wakes_at else until
            self._walk(stop)
            self.account.play(self.service.second)
            self._then()

    @rule(passes=HOURS | DAYS)
    def wait(self, passes: timedelta) -> None:
        """Let time pass as it does."""
        self._pass(self.service.now + passes)

    @precondition(lambda self: self._live())
    @rule(more=st.integers(60, 100_000))
    def wait_for_the_renewal(self, more: int) -> None:
        """Let time pass until something renews, and a little more."""
        items = [item for each in self._live() for item in each["items"]["data"]]
        ends = min(item["current_period_end"] for item in items)
        at = datetime.fromtimestamp(max(ends, self.service.second) + more, UTC)
        self._pass(min(at, self.service.now + 62 * DAY))

    @rule(passes=HOURS | DAYS)
    def miss_ticks(self, passes: timedelta) -> None:
        """The receiver goes on; neither clock nor workers run for a while."""
        self.undisturbed = False
        until = self.service.now + passes
        self.account.play(int(until.timestamp()))
        self._tell()
        self.service.sleep(datetime.fromtimestamp(self.account.world.now, UTC))
        self._check(self.service.work())
        self._check(self.service.tick())

    @precondition(lambda self: self._patrons())
    @rule(after_sending=st.booleans())
    def a_worker_dies(self, *, after_sending: bool) -> None:
        """What it held is taken up again, what it may have sent is unknown."""
        due_at = self.service.next_due
        if due_at is None:
            return
        self._pass(due_at - SECOND)
        self.service.sleep(max(due_at, self.service.now))
        self._check(self.service.die(after_sending=after_sending))
        self.service.give_up_unclear()
        self._check(self.service.work())

    @precondition(lambda self: self.held is None and self._live())
    @rule()
    def hold_back(self) -> None:
        """Let Stripe's news wait from here on."""
        self.undisturbed = False
        self.held = []

    @precondition(lambda self: self.held)
    @rule()
    def let_go(self) -> None:
        """What was held back comes at once, in any order."""
        held, self.held = self.held or [], None
        self.chance.shuffle(held)
        self.service.arrive(held)
        self._check(self.service.work())

    def _patrons(self) -> list[Patron]:
        return list(self.account.patrons.values())

    def _live(self) -> list[Json]:
        return [each for who in self._patrons() for each in self.account.live(who.id)]

    def teardown(self) -> None:
        """Once quiet: nothing is left undecided, and all that is required is on record."""
        if self.held:
            self.let_go()
        self._check(self.service.tick())
        self._walk(self.service.now + _SETTLES_DAYS * DAY)
        found = [
            *once_quiet.mirror_differs(self.service),
            *once_quiet.unsettled(self.service),
            *once_quiet.missing(self.service, self.failed, undisturbed=self.undisturbed),
            *once_quiet.access_differs(self.service),
        ]
        assert not found, "\n".join([*found, once_quiet.leaflet(self.service.letters)])


def _has_failed(invoice: Json, truth: Truth) -> bool:
    about = truth.find("subscription", subscription_id(invoice))
    return (
        about is not None
        and about["status"] in LIVE
        and invoice["status"] == "open"
        and invoice["attempt_count"] > 0
        and invoice["amount_remaining"] > 0
        and invoice["billing_reason"] != "subscription_create"
    )
