"""What mail providers tell us: `POST /webhooks/mail/<provider>`.

Whoever cannot prove to be the provider gets 401 and learns nothing; the database is not asked
before. What is theirs and cannot be used is answered with 400, and with 503 what could not be
checked or kept just now: providers try again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from flask import Blueprint, Response, request
from sqlalchemy import Engine

from app.body import BodyReader
from app.refusals import Refusals, Refused, answer
from notifications.feedback import READERS
from notifications.feedback.passwords import PASSWORD_MISSING
from notifications.feedback.record import record
from notifications.feedback.report import Delivery, NotTheirs, Report
from sync.errors import Malformed, Unavailable

log = structlog.get_logger(__name__)

# SNS sends a password only after it was asked for one.
_ASK = 'Basic realm="evergreen"'


def blueprint(engine: Engine, bodies: BodyReader, secrets: Sequence[str]) -> Blueprint:
    """Return the webhooks; without `secrets` there are none."""
    hooks = Blueprint("mail_webhooks", __name__)
    refusals = Refusals("mail_webhook.refused")

    @hooks.post("/webhooks/mail/<provider>")
    def receive(provider: str) -> Response:
        try:
            reports = _read(provider, bodies, secrets)
        except Refused as refused:
            return _turned_away(refusals, refused)
        if reports:
            with engine.begin() as conn:
                ours = [record(conn, report) for report in reports]
            for report, known in zip(reports, ours, strict=True):
                log.info("mail.told", provider=provider, told=report.event, ours=known)
        return answer(200, "status", "ok")

    return hooks


def _turned_away(refusals: Refusals, refused: Refused) -> Response:
    """Return the refusal. That SNS comes without its password first, each time, is no offence."""
    if refused.reason == PASSWORD_MISSING:
        refusal = answer(refused.status, "error", refused.reason)
    else:
        refusal = refusals.answer(refused, request.environ)
    if refusal.status_code == HTTPStatus.UNAUTHORIZED:
        refusal.headers["WWW-Authenticate"] = _ASK
    return refusal


def _read(provider: str, bodies: BodyReader, secrets: Sequence[str]) -> Sequence[Report]:
    """Return what the request tells.

    Raises:
        Refused: for all that is wrong with it.
    """
    read = READERS.get(provider)
    if read is None or not secrets:
        raise Refused(404, "not_found")
    content = bodies.read(request.environ)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        return read(Delivery(headers=headers, content=content), secrets, datetime.now(UTC))
    except NotTheirs as error:
        raise Refused(401, str(error)) from error
    except Malformed as error:
        raise Refused(400, "malformed") from error
    except Unavailable as error:
        log.warning("mail_webhook.not_checked", provider=provider, error=str(error))
        raise Refused(503, "unavailable") from error
