"""What an answer means, or that there is none: one table for all vendors.

Source: the signal table of the specification (reference page on CRM and inventory, section 6).
A vendor adds the codes of its own as data; a code knows better than a status.
"""

import random
import re
from collections.abc import Callable, Mapping
from typing import Literal

from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.delivery.gate import Held, NoAnswer
from sync.delivery.http import Answer, NotSent

# done. soon: it is locked or under way, this item again in 2 s. busy: our quota is used up,
# the whole sink waits. mend: our key or our rights are refused, the whole sink waits and a
# person must mend it. refused: this item, for good. unclear: it may have been done.
Meaning = Literal["done", "soon", "busy", "mend", "refused", "unclear"]

BUSY_AGAIN_S = 10.0
MEND_FIRST_S = 300.0
_SOON_S = 2.0
_UNREACHABLE_AGAIN_S = 5.0

STATUSES: Mapping[int, Meaning] = {
    300: "refused",  # Salesforce: the external id fits several records
    401: "mend",
    402: "mend",
    403: "mend",
    408: "soon",
    423: "soon",
    425: "soon",
    429: "busy",
    477: "busy",  # HubSpot: a migration is under way
}


def outcome(
    sink: str,
    found: Answer | NoAnswer,
    *,
    code: str = "",
    codes: Mapping[str, Meaning] | None = None,
    remote_id: str | None = None,
) -> Outcome:
    """Return what `found` means for the item that was sent to `sink`.

    `code` is the provider's own name for what is wrong, and `codes` says what some of them
    mean. An end that is unclear is `Unknown`: the engine knows whether it may be sent again.
    """
    if isinstance(found, NoAnswer):
        return _without_answer(sink, found)
    meaning = (codes or {}).get(code) or meaning_of(found.status)
    reason = f"{sink}_{_slug(code) or found.status}"
    return _OUTCOMES[meaning](reason, found, remote_id)


def meaning_of(status: int) -> Meaning:
    """Return what an HTTP status means by itself."""
    if status in STATUSES:
        return STATUSES[status]
    by_class: Mapping[int, Meaning] = {2: "done", 3: "mend", 4: "refused"}
    return by_class.get(status // 100, "unclear")


def _without_answer(sink: str, found: NoAnswer) -> Outcome:
    if isinstance(found, Held):
        return RetryIn(found.delay_s, found.reason, scope="sink")
    if isinstance(found, NotSent):
        return RetryIn(_UNREACHABLE_AGAIN_S, f"{sink}_{found.reason}")
    return Unknown(f"{sink}_{found.reason}")


def _slug(code: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", code.lower())[:40].strip("_")


def _soon_s() -> float:
    return _SOON_S * random.uniform(1, 2)  # noqa: S311 — spreads tries, guards nothing


_OUTCOMES: Mapping[Meaning, Callable[[str, Answer, str | None], Outcome]] = {
    "done": lambda _reason, _answer, remote_id: Done(remote_id),
    "soon": lambda reason, answer, _: RetryIn(answer.asked_s(_soon_s()), reason),
    "busy": lambda reason, answer, _: RetryIn(answer.asked_s(BUSY_AGAIN_S), reason, "sink"),
    "mend": lambda reason, answer, _: RetryIn(answer.asked_s(MEND_FIRST_S), reason, "sink"),
    "refused": lambda reason, _answer, _remote_id: Failed(reason),
    "unclear": lambda reason, answer, _: Unknown(reason, answer.asked_s()),
}
