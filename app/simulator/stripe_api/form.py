"""The body of a write request: Stripe's form encoding, as nested objects and lists."""

import re
from typing import Any
from urllib.parse import parse_qsl

from app.simulator.history import Json

_NAMES = re.compile(r"[^\[\]]+")


def decoded(body: str) -> Json:
    """Return the parameters: `line_items[0][price]=x` is `{"line_items": [{"price": "x"}]}`."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        *path, last = _NAMES.findall(name)
        branch = tree
        for step in path:
            branch = branch.setdefault(step, {})
        branch[last] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    parts = {name: _listed(part) for name, part in value.items()}
    in_order = all(name.isdecimal() for name in parts)
    return [parts[name] for name in sorted(parts, key=int)] if in_order else parts
