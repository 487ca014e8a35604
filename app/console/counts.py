"""How many there are, at a cost that does not grow with the table."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, Table, func, literal_column, select, text

CAP = 10_000
_ESTIMATE = text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:table)")


@dataclass(frozen=True, slots=True)
class Count:
    """A number and how far it is to be trusted."""

    value: int
    exactness: Literal["exact", "about", "at least"] = "exact"

    def __str__(self) -> str:
        """Return it as a person reads it; an estimate never looks more exact than it is."""
        match self.exactness:
            case "exact":
                return f"{self.value:,}"
            case "at least":
                return f"{self.value:,}+"
            case "about":
                return f"about {_rounded(self.value):,}"

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return self.value > 0


def count_rows(conn: Connection, rows: Select[Any]) -> Count:
    """Count `rows` up to `CAP`; they need an index that leads to them."""
    found = conn.execute(select(func.count()).select_from(rows.limit(CAP + 1).subquery())).scalar()
    return Count(CAP, "at least") if (found or 0) > CAP else Count(found or 0)


def count_table(conn: Connection, table: Table) -> Count:
    """Count a table exactly up to `CAP`, beyond that as PostgreSQL itself estimates it."""
    counted = count_rows(conn, select(literal_column("1")).select_from(table))
    if counted.exactness == "exact":
        return counted
    estimate = conn.execute(_ESTIMATE, {"table": table.fullname}).scalar_one()
    return Count(estimate, "about") if estimate > CAP else counted


def _rounded(value: int) -> int:
    """Return `value` with its first three digits only."""
    return round(value, min(0, 3 - len(str(value))))
