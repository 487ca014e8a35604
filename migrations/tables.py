"""Every module that defines a table, so that METADATA is whole (see tests/test_migrations.py)."""

import notifications.kinds
import notifications.suppression
import sync.clock
import sync.crm.sinks.local
import sync.inventory.tables
import sync.mirror.objects
import sync.mirror.payment_queries
import sync.store.inbox
import sync.store.outbox
from sync.store.engine import METADATA

__all__ = ["METADATA"]
_DEFINING = (
    notifications.kinds,
    notifications.suppression,
    sync.clock,
    sync.crm.sinks.local,
    sync.inventory.tables,
    sync.mirror.objects,
    sync.mirror.payment_queries,
    sync.store.inbox,
    sync.store.outbox,
)
