"""The way to change something at Stripe, as the settings give it."""

from app.settings import Settings
from sync.stripe_writes import StripeWrites


def open_writes(settings: Settings) -> StripeWrites | None:
    """Return the way to Stripe's write API, None without a key; nothing has connected yet."""
    if settings.stripe_api_key is None:
        return None
    return StripeWrites(settings.stripe_api_key, base=settings.stripe_api_base)
