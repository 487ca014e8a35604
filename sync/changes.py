"""The values that cross rooms: what changed in the mirror, and what shall follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Channel = Literal["mail", "crm", "inventory", "access"]
# once: done at most one time under its key. state: the newest state is wanted, so asking
# again under the same key re-arms the effect and several requests become one delivery.
Shape = Literal["once", "state"]
# item: this effect waits. sink: the whole sink waits, and no attempt is counted.
Scope = Literal["item", "sink"]
DEBOUNCE_S, DEBOUNCE_AT_MOST_S = 5.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object's step in the mirror, after a batch of events was folded into it.

    `before` is None when the mirror had never seen the object. `at` is the Stripe time of
    the event that won, and `customer_id` whom the object belongs to, where Stripe says so.
    """

    account: str
    object: str
    id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    at: datetime
    event_id: str
    event_type: str
    livemode: bool
    deleted: bool = False
    customer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something to do outside the mirror, known by one key for ever.

    `subject` holds ids and small facts about which object is meant, never personal data:
    what is sent is read from the mirror when the effect is due. `due_at` and `expires_at`
    are business time (see `sync.clock`).
    """

    key: str
    channel: Channel
    kind: str
    due_at: datetime
    customer_id: str | None = None
    subject: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None
    account: str = ""
    livemode: bool = False
    shape: Shape = "once"
    event_id: str | None = None
    # A candidate that is already known not to go out is recorded, with its reason.
    skip_reason: str | None = None
    # Of a `state` effect: a burst of requests is one delivery, as soon as nobody has asked for
    # so many seconds (real time), and at the latest `DEBOUNCE_AT_MOST_S` after the first.
    debounce_s: float = 0

    @property
    def sink(self) -> str:
        """Return which of its channel's sinks it is for; empty where a channel has only one."""
        return self.subject.get("sink", "")


@dataclass(frozen=True, slots=True)
class Done:
    """The effect happened. `remote_id` is the other side's name for it.

    `sent_hash` stands for the content that the other side holds by now, where it is known: the
    next delivery of the same content needs no call (see `sync.delivery.unchanged`).
    """

    remote_id: str | None = None
    sent_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The effect is no longer wanted; `reason` is a slug such as `paid`."""

    reason: str


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Nothing happened yet and the other side may take it later."""

    delay_s: float
    reason: str
    scope: Scope = "item"


@dataclass(frozen=True, slots=True)
class Later:
    """It is wanted, but not yet: due again at `at`, business time, as if nobody had looked."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The other side refused for good; a person must look at `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have happened: never repeated blindly.

    The delivery engine alone decides what follows: a state is sent again, and what has a key
    that the other side still knows, after at least `delay_s`; anything else waits for a person.
    """

    reason: str
    delay_s: float = 0


Outcome = Done | Skipped | RetryIn | Later | Failed | Unknown
