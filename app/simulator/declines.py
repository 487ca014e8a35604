"""Ways in which a bank refuses a card, in the words of Stripe's errors."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """One refusal. `hard` means that Stripe will not charge this card again by itself."""

    code: str
    decline_code: str
    network_decline_code: str
    advice_code: str
    message: str
    hard: bool = False


_AGAIN = "try_again_later"
_NEVER = "do_not_try_again"

DECLINES: Mapping[str, Decline] = {
    decline.decline_code: decline
    for decline in (
        Decline(
            "card_declined",
            "insufficient_funds",
            "51",
            _AGAIN,
            "Your card has insufficient funds.",
        ),
        Decline("card_declined", "generic_decline", "05", _AGAIN, "Your card was declined."),
        Decline("card_declined", "do_not_honor", "05", _AGAIN, "Your card was declined."),
        Decline(
            "expired_card",
            "expired_card",
            "54",
            "confirm_card_data",
            "Your card has expired.",
        ),
        Decline("card_declined", "lost_card", "41", _NEVER, "Your card was declined.", hard=True),
        Decline("card_declined", "stolen_card", "43", _NEVER, "Your card was declined.", hard=True),
        Decline(
            "authentication_required",
            "authentication_required",
            "1A",
            "confirm_card_data",
            "Your card was declined. This transaction requires authentication.",
            hard=True,
        ),
    )
}
