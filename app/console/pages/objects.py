"""Objects: the mirror itself, table by table, each object as Stripe last rendered it."""

from flask import abort, request
from flask.typing import ResponseReturnValue

from app.console import asked, queries_objects
from app.console.page import Desk, Page, Route

# Shown as a whole below the columns.
_WHOLE = ("data",)


def tables(desk: Desk) -> ResponseReturnValue:
    """Show the tables and how much they hold."""
    with desk.reading() as conn:
        counts = queries_objects.counts(conn)
    return desk.render("tables.html", counts=counts)


def listed(desk: Desk, name: str) -> ResponseReturnValue:
    """Show one table's objects."""
    _known(name)
    with desk.reading() as conn:
        objects = queries_objects.listed(conn, name, asked.before())
    return desk.render("objects.html", objects=objects, name=name)


def show(desk: Desk, name: str, object_id: str) -> ResponseReturnValue:
    """Show one object: its columns, its parts and its JSON."""
    _known(name)
    with desk.reading() as conn:
        row = queries_objects.load(conn, name, object_id, request.args.get("account"))
        if row is None:
            abort(404, "The mirror has never seen this object.")
        parts = queries_objects.parts_of(conn, name, row)
    columns = {column: value for column, value in row.items() if column not in _WHOLE}
    return desk.render("object.html", name=name, row=row, columns=columns, parts=parts)


def _known(name: str) -> None:
    if name not in queries_objects.TABLES:
        abort(404, "The mirror has no such table.")


PAGE = Page(
    "Mirror",
    (
        Route("objects", "/mirror", tables),
        Route("table", "/mirror/<name>", listed),
        Route("object", "/mirror/<name>/<path:object_id>", show),
    ),
)
