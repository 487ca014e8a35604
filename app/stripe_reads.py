"""The read API of Stripe as the settings give it."""

from sqlalchemy import Engine

from app.settings import Settings
from sync.clock import Clock
from sync.errors import SettingsError
from sync.mirror.client import StripeReads
from sync.store.budget import Budget


def open_reads(settings: Settings, engine: Engine, clock: Clock) -> StripeReads:
    """Return the way to Stripe's read API; nothing has connected yet.

    Raises:
        SettingsError: no key is set.
    """
    if settings.stripe_api_key is None:
        raise SettingsError(
            "STRIPE_API_KEY is not set: a restricted key with read permission on billing objects"
        )
    rate = settings.stripe_reads_per_s
    budget = Budget(engine, per_s=rate, burst=rate)
    return StripeReads(
        settings.stripe_api_key, budget=budget, clock=clock, base=settings.stripe_api_base
    )
