"""The tables of access: where each customer stands, and every step there."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Table,
    Text,
    func,
    text,
)

from sync.access.standing import STATES
from sync.store.engine import EVERGREEN, METADATA

_KNOWN = f"state in {STATES}"

# What was last told of a customer; a look at the mirror is always newer or the same.
ACCESS = Table(
    "access",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("customer_id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    # Business time, all three: since when, until when unless something happens, and the next
    # instant at which time alone may change anything.
    Column("since", DateTime(timezone=True)),
    Column("until", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("look_at", DateTime(timezone=True)),
    CheckConstraint(_KNOWN, name="state"),
    Index("access_look_at_idx", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    schema=EVERGREEN,
)

# One row per change of the state. Rows are only added; but an event that comes late may show
# that the newest step was earlier than it seemed.
HISTORY = Table(
    "access_history",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("account", Text, nullable=False, server_default=""),
    Column("customer_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    # None where time brought it.
    Column("event_id", Text),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(_KNOWN, name="state"),
    Index("access_history_customer_id_idx", "customer_id", "account", "id"),
    schema=EVERGREEN,
)
