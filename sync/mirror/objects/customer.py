"""Customers: who pays, where mail goes, in which language."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY

from sync.mirror.shapes import Json, at, boolean, instant, integer, ref, string
from sync.mirror.tables import MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "customers",
    Column("created", DateTime(timezone=True)),
    Column("email", Text),
    Column("name", Text),
    Column("phone", Text),
    Column("currency", Text),
    Column("balance_minor", BigInteger),
    Column("delinquent", Boolean),
    Column("country", Text),
    Column("preferred_locales", ARRAY(Text)),
    Column("default_payment_method", Text),
    indexed=("email",),
)


def project(customer: Json) -> Row:
    """Return the typed columns of a customer; `balance` was `account_balance` until 2019-10-17."""
    balance = integer(customer.get("balance"))
    return {
        "created": instant(customer.get("created")),
        "email": string(customer.get("email")),
        "name": string(customer.get("name")),
        "phone": string(customer.get("phone")),
        "currency": string(customer.get("currency")),
        "balance_minor": integer(customer.get("account_balance")) if balance is None else balance,
        "delinquent": boolean(customer.get("delinquent")),
        "country": string(at(customer, "address", "country")),
        "preferred_locales": customer.get("preferred_locales") or [],
        "default_payment_method": ref(at(customer, "invoice_settings", "default_payment_method")),
    }


OBJECT = MirroredObject("customer", TABLE, project)
