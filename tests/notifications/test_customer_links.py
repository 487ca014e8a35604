"""Links in mails: signed for one purpose; opened by scanners, people and mail programs."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import Engine, text

from app import customer_links
from app.customer_links import StripeSide
from notifications import links
from notifications.links import LinkExpired, LinkInvalid, LinkSubject
from sync.changes import Skipped
from sync.clock import RealClock
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW

ADA = LinkSubject("", "cus_1")
SUPPRESSED = (
    "SELECT customer_id, address_hash IS NOT NULL, topic, reason FROM evergreen.suppression"
)


@pytest.fixture
def browser(engine: Engine) -> FlaskClient:
    app = Flask("shop")
    nobody = StripeSide(None)
    app.register_blueprint(customer_links.blueprint(engine, shop.policy(), RealClock(), nobody))
    return app.test_client()


def path(subject: LinkSubject = ADA, age: timedelta = timedelta()) -> str:
    made_at = int((datetime.now(UTC) - age).timestamp())
    with patch.object(TimestampSigner, "get_timestamp", return_value=made_at):
        url = links.url(shop.policy(), "unsubscribe", subject)
    return url.removeprefix(shop.policy().public_url)


def suppressed(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as conn:
        return sorted((tuple(row) for row in conn.execute(text(SUPPRESSED))), key=str)


def token(age: timedelta = timedelta()) -> str:
    return path(age=age).rpartition("/")[2]


def test_a_link_says_whom_it_is_for() -> None:
    assert links.read_unsubscribe(shop.policy(), token()) == ADA


def test_links_signed_before_a_new_secret_came_still_work() -> None:
    before = shop.policy(link_secrets=("older-secret",))
    made = links.url(before, "unsubscribe", ADA).rpartition("/")[2]

    assert links.read_unsubscribe(shop.policy(), made) == ADA
    with pytest.raises(LinkInvalid):
        links.read_unsubscribe(before, token())


@pytest.mark.parametrize(
    ("age", "works"),
    [
        pytest.param(3 * 365 * DAY - timedelta(minutes=1), True, id="three-years"),
        pytest.param(3 * 365 * DAY + timedelta(minutes=1), False, id="older"),
    ],
)
def test_a_link_lasts_three_years(age: timedelta, works: bool) -> None:
    if works:
        assert links.read_unsubscribe(shop.policy(), token(age)) == ADA
    else:
        with pytest.raises(LinkExpired):
            links.read_unsubscribe(shop.policy(), token(age))


def signed(content: object, salt: str = "evergreen.unsubscribe") -> str:
    signer = {"digest_method": hashlib.sha256}
    return str(URLSafeTimedSerializer("newest-secret", salt, signer_kwargs=signer).dumps(content))


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(signed(["", "cus_1"], salt="evergreen.other"), id="for-another-purpose"),
        pytest.param(signed(["", 1]), id="odd-content"),
        pytest.param(signed("cus_1"), id="other-content"),
        pytest.param(signed(["", "cus_1"])[:-1], id="cut"),
        pytest.param("", id="empty"),
        pytest.param("x.y.z", id="garbage"),
    ],
)
def test_what_we_did_not_make_is_refused(made: str) -> None:
    with pytest.raises(LinkInvalid):
        links.read_unsubscribe(shop.policy(), made)


@given(st.text())
def test_any_text_is_a_link_of_ours_or_refused(made: str) -> None:
    with pytest.raises(LinkInvalid):
        links.read_unsubscribe(shop.policy(), made)


def test_opening_the_page_changes_nothing(browser: FlaskClient, engine: Engine) -> None:
    answer = browser.get(path())

    assert answer.status_code == 200
    assert '<form method="post">' in answer.text
    assert "Garden Box" in answer.text
    assert "ada@" not in answer.text
    assert suppressed(engine) == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"data": {}}, id="the-pages-button"),
        pytest.param({"data": {"List-Unsubscribe": "One-Click"}}, id="rfc-8058"),
        pytest.param({"data": b"\xff{", "content_type": "multipart/form-data"}, id="garbage"),
    ],
)
def test_posting_unsubscribes_at_once_and_once(
    browser: FlaskClient, engine: Engine, body: dict[str, object]
) -> None:
    shop.mirror(engine, shop.customer())
    answers = [browser.post(path(), **body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any(answer.headers.get("Set-Cookie") for answer in answers)
    assert "You are unsubscribed" in answers[0].text
    assert suppressed(engine) == [
        ("cus_1", False, "marketing", "unsubscribed"),
        (None, True, "marketing", "unsubscribed"),
    ]


def test_the_other_customer_with_the_same_address_is_left_alone_too(
    browser: FlaskClient, engine: Engine
) -> None:
    """One person who bought twice is one reader."""
    shop.mirror(engine, shop.customer(), shop.customer(id="cus_2"))
    shop.mirror(engine, shop.ended(NOW - 30 * DAY, customer="cus_2"))
    shop.scan(engine)
    browser.post(path())

    assert shop.deliver_due(engine, "file:///nonexistent", NOW) == [Skipped("opted_out")]


def test_a_customer_the_mirror_never_saw_can_unsubscribe(
    browser: FlaskClient, engine: Engine
) -> None:
    assert browser.post(path()).status_code == 200
    assert suppressed(engine) == [("cus_1", False, "marketing", "unsubscribed")]


@pytest.mark.parametrize(
    ("link", "explained"),
    [
        pytest.param(path()[:-2], (400, "incomplete"), id="cut"),
        pytest.param("/unsubscribe/x", (400, "incomplete"), id="garbage"),
        pytest.param(path(age=4 * 365 * DAY), (410, "too old"), id="old"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_does_not_work_is_explained(
    browser: FlaskClient, engine: Engine, method: str, link: str, explained: tuple[int, str]
) -> None:
    answer = browser.open(link, method=method)

    status, says = explained
    assert (answer.status_code, says in answer.text) == (status, True)
    assert "billing@garden.example" in answer.text
    assert suppressed(engine) == []


def test_the_page_speaks_the_customers_language(browser: FlaskClient, engine: Engine) -> None:
    shop.mirror(engine, shop.customer(preferred_locales=["th"]))

    assert '<html lang="th">' in browser.get(path()).text
    assert "เรียบร้อยแล้ว" in browser.post(path()).text


@pytest.mark.parametrize(
    ("accepts", "language"),
    [("th-TH,th;q=0.9,en;q=0.8", "th"), ("de", "en"), ("en-GB", "en"), ("", "en")],
)
def test_a_broken_link_is_explained_in_the_browsers_language(
    browser: FlaskClient, accepts: str, language: str
) -> None:
    answer = browser.get("/unsubscribe/x", headers={"Accept-Language": accepts})

    assert f'<html lang="{language}">' in answer.text


@pytest.mark.parametrize("link", [path(), "/unsubscribe/x"], ids=["good", "bad"])
def test_the_pages_run_nothing_and_are_kept_nowhere(browser: FlaskClient, link: str) -> None:
    answer = browser.get(link)
    policy = answer.headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"<script|javascript:|https?://", answer.text)
