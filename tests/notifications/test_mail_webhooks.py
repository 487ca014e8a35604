"""What providers tell changes the mail's row and the suppressed, once; strangers change nothing."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from app import mail_webhooks
from app.body import MAX_BODY_BYTES, BodyReader
from app.deadline import Watch
from app.refusals import PER_ADDRESS
from notifications import suppression
from notifications.feedback.record import record
from notifications.feedback.report import Report
from notifications.keys import key_hash
from notifications.suppression import address_hash
from sync.changes import Done, Effect, Failed, Outcome, RetryIn, Skipped, Unknown
from sync.store import outbox
from sync.store.engine import make_engine
from tests.notifications import shop, sns
from tests.notifications.deliveries import ADA, SECRETS, basic
from tests.notifications.shop import NOW

KEY = r":test:payment_failed:in_1:0\odd"
POSTMARK = "/webhooks/mail/postmark"


@pytest.fixture
def world(engine: Engine) -> Engine:
    """Two mails of ours wait to be sent."""
    with engine.begin() as conn:
        for key in (KEY, "other"):
            made = Effect(
                key=key, channel="mail", kind="payment_failed", due_at=NOW, customer_id="cus_1"
            )
            outbox.add(conn, [made])
    return engine


@pytest.fixture
def provider(engine: Engine) -> FlaskClient:
    return client(engine)


def client(engine: Engine, secrets: tuple[str, ...] = SECRETS) -> FlaskClient:
    app = Flask("shop")
    app.register_blueprint(mail_webhooks.blueprint(engine, BodyReader(Watch()), secrets))
    return app.test_client()


def end(engine: Engine, outcome: Outcome) -> None:
    """End the mail under test like this; the other one stays as it is."""
    (mine,) = [each for each in shop.claim(engine, NOW) if each.effect.key == KEY]
    with engine.begin() as conn:
        outbox.mark_sending(conn, mine)
        outbox.settle(conn, mine, outcome, NOW)


def tell(browser: FlaskClient, record: str, **fields: Any) -> TestResponse:
    body = {
        "RecordType": record,
        "Metadata": {"evergreen_key": key_hash(KEY)},
        "Recipient" if record == "Delivery" else "Email": ADA,
        **fields,
    }
    return browser.post(POSTMARK, data=orjson.dumps(body), headers=basic())


HARD = {"Type": "HardBounce"}
STATE = (
    "SELECT state, reason, delivered_at IS NOT NULL, bounced_at IS NOT NULL,"
    " complained_at IS NOT NULL FROM evergreen.outbox WHERE key = :key"
)


def state(engine: Engine, key: str = KEY) -> tuple[Any, ...]:
    with engine.connect() as conn:
        return tuple(conn.execute(text(STATE), {"key": key}).one())


def suppressed(engine: Engine) -> list[tuple[Any, ...]]:
    query = "SELECT customer_id, address_hash, topic, reason FROM evergreen.suppression ORDER BY 1"
    with engine.connect() as conn:
        return [tuple(row) for row in conn.execute(text(query))]


def test_a_mail_in_doubt_that_was_delivered_is_sent(world: Engine, provider: FlaskClient) -> None:
    end(world, Unknown("no_reply_after_data"))
    assert state(world)[:2] == ("unknown", "no_reply_after_data")

    assert tell(provider, "Delivery").status_code == 200
    assert state(world) == ("sent", None, True, False, False)
    assert state(world, "other")[2:] == (False, False, False)
    assert suppressed(world) == []


@pytest.mark.parametrize(
    ("ended", "then"),
    [
        pytest.param(Done("m"), ("sent", None), id="sent"),
        pytest.param(Failed("smtp_550"), ("failed", "smtp_550"), id="failed"),
        pytest.param(Skipped("paid"), ("skipped", "paid"), id="skipped"),
        pytest.param(RetryIn(60, "settled_as_not_sent"), ("sent", None), id="about-to-be-doubled"),
    ],
)
def test_only_what_is_open_is_closed_by_a_delivery(
    world: Engine, provider: FlaskClient, ended: Outcome, then: tuple[Any, ...]
) -> None:
    end(world, ended)
    tell(provider, "Delivery")

    assert state(world) == (*then, True, False, False)


def test_what_is_told_while_the_mail_is_still_being_sent_decides_its_doubtful_end(
    world: Engine, provider: FlaskClient
) -> None:
    """The server took the mail and went silent; the provider's webhook is faster than we are."""
    (mine,) = [each for each in shop.claim(world, NOW) if each.effect.key == KEY]
    with world.begin() as conn:
        outbox.mark_sending(conn, mine)
    tell(provider, "Delivery")
    assert state(world)[:3] == ("sending", None, True)

    with world.begin() as conn:
        assert outbox.settle(conn, mine, Unknown("no_reply_after_data"), NOW)
    assert state(world) == ("sent", None, True, False, False)


