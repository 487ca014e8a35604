"""One due mail on a real database: still wanted, marked before it leaves, told how it ended."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default as parsing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from notifications import case as cases
from notifications import delivery, gate
from notifications.kinds import KINDS
from notifications.policy import Brand
from notifications.transports import open_transport
from sync.changes import Done, Effect, Failed, RetryIn, Skipped, Unknown
from sync.errors import LeaseLost
from sync.store import outbox
from tests.mail_server import MailServer
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW, SECOND

NOWHERE = "file:///nonexistent"


@pytest.fixture
def owing(engine: Engine) -> Engine:
    """A customer whose card has expired: the charge failed just now; the first mail is due."""
    shop.mirror(engine, shop.customer(), shop.subscription(status="past_due"), shop.product())
    shop.plan(engine, shop.mirror(engine, shop.declined(), shop.invoice()))
    return engine


def test_a_mail_goes_out_with_what_the_mirror_knows(owing: Engine, tmp_path: Path) -> None:
    (outcome,) = shop.deliver_due(owing, tmp_path.as_uri(), NOW)

    (file,) = tmp_path.iterdir()
    sent = message_from_bytes(file.read_bytes(), policy=parsing)
    assert outcome == Done(sent["Message-ID"])
    assert file.suffix == ".eml"
    assert sent["Subject"] == "Please update your card for Garden Box"
    text_part = sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for fact in ("Garden Box", "GB-0042", "December 4, 2026", "https://billing.garden.example/b/"):
        assert fact in text_part
    assert shop.rows(owing, "state")[0] == ("sent",)


def test_the_mail_is_in_the_customers_language(owing: Engine, tmp_path: Path) -> None:
    shop.mirror(owing, shop.customer(preferred_locales=["th"]), at=NOW + SECOND)
    shop.deliver_due(owing, tmp_path.as_uri(), NOW)

    (file,) = tmp_path.iterdir()
    sent = message_from_bytes(file.read_bytes(), policy=parsing)
    assert sent["Subject"] == "โปรดอัปเดตบัตรของคุณสำหรับ Garden Box"


@pytest.mark.parametrize(
    ("meanwhile", "settings", "reason"),
    [
        pytest.param(shop.invoice(status="paid", amount_remaining=0), {}, "paid", id="paid"),
        pytest.param(shop.invoice(status="void"), {}, "void", id="void"),
        pytest.param(shop.subscription(cancel_at_period_end=True), {}, "cancel_set", id="leaving"),
        pytest.param(shop.ended(NOW), {}, "canceled", id="left"),
        pytest.param(shop.customer(test_clock="clock_1"), {}, "test_clock", id="test-clock"),
        pytest.param(shop.customer(email="a@b, c@d"), {}, "bad_address", id="bad-address"),
        pytest.param(None, {"livemode": True}, "livemode_mismatch", id="other-mode"),
    ],
)
def test_what_happens_meanwhile_stops_the_mail_by_name(
    owing: Engine, meanwhile: Any, settings: dict[str, Any], reason: str
) -> None:
    if meanwhile:
        shop.mirror(owing, meanwhile, at=NOW + SECOND)

    assert shop.deliver_due(owing, NOWHERE, NOW, shop.policy(**settings)) == [Skipped(reason)]
    assert shop.rows(owing, "state, reason")[0] == ("skipped", reason)


def test_a_test_clocks_mail_goes_to_the_redirect(owing: Engine, tmp_path: Path) -> None:
    shop.mirror(owing, shop.customer(test_clock="clock_1"), at=NOW + SECOND)
    settings = shop.policy(redirect="qa@garden.example")

    assert isinstance(shop.deliver_due(owing, tmp_path.as_uri(), NOW, settings)[0], Done)


def test_an_address_missing_at_the_customer_is_taken_from_the_invoice(
    owing: Engine, tmp_path: Path
) -> None:
    shop.mirror(owing, shop.customer(email=None), at=NOW + SECOND)
    shop.deliver_due(owing, tmp_path.as_uri(), NOW)

    (file,) = tmp_path.iterdir()
    assert b"To: from-invoice@customer.example\r\n" in file.read_bytes()


def test_a_customer_not_yet_heard_of_is_waited_for_once(engine: Engine, tmp_path: Path) -> None:
    """Then the invoice's own address will do: without a backfill the customer may never come."""
    shop.plan(engine, shop.mirror(engine, shop.declined(), shop.invoice()))
    (first,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)
    assert first == RetryIn(15.0, "customer_unknown")
    with engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET retry_at = now()"))

    (second,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)
    assert isinstance(second, Done)


