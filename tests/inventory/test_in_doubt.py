"""What became of a movement that is too late to be told again: its sink is asked, if it can say."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import Engine

from sync.changes import Done, Outcome
from sync.delivery.policy import Policy
from sync.delivery.sink import Finding
from sync.inventory import delivery, ledger
from sync.inventory.delivery import Ways
from sync.inventory.ledger import Count
from sync.inventory.policy import InventoryPolicy
from sync.inventory.sink import Intent, Told
from sync.inventory.telling import Origin, tell
from sync.store import outbox
from sync.store.outbox import Claimed, Lane
from tests.inventory.shelf import NOW


class Books:
    """A follower that can be asked what it has taken."""

    name = "erp"
    policy = Policy()

    def setup(self) -> Sequence[Finding]:
        """Need nothing."""
        return ()

    def deliver(self, batch: Sequence[Intent]) -> Sequence[Outcome]:
        """Take all."""
        return [Done() for _ in batch]

    def resolve(self, intent: Intent) -> Outcome | None:
        """Know each movement by its key."""
        assert isinstance(intent, Told)
        return Done(f"{intent.movement.sku} {intent.movement.delta:+}")


def movement(engine: Engine, policy: InventoryPolicy) -> Claimed:
    with engine.begin() as conn:
        booked = ledger.count(conn, [Count("MUG", "main", 4)], NOW, opens=False)
        tell(conn, booked, policy, Origin(now=NOW))
    with engine.begin() as conn:
        (claimed,) = outbox.claim(conn, NOW, lane=Lane("inventory", "erp"))
    return claimed


def test_a_sink_that_can_say_is_asked(engine: Engine) -> None:
    claimed = movement(engine, InventoryPolicy(followers=("erp",)))

    assert delivery.resolve(engine, claimed, Ways(sinks={"erp": Books()})) == Done("MUG +4")
    assert delivery.resolve(engine, claimed, Ways()) is None


def test_a_movement_that_is_not_there_is_for_a_person(engine: Engine) -> None:
    claimed = movement(engine, InventoryPolicy(followers=("erp",)))
    subject = {**claimed.effect.subject, "movement": "99", "key": str(uuid4())}
    gone = _with_subject(claimed, subject)

    assert delivery.resolve(engine, gone, Ways(sinks={"erp": Books()})) is None


def _with_subject(claimed: Claimed, subject: dict[str, str]) -> Claimed:
    return replace(claimed, effect=replace(claimed.effect, subject=subject))
