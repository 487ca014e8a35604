"""Home: is it running, what waits for a person, and where the money is."""

from flask.typing import ResponseReturnValue

from app.console import queries_effects, queries_objects, queries_recovery, queries_stock
from app.console import queries_events as events
from app.console.counts import count_rows
from app.console.page import Desk, Page, Route
from sync.store.inbox import STATES


def home(desk: Desk) -> ResponseReturnValue:
    """Show the numbers; each leads to the rows behind it."""
    now = desk.clock.now()
    recovered = queries_recovery.recovered
    with desk.reading() as conn:
        kinds = queries_effects.counts(conn, now)
        values = {
            "last_day": events.counts_last_day(conn),
            "in_all": events.counts_in_all(conn),
            "oldest": events.oldest_pending_age(conn),
            "objects": queries_objects.counts(conn),
            "past_due": count_rows(conn, queries_recovery.past_due()),
            "at_risk": _amounts(conn, queries_recovery.at_risk(), "amount_remaining_minor"),
            "recovered": _amounts(conn, recovered(), "amount_paid_minor"),
            "recovered_lately": _amounts(
                conn, recovered(now - queries_effects.MONTH), "amount_paid_minor"
            ),
            "low": queries_stock.levels(conn, only_low=True),
            "stock_questions": queries_stock.count_open_questions(conn),
        }
    effect_states = queries_effects.states_seen(kinds)
    return desk.render(
        "home.html",
        kinds=kinds,
        effect_states=effect_states,
        event_states=STATES,
        failures=queries_recovery.FAILURES,
        **values,
    )


_amounts = queries_recovery.amounts

PAGE = Page("Home", (Route("home", "/", home),))
