"""Salesforce: one contact per customer, upserted in collections by an external id.

Rows are answered in order, each by itself. Name and e-mail are sent to make a contact, and
never again.

Source: developer.salesforce.com/docs, REST API, sObject Collections
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from sync.changes import Done, Outcome, Unknown
from sync.crm.fields import Naming
from sync.crm.opening import Opening, must
from sync.crm.sink import CrmSink, Snapshot
from sync.crm.sinks.salesforce import setting_up
from sync.crm.sinks.salesforce.columns import KEY, OBJECT, ONCE, as_number, state_of, told_once
from sync.crm.sinks.salesforce.session import Session
from sync.delivery import signals
from sync.delivery.gate import NoAnswer
from sync.delivery.http import Answer, Call
from sync.delivery.policy import Policy
from sync.delivery.signals import Meaning
from sync.delivery.sink import Finding

NAME = "salesforce"
VERSION = "68.0"
UPSERT = f"/services/data/v{VERSION}/composite/sobjects/{OBJECT}/{KEY}"
# The org's quota is of a day and shared with others, so no number here is right for all: calls
# are few by their size, and `REQUEST_LIMIT_EXCEEDED` has us wait.
POLICY = Policy(batch=200, calls_per_window=20, window_s=10)
CODES: Mapping[str, Meaning] = {
    "REQUEST_LIMIT_EXCEEDED": "busy",
    "UNABLE_TO_LOCK_ROW": "soon",
    "SERVER_UNAVAILABLE": "soon",
    "INVALID_SESSION_ID": "mend",
    "INVALID_FIELD": "mend",  # not deployed, or not visible to our user
    "INSUFFICIENT_ACCESS_OR_READONLY": "mend",
}
_ROW_REFUSED = 400
_NAME_MISSING = "REQUIRED_FIELD_MISSING"


@dataclass(frozen=True, slots=True)
class SalesforceSink:
    """Keeps contacts of one org."""

    session: Session
    naming: Naming
    name: str = NAME
    policy: Policy = POLICY
    once: Sequence[str] = ONCE

    def setup(self) -> Sequence[Finding]:
        """Tell which fields are there; making them needs an administrator and the package."""
        return setting_up.look(self.session, self.naming, VERSION)

    def shown(self, snapshot: Snapshot) -> Mapping[str, Any]:
        """Return the fields that follow the customer."""
        state = state_of(snapshot, self.naming)
        return {name: str(value) for name, value in state.items() if value is not None}

    def deliver(self, batch: Sequence[Snapshot]) -> Sequence[Outcome]:
        """Write the contacts; one who was erased before we ever made a contact needs none."""
        needed = [each for each in batch if each.link or not each.fields["deleted"]]
        sent = self._upsert(needed) if needed else []
        ended = dict(zip((each.message_id for each in needed), sent, strict=True))
        return [ended.get(each.message_id, Done()) for each in batch]

    def _upsert(self, batch: Sequence[Snapshot]) -> list[Outcome]:
        body = {"allOrNone": False, "records": [self._record(each) for each in batch]}
        content = orjson.dumps(body, default=as_number)
        call = Call(method="PATCH", path=UPSERT, content=content, repeatable=True)
        found = self.session.call(call)
        if isinstance(found, NoAnswer) or not found.is_ok:
            return [_meaning(found)] * len(batch)
        rows = found.json if isinstance(found.json, list) else []
        if len(rows) != len(batch):
            return [Unknown(f"{NAME}_unmatched")] * len(batch)
        return [self._ended(each, row) for each, row in zip(batch, rows, strict=True)]

    def _record(self, snapshot: Snapshot) -> Mapping[str, Any]:
        return {
            "attributes": {"type": OBJECT},
            KEY: snapshot.customer_id,
            **state_of(snapshot, self.naming),
            **told_once(snapshot),
        }

    def _ended(self, snapshot: Snapshot, row: Mapping[str, Any]) -> Outcome:
        if row.get("success"):
            return Done(str(row.get("id")))
        errors: Sequence[Mapping[str, Any]] = row.get("errors") or [{}]
        code = str(errors[0].get("statusCode", ""))
        if code == _NAME_MISSING and snapshot.link:
            # Somebody deleted the contact, so it is made anew, with its name.
            return self._upsert([replace(snapshot, link=None)])[0]
        return signals.outcome(NAME, Answer(_ROW_REFUSED, {}), code=code, codes=CODES)


def _meaning(found: Answer | NoAnswer) -> Outcome:
    code = ""
    if isinstance(found, Answer) and isinstance(found.json, list) and found.json:
        code = str(found.json[0].get("errorCode", ""))
    return signals.outcome(NAME, found, code=code, codes=CODES)


def open_sink(opening: Opening) -> CrmSink:
    """Return the sink for the org in the settings.

    Raises:
        SettingsError: there is none.
    """
    missing = "CRM names salesforce and SALESFORCE_LOGIN_URL is not set"
    org = must(opening.vendors.salesforce, missing)
    session = Session(org, opening.gates, NAME, POLICY)
    opening.opened.callback(session.close)
    return SalesforceSink(session, opening.vendors.naming(NAME))
