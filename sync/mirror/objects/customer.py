"""Customers: who pays, where mail goes, in which language."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY

from sync.mirror.objects.discount import whole_on
from sync.mirror.shapes import Json, at, boolean, instant, integer, listed, ref, string, strings
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

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
    Column("default_source", Text),
    Column("description", Text),
    Column(
        "invoice_prefix", Text, comment="What the numbers of the customer's invoices begin with"
    ),
    Column("tax_exempt", Text),
    Column("test_clock", Text),
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
        "preferred_locales": strings(customer.get("preferred_locales")),
        "default_payment_method": ref(at(customer, "invoice_settings", "default_payment_method")),
        "default_source": ref(customer.get("default_source")),
        "description": string(customer.get("description")),
        "invoice_prefix": string(customer.get("invoice_prefix")),
        "tax_exempt": string(customer.get("tax_exempt")),
        "test_clock": ref(customer.get("test_clock")),
    }


def _embedded(customer: Json) -> Iterable[Json]:
    return [*whole_on(customer), *listed(customer, "tax_ids").get("data", ())]


OBJECT = MirroredObject(
    "customer",
    TABLE,
    project,
    endpoint=Endpoint(
        many="/v1/customers",
        one="/v1/customers/{id}",
        expand=("tax_ids", "discount.source.coupon"),
    ),
    embedded=_embedded,
    lists=("tax_ids",),
)
