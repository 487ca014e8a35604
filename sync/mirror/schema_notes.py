"""What the code says about its tables where it defines them: docstrings and comments above."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

_ROOMS = ("sync.", "notifications.")
_DEFINING = {"Table", "mirror_table"}


@dataclass(frozen=True, slots=True)
class Notes:
    """A table in words: its module's first line, itself, and those of its columns that need any."""

    module: str = ""
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


def notes() -> dict[str, Notes]:
    """Return the notes on every table that is defined by name in a module loaded by now."""
    modules = [sys.modules[name] for name in sorted(sys.modules) if name.startswith(_ROOMS)]
    return {name: found for module in modules for name, found in _of(module)}


def _of(module: ModuleType) -> Iterator[tuple[str, Notes]]:
    source = Path(module.__file__).read_text() if module.__file__ else ""
    if not any(f"{word}(" in source for word in _DEFINING):
        return
    lines = source.splitlines()
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and (name := _named(call, _DEFINING)):
            columns = {
                column: said
                for part in call.args
                if isinstance(part, ast.Call)
                and (column := _named(part, {"Column"}))
                and (said := _comment_above(lines, part.lineno))
            }
            yield name, Notes(_first_line(module), _comment_above(lines, call.lineno), columns)


def _first_line(module: ModuleType) -> str:
    return (inspect.getdoc(module) or "").partition("\n")[0]


def _named(call: ast.Call, callees: set[str]) -> str | None:
    """Return the literal name that a call of one of `callees` begins with."""
    if not (isinstance(call.func, ast.Name) and call.func.id in callees and call.args):
        return None
    name = call.args[0]
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


def _comment_above(lines: Sequence[str], lineno: int) -> str:
    """Return the comment that ends in the line before `lineno`, as one line."""
    first = lineno - 1
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    said = (line.strip().removeprefix("#").strip() for line in lines[first : lineno - 1])
    return " ".join(said)
