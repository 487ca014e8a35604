"""From a step to the shop's receiver: signed, the newest state once, and never given up lightly."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text

from sync import webhook
from sync.access.delivery import come_back, deliver
from sync.changes import Done, Failed, Outcome, RetryIn, Skipped
from sync.store import outbox
from sync.webhook import Webhook
from sync.webhook_signature import Endpoint, keys
from tests.access.made import DAY, NOW, SECRET, verified
from tests.access.receiver import Receiver, receiving
from tests.access.shop import TELLS, arrive, invoice, subscription

OLDER = "whsec_" + "b2xkZXIgc2VjcmV0IG9mIHRoZSBzYW1lIHNob3A="


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def opened(receiver: Receiver, secrets: str = SECRET) -> Webhook:
    return Webhook(Endpoint(receiver.url, keys(secrets)))


def deliver_due(engine: Engine, hook: Webhook | None, now: datetime = NOW) -> list[Outcome]:
    with engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET retry_at = NULL"))
        batch = outbox.claim(conn, now)
    outcomes = []
    for claimed in batch:
        outcomes.append(deliver(engine, claimed, now, hook, TELLS))
        with engine.begin() as conn:
            assert outbox.settle(conn, claimed, outcomes[-1], now)
    return outcomes


def fail(engine: Engine) -> None:
    arrive(engine, [subscription("past_due", NOW), invoice("open", NOW)])


def test_the_shop_is_told_where_the_customer_stands(engine: Engine, receiver: Receiver) -> None:
    fail(engine)

    assert deliver_due(engine, opened(receiver)) == [Done()]
    (path, headers, body), *more = receiver.got
    assert more == []
    assert path == "/hook?k=url-secret"
    assert headers["content-type"] == "application/json"
    verified(headers, body, SECRET, datetime.now(UTC))
    assert orjson.loads(body) == {
        "type": "access.changed",
        "timestamp": "2026-12-01T09:00:00Z",
        "data": {
            "customer": "cus_1",
            "state": "grace",
            "since": "2026-12-01T09:00:00Z",
            "until": "2026-12-15T09:00:00Z",
            "reason": "payment_late",
            "restored_by": "https://invoice.stripe.com/i/1",
            "account": None,
            "livemode": False,
            "revision": 1,
        },
    }


def test_several_steps_before_a_delivery_are_told_once_as_the_newest(
    engine: Engine, receiver: Receiver
) -> None:
    fail(engine)
    arrive(engine, [subscription("unpaid", NOW + DAY)], NOW + DAY)

    assert deliver_due(engine, opened(receiver), NOW + DAY) == [Done()]
    assert deliver_due(engine, opened(receiver), NOW + DAY) == []
    assert [orjson.loads(body)["data"]["state"] for _, _, body in receiver.got] == ["suspended"]


def test_a_receiver_knows_a_retry_by_its_id_and_news_by_another(
    engine: Engine, receiver: Receiver
) -> None:
    """An attempt that was taken and not confirmed must not swallow what changed since."""
    fail(engine)
    receiver.status = 500
    deliver_due(engine, opened(receiver))
    deliver_due(engine, opened(receiver))
    deliver_due(engine, opened(receiver), NOW + 14 * DAY)
    ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    states = [orjson.loads(body)["data"]["state"] for _, _, body in receiver.got]

    assert states == ["grace", "grace", "restricted"]
    assert ids[0] == ids[1]
    assert ids[1] != ids[2]


def test_back_to_an_earlier_state_is_a_new_message(engine: Engine, receiver: Receiver) -> None:
    hook, back = opened(receiver), NOW + DAY
    arrive(engine, [subscription("active", NOW)])
    deliver_due(engine, hook)
    arrive(engine, [subscription("past_due", NOW + timedelta(hours=1))])
    deliver_due(engine, hook)
    arrive(engine, [subscription("active", back)], back)
    deliver_due(engine, hook, back)

    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 3
    assert [orjson.loads(body)["data"]["revision"] for _, _, body in receiver.got] == [1, 2, 3]


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        pytest.param(200, {}, Done(), id="200"),
        pytest.param(299, {}, Done(), id="299"),
        pytest.param(302, {"Location": "/elsewhere"}, RetryIn(5, "webhook_302"), id="redirect"),
        pytest.param(307, {"Location": "http://["}, RetryIn(5, "webhook_307"), id="odd-redirect"),
        pytest.param(400, {}, RetryIn(5, "webhook_400"), id="400"),
        pytest.param(401, {}, RetryIn(5, "webhook_401"), id="401"),
        pytest.param(
            429, {"Retry-After": "77"}, RetryIn(77, "webhook_429", "sink"), id="asks-to-wait"
        ),
        pytest.param(503, {"Retry-After": "1"}, RetryIn(5, "webhook_503"), id="asks-too-soon"),
        pytest.param(
            503, {"Retry-After": "9" * 30}, RetryIn(86_400, "webhook_503"), id="asks-for-ages"
        ),
        pytest.param(
            503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, RetryIn(5, "webhook_503"),
            id="asks-for-the-past",
        ),
        pytest.param(
            429, {"Retry-After": "soon"}, RetryIn(10, "webhook_429", "sink"), id="asks-oddly"
        ),
        pytest.param(410, {}, Failed("webhook_gone"), id="gone"),
    ],
)  # fmt: skip
def test_what_an_answer_means(
    receiver: Receiver, status: int, headers: dict[str, str], outcome: Outcome
) -> None:
    receiver.status, receiver.headers = status, headers

    assert opened(receiver).post("msg_1", b"{}") == outcome
    assert len(receiver.got) == 1, "a redirect is not followed"


def test_a_date_to_wait_for_is_understood(receiver: Receiver) -> None:
    until = datetime.now(UTC) + timedelta(seconds=100)
    receiver.status = 503
    receiver.headers = {"Retry-After": until.strftime("%a, %d %b %Y %H:%M:%S GMT")}

    outcome = opened(receiver).post("msg_1", b"{}")

    assert isinstance(outcome, RetryIn)
    assert 90 < outcome.delay_s <= 100


def test_nobody_there_or_no_answer_is_tried_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "READ_S", 0.1)
    receiver.stalls_s = 0.4
    assert opened(receiver).post("msg_1", b"{}") == RetryIn(5, "webhook_timeout")
    nobody = Webhook(Endpoint("http://127.0.0.1:9/hook", keys(SECRET)))
    assert nobody.post("msg_1", b"{}") == RetryIn(5, "webhook_unreachable")


def test_a_receiver_that_is_gone_is_left_alone_until_asked_for(
    engine: Engine, receiver: Receiver
) -> None:
    receiver.status = 410
    hook = opened(receiver)
    fail(engine)
    assert deliver_due(engine, hook) == [Failed("webhook_gone")]
    arrive(engine, [subscription("unpaid", NOW + DAY)], NOW + DAY)
    assert deliver_due(engine, hook, NOW + DAY) == [Skipped("webhook_gone")]
    assert len(receiver.got) == 1
    receiver.status = 204
    with engine.begin() as conn:
        come_back(conn, hook.endpoint)
    arrive(engine, [subscription("active", NOW + 2 * DAY)], NOW + 2 * DAY)

    assert deliver_due(engine, hook, NOW + 2 * DAY) == [Done()]


def test_another_address_is_another_receiver(engine: Engine, receiver: Receiver) -> None:
    receiver.status = 410
    fail(engine)
    deliver_due(engine, opened(receiver))
    receiver.status, receiver.url = 204, f"{receiver.url}&moved"
    arrive(engine, [subscription("unpaid", NOW + DAY)], NOW + DAY)

    assert deliver_due(engine, opened(receiver), NOW + DAY) == [Done()]


def test_switched_off_meanwhile_is_skipped(engine: Engine) -> None:
    fail(engine)

    assert deliver_due(engine, None) == [Skipped("webhook_off")]


def test_every_live_secret_signs(receiver: Receiver) -> None:
    opened(receiver, f"{SECRET}, {OLDER}").post("msg_1", b'{"a": "\xc3\xa9"}')
    (_, headers, body) = receiver.got[0]

    for secret in (SECRET, OLDER):
        assert verified(headers, body, secret, datetime.now(UTC)) == "msg_1"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda headers, body: (headers, body + b" "), id="body"),
        pytest.param(lambda headers, body: (headers | {"webhook-id": "msg_2"}, body), id="id"),
        pytest.param(
            lambda headers, body: (
                headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body
            ),
            id="time",
        ),
        pytest.param(
            lambda headers, body: (headers | {"webhook-signature": "v1,AAAA"}, body), id="signature"
        ),
    ],
)  # fmt: skip
def test_whatever_is_changed_on_the_way_shows(receiver: Receiver, spoil: Any) -> None:
    opened(receiver).post("msg_1", b"{}")
    _, headers, body = receiver.got[0]
    headers, body = spoil(headers, body)

    with pytest.raises(AssertionError):
        verified(headers, body, SECRET, datetime.now(UTC))


def test_the_specifications_own_example() -> None:
    """From the specification's reference libraries' tests."""
    from sync.webhook_signature import headers  # noqa: PLC0415 — the name is taken above

    at = datetime.fromtimestamp(1614265330, UTC)
    signed = headers(
        keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        at,
    )

    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("hunter2" * 5, id="no-prefix"),
        pytest.param("whsec_", id="empty"),
        pytest.param("whsec_" + "QUFB" * 7 + "QU==", id="damaged"),
        pytest.param("whsec_QUFBQQ==", id="short"),
        pytest.param("whsec_" + "QUFB" * 22, id="66-bytes"),
        pytest.param("whsec_สวัสดี", id="not-ascii"),
    ],
)
def test_what_is_no_secret_is_refused_unseen(secret: str) -> None:
    with pytest.raises(ValueError, match="no signing secret") as refused:
        keys(f"{SECRET},{secret}")

    assert secret == "whsec_" or secret not in str(refused.value)


@pytest.mark.parametrize(("size", "accepted"), [(23, False), (24, True), (64, True), (65, False)])
def test_how_long_a_key_may_be(size: int, accepted: bool) -> None:
    from base64 import b64encode  # noqa: PLC0415 — only here

    secret = f"whsec_{b64encode(b'k' * size).decode()}"
    if accepted:
        assert len(keys(secret)[0]) == size
    else:
        with pytest.raises(ValueError, match="24 to 64"):
            keys(secret)


def test_nothing_secret_is_logged_or_shown(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    receiver.status = 500
    hook = opened(receiver)
    hook.post("msg_1", b'{"customer": "cus_1"}')
    told = f"{caplog.text} {hook!r} {hook.endpoint!r}"

    assert not re.search(r"whsec|url-secret|cus_1|business", told)
