"""`evergreen reproject` as a person uses it: words, a summary, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest
from sqlalchemy import Engine, func, select

from app.local.state import CHECKOUT
from sync.mirror.objects import OBJECTS
from sync.store import progress
from tests.cli.command_line import evergreen
from tests.mirror.old_rows import TOO_LONG, customer, customers, keep

CUSTOMERS = OBJECTS["customer"].table


def test_the_command_tells_what_it_did(engine: Engine, environ: Mapping[str, str]) -> None:
    keep(engine, CUSTOMERS, *map(customer, range(3)))

    said = evergreen("reproject", "customer", "price", "--format", "json", environ=environ)

    told = json.loads(said.out)
    assert [(row["object"], row["rows"], row["changed"]) for row in told] == [
        ("customer", 3, 3),
        ("price", 0, 0),
    ]
    assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["invoices"], "no such object: invoices; there are customer,"),
        (["--batch", "0"], "0 is not in the range"),
        (["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_wrong_words_are_explained(
    environ: Mapping[str, str], words: Sequence[str], hint: str
) -> None:
    said = evergreen("reproject", *words, environ=environ)

    assert said.code == 2
    assert hint in said.err


def test_a_row_that_fails_is_named_without_its_content(
    engine: Engine, environ: Mapping[str, str]
) -> None:
    keep(engine, CUSTOMERS, customer(name="c4n4ry", email=TOO_LONG))

    said = evergreen("reproject", "customer", environ=environ)

    assert said.code == 1
    assert said.err == "not recomputed: customer cus_00001 (OperationalError)\n"


def test_the_doctor_says_when_it_is_due(engine: Engine, environ: Mapping[str, str]) -> None:
    keep(engine, CUSTOMERS, customer())
    evergreen("db", "upgrade", environ=environ)
    before = evergreen("doctor", environ=environ)
    evergreen("reproject", environ=environ)
    after = evergreen("doctor", environ=environ)

    assert "other code made columns of customer: run `evergreen reproject`" in before.out
    assert before.code == 1
    assert "reproject" not in after.out


@pytest.mark.processes
def test_ctrl_c_leaves_what_can_be_resumed(engine: Engine, environ: Mapping[str, str]) -> None:
    keep(engine, CUSTOMERS, *map(customer, range(2_000)))
    words = [sys.executable, "-m", "app", "reproject", "customer"]
    stopped = subprocess.Popen(
        [*words, "--batch", "1"],
        env={**environ, "PATH": os.environ["PATH"]},
        cwd=CHECKOUT,
        stderr=subprocess.PIPE,
        text=True,
    )
    done = select(func.coalesce(func.max(progress.PROGRESS.c.done), 0))
    with engine.connect() as conn:
        while conn.execute(done).scalar_one() < 3:
            conn.rollback()
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=30)

    rest = subprocess.run(
        [*words, "--resume", "--format", "json"],
        env={**environ, "PATH": os.environ["PATH"]},
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    )
    (row,) = json.loads(rest.stdout)

    assert stopped.returncode == 130
    assert "go on with: evergreen reproject --resume" in said
    assert 0 < row["rows"] < 2_000
    assert customers(engine, "name") == ["Ann"] * 2_000
