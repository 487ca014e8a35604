"""HubSpot: one contact per customer, written in batches under a key of our own.

A contact that was there before is found by its e-mail and adopted; the e-mail is sent for that
and to make a contact, and never again. One refused row has HubSpot refuse its whole batch, so
a refused batch is looked through and halved until the row stands alone.

Source: developers.hubspot.com/docs/api-reference (2026-09), contacts and properties
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.crm.fields import Naming
from sync.crm.opening import Opening, must
from sync.crm.sink import CrmSink, Snapshot
from sync.crm.sinks.hubspot import setting_up
from sync.crm.sinks.hubspot.properties import KEY, ONCE, state_of, told_once
from sync.crm.sinks.hubspot.replies import CODES, alone, code_of, matched, unlucky
from sync.delivery import signals
from sync.delivery.gate import NoAnswer
from sync.delivery.http import Answer, Call, Client
from sync.delivery.policy import Policy
from sync.delivery.sink import Finding

NAME = "hubspot"
CONTACTS = "/crm/objects/2026-09/contacts/batch"
# 90 of the 100 calls in 10 s that the smallest accounts may make.
POLICY = Policy(batch=100, calls_per_window=90, window_s=10)
_CONFLICT, _NOT_FOUND = 409, 404
_REFUSED = frozenset({400, 422})
_DAILY_AGAIN_S = 3_600.0
_EXISTING = re.compile(r"Existing ID: (\d+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One contact to write; `remote_id` is known once it was made or adopted."""

    snapshot: Snapshot
    properties: Mapping[str, str]
    remote_id: str | None = None
    adopted: bool = False

    @property
    def trace(self) -> str:
        """Return what stands for this row in HubSpot's answers."""
        return self.snapshot.message_id

    @property
    def key(self) -> str:
        """Return the customer's id, the contact's key."""
        return self.snapshot.customer_id


Ended = dict[str, Outcome]
"""Outcome by the trace of its row."""


