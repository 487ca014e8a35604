"""A Salesforce org that keeps contacts by an external id, and checks tokens and fields."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flask import Flask, Response, jsonify, request

from sync.crm.sinks.salesforce.columns import KEY
from sync.crm.sinks.salesforce.sink import UPSERT, VERSION
from tests.fakes.serving import Faults, failing

Json = Mapping[str, Any]
CLIENT_ID, CLIENT_SECRET = "consumer-key", "consumer-secret"
_DESCRIBE = f"/services/data/v{VERSION}/sobjects/Contact/describe"


@dataclass
class Org:
    """All that the org holds. `locked`: how often a contact is locked before it can be written."""

    faults: Faults = field(default_factory=Faults)
    fields: dict[str, Json] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    locked: dict[str, int] = field(default_factory=dict)
    token: str = ""
    log_ins: int = 0
    calls: list[int] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def expire(self) -> None:
        """Take no token that was given so far."""
        self.token = ""

    def write(self, record: dict[str, Any]) -> Json:
        """Write one contact; return its row of the answer."""
        key = record[KEY]
        unknown = sorted(set(record) - set(self.fields) - {KEY, "LastName", "Email", "attributes"})
        if unknown:
            return _refused("INVALID_FIELD", unknown[0])
        if self.locked.get(key, 0) > 0:
            self.locked[key] -= 1
            return _refused("UNABLE_TO_LOCK_ROW")
        if key not in self.contacts and not record.get("LastName"):
            return _refused("REQUIRED_FIELD_MISSING", "LastName")
        if record.get("Email") == "rejected@example.com":
            return _refused("FIELD_CUSTOM_VALIDATION_EXCEPTION")
        known = self.contacts.setdefault(key, {"id": f"003{next(self.ids):015}"})
        known.update(record)
        return {"id": known["id"], "success": True, "errors": []}


def _refused(code: str, message: str = "") -> Json:
    return {"success": False, "errors": [{"statusCode": code, "message": message}]}


def salesforce(org: Org) -> Flask:
    """Return the org's HTTP interface: log-in and data on one address."""
    app = Flask(__name__)
    failing(app, org.faults, org.expire)

    @app.post("/services/oauth2/token")
    def token() -> tuple[Response, int]:
        form = request.form
        if (form["client_id"], form["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            return jsonify(error="invalid_client"), 400
        org.log_ins += 1
        org.token = f"token-{org.log_ins}"
        return jsonify(access_token=org.token, instance_url=request.host_url.rstrip("/")), 200

    @app.before_request
    def knows_the_token() -> tuple[Response, int] | None:
        told = request.headers.get("Authorization")
        if request.path.startswith("/services/data") and told != f"Bearer {org.token}":
            return jsonify([{"errorCode": "INVALID_SESSION_ID"}]), 401
        return None

    @app.patch(UPSERT)
    def upsert() -> tuple[Response, int]:
        body = request.get_json()
        org.calls.append(len(body["records"]))
        if body["allOrNone"] is not False or len(body["records"]) > 200:
            return jsonify([{"errorCode": "INVALID_INPUT"}]), 400
        with org.lock:
            return jsonify([org.write(each) for each in body["records"]]), 200

    @app.get(_DESCRIBE)
    def describe() -> Response:
        return jsonify(fields=[{"name": name, **each} for name, each in org.fields.items()])

    return app
