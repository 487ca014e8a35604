"""What a shop asks us, with a bearer token: who has access, and to hold stock for a checkout.

`GET /api/customers/<id>/access` is answered from the mirror as it stands, so an answer is never
older than the mirror. `/api/stock/reservations` is in `app.reservations`.
"""

import hmac

import orjson
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from app import reservations
from app.refusals import answer
from sync import access
from sync.access import AccessPolicy
from sync.access.shown import shown
from sync.clock import Clock
from sync.inventory.policy import PLAIN, InventoryPolicy

_LONGEST_ID = 255
_NO_STORE = {"Cache-Control": "no-store"}


def blueprint(
    engine: Engine,
    clock: Clock,
    token: str | None,
    policy: AccessPolicy,
    stock: InventoryPolicy = PLAIN,
) -> Blueprint:
    """Return the interface; without a `token` in the settings there is none."""
    routes = Blueprint("api", __name__, url_prefix="/api")
    reservations.add(routes, engine, clock, stock)

    @routes.before_request
    def let_in() -> Response | None:
        if token is None:
            return answer(404, "error", "not_found")
        if not _knows(token):
            return answer(401, "error", "unauthorized", {"WWW-Authenticate": "Bearer"})
        return None

    @routes.get("/customers/<path:customer_id>/access")
    def customer_access(customer_id: str) -> Response:
        account = request.args.get("account", "")
        if not (_may_be_an_id(customer_id) and _may_be_an_id(account)):
            return answer(404, "error", "unknown_customer", _NO_STORE)
        now = clock.now()
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn:
            found = access.load(conn, account, customer_id, now, policy)
        if found is None:
            return answer(404, "error", "unknown_customer", _NO_STORE)
        return _told(orjson.dumps(shown(customer_id, found)))

    return routes


def _knows(token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def _may_be_an_id(text: str) -> bool:
    """Tell whether the database can be asked for it; an id can be nearly anything."""
    return len(text) <= _LONGEST_ID and "\0" not in text


def _told(content: bytes) -> Response:
    """Return JSON that is not kept, and whose tag says whether anything is new."""
    response = Response(content, 200, _NO_STORE, mimetype="application/json")
    response.add_etag()
    response.make_conditional(request)
    return response
