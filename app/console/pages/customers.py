"""Customers: find one, and see all of one on a page: mirror, money, mails, CRM, in time."""

from flask import abort, request
from flask.typing import ResponseReturnValue

from app.console import asked, queries_effects
from app.console import queries_customers as queries
from app.console.page import Desk, Page, Route

_SHOWN = {"": (), "mails": ("mail",), "events": ("event",), "effects": queries_effects.CHANNELS}


def listed(desk: Desk) -> ResponseReturnValue:
    """Show all customers, a page at a time, and the search."""
    with desk.reading() as conn:
        page = queries.listed(conn, asked.before())
    return desk.render("customers.html", customers=page.rows, older=page.older, searched=None)


def search(desk: Desk) -> ResponseReturnValue:
    """Show whom an id or an e-mail address means; by POST, as addresses belong in no URL."""
    words = request.form.get("words", "").strip()
    with desk.reading() as conn:
        customers = queries.found(conn, words) if words else []
    return desk.render("customers.html", customers=customers, older=None, searched=words)


def show(desk: Desk, customer_id: str) -> ResponseReturnValue:
    """Show one customer."""
    show = asked.choice("show", _SHOWN)
    with desk.reading() as conn:
        customer = queries.load(conn, customer_id, request.args.get("account"))
        if customer is None:
            abort(404, "The mirror has never seen this customer.")
        subscriptions = queries.subscriptions(conn, customer)
        invoices = queries.invoices(conn, customer)
        ids = [customer_id, *(row["id"] for row in (*subscriptions, *invoices))]
        entries = queries.timeline(conn, customer, ids)
        items = queries.items(conn, [row["id"] for row in subscriptions])
        crm = queries.crm_record(conn, customer)
    return desk.render(
        "customer.html",
        customer=customer,
        subscriptions=subscriptions,
        items=items,
        invoices=invoices,
        crm=crm,
        entries=[each for each in entries if not show or each.channel in _SHOWN[show]],
        show=show,
        shows=_SHOWN,
        most=queries.MOST,
        now=desk.clock.now(),
    )


PAGE = Page(
    "Customers",
    (
        Route("customers", "/customers", listed),
        Route("search", "/customers", search, methods=("POST",)),
        Route("customer", "/customers/<customer_id>", show),
    ),
)
