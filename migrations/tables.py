"""Every module that defines a table, so that METADATA is whole (see tests/test_migrations.py)."""

import notifications.kinds
import notifications.suppression
import sync.access.delivery
import sync.access.tables
import sync.clock
import sync.crm.sinks.local
import sync.history.tables
import sync.inventory.tables
import sync.mirror.objects
import sync.store.budget
import sync.store.drift
import sync.store.inbox
import sync.store.outbox
import sync.store.progress
import sync.store.refetch
from sync.store.engine import METADATA

__all__ = ["METADATA"]
_DEFINING = (
    notifications.kinds,
    notifications.suppression,
    sync.access.delivery,
    sync.access.tables,
    sync.clock,
    sync.crm.sinks.local,
    sync.history.tables,
    sync.inventory.tables,
    sync.mirror.objects,
    sync.store.budget,
    sync.store.drift,
    sync.store.inbox,
    sync.store.outbox,
    sync.store.progress,
    sync.store.refetch,
)
