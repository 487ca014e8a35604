"""`/api/stock/reservations`: stock held for a checkout until it is paid, given back or too late.

`POST` holds all of what is asked for, or nothing of it, and is safe to repeat under the same
`Idempotency-Key`; `GET` and `DELETE` look at one and give it back. A checkout names its
reservation in `metadata.reservation` or as its `client_reference_id`.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from sync.access.shown import iso
from sync.clock import Clock
from sync.errors import Malformed
from sync.inventory import reservations
from sync.inventory.policy import InventoryPolicy
from sync.inventory.reservations import KeyReused, NotEnough, Reservation
from sync.inventory.reserving import may_be_an_id, read_wish

_MOST_BYTES = 64 * 1024
_LONGEST_KEY = 255
_NO_STORE = {"Cache-Control": "no-store"}


def add(routes: Blueprint, engine: Engine, clock: Clock, policy: InventoryPolicy) -> None:
    """Add the routes to an interface that lets in only who may."""
    desk = Desk(engine, clock, policy)
    one = "/stock/reservations/<reservation_id>"
    routes.add_url_rule("/stock/reservations", "reserve", desk.reserve, methods=["POST"])
    routes.add_url_rule(one, "reservation", desk.show, methods=["GET"])
    routes.add_url_rule(one, "release", desk.release, methods=["DELETE"])


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers requests about reservations."""

    engine: Engine
    clock: Clock
    policy: InventoryPolicy

    def reserve(self) -> Response:
        """Hold what the request asks for."""
        try:
            wish, key = read_wish(_body(), self.policy.location), _key()
            with self.engine.begin() as conn:
                now = self.clock.now()
                held = reservations.reserve(conn, wish, now, key=key, policy=self.policy)
        except Malformed as wrong:
            return _said(422, {"error": "invalid_request", "message": str(wrong)})
        except KeyReused as wrong:
            return _said(409, {"error": "idempotency_key_reused", "message": str(wrong)})
        except NotEnough as short:
            return _said(409, {"error": "not_enough_stock", "short": _short(short)})
        return _said(201, _shown(held))

    def show(self, reservation_id: str) -> Response:
        """Tell how a reservation stands."""
        with self.engine.connect() as conn:
            known = may_be_an_id(reservation_id)
            found = reservations.find(conn, reservation_id) if known else None
        if found is None:
            return _said(404, {"error": "unknown_reservation"})
        return _said(200, _shown(found))

    def release(self, reservation_id: str) -> Response:
        """Give back what is held; what has ended stays as it is."""
        if may_be_an_id(reservation_id):
            with self.engine.begin() as conn:
                reservations.release(conn, reservation_id, self.clock.now(), self.policy)
        return self.show(reservation_id)


def _body() -> Any:
    if (request.content_length or 0) > _MOST_BYTES:
        raise Malformed(f"the request is longer than {_MOST_BYTES} bytes")
    try:
        return orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError as error:
        raise Malformed("the request is no JSON") from error


def _key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isprintable()):
        raise Malformed(f"Idempotency-Key: 1 to {_LONGEST_KEY} printable characters")
    return key


def _shown(held: Reservation) -> dict[str, Any]:
    return {
        "id": held.id,
        "state": held.state,
        "created_at": iso(held.created_at),
        "expires_at": iso(held.expires_at),
        "items": [
            {"sku": sku, "location": location, "quantity": quantity}
            for (sku, location), quantity in held.granted
        ],
    }


def _short(short: NotEnough) -> list[dict[str, Any]]:
    return [
        {"sku": sku, "location": location, "available": left}
        for (sku, location), left in sorted(short.short.items())
    ]


def _said(status: int, content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), status, _NO_STORE, mimetype="application/json")
