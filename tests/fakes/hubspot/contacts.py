"""A HubSpot account that keeps contacts and properties, as strict as the real one where known."""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flask import Flask, Response, jsonify, request

from tests.fakes.serving import Faults, failing

Json = Mapping[str, Any]
TOKEN = "service-key"
STAGES = [{"value": "lead"}, {"value": "customer"}, {"value": "evangelist"}]
BUILT_IN: Mapping[str, Json] = {
    "email": {"name": "email", "type": "string"},
    "lifecyclestage": {"name": "lifecyclestage", "type": "enumeration", "options": STAGES},
}
_CONTACTS, _PROPERTIES = "/crm/objects/2026-09/contacts/batch", "/crm/properties/2026-09/contacts"
_FORMS = {
    "number": re.compile(r"-?\d+(\.\d+)?"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "bool": re.compile("true|false"),
}


def _is_fit(value: str, known: Json) -> bool:
    options = {each["value"] for each in known.get("options", ())}
    form = _FORMS.get(known["type"])
    return (not options or value in options) and (form is None or bool(form.fullmatch(value)))


@dataclass
class Refusal(Exception):
    """A row, or the whole batch, is refused."""

    status: int
    category: str
    message: str = ""
    code: str = ""


@dataclass
class Account:
    """All that the account holds. `mixed`: one bad row is told with 207, not by refusing all."""

    mixed: bool = False
    faults: Faults = field(default_factory=Faults)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    properties: dict[str, Json] = field(default_factory=lambda: dict(BUILT_IN))
    groups: set[str] = field(default_factory=set)
    calls: list[tuple[str, int]] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: count(1000))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **properties: str) -> str:
        """Make a contact as people do; return its id."""
        contact = str(next(self.ids))
        self.contacts[contact] = dict(properties)
        return contact

    def owner(self, name: str, value: str) -> str | None:
        """Return the contact that holds a unique value."""
        found = (i for i, each in self.contacts.items() if each.get(name, "").lower() == value)
        return next(found, None)

    def check(self, properties: Mapping[str, str]) -> None:
        """Refuse what is no property, or no value of it."""
        for name, value in properties.items():
            known = self.properties.get(name)
            if known is None:
                raise Refusal(400, "VALIDATION_ERROR", name, "PROPERTY_DOESNT_EXIST")
            if value and not _is_fit(value, known):
                raise Refusal(400, "VALIDATION_ERROR", f"{name} is {value!r}", "INVALID")

    def write(self, contact: str | None, properties: Mapping[str, str]) -> str:
        """Write a contact, made where `contact` is None; e-mails and keys stay unique."""
        self.check(properties)
        for name in ("email", "stripe_customer_id"):
            value = properties.get(name, "").lower()
            owner = self.owner(name, value) if value else None
            if owner not in {None, contact}:
                raise Refusal(409, "CONFLICT", f"Contact already exists. Existing ID: {owner}")
        contact = contact or self.add()
        self.contacts[contact] |= properties
        return contact


def hubspot(account: Account) -> Flask:
    """Return the account's HTTP interface."""
    app = Flask(__name__)
    failing(app, account.faults)

    @app.before_request
    def known() -> tuple[Response, int] | None:
        inputs = (request.get_json(silent=True) or {}).get("inputs", ())
        account.calls.append((request.path, len(inputs)))
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return jsonify(category="INVALID_AUTHENTICATION"), 401
        too_many = len(inputs) > 100
        return (jsonify(category="VALIDATION_ERROR"), 400) if too_many else None

    @app.post(f"{_CONTACTS}/upsert")
    def upsert() -> tuple[Response, int]:
        return _batch(account, lambda row: account.owner(row["idProperty"], row["id"].lower()))

    @app.post(f"{_CONTACTS}/update")
    def update() -> tuple[Response, int]:
        def there(row: Json) -> str:
            if row["id"] not in account.contacts:
                raise Refusal(404, "OBJECT_NOT_FOUND")
            return str(row["id"])

        return _batch(account, there)

    @app.post(f"{_CONTACTS}/read")
    def read() -> tuple[Response, int]:
        body = request.get_json()
        by = body.get("idProperty")
        ids = [each["id"].lower() for each in body["inputs"]]
        found = [account.owner(by, each) if by else each for each in ids]
        there = [each for each in found if each in account.contacts]
        results = [{"id": each, "properties": account.contacts[each]} for each in there]
        return jsonify(results=results), 200

    _properties(app, account)
    return app


def _batch(account: Account, find: Any) -> tuple[Response, int]:
    rows = request.get_json()["inputs"]
    with account.lock:
        before = {each: dict(known) for each, known in account.contacts.items()}
        results, errors = [], []
        for row in rows:
            try:
                contact = account.write(find(row), row["properties"])
            except Refusal as refusal:
                if not account.mixed:
                    account.contacts = before
                    return jsonify(_told(refusal)), refusal.status
                trace = {"objectWriteTraceId": [row["objectWriteTraceId"]]}
                errors.append({**_told(refusal), "context": trace})
            else:
                results.append({"id": contact, "properties": row["properties"]})
    return jsonify(results=results, errors=errors), 207 if errors else 200


def _told(refusal: Refusal) -> Json:
    inner = [{"code": refusal.code}] if refusal.code else []
    return {"category": refusal.category, "message": refusal.message, "errors": inner}


def _properties(app: Flask, account: Account) -> None:
    @app.get(_PROPERTIES)
    def listed() -> Response:
        return jsonify(results=list(account.properties.values()))

    @app.post(f"{_PROPERTIES}/groups")
    def group() -> tuple[Response, int]:
        name = request.get_json()["name"]
        is_new = name not in account.groups
        account.groups.add(name)
        return jsonify(name=name), 201 if is_new else 409

    @app.post(f"{_PROPERTIES}/batch/create")
    def create() -> tuple[Response, int]:
        wanted: Sequence[Json] = request.get_json()["inputs"]
        if any(each["groupName"] not in account.groups for each in wanted):
            return jsonify(category="VALIDATION_ERROR"), 400
        account.properties |= {each["name"]: each for each in wanted}
        return jsonify(results=wanted), 201
