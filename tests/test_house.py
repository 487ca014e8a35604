"""The rules of the house that no linter knows."""

import ast
import importlib
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import doorbell
from app.cli import COMMANDS
from notifications.kinds import KINDS
from sync.mirror.objects import OBJECTS, OTHER

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "workers", "sync", "notifications", "migrations", "tests", "benchmarks")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FUNCTION_LINES, FILE_LINES, MEDIAN_LINES = 50, 400, 8
SETTINGS = sorted((ROOT / "app").glob("*settings.py"))
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "base", "common"}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function's place and its length in lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", size


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = [(place, size) for path in FILES for place, size in functions(path) if size > 50]

    assert long == []


def test_functions_are_short_in_the_middle() -> None:
    code = [path for path in FILES if path.relative_to(ROOT).parts[0] != "tests"]
    sizes = [size for path in code for _, size in functions(path)]

    assert statistics.median(sizes) <= MEDIAN_LINES


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}

    assert {name: size for name, size in sizes.items() if size > FILE_LINES} == {}


def test_no_room_is_a_drawer_for_everything() -> None:
    named = {path.stem for path in FILES} | {path.parent.name for path in FILES}

    assert named & FORBIDDEN_NAMES == set()


def test_only_the_settings_read_the_environment() -> None:
    """Tests and the checks of the house aside."""
    reading = re.compile(r"os\.environ|os\.getenv|getenv\(")
    inside = [path for path in FILES if path.relative_to(ROOT).parts[0] != "tests"]
    found = [str(p.relative_to(ROOT)) for p in inside if reading.search(p.read_text())]

    assert found in ([], ["app/settings.py"])


def test_every_mirrored_object_is_registered() -> None:
    folder = ROOT / "sync/mirror/objects"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    registered = {kind.project.__module__.rpartition(".")[2] for kind in (*OBJECTS.values(), OTHER)}

    assert modules == registered


def test_every_kind_of_mail_is_registered_under_its_files_name() -> None:
    folder = ROOT / "notifications/kinds"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}

    assert modules == set(KINDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_can_be_imported(name: str) -> None:
    module = importlib.import_module(f"app.cli.{COMMANDS[name].module}")

    assert callable(module.command)


@pytest.mark.parametrize("path", [doorbell.DRAIN, doorbell.DELIVER])
def test_every_job_named_by_path_exists(path: str) -> None:
    module, _, function = path.rpartition(".")

    assert callable(getattr(importlib.import_module(module), function))


def test_the_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text()))

    assert named - targets == set()


def test_the_readme_names_every_setting_that_is_read() -> None:
    text = "".join(map(Path.read_text, SETTINGS))
    read = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+|CRM|CLOCK|LANES|PORT)"', text))
    named = set(re.findall(r"`([A-Z_]+)`", (ROOT / "README.md").read_text()))

    assert read - named == set()
    assert "SPEED" + "_TABLE" not in (ROOT / "README.md").read_text()


def test_no_file_names_this_machine_or_an_index() -> None:
    """Lock files carry hashes and no address; nothing points into a developer's home."""
    hosts = [
        "py" + "pi.org",
        "python" + "hosted",
        "regis" + "try.npm",
        "/ro" + "ot/",
        "/wo" + "rk/",
    ]
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    texts = {name: _text(ROOT / name) for name in listed.stdout.decode().splitlines()}

    assert [(n, h) for n, text in texts.items() for h in hosts if h in text] == []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (UnicodeDecodeError, FileNotFoundError):
        return ""
