"""The outbox's table: every effect that shall leave the house, its state and how it ended."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from sync.store.engine import EVERGREEN, METADATA

STATES = (
    "pending",
    "leased",
    "sending",
    "sent",
    "done",
    "unknown",
    "skipped",
    "failed",
    "dismissed",
)
OPEN = ("pending", "leased", "sending")
# The first half of what stands for an effect's key outside: in the mail's Message-ID and headers.
MESSAGE = r"left(encode(sha256(replace(key, '\', '\\')::bytea), 'hex'), 32)"

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("shape", Text, nullable=False, server_default="once"),
    Column("account", Text, nullable=False, server_default=""),
    Column("livemode", Boolean, nullable=False, server_default=text("false")),
    Column("customer_id", Text),
    Column("subject", JSONB, nullable=False, server_default=text("'{}'")),
    Column("event_id", Text),
    # Business time: when it shall go out, and from when on it is too late.
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("reason", Text),
    # Real time from here on.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("retry_at", DateTime(timezone=True)),
    Column("lease_token", Uuid),
    Column("lease_until", DateTime(timezone=True)),
    # Counts the requests for a `state` effect: one asked for during delivery is not lost.
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("remote_id", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True)),
    # Business time at which it was sent, skipped or given up.
    Column("settled_at", DateTime(timezone=True)),
    # Real time at which the mail provider told what became of a mail.
    Column("delivered_at", DateTime(timezone=True)),
    Column("bounced_at", DateTime(timezone=True)),
    Column("complained_at", DateTime(timezone=True)),
    # Which of its channel's sinks it is for; empty where a channel has only one.
    Column("sink", Text, nullable=False, server_default=""),
    # Real time of the first request that no delivery has begun to serve, and until when
    # further ones are waited for.
    Column("wished_at", DateTime(timezone=True)),
    Column("hold_until", DateTime(timezone=True)),
    # Of a `state` effect: what the sink holds, where that is known.
    Column("sent_hash", Text),
    # Somebody may still send an older state: one more write follows this delivery.
    Column("confirm", Boolean, nullable=False, server_default=text("false")),
    # From when on a sink that knows our key may have taken it. Nothing if it surely did not.
    Column("first_sent_at", DateTime(timezone=True)),
    # Which text of which experiment the customer got, or that they are held out of it.
    Column("variant", Text),
    CheckConstraint(f"state in {STATES}", name="state"),
    Index("outbox_open_idx", "due_at", postgresql_where=text(f"state in {OPEN}")),
    # In the order of a claim: many that are due at one instant need no sorting.
    Index(
        "outbox_sink_idx",
        "channel",
        "sink",
        "due_at",
        "key",
        postgresql_where=text(f"state in {OPEN}"),
    ),
    Index("outbox_customer_id_idx", "customer_id", "due_at"),
    Index("outbox_mail_settled_at_idx", "settled_at", postgresql_where=text("channel = 'mail'")),
    Index("outbox_variant_idx", "variant", postgresql_where=text("variant IS NOT NULL")),
    Index("outbox_message_idx", text(MESSAGE), postgresql_where=text("channel = 'mail'")),
    Index(
        "outbox_channel_due_at_idx",
        "channel",
        "due_at",
        "key",
        postgresql_include=["kind", "state"],
    ),
    schema=EVERGREEN,
)
