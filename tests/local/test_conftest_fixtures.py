"""The fixtures that every other test stands on."""

import smtplib
from email.message import EmailMessage

import psycopg
import pytest
import redis

from tests.mail_server import MailServer


def mail(to: str = "ada@shop.example") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@shop.example", to, "Grüße"
    message.set_content("สวัสดี")
    return message


@pytest.mark.parametrize("round_number", [1, 2])
def test_every_test_gets_a_migrated_database_without_rows(
    database_url: str, round_number: int
) -> None:
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("SELECT count(*) FROM evergreen.inbox").fetchone()
        conn.execute("CREATE TABLE left_over (round int)")

    assert rows == (0,), round_number


def test_an_empty_database_has_no_table_of_ours(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as conn:
        found = conn.execute("SELECT FROM pg_namespace WHERE nspname = 'evergreen'").rowcount

    assert found == 0


@pytest.mark.parametrize("round_number", [1, 2])
def test_every_test_gets_an_empty_redis(redis_url: str, round_number: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = client.keys()
        client.set("left", "over")

    assert keys == [], round_number


def test_mail_server_keeps_what_it_takes(smtp_server: MailServer) -> None:
    with smtplib.SMTP("127.0.0.1", smtp_server.port) as client:
        client.send_message(mail())

    [message] = smtp_server.messages
    assert message["Subject"] == "Grüße"
    assert message.get_content().strip() == "สวัสดี"


@pytest.mark.parametrize("code", [421, 451, 550])
def test_mail_server_refuses_one_recipient_only(smtp_server: MailServer, code: int) -> None:
    smtp_server.refuse(code, "bob@shop.example")

    with smtplib.SMTP("127.0.0.1", smtp_server.port) as client:
        client.send_message(mail("ada@shop.example"))
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.send_message(mail("bob@shop.example"))

    assert refused.value.recipients["bob@shop.example"][0] == code
    assert len(smtp_server.messages) == 1


def test_mail_server_misbehaves_as_often_as_it_is_told(smtp_server: MailServer) -> None:
    smtp_server.refuse_content(451, times=2)

    with smtplib.SMTP("127.0.0.1", smtp_server.port) as client:
        for _ in range(2):
            with pytest.raises(smtplib.SMTPDataError):
                client.send_message(mail())
        client.send_message(mail())

    assert len(smtp_server.messages) == 1


def test_mail_server_cuts_the_line_after_taking_the_mail(smtp_server: MailServer) -> None:
    smtp_server.cut()

    with (
        pytest.raises(smtplib.SMTPServerDisconnected),
        smtplib.SMTP("127.0.0.1", smtp_server.port) as client,
    ):
        client.send_message(mail())

    assert len(smtp_server.messages) == 1


def test_mail_server_hangs_until_the_sender_gives_up(smtp_server: MailServer) -> None:
    smtp_server.hang()

    client = smtplib.SMTP("127.0.0.1", smtp_server.port, timeout=0.2)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        client.send_message(mail())
    client.close()

    assert len(smtp_server.messages) == 1
