"""Which code made the typed columns: a fingerprint, so that an outdated table can be told."""

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from sync.mirror.tables import MirroredObject

_ROOM = "sync.mirror."


@cache
def fingerprint(kind: MirroredObject) -> str:
    """Return what differs as soon as an object's columns may be derived in another way.

    It covers the object's module and all of the mirror's that it draws on; comments and
    layout do not count.
    """
    code = "".join(_code(name) for name in sorted(_drawn_on(kind.project.__module__)))
    return hashlib.sha256(code.encode()).hexdigest()[:16]


@cache
def _code(module: str) -> str:
    return ast.dump(ast.parse(inspect.getsource(sys.modules[module])))


@cache
def _drawn_on(module: str) -> frozenset[str]:
    direct = {name for name in _origins(sys.modules[module]) if name != module}
    return frozenset({module}).union(*map(_drawn_on, direct))


def _origins(module: ModuleType) -> Iterator[str]:
    """Yield the mirror's modules whose functions, classes or own names a module uses."""
    for value in vars(module).values():
        name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
        if isinstance(name, str) and name.startswith(_ROOM):
            yield name
