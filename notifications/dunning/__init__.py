"""Dunning: one campaign per customer, by the reason of the failure and by time.

Reading order: `declines` and `segments` (the rows), `bills` and `campaign` (the decisions),
`facts` and `payments` (what the mirror tells), `messages`, `recorded`, `store` (what follows).
"""

from notifications.dunning.store import follow
from notifications.dunning.wishes import wishes

__all__ = ["follow", "wishes"]