def test_a_lease_that_is_lost_sends_nothing(owing: Engine, tmp_path: Path) -> None:
    (claimed,) = shop.claim(owing, NOW)
    with owing.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET lease_until = now()"))
    transport = open_transport(tmp_path.as_uri())

    with pytest.raises(LeaseLost):
        delivery.deliver(owing, claimed, NOW, transport, shop.policy())
    assert list(tmp_path.iterdir()) == []


def test_that_it_may_have_left_is_committed_before_it_leaves(owing: Engine) -> None:
    """Whoever looks from outside while the mail is on its way sees `sending`."""
    seen: list[Any] = []

    class Watching:
        def send(self, _message: Any) -> Unknown:
            seen.extend(shop.rows(owing, "state"))
            return Unknown("watched")

        def close(self) -> None:
            """Nothing to let go of."""

    (claimed,) = shop.claim(owing, NOW)
    outcome = delivery.deliver(owing, claimed, NOW, Watching(), shop.policy())

    assert outcome == Unknown("watched")
    assert seen[0] == ("sending",)


def test_a_mail_that_cannot_be_made_blocks_no_other(owing: Engine, smtp_server: MailServer) -> None:
    """An invoice without a currency is beyond our templates; the next customer's is not."""
    shop.mirror(owing, shop.customer(id="cus_2", email="bob@customer.example"))
    other = shop.invoice(id="in_0", customer="cus_2", parent=None)
    refused = shop.declined(
        id="pi_0", customer="cus_2", payment_details={"order_reference": "in_0"}
    )
    shop.plan(owing, shop.mirror(owing, refused, other))
    shop.mirror(owing, shop.invoice(currency=None), at=NOW + SECOND)
    with capture_logs() as logged:
        outcomes = shop.deliver_due(owing, smtp_server.url, NOW)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "Failed"]
    assert Failed("render_failed") in outcomes
    (line,) = logged
    assert line["event"] == "mail.render_failed"
    assert "ada@" not in str(line)
    assert [mail["To"] for mail in smtp_server.messages] == ["bob@customer.example"]


def test_an_effect_of_a_kind_that_is_gone_fails_by_name(engine: Engine) -> None:
    gone = Effect(key="k", channel="mail", kind="gone", due_at=NOW)
    with engine.begin() as conn:
        outbox.add(conn, [gone])

    assert shop.deliver_due(engine, NOWHERE, NOW) == [Failed("unknown_kind")]


@pytest.mark.parametrize(
    ("late", "reason"),
    [pytest.param(-SECOND, None, id="just-in-time"), pytest.param(0 * DAY, "too_late", id="late")],
)
def test_a_mail_past_its_use_is_not_sent(owing: Engine, late: Any, reason: str | None) -> None:
    (claimed,) = shop.claim(owing, NOW)
    assert claimed.effect.expires_at is not None
    now = claimed.effect.expires_at + late
    kind = KINDS["payment_failed"]
    with owing.connect() as conn:
        case = cases.load(conn, claimed.effect, kind.needs, now, shop.policy())

    verdict = gate.check(kind, claimed.effect, case, attempts=1)
    assert verdict == (Skipped(reason) if reason else None)


def test_internal_mail_needs_an_inbox_of_ours(owing: Engine) -> None:
    kind = replace(KINDS["payment_failed"], category="internal")
    (claimed,) = shop.claim(owing, NOW)
    with owing.connect() as conn:
        case = cases.load(conn, claimed.effect, kind.needs, NOW, shop.policy())
    ours = replace(case, policy=shop.policy(marketing_inbox="Us <us@garden.example>"))

    assert gate.check(kind, claimed.effect, case, attempts=1) == Skipped("no_internal_inbox")
    assert gate.check(kind, claimed.effect, ours, attempts=1) is None


def test_a_bare_sender_shows_the_brands_name() -> None:
    settings = shop.policy(sender="billing@garden.example", brand=Brand(name="Garden Box"))

    assert str(settings.from_address) == "Garden Box <billing@garden.example>"
    assert shop.policy(sender="b@garden.example", brand=Brand()).brand_name == "garden.example"


def test_a_folder_that_cannot_be_written_is_tried_again(owing: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (outcome,) = shop.deliver_due(owing, (tmp_path / "file" / "folder").as_uri(), NOW)

    assert outcome == RetryIn(60.0, "folder_unwritable")
