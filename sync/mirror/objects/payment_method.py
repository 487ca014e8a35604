"""Payment methods: what a customer pays with."""

from sqlalchemy import Column, DateTime, Integer, Text

from sync.mirror.shapes import Json, at, count, instant, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "payment_methods",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text, comment="Null once detached"),
    Column("type", Text),
    Column("card_brand", Text),
    Column("card_last4", Text),
    Column("card_exp_month", Integer),
    Column("card_exp_year", Integer),
    Column("card_fingerprint", Text, comment="The same for the same card number"),
    Column("card_country", Text),
    Column("card_funding", Text),
    Column("card_wallet_type", Text),
    indexed=("customer", "card_fingerprint"),
)


def project(method: Json) -> Row:
    """Return the typed columns of a payment method; those of the card are null for others."""
    return {
        "created": instant(method.get("created")),
        "customer": ref(method.get("customer")),
        "type": string(method.get("type")),
        "card_brand": string(at(method, "card", "brand")),
        "card_last4": string(at(method, "card", "last4")),
        "card_exp_month": count(at(method, "card", "exp_month")),
        "card_exp_year": count(at(method, "card", "exp_year")),
        "card_fingerprint": string(at(method, "card", "fingerprint")),
        "card_country": string(at(method, "card", "country")),
        "card_funding": string(at(method, "card", "funding")),
        "card_wallet_type": string(at(method, "card", "wallet", "type")),
    }


# `payment_method.detached` is no deletion: the method stays, can be read, and shows in what
# it paid. Those that belong to nobody are in no list.
OBJECT = MirroredObject(
    "payment_method",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(
        many="/v1/customers/{parent}/payment_methods",
        of="customer",
        one="/v1/payment_methods/{id}",
        by_created=False,
    ),
)
