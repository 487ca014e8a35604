"""What opens where Stripe would show a page of its own: a word on what stands there for real."""

from collections.abc import Mapping

PATH = "/pages/"
PORTAL, CHECKOUT = f"{PATH}portal", f"{PATH}checkout"
_ABOUT: Mapping[str, tuple[str, str]] = {
    PORTAL: ("Customer portal", "save another card, see their invoices, or cancel"),
    CHECKOUT: ("Checkout", "subscribe again, with the mail's promotion code already taken off"),
}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title} (stand-in)</title>
<body style="font: 1.1rem/1.6 system-ui; max-width: 34rem; margin: 15vh auto; padding: 0 1rem">
<h1>{title}</h1><p>Stripe's own page opens here, on which customers {can}.</p>
<p>This shop is simulated, and so is its Stripe account: the address was made by the stand-in for
Stripe's API, just as Stripe makes one for each click.</p>"""


def page(path: str) -> str | None:
    """Return the page at `path`, None where there is none."""
    where, _, session_id = path.rpartition("/")
    if where not in _ABOUT or not session_id:
        return None
    title, can = _ABOUT[where]
    return _PAGE.format(title=title, can=can)
