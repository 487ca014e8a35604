"""The campaigns' tables: who was in one, about which invoices, with which steps, and its end."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from sync.store.engine import EVERGREEN, METADATA

_TIME = DateTime(timezone=True)
_OPEN = text("closed_at IS NULL")

CAMPAIGN = Table(
    "dunning_campaign",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("account", Text, nullable=False, server_default=""),
    Column("livemode", Boolean, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("opened_at", _TIME, nullable=False),
    Column("anchor_at", _TIME, nullable=False),
    Column("window_s", Integer, nullable=False),
    Column("terminal_at", _TIME, nullable=False),
    Column("segment", Text, nullable=False),
    Column("code", Text),
    Column("asked_at", _TIME),
    # Of the rows in `declines` and `segments` that it began under.
    Column("version", Integer, nullable=False),
    Column("paid_invoices", Integer, nullable=False),
    Column("recoveries", Integer, nullable=False),
    Column("failing_cycles", Integer, nullable=False),
    Column("valuable", Boolean, nullable=False),
    Column("first_step", Integer, nullable=False, server_default="1"),
    Column("outcome", Text),
    Column("closed_at", _TIME),
    # The mail whose link was followed before the money came; null: none can claim it.
    Column("credited_key", Text),
    Column("looked_at", _TIME, nullable=False),
    Index(
        "dunning_campaign_open_idx",
        "account",
        "customer_id",
        unique=True,
        postgresql_where=_OPEN,
    ),
    Index("dunning_campaign_customer_id_idx", "customer_id", "account"),
    Index("dunning_campaign_terminal_at_idx", "terminal_at", postgresql_where=_OPEN),
    schema=EVERGREEN,
)

# An invoice is in one campaign ever. Amounts are minor units.
INVOICE = Table(
    "dunning_invoice",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("invoice", Text, primary_key=True),
    Column("campaign", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("owed_minor", BigInteger, nullable=False),
    Column("failed_at", _TIME, nullable=False),
    Column("recovered_minor", BigInteger, nullable=False, server_default="0"),
    Column("outcome", Text),
    Column("ended_at", _TIME),
    Index("dunning_invoice_campaign_idx", "campaign"),
    schema=EVERGREEN,
)

STEP = Table(
    "dunning_step",
    METADATA,
    Column("campaign", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("due_at", _TIME, nullable=False),
    Column("expires_at", _TIME, nullable=False),
    schema=EVERGREEN,
)

# The first time that a signed link of a mail was followed by a person.
CLICK = Table(
    "dunning_click",
    METADATA,
    Column("message_key", Text, primary_key=True),
    Column("campaign", BigInteger, nullable=False),
    Column("clicked_at", _TIME, nullable=False),
    Index("dunning_click_campaign_idx", "campaign"),
    schema=EVERGREEN,
)

# What a customer has to pay a month to be above nine of ten, by currency.
THRESHOLD = Table(
    "dunning_threshold",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("livemode", Boolean, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("p90_minor", BigInteger),
    Column("counted_at", _TIME, nullable=False),
    schema=EVERGREEN,
)
