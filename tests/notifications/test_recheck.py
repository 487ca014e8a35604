"""Stripe is asked once more before a mail about money owed: a late mirror duns nobody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifications import delivery
from notifications.recheck import Recheck
from notifications.transports import open_transport
from sync.changes import Done, Effect, Outcome, RetryIn, Skipped
from sync.errors import Rejected, Unavailable
from sync.store import outbox
from tests.notifications import shop
from tests.notifications.shop import NOW, SECOND

PAID = {"status": "paid", "amount_paid": 2900, "amount_remaining": 0}


@pytest.fixture
def owing(engine: Engine) -> Engine:
    """A customer whose card has expired; the first mail is due."""
    shop.mirror(engine, shop.customer(), shop.subscription(status="past_due"), shop.product())
    shop.plan(engine, shop.mirror(engine, shop.declined(), shop.invoice()))
    return engine


def delivered(engine: Engine, folder: Path, look_again: Recheck) -> Outcome:
    (claimed,) = shop.claim(engine, NOW)
    transport = open_transport(folder.as_uri())
    return delivery.deliver(engine, claimed, NOW, transport, shop.policy(), look_again=look_again)


def shows(invoice: Any) -> Recheck:
    return lambda _account, _type, _id: invoice


def raises(error: Exception) -> Recheck:
    def look_again(_account: str, _type: str, _id: str) -> None:
        raise error

    return look_again


@pytest.mark.parametrize(
    ("look_again", "outcome"),
    [
        pytest.param(shows(shop.invoice(**PAID)), Skipped("paid"), id="paid"),
        pytest.param(shows(shop.invoice(status="void")), Skipped("void"), id="void"),
        pytest.param(shows(None), Skipped("invoice_deleted"), id="gone"),
        pytest.param(
            raises(Unavailable()), RetryIn(60.0, "recheck_unavailable"), id="stripe-is-down"
        ),
        pytest.param(
            raises(Unavailable(retry_after_s=7)),
            RetryIn(7, "recheck_unavailable"),
            id="stripe-says-when",
        ),
        pytest.param(
            raises(Rejected()), RetryIn(3600.0, "recheck_rejected"), id="key-may-not-read"
        ),
    ],
)
def test_what_stripe_shows_now_decides(
    owing: Engine, tmp_path: Path, look_again: Recheck, outcome: Outcome
) -> None:
    assert delivered(owing, tmp_path, look_again) == outcome
    assert list(tmp_path.iterdir()) == []


def test_what_is_still_owed_goes_out_with_todays_amount(owing: Engine, tmp_path: Path) -> None:
    outcome = delivered(owing, tmp_path, shows(shop.invoice(amount_remaining=1900)))

    (file,) = tmp_path.iterdir()
    assert isinstance(outcome, Done)
    assert b"$19.00" in file.read_bytes()


def test_stripe_is_asked_about_the_mails_own_invoices(owing: Engine, tmp_path: Path) -> None:
    asked: list[tuple[str, str, str]] = []

    def look_again(account: str, object_type: str, object_id: str) -> Any:
        asked.append((account, object_type, object_id))
        return shop.invoice()

    delivered(owing, tmp_path, look_again)

    assert asked == [("", "invoice", "in_1")]


def never() -> Callable[..., Any]:
    return raises(AssertionError("asked in vain"))


def test_what_the_mirror_knows_to_be_paid_needs_no_question(owing: Engine, tmp_path: Path) -> None:
    shop.mirror(owing, shop.invoice(**PAID), at=NOW + SECOND)

    assert delivered(owing, tmp_path, never()) == Skipped("paid")


def test_other_kinds_trust_the_mirror(engine: Engine, tmp_path: Path) -> None:
    shop.mirror(engine, shop.customer(), shop.invoice(**PAID))
    receipt = Effect(
        key="receipt",
        channel="mail",
        kind="receipt",
        customer_id="cus_1",
        due_at=NOW,
        subject={"invoice": "in_1"},
    )
    with engine.begin() as conn:
        outbox.add(conn, [receipt])

    assert isinstance(delivered(engine, tmp_path, never()), Done)


def test_nobody_waits_for_stripe_inside_a_transaction(owing: Engine, tmp_path: Path) -> None:
    """The row is neither locked nor marked while the question is on its way."""
    seen: list[Any] = []

    def look_again(_account: str, _type: str, _id: str) -> Any:
        with owing.begin() as conn:
            locked = text(
                "SELECT state FROM evergreen.outbox ORDER BY due_at LIMIT 1 FOR UPDATE NOWAIT"
            )
            seen.append(conn.execute(locked).scalar())
        return shop.invoice()

    delivered(owing, tmp_path, look_again)

    assert seen == ["leased"]
