from typing import Any

import pytest
import redis
from sqlalchemy import Engine, select, update

from sync.store import inbox
from sync.store.inbox import INBOX, Delivery
from tests.console.browser import token
from tests.console.conftest import Open

SLOT = 7


def event_in(engine: Engine, state: str) -> None:
    """Put one event into the inbox, in `state`."""
    with engine.begin() as conn:
        payload = b'{"data": {"object": {"object": "customer", "id": "cus_1"}}}'
        inbox.store(conn, Delivery(event_id="evt_1", payload=payload, slot=SLOT))
        values = {"state": state, "attempts": 3, "last_error": "it broke"}
        conn.execute(update(INBOX).values(values))


def stands(engine: Engine) -> tuple[Any, ...]:
    """Return state and attempts of the one event."""
    with engine.connect() as conn:
        return tuple(conn.execute(select(INBOX.c.state, INBOX.c.attempts)).one())


@pytest.mark.parametrize("state", ["parked", "dead", "done"])
def test_replay_makes_an_event_pending_and_wakes_a_worker_of_its_lane(
    engine: Engine, open_console: Open, redis_url: str, state: str
) -> None:
    event_in(engine, state)
    client = open_console(engine, LANES="4")
    form = {"token": token(client, "/console/events/evt_1")}

    answer = client.post("/console/events/evt_1/replay", data=form)

    assert answer.status_code == 303
    assert stands(engine) == ("pending", 0)
    with redis.Redis.from_url(redis_url) as valkey:
        assert valkey.get(f"evergreen:doorbell:events:{SLOT % 4}") == b"1"
        assert valkey.llen("rq:queue:events") == 1
    assert "pending again" in client.get(answer.location).text


def test_replay_leaves_an_event_alone_that_waits_already(
    engine: Engine, open_console: Open
) -> None:
    event_in(engine, "pending")
    client = open_console(engine)

    answer = client.post("/console/events/evt_1/replay", data={"token": token(client)})

    assert stands(engine) == ("pending", 3)
    assert "pending already" in client.get(answer.location).text


def test_replay_needs_no_valkey(engine: Engine, open_console: Open) -> None:
    """The sweep finds what no bell was rung for."""
    event_in(engine, "dead")
    client = open_console(engine, REDIS_URL="redis://localhost:1")

    answer = client.post("/console/events/evt_1/replay", data={"token": token(client)})

    assert answer.status_code == 303
    assert stands(engine) == ("pending", 0)


def test_replay_of_an_unknown_event_is_404(engine: Engine, open_console: Open) -> None:
    client = open_console(engine)

    answer = client.post("/console/events/evt_9/replay", data={"token": token(client)})

    assert answer.status_code == 404


@pytest.mark.parametrize("form", [{}, {"token": "x"}])
def test_replay_without_the_token_changes_nothing(
    engine: Engine, open_console: Open, form: dict[str, str]
) -> None:
    event_in(engine, "dead")

    answer = open_console(engine).post("/console/events/evt_1/replay", data=form)

    assert answer.status_code == 400
    assert stands(engine) == ("dead", 3)


def test_replay_is_no_link(engine: Engine, open_console: Open) -> None:
    event_in(engine, "dead")

    assert open_console(engine).get("/console/events/evt_1/replay").status_code == 404
    assert stands(engine) == ("dead", 3)
