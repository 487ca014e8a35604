"""One customer's story, in time order, with a reason for every mail not sent."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from app.cli.mail import command
from notifications import suppression, why_rows
from notifications.policy import MailPolicy
from notifications.why import Found, Line, story
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW
from tests.notifications.test_postponed import record


def mail(**changed: Any) -> dict[str, Any]:
    return {
        "kind": "payment_failed",
        "due_at": NOW,
        "settled_at": NOW,
        "state": "sent",
        "reason": None,
        "variant": None,
        "delivered_at": None,
        "bounced_at": None,
        "complained_at": None,
        "subject": {},
        **changed,
    }


@pytest.mark.parametrize(
    ("row", "line"),
    [
        pytest.param(
            mail(),
            Line(at=NOW, what="mail", name="payment_failed", state="sent"),
            id="sent",
        ),
        pytest.param(
            mail(state="skipped", reason="paid", settled_at=NOW + HOUR),
            Line(
                at=NOW + HOUR,
                what="mail",
                name="payment_failed",
                state="skipped",
                reason="paid",
                detail="due 2026-12-01T09:00Z",
            ),
            id="not-sent",
        ),
        pytest.param(
            mail(state="pending", reason="quiet_hours", due_at=NOW + DAY, settled_at=None),
            Line(
                at=NOW + DAY,
                what="mail",
                name="payment_failed",
                state="pending",
                reason="quiet_hours",
            ),
            id="waits",
        ),
        pytest.param(
            mail(variant="try/warm", bounced_at=NOW, subject={"invoice": "in_1", "copy": "x"}),
            Line(
                at=NOW,
                what="mail",
                name="payment_failed",
                state="sent",
                detail="variant try/warm, bounced, invoice in_1",
            ),
            id="with-all-that-is-known",
        ),
    ],
)
def test_a_mails_line(row: dict[str, Any], line: Line) -> None:
    assert story(Found(mails=[row])) == [line]


def campaign(closed_at: datetime | None = None) -> dict[str, Any]:
    return {
        "id": 7,
        "opened_at": NOW,
        "closed_at": closed_at,
        "segment": "expired",
        "code": "expired_card",
        "outcome": "new_method" if closed_at else None,
        "credited_key": "k" if closed_at else None,
    }


def test_a_cause_stands_before_what_follows_from_it() -> None:
    event = {
        "type": "invoice.payment_failed",
        "object_id": "in_1",
        "created": NOW,
        "received_at": NOW,
        "state": "done",
        "last_error": None,
    }
    steps = [
        {"campaign": 7, "number": n, "kind": "payment_failed", "due_at": NOW + n * DAY}
        for n in (0, 4)
    ]
    told = story(
        Found(
            mails=[mail(subject={"campaign": "7", "step": "0"})],
            events=[event],
            campaigns=[campaign(NOW + 2 * DAY)],
            steps=steps,
            clicks=[{"clicked_at": NOW + DAY, "kind": "payment_failed"}],
            access=[
                {"since": None, "recorded_at": NOW, "state": "grace", "reason": "payment_late"}
            ],
            suppressions=[
                {
                    "created_at": NOW + 3 * DAY,
                    "customer_id": None,
                    "topic": "all",
                    "reason": "bounced",
                }
            ],
        )
    )

    assert [(line.what, line.name, line.state) for line in told] == [
        ("event", "invoice.payment_failed", "done"),
        ("campaign", "campaign 7", "opened"),
        ("access", "access", "grace"),
        ("mail", "payment_failed", "sent"),
        ("click", "payment_failed", ""),
        ("campaign", "campaign 7", "closed"),
        ("suppression", "all", "suppressed"),
        ("campaign", "campaign 7", "planned"),
    ]


@pytest.fixture
def lived(engine: Engine) -> Engine:
    """Two customers; one owes, has an opted-out address and two mails on record."""
    shop.mirror(engine, shop.customer(), shop.customer(id="cus_2"), shop.subscription())
    shop.mirror(engine, shop.invoice())
    record(
        engine,
        {"kind": "payment_failed", "at": NOW},
        {"state": "skipped", "reason": "opted_out", "at": NOW + DAY},
        {"customer": "cus_2"},
    )
    with engine.begin() as conn:
        suppression.suppress(
            conn, "", topic="marketing", reason="unsubscribed", address="Ada@Customer.example"
        )
        suppression.suppress(conn, "", topic="all", reason="bounced", customer_id="cus_2")
    return engine


def test_a_story_is_of_one_customer(lived: Engine) -> None:
    with lived.connect() as conn:
        found = why_rows.load(conn, "", "cus_1", 10)

    assert [row["kind"] for row in found.mails] == ["winback_voluntary", "payment_failed"]
    assert [row["reason"] for row in found.suppressions] == ["unsubscribed"]
    assert why_rows_of(lived, "cus_3") == []


def why_rows_of(engine: Engine, customer: str) -> list[Line]:
    with engine.connect() as conn:
        return story(why_rows.load(conn, "", customer, 10))


@dataclass(frozen=True)
class Settings:
    """What the commands read of the real settings."""

    database_url: str
    mail_policy: MailPolicy
    clock: str = "real"


@pytest.mark.usefixtures("lived")
def test_the_commands_tell_it(database_url: str) -> None:
    settings = Settings(database_url, shop.policy())
    asked = ["why", "cus_1", "--format", "json"]
    found = CliRunner().invoke(command, asked, obj=settings)
    compared = CliRunner().invoke(command, ["experiments"], obj=settings)

    told = json.loads(found.stdout)
    assert [line["reason"] for line in told if line["what"] == "mail"] == ["", "opted_out"]
    assert (compared.exit_code, compared.stderr) == (0, "nothing found\n")
