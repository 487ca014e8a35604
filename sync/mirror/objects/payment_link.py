"""Payment links: a web address that opens a new checkout session for everyone."""

from sqlalchemy import Boolean, Column, Integer, Text

from sync.mirror.shapes import Json, at, boolean, count, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

# Stripe does not tell when a link was created.
TABLE = mirror_table(
    "payment_links",
    Column("active", Boolean),
    Column("url", Text),
    Column("currency", Text),
    Column("submit_type", Text),
    Column("allow_promotion_codes", Boolean),
    Column("trial_period_days", Integer),
    Column("completed_sessions_count", Integer),
    Column("completed_sessions_limit", Integer),
)


def project(link: Json) -> Row:
    """Return the typed columns of a payment link."""
    completed = at(link, "restrictions", "completed_sessions")
    return {
        "active": boolean(link.get("active")),
        "url": string(link.get("url")),
        "currency": string(link.get("currency")),
        "submit_type": string(link.get("submit_type")),
        "allow_promotion_codes": boolean(link.get("allow_promotion_codes")),
        "trial_period_days": count(at(link, "subscription_data", "trial_period_days")),
        "completed_sessions_count": count(at(completed, "count")),
        "completed_sessions_limit": count(at(completed, "limit")),
    }


OBJECT = MirroredObject(
    "payment_link",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/payment_links", one="/v1/payment_links/{id}", by_created=False),
)
