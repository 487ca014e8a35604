"""What the demo prints about its year."""

from typing import Any

import pytest
from sqlalchemy import Engine

from app.local.summary import lines, summarize
from tests.notifications.test_postponed import record

KIND = "annual_terms_reminder"
FREE = {"kind": KIND, "state": "skipped", "reason": "free"}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([{"kind": KIND}, {"kind": KIND}], "2 sent", id="sent"),
        pytest.param([FREE, FREE], "2 not needed (mostly: free)", id="none-was-needed"),
        pytest.param([{"kind": KIND, "state": "pending"}], "1 still to come", id="waits"),
        pytest.param(
            [{"kind": KIND}, FREE, {"kind": KIND, "state": "unknown"}],
            "1 sent, 1 not needed (mostly: free), 1 failed or unclear",
            id="mixed",
        ),
    ],
)
def test_each_kind_of_mail_is_told_by_what_became_of_it(
    engine: Engine, rows: list[dict[str, Any]], says: str
) -> None:
    record(engine, *rows)
    with engine.connect() as conn:
        told = lines(summarize(conn))

    (line,) = [line for line in told if KIND in line]
    assert line.split(KIND)[1].strip() == says
