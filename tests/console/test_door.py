import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.console import attempts
from app.console.attempts import Attempts
from app.console.session import Session, Sessions
from tests.console.browser import token
from tests.console.conftest import COOKIE, PASSWORD, Open

CLOSED = ("/console/", "/console/events", "/console/mirror", "/console/no-such-page")


@pytest.fixture
def stranger(shop_engine: Engine, open_console: Open) -> FlaskClient:
    """A browser that has not logged in."""
    return open_console(shop_engine, logged_in=False)


def log_in(client: FlaskClient, password: str = PASSWORD, path: str = "/console/login") -> int:
    """Send the log-in form; return the answer's status."""
    form = {"token": token(client, "/console/login"), "password": password}
    return client.post(path, data=form).status_code


@pytest.mark.parametrize("path", CLOSED)
def test_without_a_session_every_page_leads_to_the_log_in(stranger: FlaskClient, path: str) -> None:
    answer = stranger.get(path)

    assert answer.status_code == 303
    assert answer.location.startswith("/console/login?next=")


@pytest.mark.parametrize("path", ["/console/events/evt_dead/replay", "/console/customers"])
def test_without_a_session_nothing_can_be_sent(stranger: FlaskClient, path: str) -> None:
    assert stranger.post(path).location == "/console/login"


def test_the_password_opens_the_page_that_was_asked_for(stranger: FlaskClient) -> None:
    asked = stranger.get("/console/events?state=dead").location
    form = {"token": token(stranger, asked), "password": PASSWORD}

    answer = stranger.post(asked, data=form)

    assert answer.status_code == 303
    assert answer.location == "/console/events?state=dead"
    assert stranger.get("/console/").status_code == 200


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " ", PASSWORD.upper(), "x" * 5000])
def test_a_wrong_password_opens_nothing(stranger: FlaskClient, password: str) -> None:
    assert log_in(stranger, password) == 403
    assert stranger.get("/console/").status_code == 303


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/console/\\evil",
        "/unsubscribe/x",
        "/console//x",
    ],
)
def test_the_log_in_leads_to_no_other_site(stranger: FlaskClient, elsewhere: str) -> None:
    form = {"token": token(stranger, "/console/login"), "password": PASSWORD}

    answer = stranger.post("/console/login", query_string={"next": elsewhere}, data=form)

    assert answer.location.startswith("/console/")
    assert "evil.example" not in answer.location


def test_the_log_in_form_needs_its_token(stranger: FlaskClient) -> None:
    token(stranger, "/console/login")

    answer = stranger.post("/console/login", data={"password": PASSWORD})

    assert answer.status_code == 400
    assert stranger.get("/console/").status_code == 303


def test_logging_in_starts_another_session(stranger: FlaskClient) -> None:
    """A cookie that somebody planted before is worth nothing after."""
    before = token(stranger, "/console/login")
    log_in(stranger)

    assert token(stranger) != before


def test_logging_out_forgets_the_session(console: FlaskClient) -> None:
    answer = console.post("/console/logout", data={"token": token(console)})

    assert answer.location == "/console/login"
    assert console.get_cookie(COOKIE, path="/console") is None
    assert console.get("/console/").status_code == 303


def test_logging_out_is_a_form_and_no_link(console: FlaskClient) -> None:
    assert console.get("/console/logout").status_code == 404
    assert console.get("/console/").status_code == 200


@pytest.mark.parametrize("wrong", ["", "x", "ImEi.x"])
def test_a_form_without_its_token_is_refused(console: FlaskClient, wrong: str) -> None:
    assert console.post("/console/logout", data={"token": wrong}).status_code == 400


