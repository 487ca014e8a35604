"""The properties of a HubSpot contact that we write: names, kinds and values."""

from collections.abc import Mapping, Sequence
from typing import Any

from sync.crm.fields import BY_NAME, FIELDS, Field, Kind, Naming, named, value_of
from sync.crm.sink import Snapshot

# Unique, and nobody else's: with the e-mail as the key, HubSpot refuses to write only a part.
KEY = "stripe_customer_id"
GROUP = "stripe_billing"
DEFAULT_NAMES: Mapping[str, str] = {field.name: f"stripe_{field.plain}" for field in FIELDS}
# Kind -> HubSpot's type and the form it is shown as.
_TYPES: Mapping[Kind, tuple[str, str]] = {
    "text": ("string", "text"),
    "long_text": ("string", "textarea"),
    "number": ("number", "number"),
    "money": ("number", "number"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
    "boolean": ("bool", "booleancheckbox"),
    "choice": ("enumeration", "select"),
}
_MOST_CHARACTERS = 65_536


def definitions(naming: Naming) -> list[dict[str, Any]]:
    """Return all properties that must be there, as HubSpot creates them; the key first."""
    key = _definition(Field("customer_id", "text", "Customer id"), KEY)
    names = named(DEFAULT_NAMES, naming)
    others = [_definition(BY_NAME[name], theirs) for name, theirs in names.items()]
    return [{**key, "hasUniqueValue": True}, *others]


def _definition(field: Field, name: str) -> dict[str, Any]:
    type_, form = _TYPES[field.kind]
    choices = ("true", "false") if field.kind == "boolean" else field.choices
    return {
        "name": name,
        "label": f"Stripe: {field.label}",
        "groupName": GROUP,
        "type": type_,
        "fieldType": form,
        **({"options": _options(choices)} if choices else {}),
    }


def _options(choices: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"value": each, "label": each.replace("_", " ").capitalize(), "displayOrder": place}
        for place, each in enumerate(choices)
    ]


def state_of(snapshot: Snapshot, naming: Naming) -> dict[str, str]:
    """Return the properties that follow the customer; an empty text clears one."""
    return {
        theirs: _text(BY_NAME[name], snapshot.fields)
        for name, theirs in named(DEFAULT_NAMES, naming).items()
    }


def _text(field: Field, fields: Mapping[str, Any]) -> str:
    """Return a value as HubSpot takes all of them: instants in ISO 8601, days as YYYY-MM-DD."""
    value = value_of(field, fields)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value}"[:_MOST_CHARACTERS]


def told_once(snapshot: Snapshot) -> dict[str, str]:
    """Return what is written once: the address that finds the contact, and that it is a customer.

    The lifecycle stage only moves forward over there, and people move it on.
    """
    fields, told = snapshot.fields, snapshot.told
    wanted = {
        "email": ("email", fields.get("email")),
        "first_paid_at": ("lifecyclestage", fields.get("first_paid_at") and "customer"),
    }
    return {theirs: value for name, (theirs, value) in wanted.items() if value and name not in told}


ONCE = ("email", "first_paid_at")
