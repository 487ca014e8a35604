"""Where every link in marketing's copies of mails leads: a page that says so, and does nothing."""

from flask import Blueprint, Response

from notifications.sampling import DEAD_LINK_PATH

_TOLD = "This was a link in a copy of a customer's email. Links in copies do nothing.\n"


def blueprint() -> Blueprint:
    """Return the page; it knows nobody and needs nothing."""
    pages = Blueprint("mail_copy", __name__)

    @pages.get(DEAD_LINK_PATH)
    def tell() -> Response:
        return Response(_TOLD, mimetype="text/plain")

    return pages
