"""Where the stock's vendors are and what lets us in, as the settings give it."""

from dataclasses import dataclass, field

from sync.webhook_signature import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopify:
    """A shop, and the app that speaks to it; `app` is our name in references over there.

    `levels`: Shopify gets the newest level of each shelf instead of every movement.
    """

    base_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    app: str = "evergreen"
    levels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """The vendors that are set up; None: not set."""

    shopify: Shopify | None = None
    webhook: Endpoint | None = None


NO_VENDORS = Vendors()
