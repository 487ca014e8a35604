"""Reviews: payments that a person shall look at, for Radar."""

from sqlalchemy import Boolean, Column, DateTime, Text

from sync.mirror.shapes import Json, boolean, instant, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "reviews",
    Column("created", DateTime(timezone=True)),
    Column("charge", Text),
    Column("payment_intent", Text),
    Column("open", Boolean),
    Column("reason", Text, comment="The present one: as opened_reason, or as closed_reason"),
    Column("opened_reason", Text),
    Column("closed_reason", Text),
    indexed=("charge", "payment_intent"),
)


def project(review: Json) -> Row:
    """Return the typed columns of a review."""
    return {
        "created": instant(review.get("created")),
        "charge": ref(review.get("charge")),
        "payment_intent": ref(review.get("payment_intent")),
        "open": boolean(review.get("open")),
        "reason": string(review.get("reason")),
        "opened_reason": string(review.get("opened_reason")),
        "closed_reason": string(review.get("closed_reason")),
    }


# The list shows open reviews only: one that is not in it was closed, not deleted, and can be
# read by its id. Source: docs.stripe.com/api/radar/reviews/list
OBJECT = MirroredObject(
    "review",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/reviews", one="/v1/reviews/{id}"),
)
