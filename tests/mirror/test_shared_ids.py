"""One id in several accounts, and several lines under one id: each is told from the others."""

from typing import Any

from sqlalchemy import Engine

from tests.mirror.fold import Json, fold, rows

AT = 1_700_000_000


def plan(event_id: str, account: str, at: int, name: str, before: str | None = None) -> Json:
    """Return an event of a plan called `pro`, as a shop may call its own."""
    data: dict[str, Any] = {"object": {"id": "pro", "object": "plan", "nickname": name}}
    if before is not None:
        data["previous_attributes"] = {"nickname": before}
    told = {"id": event_id, "type": "plan.updated", "created": at, "livemode": False}
    return {**told, "account": account, "data": data}


def test_other_accounts_events_hide_none_of_our_own(engine: Engine) -> None:
    """The half of a tie that comes late is judged by its other half, however busy others are."""
    others = [plan(f"evt_o{n}", f"acct_{n}", AT + n, "theirs") for n in range(1, 41)]
    fold(engine, [[plan("evt_2", "acct_A", AT, "C", "B")], others])
    fold(engine, [[plan("evt_1", "acct_A", AT, "B", "A")]])

    ours = "SELECT nickname, undecided FROM stripe.plans WHERE account = 'acct_A'"
    assert rows(engine, ours) == [("C", False)]


def test_a_tie_with_a_state_whose_event_is_lost_is_marked(engine: Engine) -> None:
    fold(engine, [[plan("evt_2", "", AT, "C", "B")]])
    with engine.begin() as conn:
        conn.exec_driver_sql("DELETE FROM evergreen.inbox")
    fold(engine, [[plan("evt_1", "", AT, "B", "A")]])

    assert rows(engine, "SELECT undecided FROM stripe.plans") == [(True,)]


def test_a_line_that_is_gone_leaves_no_ghost_in_the_oldest_shape(engine: Engine) -> None:
    """Until 2019-12-03 all lines of a subscription bore its id; only `unique_id` was unique."""

    def invoice(event_id: str, at: int, *lines: str) -> Json:
        data = [{"id": "sub_1", "unique_id": line, "object": "line_item"} for line in lines]
        listed = {
            "object": "list",
            "data": data,
            "has_more": False,
            "url": "/v1/invoices/in_1/lines",
        }
        subject = {"id": "in_1", "object": "invoice", "lines": listed}
        told = {"id": event_id, "type": "invoice.updated", "created": at, "livemode": False}
        return {**told, "data": {"object": subject}}

    fold(engine, [[invoice("evt_1", AT, "il_1", "il_2")], [invoice("evt_2", AT + 1, "il_1")]])

    assert rows(engine, "SELECT id FROM stripe.invoice_line_items") == [("il_1",)]
