"""Any life of one or two customers through the whole service, events in any order, any clock.

Every mail is checked as it leaves against what had been told until then; what is required is
looked for once all is quiet.
"""

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from app.simulator.billing import changes, pauses
from app.simulator.history import Json
from notifications.suppression import Topic
from tests.lifecycle.going_on import GoingOn
from tests.lifecycle.service import Service, running
from tests.lifecycle.stripe_side import BASKETS, CONFIRM, REFUSALS, TERMINAL, Account
from tests.mail_server import MailServer

WHY = ("too_expensive", "unused", "switched_service", "low_quality", "other")
REASONS = ("cancellation_requested", "payment_disputed", "canceled_by_retention_policy")
TOPICS: tuple[Topic, ...] = ("marketing", "all")


class AnyCustomer(GoingOn):
    """Customers do anything."""

    @initialize(chance=st.integers(0, 9999), bank=st.sampled_from((None, *REFUSALS)))
    def first(self, chance: int, bank: str | None) -> None:
        """Somebody is there from the start, and renews by the month."""
        self.chance = random.Random(chance)
        self.account = Account(chance, self.service.second)
        self.come(
            currency="usd", offer=BASKETS[0], trial_days=0, bank=bank, terminal="cancel", card=True
        )

    @precondition(lambda self: len(self.account.patrons) < 2)
    @rule(
        currency=st.sampled_from(("usd", "eur", "thb", "jpy")),
        offer=st.sampled_from((BASKETS[0], *BASKETS)),
        trial_days=st.sampled_from((0, 0, 7, 14)),
        card=st.sampled_from((True, True, True, False)),
        bank=st.sampled_from((None, *REFUSALS)),
        terminal=st.sampled_from(TERMINAL),
    )
    def come(
        self,
        currency: str,
        offer: str,
        trial_days: int,
        bank: str | None,
        terminal: str,
        *,
        card: bool,
    ) -> None:
        """Let somebody subscribe."""
        patron = self.account.come(currency=currency, offer=offer, trial_days=trial_days, card=card)
        patron.bank, patron.terminal = bank, terminal
        self._then()

    def _free(self) -> list[Json]:
        """Return what may be changed: it lives, and nothing is planned with it."""
        return [each for each in self._live() if each["status"] in {"trialing", "active"}]

    def _owed(self) -> list[Json]:
        return [each for who in self._patrons() for each in self.account.invoices(who.id, "open")]

    def _paid(self) -> list[Json]:
        """Return what was paid by card, and not touched since."""
        paid = [each for who in self._patrons() for each in self.account.invoices(who.id, "paid")]
        return [each for each in paid if self.account.is_untouched(each["id"])]

    @precondition(lambda self: self._patrons())
    @rule(data=st.data(), bank=st.sampled_from((None, CONFIRM, *REFUSALS)))
    def the_bank_thinks_again(self, data: st.DataObject, bank: str | None) -> None:
        """Let a bank change its mind."""
        data.draw(st.sampled_from(self._patrons())).bank = bank

    @precondition(lambda self: self._owed())
    @rule(
        data=st.data(),
        how=st.sampled_from(("pay_by_new_card", "pay_by_transfer", "forgive", "write_off")),
    )
    def settle_a_debt(self, data: st.DataObject, how: str) -> None:
        """Let an open invoice end in some way."""
        self._with_one(data, self._owed(), getattr(self.account, how))

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def change_card(self, data: st.DataObject) -> None:
        """Let somebody give a new card."""
        self._with_one(data, self._live(), self.account.change_card)

    def _with_one(
        self, data: st.DataObject, some: list[Json], action: Callable[[str], object]
    ) -> None:
        action(data.draw(st.sampled_from([str(each["id"]) for each in some])))
        self._then()

    @precondition(lambda self: self._stays())
    @rule(data=st.data(), why=st.sampled_from(WHY))
    def cancel_later(self, data: st.DataObject, why: str) -> None:
        """Let somebody cancel for the end of their period."""
        self._with_one(
            data,
            self._stays(),
            lambda each: changes.cancel_later(self.account.scene, each, why, None),
        )

    def _stays(self) -> list[Json]:
        return [each for each in self._free() if not each["cancel_at"]]

    def _leaves(self) -> list[Json]:
        return [each for each in self._live() if each["cancel_at"]]

    @precondition(lambda self: self._leaves())
    @rule(data=st.data())
    def stay_after_all(self, data: st.DataObject) -> None:
        """Let somebody take that back."""
        self._with_one(
            data, self._leaves(), lambda each: changes.stay_after_all(self.account.world, each)
        )

    @precondition(lambda self: self._live())
    @rule(data=st.data(), reason=st.sampled_from(REASONS))
    def end(self, data: st.DataObject, reason: str) -> None:
        """Let a subscription end now."""
        self._with_one(data, self._live(), lambda each: self.account.end(each, reason))

    @precondition(lambda self: self._free())
    @rule(
        data=st.data(),
        behavior=st.sampled_from(("void", "keep_as_draft")),
        days=st.sampled_from((None, 2, 10, 45)),
    )
    def pause(self, data: st.DataObject, behavior: str, days: int | None) -> None:
        """Let the shop put collection on hold."""
        free = [each for each in self._free() if not each["pause_collection"]]
        if free:
            self._with_one(data, free, lambda each: self.account.pause(each, behavior, days))

    @precondition(lambda self: self._held())
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        """Let it collect again."""
        self._with_one(
            data, self._held(), lambda each: pauses.resume_collection(self.account.world, each)
        )

    def _held(self) -> list[Json]:
        return [each for each in self._live() if each["pause_collection"]]

    @precondition(lambda self: self._without_card())
    @rule(data=st.data())
    def give_a_card_after_the_trial(self, data: st.DataObject) -> None:
        """Let somebody go on after a trial without a card."""
        self._with_one(
            data,
            self._without_card(),
            lambda each: pauses.resume_with_card(self.account.scene, each),
        )

    def _without_card(self) -> list[Json]:
        return [each for each in self._live() if each["status"] == "paused"]

    @precondition(lambda self: self._paid())
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        """Let a half of a payment go back."""
        self._with_one(data, self._paid(), self.account.refund)

    @precondition(lambda self: self._paid())
    @rule(data=st.data(), won=st.booleans())
    def dispute(self, data: st.DataObject, *, won: bool) -> None:
        """Let a payment be disputed."""
        self._with_one(data, self._paid(), lambda each: self.account.dispute(each, won=won))

    @precondition(lambda self: self._patrons())
    @rule(data=st.data(), topic=st.sampled_from(TOPICS))
    def opt_out_or_bounce(self, data: st.DataObject, topic: Topic) -> None:
        """Let somebody refuse our mails, or their mail server."""
        who = data.draw(st.sampled_from(self._patrons())).id
        self.service.refuse(who, topic, self.account.world[who]["email"])

    @precondition(lambda self: self._gone())
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """Let somebody who left subscribe again."""
        self.account.come_back(data.draw(st.sampled_from(self._gone())))
        self._then()

    def _gone(self) -> list[str]:
        return [who.id for who in self._patrons() if not self.account.live(who.id)]

    @precondition(lambda self: self._with_address())
    @rule(data=st.data())
    def lose_the_address(self, data: st.DataObject) -> None:
        """Let somebody have no mail address any more."""
        self.account.lose_address(data.draw(st.sampled_from(self._with_address())))
        self._then()

    def _with_address(self) -> list[str]:
        return [who.id for who in self._patrons() if self.account.world[who.id]["email"]]

    @precondition(lambda self: self._patrons())
    @rule(data=st.data(), really=st.integers(0, 3))
    def be_forgotten(self, data: st.DataObject, really: int) -> None:
        """Let somebody be deleted, seldom."""
        if not really:
            self.account.forget(data.draw(st.sampled_from(self._patrons())).id)
            self._then()

    @precondition(lambda self: self._plannable())
    @rule(data=st.data())
    def plan_a_higher_price(self, data: st.DataObject) -> None:
        """Let the shop plan a higher price."""
        self._with_one(data, self._plannable(), self.account.raise_price)

    def _plannable(self) -> list[Json]:
        return [
            each
            for each in self._stays()
            if each["status"] == "active"
            and not each["schedule"]
            and each["items"]["data"][0]["price"]["recurring"]["interval"] == "month"
        ]


@pytest.fixture
def service(database_url: str, smtp_server: MailServer) -> Iterator[Service]:
    with running(database_url, smtp_server) as made:
        yield made


def run(
    service: Service, *, examples: int, steps: int, number: int, phases: tuple[Phase, ...]
) -> None:
    machine = type("AnyCustomer", (AnyCustomer,), {"service": service})
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=phases,
        ),
    )


def test_any_customer_in_short(service: Service) -> None:
    run(service, examples=6, steps=12, number=1, phases=(Phase.generate,))


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_any_customer_at_length(service: Service) -> None:
    number = random.randrange(2**32)
    print(f"\nseed {number}")  # noqa: T201 — it repeats the run
    run(service, examples=150, steps=30, number=number, phases=tuple(Phase))
