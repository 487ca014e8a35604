"""Recovery: who is past due, what is at risk, and what came back."""

from flask.typing import ResponseReturnValue

from app.console import asked, queries_recovery
from app.console.page import Desk, Page, Route
from app.console.queries_customers import names_of
from app.console.queries_effects import MONTH


def listed(desk: Desk) -> ResponseReturnValue:
    """Show one of the three lists; invoices by currency, recovered ones since a month or ever."""
    show = asked.choice("show", queries_recovery.LISTS) or "at-risk"
    paid = asked.choice("paid", ("last-30-days",))
    currency = "" if show == "past-due" else asked.text("currency")
    since = desk.clock.now() - MONTH if paid else None
    lists = {**queries_recovery.LISTS, "recovered": lambda: queries_recovery.recovered(since)}
    with desk.reading() as conn:
        rows = queries_recovery.listed(conn, lists[show](), currency, asked.before())
        names = names_of(conn, rows.rows, "customer")
    wanted = {"show": show, "currency": currency, "paid": paid}
    return desk.render(
        "recovery.html", rows=rows, wanted=wanted, names=names, failures=queries_recovery.FAILURES
    )


PAGE = Page("Recovery", (Route("recovery", "/recovery", listed),))
