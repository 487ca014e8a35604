"""Delivers one lane to a provider, as a process that a test kills: `URL DATABASE REDIS LANE`."""

import sys
from datetime import timedelta

from sync.delivery.policy import Policy
from sync.store.outbox import Lane
from tests.delivery.made import NOON
from tests.delivery.test_lane import Caller
from tests.workers.world import settings_for, world
from workers.lane import Sender, Turn

if __name__ == "__main__":
    url, database_url, redis_url, channel, sink = sys.argv[1:]
    context = world(settings_for(database_url, redis_url), NOON).context
    policy = Policy(batch=10, key_lives=timedelta(days=1))
    sender = Sender(deliver=Caller(url, redis_url), policy=policy)
    Turn(context, Lane(channel, sink), sender, float("inf")).batch()
