"""Delivery: due effects go out once, what is unclear stays unclear, what fails waits."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.mail_server import MailServer
from tests.workers.events import customer, expired_card, failed_invoice, paid_invoice
from tests.workers.world import World, settings_for, world

AT = datetime(2026, 6, 1, 9, 59, tzinfo=UTC)
MAILS = "SELECT state, reason FROM evergreen.outbox WHERE channel = 'mail' ORDER BY due_at"


def fail_payments(shop: World, count: int) -> None:
    """Let so many customers' charges fail just now, as their cards have expired."""
    for number in range(count):
        whose = f"cus_{number}"
        ids = {"customer_id": whose, "invoice_id": f"in_{number}"}
        shop.arrive(customer(AT, customer_id=whose))
        shop.arrive(failed_invoice(AT, **ids), expired_card(AT, **ids))
    shop.drain()


def kinds(server: MailServer) -> list[str]:
    return [mail["X-Evergreen-Kind"] for mail in server.messages]


def test_a_failed_payment_goes_out_as_mail_with_its_headers(
    shop: World, smtp_server: MailServer
) -> None:
    fail_payments(shop, 1)
    shop.deliver()
    (mail,) = smtp_server.messages

    assert mail["X-Evergreen-Kind"] == "payment_failed"
    assert mail["To"] == "ada@example.com"
    assert shop.rows(MAILS)[0] == ("sent", None)


def test_what_is_paid_meanwhile_is_not_mailed_and_says_why(
    shop: World, smtp_server: MailServer
) -> None:
    fail_payments(shop, 1)
    paid = paid_invoice(AT + timedelta(minutes=1), invoice_id="in_0", customer_id="cus_0")
    shop.arrive(paid)
    shop.drain()
    shop.deliver()

    assert kinds(smtp_server) == ["receipt"]
    assert shop.rows(MAILS)[0] == ("skipped", "paid")


def test_workers_side_by_side_send_each_mail_once(shop: World, smtp_server: MailServer) -> None:
    fail_payments(shop, 12)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(shop.deliver) for _ in range(4)]:
            done.result()

    ids = Counter(mail["Message-ID"] for mail in smtp_server.messages)
    assert (len(ids), max(ids.values())) == (12, 1)


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        pytest.param("refuse 451", "pending", "smtp_451", id="refused-for-now"),
        pytest.param("refuse 550", "failed", "smtp_550", id="refused-for-good"),
        pytest.param("cut", "unknown", "no_reply_after_data", id="cut-before-250"),
    ],
)
def test_a_hostile_mail_server(
    shop: World, smtp_server: MailServer, fault: str, state: str, reason: str
) -> None:
    word, _, code = fault.partition(" ")
    if word == "cut":
        smtp_server.cut()
    else:
        smtp_server.refuse(int(code))
    fail_payments(shop, 1)
    shop.deliver()

    assert shop.rows(MAILS)[0] == (state, reason)
    smtp_server.behave()
    shop.run("UPDATE evergreen.outbox SET retry_at = NULL")
    shop.deliver()
    copies = len(smtp_server.messages)
    assert copies == (0 if state == "failed" else 1)


def test_without_a_mail_server_in_the_settings_mails_are_skipped(
    database_url: str, redis_url: str
) -> None:
    silent = world(settings_for(database_url, redis_url), AT + timedelta(minutes=1))
    fail_payments(silent, 1)
    silent.deliver()

    assert silent.rows(MAILS)[0] == ("skipped", "mail_off")
    silent.context.engine.dispose()


def test_crm_and_stock_follow_in_the_same_run(shop: World) -> None:
    fail_payments(shop, 2)
    shop.deliver()

    assert shop.rows("SELECT customer_id FROM evergreen.crm_record ORDER BY 1") == [
        ("cus_0",),
        ("cus_1",),
    ]
    assert shop.rows("SELECT DISTINCT state FROM evergreen.outbox WHERE channel <> 'mail'") == [
        ("done",),
    ]
