"""The registry of pages: one file each, its template, one line here. The order is the menu's."""

from app.console.page import Page
from app.console.pages import customers, effects, events, home, objects, recovery, stock

PAGES: tuple[Page, ...] = (
    home.PAGE,
    events.PAGE,
    customers.PAGE,
    effects.PAGE,
    recovery.PAGE,
    stock.PAGE,
    objects.PAGE,
)
