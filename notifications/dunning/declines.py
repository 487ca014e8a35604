"""What a bank's refusal means for us: rows that marketing can read, one per code.

Source: docs.stripe.com/declines/codes; lifecycle, section 3. A hard refusal stays one until the
customer acts: Stripe charges the card no more. Codes that no row knows are soft.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Raised with every change of a row here or in `segments`; a campaign notes what it began under.
VERSION = 1
UNKNOWN = "unknown"
# Not Stripe's: there was nothing to charge.
NO_METHOD = "no_payment_method"


@dataclass(frozen=True, slots=True)
class Advice:
    """One code: to which segment its customers belong, and since which version of the rows."""

    code: str
    segment: str
    hard: bool = False
    since: int = 1


_ROWS = (
    # The money may be there in some days: the bank is asked again, the customer left in peace.
    Advice("insufficient_funds", "funds"),
    Advice("card_velocity_exceeded", "funds"),
    Advice("withdrawal_count_limit_exceeded", "funds"),
    Advice("try_again_later", "funds"),
    Advice("processing_error", "funds"),
    Advice("issuer_not_available", "funds"),
    Advice("reenter_transaction", "funds"),
    Advice("approve_with_id", "funds"),
    # The card itself is of no use any more.
    Advice("expired_card", "card", hard=True),
    Advice("incorrect_number", "card", hard=True),
    Advice("invalid_number", "card", hard=True),
    Advice("incorrect_cvc", "card"),
    Advice("invalid_cvc", "card"),
    Advice("incorrect_zip", "card"),
    Advice("incorrect_address", "card"),
    Advice("invalid_expiry_month", "card", hard=True),
    Advice("invalid_expiry_year", "card", hard=True),
    Advice("invalid_account", "card", hard=True),
    Advice("new_account_information_available", "card", hard=True),
    Advice("card_not_supported", "card", hard=True),
    Advice("currency_not_supported", "card", hard=True),
    Advice(NO_METHOD, "card", hard=True),
    # The bank says no and only the bank knows why.
    Advice("do_not_honor", "bank"),
    Advice("generic_decline", "bank"),
    Advice("card_declined", "bank"),
    Advice("call_issuer", "bank"),
    Advice("no_action_taken", "bank"),
    Advice("not_permitted", "bank"),
    Advice("service_not_allowed", "bank"),
    Advice("transaction_not_allowed", "bank", hard=True),
    Advice("do_not_try_again", "bank", hard=True),
    # The customer has to confirm.
    Advice("authentication_required", "confirm", hard=True),
    Advice("authentication_not_handled", "confirm", hard=True),
    # Said to nobody: a thief could be reading.
    Advice("lost_card", "blocked", hard=True),
    Advice("stolen_card", "blocked", hard=True),
    Advice("pickup_card", "blocked", hard=True),
    Advice("restricted_card", "blocked", hard=True),
    Advice("security_violation", "blocked", hard=True),
    Advice("fraudulent", "blocked", hard=True),
    Advice("merchant_blacklist", "blocked", hard=True),
    Advice("highest_risk_level", "blocked", hard=True),
    # The customer had the bank stop our payments.
    Advice("revocation_of_authorization", "revoked", hard=True),
    Advice("revocation_of_all_authorizations", "revoked", hard=True),
    Advice("stop_payment_order", "revoked", hard=True),
)
ADVICE: Mapping[str, Advice] = MappingProxyType({row.code: row for row in _ROWS})
# Where a bank that says "never again" puts those whom their code would have retried.
_SOFT_MADE_HARD = MappingProxyType({"funds": "card", "bank": "card", UNKNOWN: "card"})


def segment_of(code: str | None, advice_code: str | None = None) -> str:
    """Return the segment of a refusal; `unknown` where no row knows the code.

    `advice_code` is what the card network adds; `do_not_try_again` makes any refusal hard.
    """
    row = ADVICE.get(code or "")
    segment = row.segment if row else UNKNOWN
    if advice_code == "do_not_try_again" and not (row and row.hard):
        return _SOFT_MADE_HARD.get(segment, segment)
    return segment
