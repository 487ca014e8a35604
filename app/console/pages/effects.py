"""Mail, and what goes to CRM and stock: every effect, when it is due and how it ended."""

from flask import abort
from flask.typing import ResponseReturnValue

from app.console import asked, queries_effects
from app.console.page import Desk, Page, Route
from app.console.queries_customers import names_of
from sync.store import outbox


def listed(desk: Desk) -> ResponseReturnValue:
    """Show a channel's effects, those due last first, by kind, state and time."""
    wanted = {
        "channel": asked.choice("channel", queries_effects.CHANNELS) or "mail",
        "kind": asked.text("kind"),
        "state": asked.choice("state", outbox.STATES),
        "due": asked.choice("due", queries_effects.DUE) or "until-now",
    }
    now = desk.clock.now()
    with desk.reading() as conn:
        effects = queries_effects.listed(conn, now, **wanted, before=asked.before())
        names = names_of(conn, effects.rows, "customer_id")
    return desk.render(
        "effects.html",
        effects=effects,
        wanted=wanted,
        channels=queries_effects.CHANNELS,
        states=outbox.STATES,
        dues=queries_effects.DUE,
        names=names,
        now=now,
    )


def show(desk: Desk, key: str) -> ResponseReturnValue:
    """Show one effect with all that is known of it."""
    with desk.reading() as conn:
        effect = queries_effects.load(conn, key)
    if effect is None:
        abort(404, "There is no such effect.")
    return desk.render("effect.html", effect=effect, now=desk.clock.now())


PAGE = Page(
    "Mail",
    (
        Route("effects", "/mail", listed),
        Route("effect", "/mail/<path:key>", show),
    ),
)
