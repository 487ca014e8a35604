"""The tables of the stock: what is sold as what, what each sale took, and the ledger of it all."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from sync.store.engine import EVERGREEN, METADATA

DEFAULT_LOCATION = "main"
LINE_STATES = ("mapped", "ignored", "unmapped")
COUNTERS = ("on_hand", "reserved")
# How a SKU may be sold: beyond what is there (a backorder), only what is there, or what is left.
POLICIES = ("always", "only_if_available", "partial")
STANDINGS = ("ok", "low", "out", "oversold")
RESERVATION_STATES = ("held", "committed", "released", "expired")

# The shop's own word on what a price or product takes from the shelf; several rows: a bundle.
SKU_MAP = Table(
    "sku_map",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("price_id", Text),
    Column("product_id", Text),
    Column("sku", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False, server_default="1"),
    Column("location", Text, nullable=False, server_default=DEFAULT_LOCATION),
    CheckConstraint("num_nonnulls(price_id, product_id) = 1", name="one_source"),
    CheckConstraint("quantity > 0", name="quantity"),
    UniqueConstraint(
        "price_id", "product_id", "sku", "location", postgresql_nulls_not_distinct=True
    ),
    schema=EVERGREEN,
)

STOCK_ITEM = Table(
    "stock_item",
    METADATA,
    Column("sku", Text, primary_key=True),
    Column("added_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # Untracked: booked, but without limit, gate or notice.
    Column("track", Boolean, nullable=False, server_default=text("true")),
    # Never promised to anybody: what is on hand less this is sold.
    Column("safety", BigInteger, nullable=False, server_default="0"),
    # Sold out at or below, on sale again at or above: apart, so that it does not flicker.
    Column("oos_at", BigInteger, nullable=False, server_default="0"),
    Column("resume_at", BigInteger, nullable=False, server_default="1"),
    # Told of as low at or below; null: never.
    Column("low_at", BigInteger),
    Column("policy", Text, nullable=False, server_default="only_if_available"),
    CheckConstraint("safety >= 0", name="safety"),
    CheckConstraint("resume_at > oos_at", name="hysteresis"),
    CheckConstraint(f"policy in {POLICIES}", name="policy"),
    schema=EVERGREEN,
)

STOCK_LEVEL = Table(
    "stock_level",
    METADATA,
    Column("sku", Text, primary_key=True),
    Column("location", Text, primary_key=True),
    # Below zero when more was sold than counted: the money is taken, so the truth is kept.
    Column("on_hand", BigInteger, nullable=False, server_default="0"),
    Column("reserved", BigInteger, nullable=False, server_default="0"),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("reserved >= 0", name="reserved"),
    schema=EVERGREEN,
)

# How each invoice line was read when it was first seen open or paid. An unsettled one waits
# for an object that the mirror lacks, or for a person, and is read again when that comes.
STOCK_LINE = Table(
    "stock_line",
    METADATA,
    Column("source_line", Text, primary_key=True),
    Column("account", Text, nullable=False, server_default=""),
    Column("invoice", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("price", Text),
    Column("product", Text),
    Column("subscription", Text),
    Column("subscription_item", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("settled", Boolean, nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"state in {LINE_STATES}", name="state"),
    Index("stock_line_invoice_idx", "invoice"),
    *(
        Index(f"stock_line_waits_{name}_idx", name, postgresql_where=text("NOT settled"))
        for name in ("price", "product", "subscription")
    ),
    schema=EVERGREEN,
)

# What a line takes from one shelf, and what the ledger holds of it so far.
STOCK_ALLOC = Table(
    "stock_alloc",
    METADATA,
    Column("source_line", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("account", Text, nullable=False, server_default=""),
    Column("invoice", Text, nullable=False),
    Column("unit_quantity", BigInteger, nullable=False),
    Column("applied_on_hand", BigInteger, nullable=False, server_default="0"),
    Column("applied_reserved", BigInteger, nullable=False, server_default="0"),
    Column("revision", Integer, nullable=False, server_default="0"),
    Index("stock_alloc_invoice_idx", "invoice"),
    schema=EVERGREEN,
)

# Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE.
STOCK_MOVEMENT = Table(
    "stock_movement",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("source_line", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("counter", Text, nullable=False),
    Column("delta", BigInteger, nullable=False),
    Column("level_after", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("event_id", Text),
    # Business time.
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"counter in {COUNTERS}", name="counter"),
    CheckConstraint("delta <> 0", name="delta"),
    UniqueConstraint("source_line", "sku", "location", "revision", "counter"),
    Index("stock_movement_sku_idx", "sku", "location", "id"),
    Index(
        "stock_movement_counted_idx",
        *("sku", "location"),
        postgresql_where=text("cause IN ('first_count', 'count')"),
    ),
    schema=EVERGREEN,
)

STOCK_SHIPPED = Table(
    "stock_shipped",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("invoice", Text, primary_key=True),
    Column("shipped_at", DateTime(timezone=True), nullable=False),
    schema=EVERGREEN,
)

# Invoices whose money went back in a way that does not tell what became of the goods.
STOCK_REVIEW = Table(
    "stock_review",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("invoice", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    schema=EVERGREEN,
)

# What a checkout holds until it is paid, expires or is given back.
RESERVATION = Table(
    "stock_reservation",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("idempotency_key", Text, unique=True),
    Column("request", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="held"),
    # Business time.
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint(f"state in {RESERVATION_STATES}", name="state"),
    Index("stock_reservation_held_idx", "expires_at", postgresql_where=text("state = 'held'")),
    schema=EVERGREEN,
)

RESERVATION_ITEM = Table(
    "stock_reservation_item",
    METADATA,
    Column("reservation", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("asked", BigInteger, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity >= 0 AND quantity <= asked", name="quantity"),
    schema=EVERGREEN,
)

# How every shelf stood when it was last looked at, so that only a change is told.
STANDING = Table(
    "stock_standing",
    METADATA,
    Column("sku", Text, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("standing", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"standing in {STANDINGS}", name="standing"),
    schema=EVERGREEN,
)

# What a person shall know of a shelf: low, sold out, oversold, back in stock.
NOTICE = Table(
    "stock_notice",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("stock_notice_at_idx", "at"),
    schema=EVERGREEN,
)

# Which prices keep each thing for sale closed; what was last acted upon, and whether it was us
# who turned it off.
GATE = Table(
    "stock_gate",
    METADATA,
    Column("account", Text, primary_key=True, server_default=""),
    Column("target", Text, primary_key=True),
    Column("target_id", Text, primary_key=True),
    Column("closed_by", ARRAY(Text), nullable=False),
    Column("acted", Boolean, nullable=False, server_default=text("false")),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    Column("since", DateTime(timezone=True), nullable=False),
    schema=EVERGREEN,
)

# What a vendor calls our SKUs and locations.
REMOTE = Table(
    "stock_remote",
    METADATA,
    Column("sink", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("remote_id", Text, nullable=False),
    CheckConstraint("kind in ('sku', 'location')", name="kind"),
    schema=EVERGREEN,
)
