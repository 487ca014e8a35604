"""What the bank said about failed invoices, and what paid them in the end (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notifications.dunning.bills import Outcome
from notifications.dunning.campaign import Refusal
from notifications.dunning.declines import ADVICE, segment_of

CONFIRM = "confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to take the money: `status` as Stripe tells it, and with what it was tried."""

    at: datetime
    status: str
    code: str | None = None
    advice_code: str | None = None
    method: str | None = None
    fingerprint: str | None = None


def code_of(*candidates: str | None) -> str | None:
    """Return the first code that a row knows, else the first there is.

    Stripe tells a refusal by up to three names, from the exact one to `card_declined`.
    """
    told = [code for code in candidates if code]
    return next((code for code in told if code in ADVICE), told[0] if told else None)


def refusal_of(attempts: Sequence[Attempt], asked_at: datetime | None) -> Refusal | None:
    """Return the bank's newest word, None where it is not known.

    `asked_at`: when the bank last wanted the customer to confirm. That stands above a refusal
    of the same attempt, as only the customer can do it.
    """
    failed = [each for each in attempts if each.status == "failed" and each.code]
    last = max(failed, key=lambda each: each.at, default=None)
    if asked_at is not None and (last is None or last.at <= asked_at):
        return Refusal(segment=CONFIRM, at=asked_at, code="authentication_required")
    if last is None:
        return None
    return Refusal(segment=segment_of(last.code, last.advice_code), at=last.at, code=last.code)


def how_paid(
    attempts: Sequence[Attempt], *, off_stripe: bool, renewed: dict[str, datetime]
) -> Outcome:
    """Return by what the money came after all.

    `renewed`: when a card's network last told of a new card, by payment method. The same card
    under another id is the same method; where nothing is told, a retry is the likeliest.
    """
    if off_stripe:
        return "out_of_band"
    paid = [each for each in attempts if each.status == "succeeded"]
    failed = [each for each in attempts if each.status == "failed"]
    if not paid or not failed:
        return "retry"
    first, last = failed[0], paid[-1]
    renewed_at = renewed.get(last.method or "")
    if renewed_at is not None and first.at <= renewed_at <= last.at:
        return "card_updater"
    return "new_method" if _differs(first, last) else "retry"


def _differs(first: Attempt, last: Attempt) -> bool:
    if first.fingerprint and last.fingerprint:
        return first.fingerprint != last.fingerprint
    return bool(first.method and last.method and first.method != last.method)
