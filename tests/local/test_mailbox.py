"""The mail catcher: takes every mail over real SMTP and shows it safely."""

import json
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

from app.local.mail_viewer import PAGE_SIZE, mail_viewer
from app.local.mailbox import Entry, Mailbox, mail_catcher
from app.local.ports import is_free

HOSTILE = "<script>alert('ada')</script>"


def mail(*, kind: str = "welcome", subject: str = "Hello", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "shop@shop.example",
        "Ada <ada@x.example>",
        subject,
    )
    message["Date"] = "Tue, 01 Dec 2026 08:00:00 +0000"
    message["X-Evergreen-Kind"] = kind
    message.set_content(f"plain {subject}")
    if html:
        message.add_alternative(html, subtype="html")
    return message


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mail")


@pytest.fixture
def page(mailbox: Mailbox) -> Iterator[str]:
    with mail_viewer(mailbox) as url:
        yield url


def test_mail_sent_by_a_real_client_is_kept(tmp_path: Path) -> None:
    with mail_catcher(tmp_path / "mail") as (mailbox, url):
        host, port = url.removeprefix("smtp://").split(":")
        with smtplib.SMTP(host, int(port)) as client:
            client.send_message(mail(subject="Grüße ป้า"))
            client.send_message(mail(kind="", subject="x" * 500))

    newest, oldest = mailbox.newest()
    assert oldest == Entry(
        number=1,
        kind="welcome",
        to="Ada <ada@x.example>",
        subject="Grüße ป้า",
        date="Tue, 01 Dec 2026 08:00:00 +0000",
    )
    assert (newest.number, newest.kind, newest.subject) == (2, "other", "x" * 500)
    assert mailbox.message(1).get_body(("plain",)).get_content().strip() == "plain Grüße ป้า"  # type: ignore[union-attr]


def test_the_catcher_frees_its_port_at_once(tmp_path: Path) -> None:
    with mail_catcher(tmp_path / "mail") as (_mailbox, url):
        port = int(url.rsplit(":", 1)[1])

    assert is_free(port)


def test_the_catcher_ends_while_a_client_hangs_on(tmp_path: Path) -> None:
    with mail_catcher(tmp_path / "mail") as (_mailbox, url):
        client = smtplib.SMTP("127.0.0.1", int(url.rsplit(":", 1)[1]), timeout=5)
        client.ehlo()

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        client.docmd("NOOP")
    client.close()


def test_mails_of_an_earlier_run_are_there_again(tmp_path: Path) -> None:
    before = Mailbox(tmp_path / "mail")
    before.add(mail(subject="one").as_bytes())
    with (tmp_path / "mail" / "index.jsonl").open("a") as index:
        index.write('{"number": 2, "ki')  # the run was killed here

    again = Mailbox(tmp_path / "mail")
    again.add(mail(subject="two").as_bytes())

    assert [entry.subject for entry in Mailbox(tmp_path / "mail").newest()] == ["two", "one"]


def test_index_is_json_lines(mailbox: Mailbox) -> None:
    mailbox.add(mail(kind="receipt").as_bytes())

    [line] = (mailbox.folder / "index.jsonl").read_text().splitlines()
    assert json.loads(line)["kind"] == "receipt"
    assert (mailbox.folder / "000001.eml").exists()


def test_list_shows_newest_first_and_one_kind_on_request(mailbox: Mailbox, page: str) -> None:
    for kind in ("welcome", "receipt", "welcome"):
        mailbox.add(mail(kind=kind, subject=f"{kind}-{mailbox.counts().get(kind, 0)}").as_bytes())

    everything = requests.get(page, timeout=5).text
    receipts = requests.get(page, params={"kind": "receipt"}, timeout=5).text

    assert everything.index("welcome-1") < everything.index("receipt-0")
    assert everything.index("receipt-0") < everything.index("welcome-0")
    assert "receipt-0" in receipts
    assert "welcome-0" not in receipts


@pytest.mark.parametrize(
    ("mails", "older"),
    [
        pytest.param(PAGE_SIZE, False, id="one-full-page"),
        pytest.param(PAGE_SIZE + 1, True, id="one-more"),
    ],
)
def test_pages(mailbox: Mailbox, page: str, mails: int, *, older: bool) -> None:
    for number in range(mails):
        mailbox.add(mail(subject=f"number-{number}.").as_bytes())

    first = requests.get(page, timeout=5).text
    second = requests.get(page, params={"page": 2}, timeout=5).text

    assert ("older" in first, "newer" in first) == (older, False)
    assert ("number-0." in second) == older


def test_a_mail_page_shows_text_headers_and_a_frame(mailbox: Mailbox, page: str) -> None:
    mailbox.add(mail(subject="Your plan", html="<p>rich</p>").as_bytes())

    shown = requests.get(f"{page}/mails/1", timeout=5)

    assert "plain Your plan" in shown.text
    assert "X-Evergreen-Kind" in shown.text
    assert '<iframe src="/mails/1/html"' in shown.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown.text
    assert "<p>rich</p>" not in shown.text


@pytest.mark.parametrize("path", ["", "/mails/1"])
def test_nothing_in_a_mail_becomes_markup(mailbox: Mailbox, page: str, path: str) -> None:
    message = mail(kind=HOSTILE, subject=HOSTILE)
    message.replace_header("To", f'"{HOSTILE}" <ada@x.example>')
    mailbox.add(message.as_bytes())

    shown = requests.get(page + path, timeout=5)

    assert "<script" not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


def test_the_html_of_a_mail_runs_nothing_and_fetches_nothing(mailbox: Mailbox, page: str) -> None:
    mailbox.add(mail(html=f"<p>rich</p>{HOSTILE}").as_bytes())

    shown = requests.get(f"{page}/mails/1/html", timeout=5)

    assert "<p>rich</p>" in shown.text
    rules = dict(
        rule.split(" ", 1) for rule in shown.headers["Content-Security-Policy"].split("; ")
    )
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "script-src" not in rules
    assert "allow-scripts" not in rules["sandbox"]
    assert "allow-same-origin" not in rules["sandbox"]


def test_a_mail_without_html_has_no_frame(mailbox: Mailbox, page: str) -> None:
    mailbox.add(mail().as_bytes())

    assert "<iframe" not in requests.get(f"{page}/mails/1", timeout=5).text
    assert requests.get(f"{page}/mails/1/html", timeout=5).status_code == 404


def test_a_mail_as_it_came_is_plain_text(mailbox: Mailbox, page: str) -> None:
    raw = mail(html=HOSTILE).as_bytes()
    mailbox.add(raw)

    shown = requests.get(f"{page}/mails/1/raw", timeout=5)

    assert shown.content == raw
    assert shown.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/mails/0", "/mails/1", "/mails/x", "/mails/1/raw"])
def test_a_mail_that_is_not_there(page: str, path: str) -> None:
    assert requests.get(page + path, timeout=5).status_code == 404


def test_a_foreign_host_name_gets_no_mail(mailbox: Mailbox, page: str) -> None:
    """A page on the internet may name this address, but not read it under its own name."""
    mailbox.add(mail(subject="private").as_bytes())

    shown = requests.get(page, headers={"Host": "evil.example"}, timeout=5)

    assert shown.status_code == 400
    assert "private" not in shown.text


def test_a_taken_port_is_no_obstacle(mailbox: Mailbox, page: str) -> None:
    with mail_viewer(mailbox, int(page.rsplit(":", 1)[1])) as other:
        assert other != page
        assert requests.get(other, timeout=5).ok
