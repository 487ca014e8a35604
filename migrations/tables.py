"""Every module that defines a table, so that METADATA is whole (see tests/test_migrations.py)."""

import notifications.kinds
import notifications.suppression
import sync.access.delivery
import sync.access.tables
import sync.clock
import sync.crm.tables
import sync.history.tables
import sync.inventory.tables
import sync.mirror.objects
import sync.store.attempts
import sync.store.budget
import sync.store.drift
import sync.store.inbox
import sync.store.outbox
import sync.store.progress
import sync.store.refetch
import sync.store.sinks
from sync.store.engine import METADATA

__all__ = ["METADATA"]
_DEFINING = (
    notifications.kinds,
    notifications.suppression,
    sync.access.delivery,
    sync.access.tables,
    sync.clock,
    sync.crm.tables,
    sync.history.tables,
    sync.inventory.tables,
    sync.mirror.objects,
    sync.store.attempts,
    sync.store.budget,
    sync.store.drift,
    sync.store.inbox,
    sync.store.outbox,
    sync.store.progress,
    sync.store.refetch,
    sync.store.sinks,
)
