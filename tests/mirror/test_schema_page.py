"""`docs/schema.md` tells the tables as they are."""

import subprocess
import sys

import pytest
from sqlalchemy import Engine, text

from app.local.state import CHECKOUT
from migrations.tables import METADATA
from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.schema import VIEWS, page

OURS = ("stripe", "evergreen")
TABLES = sorted(METADATA.tables)


def section(name: str) -> str:
    """Return what the page says of one table."""
    return page(METADATA).partition(f"### `{name}`\n")[2].partition("\n#")[0]


def test_the_page_is_up_to_date() -> None:
    written = (CHECKOUT / "docs/schema.md").read_text()

    assert written == page(METADATA), "make it anew: .venv/bin/evergreen schema > docs/schema.md"


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_command_prints_the_same_page_every_time(seed: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "app", "schema"],
        env={"PYTHONHASHSEED": seed},
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    )

    assert said.stdout.decode() == page(METADATA)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_described(name: str) -> None:
    described, _, listed = section(name).partition("| --- |")

    assert described.strip().partition("\n")[0].strip("| ").endswith((".", ":"))
    assert listed.count("\n| `") == len(METADATA.tables[name].columns) - shared_by(name)


def shared_by(name: str) -> int:
    """Return how many columns of a table are told once for all."""
    shared = len(OTHER.table.columns) - len(OTHER.project({}))
    return shared if name.startswith("stripe.") else 0


def test_every_mirror_table_belongs_to_a_registered_object() -> None:
    kinds = [*OBJECTS.values(), OTHER]
    known = {kind.table.fullname for kind in kinds}
    known |= {children.table.fullname for kind in kinds for children in kind.children}

    assert {name for name in TABLES if name.startswith("stripe.")} == known


def test_the_page_names_every_view_and_its_columns(engine: Engine) -> None:
    query = text(
        "SELECT table_schema || '.' || table_name, array_agg(column_name::text ORDER BY"
        " ordinal_position) FROM information_schema.columns JOIN information_schema.views"
        " USING (table_schema, table_name) WHERE table_schema = ANY(:ours) GROUP BY 1"
    )
    with engine.connect() as conn:
        found = {view: list(columns) for view, columns in conn.execute(query, {"ours": list(OURS)})}

    assert found == {name: view.all_columns(METADATA) for name, view in VIEWS.items()}
