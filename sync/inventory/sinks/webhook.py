"""Movements and notices to an address of the shop's own, signed by Standard Webhooks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert

from sync.access.delivery import WEBHOOK_GONE, is_gone
from sync.access.shown import iso
from sync.changes import Outcome, Skipped
from sync.delivery.policy import Policy
from sync.delivery.sink import Finding
from sync.inventory.sink import Intent, Notice, Told
from sync.webhook import GONE, Webhook

MOVEMENT, NOTICE = "inventory.movement", "inventory.notice"


class WebhookSink:
    """Posts each movement under its own id, the same at each attempt."""

    name = "webhook"
    # The receiver drops what it knows by its `webhook-id`, for good.
    policy = Policy(batch=10, key_lives=timedelta(days=366))

    def __init__(self, webhook: Webhook, engine: Engine) -> None:
        """Post by `webhook`; whoever opened it closes it. `engine` knows receivers that left."""
        self._webhook, self._engine = webhook, engine

    def setup(self) -> Sequence[Finding]:
        """Return that there is nothing to set up: the receiver takes what comes."""
        return [Finding("ok", "webhook", "nothing to set up")]

    def deliver(self, batch: Sequence[Intent]) -> Sequence[Outcome]:
        """Post each; a level is not asked for here, since each movement names it."""
        return [self._post(intent) for intent in batch]

    def resolve(self, intent: Intent) -> Outcome | None:
        """Return nothing: posting it again is safe."""
        del intent
        return None

    def _post(self, intent: Intent) -> Outcome:
        shown = _BODIES.get(type(intent))
        if shown is None:
            return Skipped("not_for_webhooks")
        message_id, body = shown(intent)
        with self._engine.connect() as conn:
            if is_gone(conn, self._webhook.endpoint):
                return GONE
        outcome = self._webhook.post(message_id, orjson.dumps(body))
        if outcome == GONE:
            with self._engine.begin() as conn:
                row = {"endpoint": self._webhook.endpoint.id, "gone_at": func.now()}
                conn.execute(insert(WEBHOOK_GONE).values(row).on_conflict_do_nothing())
        return outcome


def _movement(told: Told) -> tuple[str, Mapping[str, Any]]:
    moved = told.movement
    data = {
        "movement_id": moved.id,
        "sku": moved.sku,
        "location": moved.location,
        "delta": moved.delta,
        "on_hand_after": moved.level_after,
        "cause": moved.cause,
        "source_line": moved.source_line,
        "revision": moved.revision,
    }
    return f"msg_{told.key}", {"type": MOVEMENT, "timestamp": iso(moved.at), "data": data}


def _notice(notice: Notice) -> tuple[str, Mapping[str, Any]]:
    data = {name: value for name, value in asdict(notice).items() if name not in {"id", "at"}}
    body = {"type": NOTICE, "timestamp": iso(notice.at), "data": {"notice_id": notice.id, **data}}
    return f"msg_stock_notice_{notice.id}", body


_BODIES: Mapping[type, Callable[[Any], tuple[str, Mapping[str, Any]]]] = {
    Told: _movement,
    Notice: _notice,
}
