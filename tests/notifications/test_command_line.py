"""`evergreen mail`: previews, test mails and the linter."""

from dataclasses import dataclass
from email import message_from_string
from email.policy import default as parsing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.cli.mail import command
from notifications.experiments import Experiment
from notifications.kinds import KINDS
from notifications.policy import MailPolicy
from tests.mail_server import MailServer
from tests.notifications import shop


@dataclass(frozen=True)
class Settings:
    """What the command reads of the real settings."""

    mail_policy: MailPolicy
    mail_url: str | None = None
    database_url: str = "postgresql://nowhere/none"


def run(*arguments: str, mail_url: str | None = None, url: str = "", **policy: Any) -> Result:
    settings = Settings(shop.policy(**policy), mail_url, url)
    return CliRunner().invoke(command, arguments, obj=settings)


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_needs_neither_database_nor_mail_server(kind: str) -> None:
    shown = run("preview", kind)

    assert (shown.exit_code, "None" in shown.output) == (0, False)
    # A shelf's alert is about no customer.
    assert ("Ada Lovelace" in shown.output) == (kind != "stock_alert")


def test_a_preview_in_another_language_and_form() -> None:
    thai = run("preview", "payment_failed", "--locale", "th", "--format", "html")
    whole = run("preview", "winback_voluntary", "--format", "eml", "--sample", "last")

    assert '<html lang="th"' in thai.output
    message = message_from_string(whole.output, policy=parsing)
    assert message["X-Evergreen-Kind"] == "winback_voluntary"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_preview_for_a_customer_of_the_mirror(engine: Engine, database_url: str) -> None:
    shop.mirror(engine, shop.customer(name="สมชาย ใจดี", preferred_locales=["th"]))
    shown = run("preview", "payment_failed", "--customer", "cus_1", url=database_url)
    unknown = run("preview", "payment_failed", "--customer", "cus_9", url=database_url)

    assert "เรียน คุณ สมชาย ใจดี" in shown.output
    assert (unknown.exit_code, "no such customer" in unknown.output) == (2, True)


def test_a_preview_of_a_variant_is_of_one_that_is_tried(tmp_path: Path) -> None:
    folder = tmp_path / "winback_voluntary@warm"
    folder.mkdir()
    (folder / "subject.txt").write_text("We miss you", "utf-8")
    tried = Experiment(name="try", kind="winback_voluntary", variants={"plain": 1, "warm": 1})
    policy: dict[str, Any] = {"experiments": {tried.kind: tried}, "templates_dir": str(tmp_path)}
    warm = [
        run("preview", tried.kind, "--variant", each, **policy) for each in ("warm", "try/warm")
    ]
    mistyped = run("preview", tried.kind, "--variant", "worm", **policy)

    assert all(shown.output.startswith("We miss you") for shown in warm)
    assert (mistyped.exit_code, "plain, warm" in mistyped.output) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("preview", "no_such_kind"),
        ("preview", "payment_failed", "--locale", "de"),
        ("preview", "payment_failed", "--sample", "no-such-way"),
        ("preview", "payment_failed", "--variant", "no-such-arm"),
        ("test", "payment_failed"),
        ("test", "payment_failed", "--to", "nobody"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_told(arguments: tuple[str, ...]) -> None:
    assert run(*arguments, mail_url="smtp://127.0.0.1:1").exit_code == 2


def test_a_test_mail_goes_to_the_tester_only(smtp_server: MailServer) -> None:
    sent = run("test", "payment_failed", "--to", "me@garden.example", mail_url=smtp_server.url)

    (mail,) = smtp_server.messages
    assert sent.exit_code == 0
    assert mail["To"] == "me@garden.example"
    assert mail["Subject"].startswith("[TEST] ")


def test_a_refused_test_mail_fails(smtp_server: MailServer) -> None:
    smtp_server.refuse(550)
    sent = run("test", "payment_failed", "--to", "me@garden.example", mail_url=smtp_server.url)

    assert (sent.exit_code, "smtp_550" in sent.output) == (1, True)


def test_our_own_templates_are_without_mistakes() -> None:
    checked = run("lint")

    assert (checked.exit_code, checked.stderr) == (0, "")


def test_every_mistake_in_a_shops_templates_is_named_at_once(tmp_path: Path) -> None:
    mistakes = {
        "payment_failed/subject.txt": "{{ nobody_knows }}",
        "payment_failed/subject.text": "never used",
        "payment_faild/subject.txt": "never used",
        "payment_failed/de/subject.txt": "never used",
        "renewal_reminder/subject.txt": "{% trans %}Not yet in Thai{% endtrans %}",
        "winback_voluntary/th/body.mjml": '<mj-section><mj-column><mj-text><img src="x">'
        '<a href="https://only.html.example">x</a></mj-text></mj-column></mj-section>',
        "layout/layout.txt": "{{ body }}",
    }
    for name, content in mistakes.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    told = run("lint", templates_dir=str(tmp_path))

    assert told.exit_code == 1
    for part in (
        "payment_failed en (first): UndefinedError: 'nobody_knows' is undefined",
        "payment_failed th (first): UndefinedError",
        "subject.text: never used",
        "no kind is called 'payment_faild'",
        "de/subject.txt: never used",
        "renewal_reminder th: not translated: 'Not yet in Thai'",
        "winback_voluntary th (price): links in the HTML only: https://",
        "only.html.example",
        "winback_voluntary th (price): an image has no alt text",
    ):
        assert part in told.stderr


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    assert "no such folder" in run("lint", templates_dir=str(tmp_path / "gone")).stderr
