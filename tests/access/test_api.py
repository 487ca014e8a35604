"""`GET /api/customers/<id>/access`: as fresh as the mirror, and for who has the token."""

from collections.abc import Mapping

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from app import api
from tests.access.made import DAY, NOW
from tests.access.shop import TELLS, arrive, customer, invoice, subscription
from tests.workers.world import StandingClock

TOKEN = "a-token-for-tests"
KNOWN = {"Authorization": f"Bearer {TOKEN}"}


def client(engine: Engine, token: str | None = TOKEN, day: int = 0) -> FlaskClient:
    app = Flask(__name__)
    clock = StandingClock(NOW + day * DAY)
    app.register_blueprint(api.blueprint(engine, clock, token, TELLS))
    return app.test_client()


def ask(
    engine: Engine, path: str = "cus_1", headers: Mapping[str, str] = KNOWN, day: int = 0
) -> TestResponse:
    return client(engine, day=day).get(f"/api/customers/{path}/access", headers=dict(headers))


def test_an_answer_says_state_reason_and_way_back(engine: Engine) -> None:
    arrive(engine, [customer(), subscription("past_due", NOW), invoice("open", NOW)])

    answer = ask(engine)

    assert answer.status_code == 200
    assert answer.get_json() == {
        "customer": "cus_1",
        "state": "grace",
        "since": "2026-12-01T09:00:00Z",
        "until": "2026-12-15T09:00:00Z",
        "reason": "payment_late",
        "restored_by": "https://invoice.stripe.com/i/1",
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_time_passes_without_anybody_looking(engine: Engine) -> None:
    """No clock process, no worker: the answer is computed when it is asked for."""
    arrive(engine, [customer(), subscription("past_due", NOW), invoice("open", NOW)])
    told = [ask(engine, day=day).get_json()["state"] for day in (13, 14, 20, 21)]

    assert told == ["grace", "restricted", "restricted", "suspended"]


def test_an_unchanged_answer_has_the_same_tag(engine: Engine) -> None:
    arrive(engine, [customer(), subscription("past_due", NOW), invoice("open", NOW)])
    tag = ask(engine).headers["ETag"]

    again = ask(engine, headers={**KNOWN, "If-None-Match": tag})
    later = ask(engine, headers={**KNOWN, "If-None-Match": tag}, day=14)

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "no-store"
    assert later.status_code == 200


def test_somebody_without_any_subscription_has_none(engine: Engine) -> None:
    arrive(engine, [customer()])

    assert ask(engine).get_json()["state"] == "none"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("cus_2", id="unknown"),
        pytest.param("cus_1?account=acct_1", id="of-another-account"),
        pytest.param("cus_1%00", id="nul"),
        pytest.param("c" * 300, id="too-long"),
        pytest.param("%F0%9F%8D%83%2Fx", id="odd"),
        pytest.param("%FF", id="no-utf-8"),
    ],
)
def test_who_is_unknown_is_not_found(engine: Engine, path: str) -> None:
    arrive(engine, [customer()])
    who, _, query = path.partition("?")

    answer = client(engine).get(f"/api/customers/{who}/access?{query}", headers=KNOWN)

    assert (answer.status_code, answer.get_json()) == (404, {"error": "unknown_customer"})


@pytest.mark.parametrize("customer_id", ["kunde 7", "a/b", "élan"])
def test_an_id_can_be_nearly_anything(engine: Engine, customer_id: str) -> None:
    arrive(engine, [customer(id=customer_id)])

    assert ask(engine, customer_id).get_json()["customer"] == customer_id


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Authorization": "Bearer wrong"}, id="wrong"),
        pytest.param({"Authorization": TOKEN}, id="no-scheme"),
        pytest.param({"Authorization": f"Bearer {TOKEN}x"}, id="longer"),
        pytest.param({"Authorization": f"Bearer {TOKEN[:-1]}"}, id="shorter"),
        pytest.param({"Authorization": "Bearer \xe9"}, id="not-ascii"),
    ],
)
def test_without_the_token_nothing_is_told(engine: Engine, given: dict[str, str]) -> None:
    arrive(engine, [customer()])

    answer = ask(engine, headers=given)

    assert (answer.status_code, answer.get_json()) == (401, {"error": "unauthorized"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert ask(engine, "cus_2", given).status_code == 401, "not even who is known"


def test_without_a_token_in_the_settings_there_is_no_interface(engine: Engine) -> None:
    bare = client(engine, token=None)

    assert bare.get("/api/customers/cus_1/access", headers=KNOWN).status_code == 404
