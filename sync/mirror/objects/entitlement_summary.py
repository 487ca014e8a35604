"""Entitlement summaries, one per customer, and the active entitlements in them.

Stripe gives a summary no id, so it stands under its customer's. The API shows no summaries,
only the entitlements themselves: a summary that Stripe cut short is made of those.
"""

from urllib.parse import quote

from sqlalchemy import Column, Text

from sync.mirror.shapes import Json, listed, ref, string
from sync.mirror.tables import Children, Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "active_entitlement_summaries",
    Column("customer", Text, comment="the same as id"),
)

ENTITLEMENTS = mirror_table(
    "active_entitlements",
    Column("customer", Text, nullable=False),
    Column("feature", Text),
    Column("lookup_key", Text),
    indexed=("customer", "feature", "lookup_key"),
)


def _customer(summary: Json) -> str | None:
    return ref(summary.get("customer"))


def project(summary: Json) -> Row:
    """Return the typed columns of a summary."""
    return {"customer": _customer(summary)}


def project_entitlement(entitlement: Json, summary: Json) -> Row:
    """Return the typed columns of one entitlement in `summary`."""
    return {
        "customer": _customer(summary),
        "feature": ref(entitlement.get("feature")),
        "lookup_key": string(entitlement.get("lookup_key")),
    }


def _entitlements(summary: Json) -> Json:
    return listed(summary, "entitlements")


_LIST = "/v1/entitlements/active_entitlements?customer="


def _assembled(customer: str, listed: Json) -> Json:
    """Return the summary of a customer: the API shows only the list that it holds."""
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": {**listed, "url": f"{_LIST}{quote(customer, safe='')}"},
    }


OBJECT = MirroredObject(
    "entitlements.active_entitlement_summary",
    TABLE,
    project,
    children=(Children(ENTITLEMENTS, "customer", _entitlements, project_entitlement),),
    deletable=False,
    endpoint=Endpoint(one=f"{_LIST}{{id}}", assembled=_assembled, by_created=False),
    identify=_customer,
)
