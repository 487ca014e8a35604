"""Changes of the mirror for the mails' tests, made by hand: one object's step."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from notifications.case import Case, load
from notifications.kinds import KINDS
from notifications.planning import plan
from sync.changes import Change, Effect
from sync.store.outbox import Claimed
from tests.notifications import shop
from tests.notifications.shop import NOW

Json = Mapping[str, Any]


def change(
    after: Json, before: Json | None = None, *, at: datetime = NOW, type_: str | None = None
) -> Change:
    """Return the step from `before` to `after`; None: the mirror had never seen the object."""
    return Change(
        account="",
        object=after["object"],
        id=after["id"],
        before=before,
        after=after,
        at=at,
        event_id="evt_1",
        event_type=type_ or f"{after['object']}.updated",
        livemode=False,
        customer_id=after.get("customer"),
    )


def planned(kind: str, *steps: Change) -> Sequence[Effect]:
    """Return the mails of one kind that follow from `steps`."""
    return [effect for effect in plan(steps, shop.policy()) if effect.kind == kind]


def loaded(engine: Engine, claimed: Claimed) -> Case:
    """Return the case of a due mail, as its kind sees it."""
    effect, kind = claimed.effect, KINDS[claimed.effect.kind]
    with engine.connect() as conn:
        return load(conn, effect, kind.needs, NOW, shop.policy(), recalls=kind.recalls)
