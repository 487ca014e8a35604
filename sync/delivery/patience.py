"""What follows an attempt: its end, or the next try, when that is safe. Pure.

The schedule is that of Standard Webhooks, spread by up to a fifth so that what failed together
does not come back together. The spread follows from the key and the attempt, so it is the same
wherever and whenever it is computed.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sync.changes import Failed, Outcome, RetryIn, Unknown
from sync.delivery.policy import Policy
from sync.store.outbox import Claimed

# Seconds before the next attempt, by attempts made.
DELAYS_S = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
JITTER = 0.2
# A provider's memory of a key is trusted for this part of its life only.
TRUSTED_PART = 0.9
KEY_EXPIRED = "key_expired"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to record; `may_have_left`: a try that is repeated may have happened all the same."""

    outcome: Outcome
    may_have_left: bool = False


def is_too_late(claimed: Claimed, policy: Policy, at: datetime) -> bool:
    """Tell whether `claimed` may have happened too long ago to be sent again under its key.

    `at` is real time.
    """
    is_state, first = claimed.effect.shape == "state", claimed.first_sent_at
    if is_state or first is None or policy.key_lives is None:
        return False
    return at - first >= TRUSTED_PART * policy.key_lives


def verdict(
    claimed: Claimed, outcome: Outcome, policy: Policy, at: datetime, *, left: bool = False
) -> Verdict:
    """Return what follows `outcome` at the real time `at`.

    What may have happened is sent again where doing it twice is doing it once: a state, and
    what has a key, as long as `policy` says that the other side knows it. `left`: one of the
    tries may have happened, though the last of them did not.
    """
    match outcome:
        case RetryIn(scope="sink"):
            return Verdict(outcome, may_have_left=left)
        case RetryIn(delay_s, reason):
            return Verdict(_next(claimed, delay_s, reason, unclear=left), may_have_left=left)
        case Unknown(reason, delay_s) if _is_repeatable(claimed, policy, at):
            return Verdict(_next(claimed, delay_s, reason, unclear=True), may_have_left=True)
        case _:
            return Verdict(outcome, may_have_left=isinstance(outcome, Unknown))


def delay_s(key: str, attempts: int, at_least_s: float = 0) -> float:
    """Return the wait after so many attempts, spread; never less than the other side asks."""
    planned = DELAYS_S[attempts - 1]
    seed = hashlib.sha256(f"{key}\n{attempts}".encode()).digest()
    spread = int.from_bytes(seed[:4]) / 2**32
    return max(at_least_s, planned * (1 + JITTER * spread))


def _is_repeatable(claimed: Claimed, policy: Policy, at: datetime) -> bool:
    if claimed.effect.shape == "state":
        return True
    return policy.key_lives is not None and not is_too_late(claimed, policy, at)


def _next(claimed: Claimed, least_s: float, reason: str, *, unclear: bool = False) -> Outcome:
    if claimed.attempts <= len(DELAYS_S):
        return RetryIn(delay_s(claimed.effect.key, claimed.attempts, least_s), reason)
    once = claimed.effect.shape == "once"
    may_have_happened = once and (unclear or claimed.first_sent_at is not None)
    return (Unknown if may_have_happened else Failed)(f"gave_up_{reason}")
