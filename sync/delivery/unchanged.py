"""State that the other side already holds is acknowledged without a call."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import orjson

from sync.changes import Done, Outcome

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent(Generic[Content]):
    """What shall be sent of one claimed effect.

    `sent_hash` is the claim's (`Claimed.sent_hash`): of what the other side holds, None when
    that is not known. `digest` stands for all of `content` that the other side would keep:
    leave out the times of reading and revision numbers.
    """

    content: Content
    digest: str
    sent_hash: str | None


def digest(content: Any) -> str:
    """Return what stands for a JSON-like `content`, whatever the order of its names."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def deliver_changed(
    intents: Sequence[Intent[Content]],
    send: Callable[[Sequence[Content]], Sequence[Outcome]],
) -> list[Outcome]:
    """Send what the other side does not hold yet; return one outcome per intent, in order.

    The claim has forgotten the hash before anything leaves, and only what returns `Done` here
    is noted again. So an end that is unclear always costs one more call, and never hides that
    the other side has something else by now.
    """
    new = [intent for intent in intents if intent.digest != intent.sent_hash]
    sent = iter(send([intent.content for intent in new])) if new else iter(())
    return [
        _with_hash(next(sent) if intent.digest != intent.sent_hash else Done(), intent.digest)
        for intent in intents
    ]


def _with_hash(outcome: Outcome, sent_hash: str) -> Outcome:
    return replace(outcome, sent_hash=sent_hash) if isinstance(outcome, Done) else outcome