@dataclass(frozen=True, slots=True)
class HubSpotSink:
    """Keeps contacts of one HubSpot account."""

    client: Client
    naming: Naming
    name: str = NAME
    policy: Policy = POLICY
    once: Sequence[str] = ONCE

    def setup(self) -> Sequence[Finding]:
        """Make the group and the properties that are missing."""
        return setting_up.set_up(self.client, self.naming)

    def shown(self, snapshot: Snapshot) -> Mapping[str, Any]:
        """Return the properties that follow the customer."""
        return state_of(snapshot, self.naming)

    def deliver(self, batch: Sequence[Snapshot]) -> Sequence[Outcome]:
        """Write the contacts; one who was erased before we ever made a contact needs none."""
        rows = [self._row(each) for each in batch]
        needed = [row for row in rows if row.remote_id or not row.snapshot.fields["deleted"]]
        linked = [row for row in needed if row.remote_id]
        new = [row for row in needed if not row.remote_id]
        ended = {**self._all(self._update, linked), **self._all(self._upsert, new)}
        return [ended.get(row.trace, Done()) for row in rows]

    def _row(self, snapshot: Snapshot) -> Row:
        properties = {**state_of(snapshot, self.naming), **told_once(snapshot)}
        return Row(snapshot, properties, snapshot.link.remote_id if snapshot.link else None)

    def _all(self, write: "Write", rows: Sequence[Row]) -> Ended:
        return write(rows) if rows else {}

    def _upsert(self, rows: Sequence[Row]) -> Ended:
        """Write contacts by our key: made where there is none."""
        inputs = [
            {"idProperty": KEY, "id": row.key, "properties": {**row.properties, KEY: row.key}}
            for row in rows
        ]
        found = self._ask("upsert", rows, inputs)
        if isinstance(found, Answer) and found.status == _CONFLICT:
            return self._conflict(rows, found)
        return self._ended(rows, found, self._upsert)

    def _update(self, rows: Sequence[Row]) -> Ended:
        """Write contacts by HubSpot's own ids."""
        inputs = [{"id": row.remote_id, "properties": row.properties} for row in rows]
        found = self._ask("update", rows, inputs)
        if isinstance(found, Answer) and found.status in {_CONFLICT, _NOT_FOUND}:
            return self._halved(rows, self._update) or self._not_as_linked(rows[0], found)
        return self._ended(rows, found, self._update)

    def _not_as_linked(self, row: Row, found: Answer) -> Ended:
        """Write one contact that is gone, or whose new e-mail is another contact's."""
        if found.status == _NOT_FOUND and not row.adopted:
            unlinked = replace(row.snapshot, link=None)
            return self._upsert([self._row(unlinked)])
        if found.status == _CONFLICT and "email" in row.properties:
            rest = {name: value for name, value in row.properties.items() if name != "email"}
            return self._update([replace(row, properties=rest)])
        return {row.trace: _meaning(found)}

    def _conflict(self, rows: Sequence[Row], found: Answer) -> Ended:
        """Adopt the contacts that have our customers' e-mails; write the others by halves."""
        owners = self._contacts_of(rows, found)
        if not isinstance(owners, dict):
            return {row.trace: _meaning(owners) for row in rows}
        adopted = [_adopted(row, owners[row.trace]) for row in rows if row.trace in owners]
        rest = [row for row in rows if row.trace not in owners]
        if adopted:
            return {**self._update(adopted), **self._all(self._upsert, rest)}
        return self._halved(rest, self._upsert) or {
            rest[0].trace: Failed(f"{NAME}_conflict"),
        }

    def _contacts_of(
        self, rows: Sequence[Row], conflict: Answer
    ) -> dict[str, Mapping[str, Any]] | Answer | NoAnswer:
        """Return the contacts that hold the rows' e-mails, by the rows' traces."""
        emails = {str(row.snapshot.fields["email"]).lower(): row for row in rows if _email(row)}
        by = {"idProperty": "email"}
        ids = list(emails)
        named = _EXISTING.search(str(conflict.body.get("message", "")))
        if len(rows) == 1 and named:
            by, ids = {}, [named.group(1)]
        wanted = {**by, "inputs": [{"id": each} for each in ids], "properties": [KEY, "email"]}
        if not ids:
            return {}
        call = Call(method="POST", path=f"{CONTACTS}/read", json=wanted, repeatable=True)
        found = self._call(call)
        if isinstance(found, NoAnswer) or not found.is_ok:
            return found
        results = found.body.get("results", ())
        if not by and results:
            return {rows[0].trace: results[0]}
        return {
            emails[email].trace: each
            for each in results
            if (email := str(each["properties"].get("email") or "").lower()) in emails
        }

    def _ended(self, rows: Sequence[Row], found: Answer | NoAnswer, again: "Write") -> Ended:
        """Return how each row ended; rows that HubSpot did not answer for are sent alone."""
        if isinstance(found, NoAnswer) or not found.is_ok:
            return self._refused(rows, found, again)
        by_key = {row.remote_id or row.key: row.trace for row in rows}
        ended: Ended = {trace: Done(id_) for trace, id_ in matched(found, by_key).items()}
        ended |= {trace: end for trace, end in unlucky(found).items() if trace not in ended}
        left = [row for row in rows if row.trace not in ended]
        if len(rows) == 1:
            return ended or {rows[0].trace: Unknown(f"{NAME}_unmatched")}
        for row in left:
            ended |= again([row])
        return ended

    def _refused(self, rows: Sequence[Row], found: Answer | NoAnswer, again: "Write") -> Ended:
        """Return what a refusal of the whole batch means; a row that is wrong is looked for."""
        halved: Ended = {}
        if isinstance(found, Answer) and found.status in _REFUSED and code_of(found) not in CODES:
            halved = self._halved(rows, again)
        return halved or {row.trace: _meaning(found) for row in rows}

    def _halved(self, rows: Sequence[Row], write: "Write") -> Ended:
        """Write both halves of a refused batch by themselves; nothing where a row is alone."""
        if len(rows) == 1:
            return {}
        middle = len(rows) // 2
        return {**write(rows[:middle]), **write(rows[middle:])}

    def _ask(
        self, verb: str, rows: Sequence[Row], inputs: Sequence[Mapping[str, Any]]
    ) -> Answer | NoAnswer:
        """Post a batch; safe to repeat, as each row says what is true."""
        traced = [
            {**each, "objectWriteTraceId": row.trace}
            for row, each in zip(rows, inputs, strict=True)
        ]
        path = f"{CONTACTS}/{verb}"
        call = Call(method="POST", path=path, json={"inputs": traced}, repeatable=True)
        found = self._call(call)
        return alone(found) if isinstance(found, Answer) and len(rows) == 1 else found

    def _call(self, call: Call) -> Answer | NoAnswer:
        try:
            return self.client.call(call)
        except NoAnswer as none:
            return none


Write = Callable[[Sequence[Row]], Ended]


def _email(row: Row) -> str | None:
    return row.snapshot.fields.get("email")


def _adopted(row: Row, contact: Mapping[str, Any]) -> Row:
    """Return the row as an update of `contact`; a key that it has already stays."""
    key = {} if contact["properties"].get(KEY) else {KEY: row.key}
    properties = {name: value for name, value in row.properties.items() if name != "email"}
    return replace(
        row, remote_id=str(contact["id"]), properties={**properties, **key}, adopted=True
    )


def _meaning(found: Answer | NoAnswer) -> Outcome:
    if isinstance(found, Answer) and found.body.get("policyName") == "DAILY":
        return RetryIn(_DAILY_AGAIN_S, f"{NAME}_daily_limit", scope="sink")
    code = code_of(found) if isinstance(found, Answer) else ""
    return signals.outcome(NAME, found, code=code, codes=CODES)


def open_sink(opening: Opening) -> CrmSink:
    """Return the sink for the account in the settings.

    Raises:
        SettingsError: there is none.
    """
    account = must(opening.vendors.hubspot, "CRM names hubspot and HUBSPOT_TOKEN is not set")
    client = Client(
        account.base_url,
        opening.gates(NAME, POLICY),
        headers={
            "Authorization": f"Bearer {account.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
    )
    opening.opened.callback(client.close)
    return HubSpotSink(client, opening.vendors.naming(NAME))
