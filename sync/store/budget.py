"""The budget of reads from Stripe's API: one token bucket in PostgreSQL for all processes.

The bucket is one instant, `full_at`: when it would be full again if nobody read. A read moves
it one step into the future; so the tokens at any moment follow from the server's clock, and
nothing has to fill the bucket.
"""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Engine,
    Table,
    text,
)

from sync.store.engine import EVERGREEN, METADATA

API_BUDGET = Table(
    "api_budget",
    METADATA,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("full_at", DateTime(timezone=True), nullable=False),
    Column("reads", BigInteger, nullable=False, server_default="0"),
    Column("refused", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("only_row", name="only_row"),
    schema=EVERGREEN,
)

# The time is that of the statement's start: after a wait for the row's lock it is a little
# old, which only makes the bucket look emptier. The last SELECT sees the row as it was
# before; it only tells how long to wait, and 1 ms is the least, since 0 means "go".
_TAKE = text("""
    WITH taken AS (
        INSERT INTO evergreen.api_budget AS b (full_at, reads)
        VALUES (statement_timestamp() + make_interval(secs => :step_s), 1)
        ON CONFLICT (only_row) DO UPDATE
        SET full_at = greatest(b.full_at, statement_timestamp()) + make_interval(secs => :step_s),
            reads = b.reads + 1
        WHERE b.full_at <= statement_timestamp() + make_interval(secs => :room_s - :step_s)
        RETURNING 0
    )
    SELECT CASE WHEN EXISTS (SELECT FROM taken) THEN 0 ELSE greatest(0.001, (
        SELECT extract(epoch FROM full_at - statement_timestamp()) - :room_s + :step_s
        FROM evergreen.api_budget
    )) END
""")
_SLOW_DOWN = text("""
    INSERT INTO evergreen.api_budget AS b (full_at, refused)
    VALUES (statement_timestamp() + make_interval(secs => :for_s + :room_s), 1)
    ON CONFLICT (only_row) DO UPDATE
    SET full_at = greatest(b.full_at, excluded.full_at), refused = b.refused + 1
""")
# One part of this many of the burst is kept for urgent reads.
_URGENT_PART = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How often Stripe was read since the database was made, and how often it refused (429)."""

    reads: int
    refused: int


class Budget:
    """At most `burst` reads at once and `per_s` a second over time, whoever reads.

    All processes should be given the same numbers; each take obeys the numbers it is given.
    """

    def __init__(self, engine: Engine, *, per_s: float, burst: int) -> None:
        if per_s <= 0 or burst < 1:
            raise ValueError("a budget needs a rate above 0 and a burst of at least 1")
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._step_s = 1 / per_s
        self._burst = burst

    def take(self, *, background: bool = False) -> float:
        """Take a token and return 0.0, or take none and return after how many seconds to ask.

        Background reads leave a fifth of the burst to urgent ones.
        """
        burst = self._burst - (self._burst // _URGENT_PART if background else 0)
        room_s = burst * self._step_s
        with self._engine.connect() as conn:
            found = conn.execute(_TAKE, {"step_s": self._step_s, "room_s": room_s})
            return float(found.scalar_one())

    def slow_down(self, for_s: float) -> None:
        """Give no token to anyone for `for_s` seconds, and start from an empty bucket then."""
        room_s = self._burst * self._step_s
        with self._engine.connect() as conn:
            conn.execute(_SLOW_DOWN, {"for_s": for_s, "room_s": room_s})

    def spent(self) -> Spent:
        """Return the counts of all processes."""
        columns = API_BUDGET.c.reads, API_BUDGET.c.refused
        with self._engine.connect() as conn:
            row = conn.execute(API_BUDGET.select().with_only_columns(*columns)).one_or_none()
        return Spent(reads=row.reads, refused=row.refused) if row else Spent(reads=0, refused=0)