def test_a_form_with_another_sessions_token_is_refused(
    console: FlaskClient, stranger: FlaskClient
) -> None:
    others = token(stranger, "/console/login")

    assert console.post("/console/logout", data={"token": others}).status_code == 400


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 303), ("none", 303), ("same-site", 403), ("cross-site", 403)],
)
def test_a_form_from_another_site_is_refused(console: FlaskClient, site: str, status: int) -> None:
    form = {"token": token(console)}

    answer = console.post("/console/logout", data=form, headers={"Sec-Fetch-Site": site})

    assert answer.status_code == status


def test_a_form_that_is_too_long_is_refused(stranger: FlaskClient) -> None:
    form = {"token": token(stranger, "/console/login"), "password": "x" * 20_000}

    assert stranger.post("/console/login", data=form).status_code == 413


def test_guessing_is_limited_by_address(
    stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PER_ADDRESS", 3)

    def statuses(address: str) -> list[int]:
        form = {"token": token(stranger, "/console/login"), "password": "x"}
        headers = {"X-Forwarded-For": f"made up, {address}"}
        path = "/console/login"
        return [stranger.post(path, data=form, headers=headers).status_code for _ in range(4)]

    assert statuses("192.0.2.1") == [403, 403, 403, 429]
    assert statuses("192.0.2.2")[0] == 403


def test_guesses_are_forgotten_after_a_quarter_hour() -> None:
    seen = Attempts()
    for _ in range(attempts.PER_ADDRESS):
        seen.failed("there", 1000.0)

    assert not seen.may_try("there", 1000.0 + attempts.WINDOW_S - 0.1)
    assert seen.may_try("there", 1000.0 + attempts.WINDOW_S)


def test_guesses_from_everywhere_are_limited_together() -> None:
    seen = Attempts()
    for number in range(attempts.IN_ALL - 1):
        seen.failed(str(number), 0.0)

    assert seen.may_try("another", 1.0)
    seen.failed("the last", 1.0)
    assert not seen.may_try("another", 1.0)


@pytest.mark.parametrize(
    ("public_url", "name", "path"),
    [
        ("https://billing.example.com", f"__Host-{COOKIE}", "/"),
        ("http://localhost:8000", COOKIE, "/console"),
    ],
    ids=["https", "http"],
)
def test_the_cookie_is_as_strict_as_the_address_allows(
    shop_engine: Engine, open_console: Open, public_url: str, name: str, path: str
) -> None:
    client = open_console(shop_engine, logged_in=False, PUBLIC_URL=public_url)

    answer = client.get("/console/login", base_url=public_url)

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{name}=")
    assert re.search(rf"; Path={path}(;|$)", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=43200" in cookie
    assert "Domain" not in cookie
    assert ("Secure" in cookie) == public_url.startswith("https")
    assert ("Strict-Transport-Security" in answer.headers) == public_url.startswith("https")


def sessions(keys: str = "new;old", password_hash: str = "hash") -> Sessions:
    return Sessions(keys.split(";"), password_hash)


@pytest.mark.parametrize(
    ("later", "known"),
    [
        (sessions(), True),
        (sessions("newer;new"), True),
        (sessions("newer"), False),
        (sessions(password_hash="another"), False),
    ],
    ids=["same", "key-rotated", "key-gone", "password-changed"],
)
def test_a_session_lasts_as_long_as_key_and_password(later: Sessions, known: bool) -> None:
    session = Session("abc", signed_in=True)
    cookie = sessions().cookie(session)

    assert (later.read(cookie) == session) is known


@pytest.mark.parametrize("cookie", [None, "", "x", "WzEsdHJ1ZV0.x.y"])
def test_a_cookie_that_is_not_ours_is_no_session(cookie: str | None) -> None:
    assert sessions().read(cookie) is None


def test_a_session_ends_after_twelve_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    signing = "itsdangerous.timed.TimestampSigner.get_timestamp"
    cookie = sessions().cookie(Session("abc", signed_in=True))
    made = __import__("time").time()

    for age, known in ((43_199, True), (43_202, False)):
        monkeypatch.setattr(signing, lambda _, age=age: int(made) + age)
        assert (sessions().read(cookie) is not None) is known
