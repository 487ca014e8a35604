"""Mails in doubt: shown, settled by a person, never sent again by themselves."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.cli.mail import command
from sync.changes import Done, Effect, Outcome, Unknown
from sync.store import outbox
from tests.notifications import shop
from tests.notifications.shop import NOW, SECOND

KEY = ":test:winback_voluntary:sub_1:30"


@dataclass(frozen=True)
class Settings:
    """What the commands read of the real settings."""

    database_url: str


def effect(key: str, **changed: Any) -> Effect:
    made = {"channel": "mail", "kind": "winback_voluntary", "due_at": NOW, "customer_id": "cus_1"}
    return Effect(key=key, **{**made, **changed})


def end_as(engine: Engine, outcome: Outcome, *effects: Effect) -> None:
    with engine.begin() as conn:
        outbox.add(conn, effects)
    for claimed in shop.claim(engine, NOW):
        with engine.begin() as conn:
            outbox.settle(conn, claimed, outcome, NOW)


@pytest.fixture
def in_doubt(engine: Engine) -> Engine:
    """One mail in doubt among others that are not."""
    end_as(engine, Unknown("no_reply_after_data"), effect(KEY))
    end_as(engine, Done("m"), effect("sent"))
    end_as(engine, Unknown("crm_timeout"), effect("other", channel="crm"))
    return engine


@pytest.fixture
def run(database_url: str) -> Any:
    """Run `evergreen mail …`."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(command, arguments, obj=Settings(database_url))

    return invoke


def states(engine: Engine) -> dict[str, tuple[str, str | None]]:
    return {key: (state, reason) for key, state, reason in shop.rows(engine, "key, state, reason")}


def test_only_mails_in_doubt_are_listed(in_doubt: Engine, run: Any) -> None:
    listed = run("unknown", "--format", "csv")
    (row,) = csv.DictReader(listed.stdout.splitlines())

    assert listed.exit_code == 0
    assert (row["key"], row["kind"], row["customer_id"]) == (KEY, "winback_voluntary", "cus_1")
    assert row["reason"] == "no_reply_after_data"
    assert row["due_at"] == NOW.isoformat()
    assert states(in_doubt)[KEY][0] == "unknown"


def test_nothing_in_doubt_is_said_so(engine: Engine, run: Any) -> None:
    del engine
    assert "nothing found" in run("unknown").stderr


def test_those_longest_in_doubt_come_first(engine: Engine, run: Any) -> None:
    for key in ("c", "a", "b"):
        end_as(engine, Unknown("x"), effect(key))

    listed = csv.DictReader(run("unknown", "--limit", "2", "--format", "csv").stdout.splitlines())
    assert [row["key"] for row in listed] == ["c", "a"]


def test_a_mail_found_in_the_providers_log_was_sent(in_doubt: Engine, run: Any) -> None:
    assert run("settle", KEY, "--sent").exit_code == 0

    assert states(in_doubt)[KEY] == ("sent", "settled_as_sent")
    assert shop.claim(in_doubt, NOW) == []


def test_a_mail_that_was_not_sent_is_due_again_like_a_new_one(in_doubt: Engine, run: Any) -> None:
    assert run("settle", KEY, "--not-sent").exit_code == 0
    (claimed,) = shop.claim(in_doubt, NOW)

    assert (claimed.effect.key, claimed.attempts) == (KEY, 1)


def test_whether_it_is_still_wanted_is_decided_anew(
    engine: Engine, run: Any, tmp_path: Path
) -> None:
    late = effect(KEY, kind="renewal_reminder", expires_at=NOW + SECOND)
    end_as(engine, Unknown("no_reply_after_data"), late)
    run("settle", KEY, "--not-sent")
    shop.deliver_due(engine, tmp_path.as_uri(), NOW + SECOND)

    assert states(engine)[KEY] == ("skipped", "too_late")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["sent", "other", "nobody's"])
@pytest.mark.parametrize("found", ["--sent", "--not-sent"])
def test_only_a_mail_in_doubt_can_be_settled(
    in_doubt: Engine, run: Any, key: str, found: str
) -> None:
    before = states(in_doubt)
    refused = run("settle", key, found)

    assert (refused.exit_code, "no mail in doubt" in refused.output) == (1, True)
    assert states(in_doubt) == before


def test_settling_twice_is_refused(in_doubt: Engine, run: Any) -> None:
    assert [run("settle", KEY, "--sent").exit_code for _ in range(2)] == [0, 1]
    assert states(in_doubt)[KEY][0] == "sent"


def test_what_was_found_out_must_be_said(run: Any) -> None:
    assert run("settle", KEY).exit_code == 2
