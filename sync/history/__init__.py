"""The history: every state a subscription was in, and what it brought a month.

`record` appends, `rederive` tells amounts again when a discount, coupon or price comes late;
both in the transaction of their caller. What they write depends on the set of events alone,
never on their order.
"""

from sync.history.recording import record, record_readings
from sync.history.rederiving import rederive

__all__ = ["record", "record_readings", "rederive"]
