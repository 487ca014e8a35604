"""CRM records, the stock and its append-only ledger, and the indexes that tie payments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
NO_ACCOUNT = sa.text("''")


def upgrade() -> None:
    _crm()
    _what_is_sold_as_what()
    _stock()
    _ledger()
    _payment_ties()


def downgrade() -> None:
    for name in PAYMENT_TIES:
        op.drop_index(name, "other_objects", schema="stripe")
    for table in (
        "stock_review",
        "stock_shipped",
        "stock_movement",
        "stock_alloc",
        "stock_line",
        "stock_level",
        "stock_item",
        "sku_map",
        "crm_record",
    ):
        op.drop_table(table, schema=SCHEMA)
    op.execute("DROP FUNCTION evergreen.refuse_change()")


def _crm() -> None:
    op.create_table(
        "crm_record",
        sa.Column("account", sa.Text, primary_key=True, server_default=NO_ACCOUNT),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("read_at", TIME, nullable=False),
        schema=SCHEMA,
    )


def _what_is_sold_as_what() -> None:
    op.create_table(
        "sku_map",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("price_id", sa.Text),
        sa.Column("product_id", sa.Text),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("location", sa.Text, nullable=False, server_default="main"),
        sa.CheckConstraint("num_nonnulls(price_id, product_id) = 1", name="one_source"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.UniqueConstraint(
            "price_id",
            "product_id",
            "sku",
            "location",
            name="sku_map_price_id_product_id_sku_location_key",
            postgresql_nulls_not_distinct=True,
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "stock_line",
        sa.Column("source_line", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False, server_default=NO_ACCOUNT),
        sa.Column("invoice", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("price", sa.Text),
        sa.Column("product", sa.Text),
        sa.Column("subscription", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.CheckConstraint("state in ('mapped', 'ignored', 'unmapped')", name="state"),
        schema=SCHEMA,
    )
    op.create_index("stock_line_invoice_idx", "stock_line", ["invoice"], schema=SCHEMA)
    for parent in ("price", "product", "subscription"):
        op.create_index(
            f"stock_line_waits_{parent}_idx",
            "stock_line",
            [parent],
            schema=SCHEMA,
            postgresql_where=sa.text("NOT settled"),
        )


def _stock() -> None:
    op.create_table(
        "stock_item",
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("added_at", TIME, nullable=False, server_default=NOW),
        schema=SCHEMA,
    )
    op.create_table(
        "stock_level",
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("location", sa.Text, primary_key=True),
        sa.Column("on_hand", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reserved", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint("reserved >= 0", name="reserved"),
        schema=SCHEMA,
    )
    op.create_table(
        "stock_alloc",
        sa.Column("source_line", sa.Text, primary_key=True),
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("location", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False, server_default=NO_ACCOUNT),
        sa.Column("invoice", sa.Text, nullable=False),
        sa.Column("unit_quantity", sa.BigInteger, nullable=False),
        sa.Column("applied_on_hand", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("applied_reserved", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
        schema=SCHEMA,
    )
    op.create_index("stock_alloc_invoice_idx", "stock_alloc", ["invoice"], schema=SCHEMA)
    for name, at in (("stock_shipped", "shipped_at"), ("stock_review", "opened_at")):
        reason = [sa.Column("reason", sa.Text, nullable=False)] if at == "opened_at" else []
        op.create_table(
            name,
            sa.Column("account", sa.Text, primary_key=True, server_default=NO_ACCOUNT),
            sa.Column("invoice", sa.Text, primary_key=True),
            *reason,
            sa.Column(at, TIME, nullable=False),
            schema=SCHEMA,
        )


def _ledger() -> None:
    op.create_table(
        "stock_movement",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("source_line", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("counter", sa.Text, nullable=False),
        sa.Column("delta", sa.BigInteger, nullable=False),
        sa.Column("level_after", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("counter in ('on_hand', 'reserved')", name="counter"),
        sa.CheckConstraint("delta <> 0", name="delta"),
        sa.UniqueConstraint("source_line", "sku", "location", "revision", "counter"),
        schema=SCHEMA,
    )
    op.create_index(
        "stock_movement_sku_idx", "stock_movement", ["sku", "location", "id"], schema=SCHEMA
    )
    op.execute("""
        CREATE FUNCTION evergreen.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
            USING HINT = 'book a movement that corrects it';
        END $$""")
    for change, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(f"""
            CREATE TRIGGER stock_movement_append_only_{each.lower()}
            BEFORE {change} ON evergreen.stock_movement
            FOR EACH {each} EXECUTE FUNCTION evergreen.refuse_change()""")


def _id_in(*names: str, of: str = "data") -> str:
    each = ", ".join(f"({of} -> '{name}') ->> 'id', {of} ->> '{name}'" for name in names)
    return f"coalesce({each})"


# name -> (what is looked up, of which objects); a hash, since a btree refuses long values.
PAYMENT_TIES = {
    "other_objects_invoice_idx": (
        _id_in("invoice"),
        "object IN ('charge', 'credit_note', 'invoice_payment')",
    ),
    "other_objects_paid_by_idx": (
        _id_in("payment_intent", "charge", of="(data -> 'payment')"),
        "object = 'invoice_payment'",
    ),
    "other_objects_payment_intent_idx": (
        _id_in("payment_intent"),
        "object IN ('charge', 'refund')",
    ),
    "other_objects_charge_idx": (_id_in("charge"), "object = 'refund'"),
}


def _payment_ties() -> None:
    for name, (value, where) in PAYMENT_TIES.items():
        op.create_index(
            name,
            "other_objects",
            [sa.text(value)],
            schema="stripe",
            postgresql_using="hash",
            postgresql_where=sa.text(where),
        )