def test_a_sender_that_vanished_after_the_provider_told_is_no_riddle(
    world: Engine, provider: FlaskClient
) -> None:
    for claimed in shop.claim(world, NOW):
        with world.begin() as conn:
            outbox.mark_sending(conn, claimed, lease_s=0)
    tell(provider, "Delivery")
    with world.begin() as conn:
        assert outbox.give_up_unclear(conn, NOW) == 2

    assert state(world)[:2] == ("sent", None)
    assert state(world, "other")[:2] == ("unknown", "sender_vanished")


@pytest.mark.parametrize(
    ("told", "columns", "topics"),
    [
        pytest.param(("Bounce", HARD), (False, True, False), ["all"], id="hard"),
        pytest.param(("Bounce", {"Type": "SoftBounce"}), (False, True, False), [], id="soft"),
        pytest.param(("SpamComplaint", {}), (False, False, True), ["all"], id="complaint"),
        pytest.param(("Open", {}), (False, False, False), [], id="opened"),
    ],
)
def test_dead_addresses_and_complaints_are_written_to_no_more(
    world: Engine,
    provider: FlaskClient,
    told: tuple[str, dict[str, Any]],
    columns: tuple[bool, ...],
    topics: list[str],
) -> None:
    end(world, Done("m"))
    answers = [tell(provider, told[0], **told[1]) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert state(world)[2:] == columns
    assert [(row[0], row[1], row[2]) for row in suppressed(world)] == [
        (None, address_hash(ADA), topic) for topic in topics
    ]


def test_the_first_telling_is_the_one_kept(world: Engine, provider: FlaskClient) -> None:
    end(world, Done("m"))
    times = []
    for _ in range(2):
        tell(provider, "Bounce", **HARD)
        times.append(shop.rows(world, "bounced_at, state"))

    assert times[0] == times[1]


def test_who_unsubscribes_at_the_provider_gets_no_more_marketing(
    world: Engine, provider: FlaskClient
) -> None:
    change = {"SuppressSending": True, "SuppressionReason": "ManualSuppression", "Recipient": ADA}
    tell(provider, "SubscriptionChange", **change)

    assert suppressed(world) == [
        ("cus_1", None, "marketing", "unsubscribed"),
        (None, address_hash(ADA), "marketing", "unsubscribed"),
    ]
    assert state(world) == ("pending", None, False, False, False)


def test_a_dead_address_is_learnt_from_others_mails_too(
    world: Engine, provider: FlaskClient
) -> None:
    """The shop's newsletters go through the same provider."""
    tell(provider, "Bounce", **HARD, Metadata={})

    assert [row[1:3] for row in suppressed(world)] == [(address_hash(ADA), "all")]
    assert state(world) == ("pending", None, False, False, False)


def test_the_address_is_dead_however_it_is_written(world: Engine) -> None:
    with world.begin() as conn:
        record(conn, Report(event="bounced", address=f" {ADA.upper()}", for_good=True))

        assert suppression.topics_against(conn, "", "cus_9", ADA) == {"all"}


def test_ses_is_asked_for_its_password_and_then_heard(world: Engine, provider: FlaskClient) -> None:
    """SNS sends the password only after a 401 that asks for it."""
    end(world, Unknown("ses_no_answer"))
    event = {
        "eventType": "Delivery",
        "delivery": {"recipients": [ADA]},
        "mail": {"tags": {"evergreen_key": [key_hash(KEY)]}},
    }
    with sns.amazon():
        body = orjson.dumps(sns.note(orjson.dumps(event).decode()))
        asked = provider.post("/webhooks/mail/ses", data=body, content_type="text/plain")
        heard = provider.post("/webhooks/mail/ses", data=body, headers=basic())

    assert (asked.status_code, asked.headers["WWW-Authenticate"]) == (
        401,
        'Basic realm="evergreen"',
    )
    assert heard.status_code == 200
    assert state(world)[:3] == ("sent", None, True)


def test_what_cannot_be_checked_just_now_is_asked_for_again(provider: FlaskClient) -> None:
    with sns.amazon() as served, capture_logs() as logged:
        served.replace("GET", sns.CERTIFICATE_URL, status=500)
        answer = provider.post("/webhooks/mail/ses", json=sns.note(), headers=basic())

    assert answer.status_code == 503
    assert "mail_webhook.not_checked" in {line["event"] for line in logged}
    assert ADA not in str(logged)


@pytest.fixture
def nowhere() -> Iterator[Engine]:
    """A database that cannot be reached: whoever asks it is found out."""
    engine = make_engine("postgresql://nobody@127.0.0.1:1/none")
    yield engine
    engine.dispose()


STRANGERS = [
    pytest.param({}, 401, id="nothing"),
    pytest.param({"data": b"\xff" * 100}, 401, id="garbage"),
    pytest.param({"data": b"{" * 100_000}, 401, id="deep"),
    pytest.param({"headers": basic("wrong")}, 401, id="wrong-password"),
    pytest.param({"headers": {"Authorization": "Basic \xff"}}, 401, id="odd-header"),
    pytest.param({"headers": {"svix-id": "a", "svix-timestamp": "9" * 99}}, 401, id="odd-time"),
    pytest.param({"data": b"x" * (MAX_BODY_BYTES + 1)}, 413, id="too-large"),
    pytest.param({"headers": {"Content-Encoding": "gzip"}}, 415, id="encoded"),
    pytest.param({"environ_overrides": {"CONTENT_LENGTH": "-1"}}, 400, id="odd-length"),
]


@pytest.mark.parametrize("name", ["postmark", "resend", "ses"])
@pytest.mark.parametrize(("sent", "status"), STRANGERS)
def test_strangers_are_turned_away_before_anything_is_asked(
    nowhere: Engine, name: str, sent: dict[str, Any], status: int
) -> None:
    with capture_logs() as logged:
        answer = client(nowhere).post(f"/webhooks/mail/{name}", **sent)

    assert answer.status_code == status
    assert {line["event"] for line in logged} <= {"mail_webhook.refused"}


@pytest.mark.parametrize(
    ("secrets", "path"),
    [((), POSTMARK), (SECRETS, "/webhooks/mail/mailgun"), (SECRETS, "/webhooks/mail/%00")],
)
def test_what_is_not_set_up_is_not_there(
    nowhere: Engine, secrets: tuple[str, ...], path: str
) -> None:
    assert client(nowhere, secrets).post(path, headers=basic("")).status_code == 404


def test_who_floods_us_gets_a_cheap_answer(nowhere: Engine) -> None:
    browser, wrong = client(nowhere), basic("wrong")
    codes = [browser.post(POSTMARK, headers=wrong).status_code for _ in range(PER_ADDRESS + 1)]

    assert set(codes[:-1]) == {401}
    assert codes[-1] == 429


def test_who_is_still_to_be_asked_for_the_password_does_not_flood_us(nowhere: Engine) -> None:
    browser = client(nowhere)

    assert {browser.post(POSTMARK).status_code for _ in range(PER_ADDRESS + 1)} == {401}


def test_what_tells_nothing_needs_no_database(nowhere: Engine) -> None:
    assert client(nowhere).post(POSTMARK, data=b"{}", headers=basic()).status_code == 200


def test_what_is_theirs_and_unreadable_is_refused(provider: FlaskClient) -> None:
    answer = provider.post(POSTMARK, data=b"{", headers=basic())

    assert (answer.status_code, answer.json) == (400, {"error": "malformed"})


@pytest.mark.usefixtures("world")
def test_no_one_is_named_in_the_log(provider: FlaskClient) -> None:
    with capture_logs() as logged:
        tell(provider, "Bounce", **HARD)

    assert logged == [
        {
            "event": "mail.told",
            "log_level": "info",
            "provider": "postmark",
            "told": "bounced",
            "ours": True,
        }
    ]


def test_without_its_database_the_provider_is_asked_to_come_again(nowhere: Engine) -> None:
    """The web process answers this error with 503."""
    browser = client(nowhere)
    browser.application.testing = True

    with pytest.raises(OperationalError):
        tell(browser, "Bounce", **HARD)


def test_a_mail_is_found_by_an_index(world: Engine) -> None:
    query = (
        f"EXPLAIN SELECT key FROM evergreen.outbox WHERE channel = 'mail'"
        f" AND {outbox.MESSAGE} = '{key_hash(KEY)[:32]}'"
    )
    with world.connect() as conn:
        conn.execute(text("SET enable_seqscan = off"))
        plan = conn.exec_driver_sql(query).scalars().all()

    assert "outbox_message_idx" in str(plan)
