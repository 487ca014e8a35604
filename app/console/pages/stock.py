"""Stock: what is on the shelves, what moved, and what a person must decide."""

from flask.typing import ResponseReturnValue

from app.console import asked, queries_stock
from app.console.page import Desk, Page, Route


def shelves(desk: Desk) -> ResponseReturnValue:
    """Show levels and the ledger, of one SKU or all."""
    sku, show = asked.text("sku"), asked.choice("show", ("low",))
    with desk.reading() as conn:
        levels = queries_stock.levels(conn, only_low=bool(show), sku=sku)
        movements = queries_stock.movements(conn, sku=sku, before=asked.before())
        waiting = queries_stock.waiting_lines(conn)
        reviews = queries_stock.reviews(conn)
        holds = queries_stock.holds(conn, sku=sku)
        gates = [] if sku else queries_stock.closed_gates(conn)
        notices = queries_stock.notices(conn, sku=sku)
    return desk.render(
        "stock.html",
        levels=levels,
        movements=movements,
        waiting=waiting,
        reviews=reviews,
        holds=holds,
        gates=gates,
        notices=notices,
        wanted={"sku": sku, "show": show},
        low_at=queries_stock.LOW_AT,
    )


PAGE = Page("Stock", (Route("stock", "/stock", shelves),))
