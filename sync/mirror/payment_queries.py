"""Where charges, refunds, credit notes and invoice payments are found: indexes and queries.

An id stands as such or inside an expanded object; both are found.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Index, Text, func, literal, text
from sqlalchemy.dialects import postgresql

from sync.mirror.objects import other

_DATA = other.TABLE.c.data


def _id_in(*names: str, of: ColumnElement[Any] = _DATA) -> ColumnElement[Any]:
    """Return the id that the first of `names` holds, as such or in an expanded object."""
    into, text_of = (_operator("->"), _operator("->>"))
    return func.coalesce(
        *(each for name in names for each in (text_of(into(of, name), "id"), text_of(of, name)))
    )


def _operator(symbol: str) -> Callable[[ColumnElement[Any], str], ColumnElement[Any]]:
    return lambda json, name: json.op(symbol, precedence=15)(literal(name, Text))


_INVOICE = _id_in("invoice")
_INTENT = _id_in("payment_intent")
_CHARGE = _id_in("charge")
_PAID_BY = _id_in("payment_intent", "charge", of=_operator("->")(_DATA, "payment"))


def _index(name: str, value: Any, where: str) -> Index:
    """Return an index for lookups by `value`; a hash, since a btree refuses long values."""
    return Index(name, value, postgresql_using="hash", postgresql_where=text(where))


INDEXES = (
    _index(
        "other_objects_invoice_idx",
        _INVOICE,
        "object IN ('charge', 'credit_note', 'invoice_payment')",
    ),
    _index(
        "other_objects_paid_by_idx",
        _PAID_BY,
        "object = 'invoice_payment'",
    ),
    _index(
        "other_objects_payment_intent_idx",
        _INTENT,
        "object IN ('charge', 'refund')",
    ),
    _index("other_objects_charge_idx", _CHARGE, "object = 'refund'"),
)


# The indexed expressions stand in the queries without parameters: any plan can use the indexes.
def _sql(expression: ColumnElement[Any]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(expression.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


_SQL_INVOICE, _SQL_INTENT = _sql(_INVOICE), _sql(_INTENT)
_SQL_CHARGE, _SQL_PAID_BY = _sql(_CHARGE), _sql(_PAID_BY)


def _of(object_type: str, columns: str, where: str) -> str:
    """Return the query for one type of object; all its parts are constants of this file."""
    return (
        f"SELECT {columns} FROM stripe.other_objects"  # noqa: S608 — constants of this file
        f" WHERE object = '{object_type}' AND account = :account AND {where}"
    )


_CHARGE_COLUMNS = (
    f"id, status, created, {_SQL_INTENT} AS payment_intent,"
    " data ->> 'currency' AS currency, data -> 'amount_refunded' AS amount_refunded"
)
_REFUND_COLUMNS = (
    f"id, status, {_SQL_CHARGE} AS charge, {_SQL_INTENT} AS payment_intent,"
    " data ->> 'currency' AS currency, data -> 'amount' AS amount"
)
CHARGES_OF_CUSTOMER = text(
    _of("charge", _CHARGE_COLUMNS, "customer = :customer ORDER BY created, id"),
)
CHARGES_OF_INVOICE = text(
    _of(
        "charge",
        _CHARGE_COLUMNS,
        f"({_SQL_INTENT} = ANY(:intents) OR id = ANY(:charges) OR {_SQL_INVOICE} = :invoice)"
        " ORDER BY created, id",
    ),
)
TIES_OF_MANY = text(
    _of(
        "invoice_payment",
        f"{_SQL_INVOICE} AS invoice, data -> 'payment' AS payment",
        f"{_SQL_INVOICE} = ANY(:invoices)",
    ),
)
TIES = text(_of("invoice_payment", "data -> 'payment' AS payment", f"{_SQL_INVOICE} = :invoice"))
REFUNDS = text(
    _of(
        "refund",
        _REFUND_COLUMNS,
        f"({_SQL_CHARGE} = ANY(:charges) OR {_SQL_INTENT} = ANY(:intents)) ORDER BY created, id",
    ),
)
CREDIT_NOTES = text(
    _of(
        "credit_note",
        "id, data",
        f"{_SQL_INVOICE} = :invoice AND deleted_at IS NULL AND status IS DISTINCT FROM 'void'"
        " ORDER BY created, id",
    ),
)
_CHARGES_OF_PAYMENT = _of(
    "charge",
    f"id, {_SQL_INTENT} AS intent, {_SQL_INVOICE} AS invoice",
    f"(id = :payment OR {_SQL_INTENT} = :payment)",
)
_PAYING = "SELECT :payment UNION SELECT id FROM charge UNION SELECT intent FROM charge"
INVOICES_PAID_BY = text(
    f"WITH charge AS ({_CHARGES_OF_PAYMENT}) SELECT invoice FROM charge WHERE invoice IS NOT NULL"  # noqa: S608 — constants of this file
    " UNION "
    + _of(
        "invoice_payment",
        _SQL_INVOICE,
        f"{_SQL_PAID_BY} = ANY(ARRAY({_PAYING})) AND {_SQL_INVOICE} IS NOT NULL",
    ),
)
