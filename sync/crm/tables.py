"""The tables of the CRM's side."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from sync.store.engine import EVERGREEN, METADATA

# The CRM in our own database: one row per customer.
CRM_RECORD = Table(
    "crm_record",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("customer_id", Text, primary_key=True),
    # Grows by one whenever `data` really changed; stands in `data` as `snapshot_version` too.
    Column("version", BigInteger, nullable=False),
    Column("data", JSONB, nullable=False),
    # Business time of the last change of `data`.
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # Database time at which `data` was read: what was read earlier never replaces it.
    Column("read_at", DateTime(timezone=True), nullable=False),
    schema=EVERGREEN,
)

# Under which name a sink keeps a customer. Two customers may be one contact over there.
CRM_LINK = Table(
    "crm_link",
    METADATA,
    Column("sink", Text, primary_key=True),
    Column("account", Text, primary_key=True, server_default=""),
    Column("customer_id", Text, primary_key=True),
    Column("remote_id", Text, nullable=False),
    # Fields that are written once and belong to the people over there since.
    Column("told", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Index("crm_link_remote_id_idx", "sink", "remote_id"),
    schema=EVERGREEN,
)

# When a snapshot may be another one though nothing happened; business time.
CRM_LOOK = Table(
    "crm_look",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("customer_id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("look_at", DateTime(timezone=True), nullable=False),
    Index("crm_look_look_at_idx", "look_at"),
    schema=EVERGREEN,
)
