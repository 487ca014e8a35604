"""Where the API shows each object, held against the installed SDK."""

import re
from importlib import import_module
from pathlib import Path

import pytest
import stripe
from stripe._object_classes import OBJECT_CLASSES

from sync.mirror.objects import OBJECTS

PATHS = {
    re.sub(r"{\w+}", "{}", path)
    for file in Path(stripe.__file__).parent.rglob("*_service.py")
    for path in re.findall(r'"(/v1/[^"]+)"', file.read_text())
}
ENDPOINTS = {name: kind.endpoint for name, kind in OBJECTS.items() if kind.endpoint}
LISTED = [name for name, endpoint in ENDPOINTS.items() if endpoint.many and not endpoint.of]
# Stripe refuses to expand deeper; in a list, `data` is the first level, as
# docs.stripe.com/api/expanding_objects tells.
DEEPEST = 4


@pytest.mark.parametrize("name", ENDPOINTS)
def test_the_paths_are_stripes(name: str) -> None:
    told = [path for path in (ENDPOINTS[name].many, ENDPOINTS[name].one) if path]

    assert {re.sub(r"{\w+}", "{}", path.partition("?")[0]) for path in told} <= PATHS


@pytest.mark.parametrize("name", LISTED)
def test_a_list_takes_what_it_is_asked_with(name: str) -> None:
    module, resource = OBJECT_CLASSES[name]
    path = module.replace("stripe.", "stripe.params.", 1) + "_list_params"
    taken = vars(import_module(path))[f"{resource}ListParams"].__annotations__

    assert ("created" in taken) is ENDPOINTS[name].by_created
    assert set(ENDPOINTS[name].params) <= set(taken)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_what_is_expanded_is_a_field_and_not_too_deep(name: str) -> None:
    module, resource = OBJECT_CLASSES[name]
    fields = vars(import_module(module))[resource].__annotations__
    expand = ENDPOINTS[name].expand

    assert {each.partition(".")[0] for each in expand} <= set(fields)
    assert all(len(f"data.{each}".split(".")) <= DEEPEST for each in expand)
