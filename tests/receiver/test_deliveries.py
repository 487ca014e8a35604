"""What Stripe sends: kept, once, as it was signed."""

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.receiver.stripe_side import (
    FOREIGN,
    NEWEST,
    OLDER,
    Door,
    encoded,
    event,
    mac,
    queued,
    signature,
)

pytestmark = pytest.mark.processes
SETTINGS = {"STRIPE_LIVEMODE": "false"}
THIN = {
    "id": "evt_test_thin",
    "object": "v2.core.event",
    "type": "v1.billing.meter.error_report_triggered",
    "created": "2026-06-01T12:00:00.000Z",
    "livemode": False,
    "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
}


@pytest.mark.parametrize(
    ("sent", "type_", "object_id"),
    [
        pytest.param(event(), "invoice.paid", None, id="snapshot"),
        pytest.param(THIN, THIN["type"], "mtr_1", id="thin"),
        pytest.param(event(type="no.such_thing"), "no.such_thing", None, id="unknown-type"),
        pytest.param(event(api_version="1999-12-31"), "invoice.paid", None, id="unknown-version"),
        pytest.param(event(account="acct_1"), "invoice.paid", None, id="connect"),
        pytest.param(event(data={"object": {}}), "invoice.paid", None, id="object-without-id"),
    ],
)
def test_an_event_is_kept_as_it_was_signed(
    door: Door, sent: dict[str, str], type_: str, object_id: str | None
) -> None:
    body = encoded(sent)

    assert door.deliver(body) == (200, {"status": "stored"})

    row = door.row(event_id=sent["id"])
    assert (row["state"], row["type"], row["payload"]) == ("pending", type_, body)
    assert row["account"] == sent.get("account", "")
    assert object_id in {None, row["object_id"]}


def test_a_new_event_rings_once_for_many(door: Door) -> None:
    for _ in range(3):
        door.deliver(encoded(event()))
    until = time.monotonic() + 2
    while not queued(door.redis_url) and time.monotonic() < until:
        time.sleep(0.01)  # it rings when the answer is out

    assert queued(door.redis_url) == 1


def test_an_event_that_comes_again_is_counted(door: Door) -> None:
    body = encoded(event())

    answers = [door.deliver(body)[1]["status"] for _ in range(3)]

    assert answers == ["stored", "duplicate", "duplicate"]
    assert door.row(event_id=json.loads(body)["id"])["deliveries"] == 3


def test_the_same_id_with_other_bytes_keeps_both(door: Door) -> None:
    first = event()
    second = encoded({**first, "pending_webhooks": 7})
    door.deliver(encoded(first))

    assert door.deliver(second) == (200, {"status": "duplicate"})

    row = door.row(event_id=first["id"])
    query = "SELECT payload FROM evergreen.inbox_other_bytes WHERE seq = %(seq)s"
    assert row["payload"] == encoded(first)
    assert door.one(query, row)["payload"] == second
    assert "event.repeated_with_other_bytes" in door.logged()


def test_the_same_id_in_another_account_is_another_event(door: Door) -> None:
    first = event()
    door.deliver(encoded(first))

    assert door.deliver(encoded({**first, "account": "acct_2"})) == (200, {"status": "stored"})


def test_one_event_a_hundred_times_at_once_is_one_row(door: Door) -> None:
    sent = event()
    body = encoded(sent)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: door.deliver(body), range(100)))

    assert {status for status, _ in answers} == {200}
    assert [answer["status"] for _, answer in answers].count("stored") == 1
    assert door.row(event_id=sent["id"])["deliveries"] == 100


def test_the_other_mode_is_parked(door: Door) -> None:
    sent = event(livemode=True)

    assert door.deliver(encoded(sent)) == (200, {"status": "parked"})

    row = door.row(event_id=sent["id"])
    assert (row["state"], row["last_error"]) == ("parked", "wrong_livemode")


