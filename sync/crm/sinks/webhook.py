"""The shop's own receiver: every snapshot as one signed webhook, `crm.customer.snapshot`.

`version` grows with every reading, so that a receiver can drop what comes late. E-mail and
name are left out: who receives knows its customers by their ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert

from sync.access.delivery import WEBHOOK_GONE, is_gone
from sync.changes import Outcome
from sync.crm.opening import Opening, must
from sync.crm.sink import CrmSink, Snapshot
from sync.delivery.policy import Policy
from sync.delivery.sink import Finding
from sync.webhook import GONE, Webhook

NAME = "webhook"
TYPE = "crm.customer.snapshot"
POLICY = Policy(batch=10)
_CONTACT_DATA = frozenset({"email", "name"})


@dataclass(frozen=True, slots=True)
class WebhookSink:
    """Posts snapshots to one receiver."""

    engine: Engine
    webhook: Webhook
    name: str = NAME
    policy: Policy = POLICY
    once: Sequence[str] = ()

    def setup(self) -> Sequence[Finding]:
        """Tell whether the receiver still wants to be told."""
        if self._is_gone():
            hint = "mend it, then `evergreen crm push --all --sink webhook`"
            return [Finding("wrong", "the receiver has answered 410 (gone)", hint)]
        return [Finding("ok", "the receiver is set")]

    def shown(self, snapshot: Snapshot) -> Mapping[str, Any]:
        """Return all fields but contact data."""
        return {k: v for k, v in snapshot.fields.items() if k not in _CONTACT_DATA}

    def deliver(self, batch: Sequence[Snapshot]) -> Sequence[Outcome]:
        """Post one after the other; a receiver that is gone gets nothing more."""
        gone = self._is_gone()
        ended: list[Outcome] = []
        for snapshot in batch:
            ended.append(GONE if gone else self._post(snapshot))
            gone = gone or ended[-1] == GONE
        return ended

    def _post(self, snapshot: Snapshot) -> Outcome:
        content = orjson.dumps(
            {
                "type": TYPE,
                "timestamp": f"{snapshot.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "data": {**self.shown(snapshot), "version": snapshot.version},
            }
        )
        outcome = self.webhook.post(snapshot.message_id, content)
        if outcome == GONE:
            self._note_gone()
        return outcome

    def _is_gone(self) -> bool:
        with self.engine.connect() as conn:
            return is_gone(conn, self.webhook.endpoint)

    def _note_gone(self) -> None:
        row = {"endpoint": self.webhook.endpoint.id, "gone_at": func.now()}
        with self.engine.begin() as conn:
            conn.execute(insert(WEBHOOK_GONE).values(row).on_conflict_do_nothing())


def open_sink(opening: Opening) -> CrmSink:
    """Return the sink for the receiver in the settings.

    Raises:
        SettingsError: there is none.
    """
    missing = "CRM names webhook and CRM_WEBHOOK_URL is not set"
    endpoint = must(opening.vendors.webhook, missing)
    webhook = Webhook(endpoint, opening.gates(f"crm:{NAME}", POLICY))
    opening.opened.callback(webhook.close)
    return WebhookSink(opening.engine, webhook)
