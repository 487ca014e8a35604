"""A vendor's ids of our things, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """What a vendor calls our SKUs (Shopify: inventory items) and our locations."""

    skus: Mapping[str, str]
    locations: Mapping[str, str]
