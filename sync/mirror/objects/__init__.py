"""The registry of mirrored objects: one file each, one line here."""

from collections.abc import Mapping

from sync.mirror.objects import customer, invoice, other, price, product, subscription
from sync.mirror.tables import MirroredObject

OBJECTS: Mapping[str, MirroredObject] = {
    mirrored.name: mirrored
    for mirrored in (
        customer.OBJECT,
        product.OBJECT,
        price.OBJECT,
        subscription.OBJECT,
        invoice.OBJECT,
    )
}
OTHER = other.OBJECT


def mirrored(object_type: str) -> MirroredObject:
    """Return how objects of `object_type` are mirrored; unknown types are kept whole."""
    return OBJECTS.get(object_type, OTHER)
