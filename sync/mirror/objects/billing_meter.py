"""Billing meters: how usage is counted."""

from sqlalchemy import Column, DateTime, Text

from sync.mirror.shapes import Json, at, instant, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "billing_meters",
    Column("created", DateTime(timezone=True)),
    Column("updated", DateTime(timezone=True)),
    Column("display_name", Text),
    Column("event_name", Text),
    Column("status", Text),
    Column("default_aggregation_formula", Text, comment="such as `sum`"),
    Column("event_time_window", Text),
    Column("customer_payload_key", Text, comment="where a meter event names the customer"),
    Column("value_payload_key", Text, comment="where a meter event holds the amount used"),
    Column("deactivated_at", DateTime(timezone=True)),
    indexed=("event_name",),
)


def project(meter: Json) -> Row:
    """Return the typed columns of a meter."""
    return {
        "created": instant(meter.get("created")),
        "updated": instant(meter.get("updated")),
        "display_name": string(meter.get("display_name")),
        "event_name": string(meter.get("event_name")),
        "status": string(meter.get("status")),
        "default_aggregation_formula": string(at(meter, "default_aggregation", "formula")),
        "event_time_window": string(meter.get("event_time_window")),
        "customer_payload_key": string(at(meter, "customer_mapping", "event_payload_key")),
        "value_payload_key": string(at(meter, "value_settings", "event_payload_key")),
        "deactivated_at": instant(at(meter, "status_transitions", "deactivated_at")),
    }


OBJECT = MirroredObject(
    "billing.meter",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/billing/meters", one="/v1/billing/meters/{id}", by_created=False),
)