UNUSABLE = {
    "nothing": b"",
    "no-json": b"hello",
    "list": b"[]",
    "null": b"null",
    "number": b"1",
    "object": b"{}",
    "bom": b"\xef\xbb\xbf" + encoded(event()),
    "utf-16": json.dumps(event()).encode("utf-16"),
    "not-utf-8": encoded(event()).replace(b'"invoice"', b'"\xff\xfe"'),
    "nan": encoded(event(extra=float("nan"))),
    "infinity": encoded(event(extra=float("-inf"))),
    "deep": b'{"id":"evt_deep","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nul": encoded(event(extra="a\0b")),
    "nul-after-backslash": encoded(event(extra="\\\0")),
    "lone-surrogate": encoded(event(extra="\ud800")),
    "huge-created": encoded(event(created=10**400)),
    "created-out-of-range": encoded(event(created=2**60)),
    "created-before-the-calendar": encoded(event(created="0001-01-01T00:00:00+14:00")),
    "created-after-the-calendar": encoded(event(created="9999-12-31T23:59:59-14:00")),
    "created-as-words": encoded(event(created="yesterday")),
    "id-as-number": encoded(event(id=7)),
    "id-with-space": encoded(event(id="evt 1")),
    "id-without-end": encoded(event(id="e" * 256)),
    "type-with-newline": encoded(event(type="invoice.paid\n")),
    "object-id-as-list": encoded(event(data={"object": {"id": []}})),
    "two-documents": encoded(event()) * 2,
}


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_authentic_but_unusable_is_parked_with_its_bytes(door: Door, body: bytes) -> None:
    """A 4xx would only buy three days of retries and a disabled endpoint."""
    assert door.deliver(body) == (200, {"status": "parked"})

    row = door.row(event_id=f"sha256:{hashlib.sha256(body).hexdigest()}")
    assert (row["state"], row["payload"]) == ("parked", body)
    assert row["last_error"] in {"not_an_event", "odd_envelope"}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(event(extra="\\u0000"), id="backslash-and-u0000"),
        pytest.param(event(extra="ร้านค้า 🎉"), id="thai-and-emoji"),
        pytest.param(event(extra=[[[[]]]]), id="nested"),
        pytest.param(event(id="e" * 255), id="longest-id"),
    ],
)
def test_odd_but_usable_events_are_not_parked(door: Door, sent: dict[str, str]) -> None:
    assert door.deliver(encoded(sent)) == (200, {"status": "stored"})
    assert door.deliver(json.dumps(sent, ensure_ascii=False).encode()) == (
        200,
        {"status": "duplicate"},
    )


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "?"])
def test_the_content_type_does_not_matter(door: Door, content_type: str) -> None:
    answer = door.deliver(encoded(event()), Content_Type=content_type)

    assert answer == (200, {"status": "stored"})


def both(first: str, second: str) -> str:
    """Return the header of `first` with the signature of `second` behind."""
    return f"{first},{second.partition(',')[2]}"


def test_one_good_signature_among_bad_ones_is_enough(door: Door) -> None:
    bodies = [encoded(event()), encoded(event())]
    good, bad = ([signature(body, secret) for body in bodies] for secret in (NEWEST, FOREIGN))

    assert door.deliver(bodies[0], both(good[0], bad[0]))[0] == 200
    assert door.deliver(bodies[1], both(bad[1], good[1]))[0] == 200


def test_an_older_secret_is_good_and_noticed(door: Door) -> None:
    body = encoded(event())

    assert door.deliver(body, signature(body, OLDER)) == (200, {"status": "stored"})
    assert "older_secret_used" in door.logged()


def test_a_fake_scheme_beside_a_good_signature_does_no_harm(door: Door) -> None:
    body = encoded(event())
    now = int(time.time())

    assert door.deliver(body, f"t={now},v0={'0' * 64},v1={mac(body, now)}")[0] == 200
