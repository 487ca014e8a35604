"""Stripe's errors: a status, and the JSON that explains it."""

from app.simulator.history import Json


class Refused(Exception):
    """The request gets this status and this body instead of what it asked for."""

    def __init__(self, status: int, message: str, **fields: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {
            "error": {"type": "invalid_request_error", **fields, "message": message},
        }


def missing(object_type: str, object_id: str, *, param: str = "id") -> Refused:
    """Return the refusal of an unknown id: 404 in the path, 400 in another parameter."""
    name = object_type.rpartition(".")[2].replace("_", " ")
    return Refused(
        404 if param == "id" else 400,
        f"No such {name}: '{object_id}'",
        code="resource_missing",
        param=param,
    )
