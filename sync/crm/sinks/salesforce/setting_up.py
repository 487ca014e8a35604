"""The fields that a Salesforce org must have: a check, and a package that brings them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from sync.crm.fields import BY_NAME, Field, Kind, Naming, named
from sync.crm.sinks.salesforce.columns import DEFAULT_NAMES, KEY, OBJECT
from sync.crm.sinks.salesforce.session import Session
from sync.delivery.gate import NoAnswer
from sync.delivery.http import Call
from sync.delivery.sink import Finding

_PACKAGE = "deploy the package: `evergreen crm setup --package FOLDER` writes it"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
PERMISSIONS = "Evergreen_CRM"
# Kind -> what `describe` calls it.
DESCRIBED: Mapping[Kind, str] = {
    "text": "string",
    "long_text": "textarea",
    "number": "double",
    "money": "double",
    "date": "date",
    "datetime": "datetime",
    "boolean": "boolean",
    "choice": "picklist",
}
_NUMBER = "<type>Number</type><precision>18</precision><scale>{scale}</scale>"
_TYPES: Mapping[Kind, str] = {
    "text": "<type>Text</type><length>255</length>",
    "long_text": ("<type>LongTextArea</type><length>32768</length><visibleLines>3</visibleLines>"),
    "number": _NUMBER.format(scale=0),
    "money": _NUMBER.format(scale=3),
    "date": "<type>Date</type>",
    "datetime": "<type>DateTime</type>",
    "boolean": "<type>Checkbox</type><defaultValue>false</defaultValue>",
}


def look(session: Session, naming: Naming, version: str) -> Sequence[Finding]:
    """Return what is there, what is missing, and what does not fit."""
    path = f"/services/data/v{version}/sobjects/{OBJECT}/describe"
    found = session.call(Call(method="GET", path=path, repeatable=True))
    if isinstance(found, NoAnswer):
        return [Finding("wrong", "Salesforce does not answer", found.reason)]
    if not found.is_ok:
        hint = "check SALESFORCE_… and that the app's user may use the API"
        return [Finding("wrong", f"Salesforce answers {found.status}", hint)]
    there = {each["name"]: each for each in found.body.get("fields", ())}
    return [_key(there.get(KEY)), *_fits(there, naming)]


def _key(there: Mapping[str, Any] | None) -> Finding:
    what = f"field {KEY}"
    if there is None:
        return Finding("wrong", what, _PACKAGE)
    if not (there.get("externalId") and there.get("unique")):
        return Finding("wrong", what, "it must be an external id and unique")
    return Finding("ok", what)


def _fits(there: Mapping[str, Mapping[str, Any]], naming: Naming) -> Iterable[Finding]:
    for name, theirs in named(DEFAULT_NAMES, naming).items():
        described, wanted = there.get(theirs), DESCRIBED[BY_NAME[name].kind]
        if described is None:
            yield Finding("wrong", f"field {theirs}", _PACKAGE)
        elif described.get("type") not in {wanted, "currency" if wanted == "double" else wanted}:
            hint = f"it is a {described.get('type')}: name another in CRM_FIELDS"
            yield Finding("wrong", f"field {theirs}", hint)
        else:
            yield Finding("ok", f"field {theirs}")


def package(naming: Naming, version: str) -> dict[str, str]:
    """Return the files, by path, that bring the fields and who may see them to an org."""
    fields = {theirs: BY_NAME[name] for name, theirs in named(DEFAULT_NAMES, naming).items()}
    members = "".join(f"<members>{OBJECT}.{name}</members>" for name in (KEY, *fields))
    types = (
        f"<types>{members}<name>CustomField</name></types>"
        f"<types><members>{PERMISSIONS}</members><name>PermissionSet</name></types>"
        f"<version>{version}</version>"
    )
    described = [_KEY_FIELD, *(_described(name, field) for name, field in fields.items())]
    seen = "".join(map(_permission, (KEY, *fields)))
    return {
        "package.xml": _document("Package", types),
        f"objects/{OBJECT}.object": _document("CustomObject", "".join(described)),
        f"permissionsets/{PERMISSIONS}.permissionset": _document(
            "PermissionSet", f"{seen}<label>Evergreen CRM</label>"
        ),
    }


_KEY_FIELD = (
    f"<fields><fullName>{KEY}</fullName><label>Stripe customer id</label>"
    "<type>Text</type><length>255</length><caseSensitive>true</caseSensitive>"
    "<externalId>true</externalId><unique>true</unique></fields>"
)


def _described(name: str, field: Field) -> str:
    kind = _TYPES.get(field.kind) or _choice(field)
    label = escape(f"Stripe: {field.label}"[:40])
    return f"<fields><fullName>{name}</fullName><label>{label}</label>{kind}</fields>"


def _choice(field: Field) -> str:
    values = "".join(
        f"<value><fullName>{each}</fullName><default>false</default><label>{each}</label></value>"
        for each in field.choices
    )
    listed = f"<valueSetDefinition><sorted>false</sorted>{values}</valueSetDefinition>"
    return f"<type>Picklist</type><valueSet>{listed}</valueSet>"


def _permission(name: str) -> str:
    return (
        "<fieldPermissions><editable>true</editable>"
        f"<field>{OBJECT}.{name}</field><readable>true</readable></fieldPermissions>"
    )


def _document(name: str, inside: str) -> str:
    return f"{_XML}<{name} {_NAMESPACE}>{inside}</{name}>\n"
