"""The custom fields of a Salesforce contact that we write: names, kinds and values."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from sync.crm.fields import BY_NAME, FIELDS, Field, Naming, Value, named, value_of
from sync.crm.sink import Snapshot

OBJECT = "Contact"
# External id, and unique: else an upsert needs the right to see all data, and may find several.
KEY = "Stripe_Customer_Id__c"
DEFAULT_NAMES: Mapping[str, str] = {
    field.name: f"Stripe_{field.plain.title()}__c" for field in FIELDS
}
ONCE = ("name", "email")
_MOST_CHARACTERS: Mapping[str, int] = {"text": 255, "long_text": 32_768}
_NAME_CHARACTERS = 80


def state_of(snapshot: Snapshot, naming: Naming) -> dict[str, Value]:
    """Return the fields that follow the customer; None clears one."""
    return {
        theirs: _value(BY_NAME[name], snapshot.fields)
        for name, theirs in named(DEFAULT_NAMES, naming).items()
    }


def _value(field: Field, fields: Mapping[str, Any]) -> Value:
    """Return a field's value; a check box is never empty over there, and no text is too long."""
    value = value_of(field, fields)
    if field.kind == "boolean":
        return bool(value)
    return value[: _MOST_CHARACTERS.get(field.kind)] if isinstance(value, str) else value


def told_once(snapshot: Snapshot) -> dict[str, str]:
    """Return what makes a contact: the name it must have, and its address."""
    fields, told = snapshot.fields, snapshot.told
    name = fields.get("name") or fields.get("email") or snapshot.customer_id
    found = {}
    if snapshot.link is None or (fields.get("name") and "name" not in told):
        found["LastName"] = name[:_NAME_CHARACTERS]
    if fields.get("email") and "email" not in told:
        found["Email"] = fields["email"]
    return found


def as_number(value: Any) -> Any:
    """Return a decimal as a JSON number, digit by digit; `orjson.dumps` takes it as `default`."""
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(type(value).__name__)
