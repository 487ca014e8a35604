"""The group and the properties that HubSpot must have before we write; safe to repeat."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sync.crm.fields import Naming
from sync.crm.sinks.hubspot.properties import GROUP, KEY, definitions
from sync.delivery.gate import NoAnswer
from sync.delivery.http import Answer, Call, Client
from sync.delivery.sink import Finding

PROPERTIES = "/crm/properties/2026-09/contacts"
_EXISTS = 409
_RIGHTS = "the service key needs crm.schemas.contacts and crm.objects.contacts, read and write"


def set_up(client: Client, naming: Naming) -> Sequence[Finding]:
    """Make what is missing, and tell what is there and what does not fit."""
    try:
        return list(_findings(client, definitions(naming)))
    except NoAnswer as none:
        return [Finding("wrong", "HubSpot does not answer", none.reason)]


def _findings(client: Client, wanted: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    listed = client.call(Call(method="GET", path=PROPERTIES, repeatable=True))
    if not listed.is_ok:
        yield Finding("wrong", f"HubSpot answers {listed.status}", _RIGHTS)
        return
    there = {each["name"]: each for each in listed.body.get("results", ())}
    missing = [each for each in wanted if each["name"] not in there]
    if missing:
        yield from _made(client, missing)
    for each in wanted:
        if each["name"] in there:
            yield _fits(each, there[each["name"]])


def _made(client: Client, missing: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    group = {"name": GROUP, "label": "Stripe billing"}
    calls = (
        Call(method="POST", path=f"{PROPERTIES}/groups", json=group),
        Call(method="POST", path=f"{PROPERTIES}/batch/create", json={"inputs": list(missing)}),
    )
    answers = [client.call(each) for each in calls]
    refused = [each for each in answers if not _is_made(each)]
    for each in missing:
        what = f"property {each['name']}"
        if refused:
            yield Finding("wrong", what, f"HubSpot answers {refused[0].status}; {_RIGHTS}")
        else:
            yield Finding("made", what)


def _is_made(answer: Answer) -> bool:
    """Tell whether it is there now; somebody else may have made it."""
    return answer.is_ok or answer.status == _EXISTS


def _fits(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> Finding:
    what = f"property {wanted['name']}"
    if there.get("type") != wanted["type"]:
        hint = f"it is a {there.get('type')}, not a {wanted['type']}: name another in CRM_FIELDS"
        return Finding("wrong", what, hint)
    if wanted["name"] == KEY and not there.get("hasUniqueValue"):
        return Finding("wrong", what, "it must have unique values, which only a new one can get")
    return Finding("ok", what)
