"""The signal table: what each status, code and silence means for one item."""

import pytest

from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.delivery.gate import Held, NoAnswer
from sync.delivery.http import Answer, NotSent, Unclear
from sync.delivery.signals import Meaning, outcome


@pytest.mark.parametrize(
    ("status", "headers", "meant"),
    [
        (200, {}, Done()),
        (201, {}, Done()),
        (204, {}, Done()),
        (300, {}, Failed("p_300")),
        (302, {}, RetryIn(300, "p_302", "sink")),
        (400, {}, Failed("p_400")),
        (401, {}, RetryIn(300, "p_401", "sink")),
        (403, {}, RetryIn(300, "p_403", "sink")),
        (404, {}, Failed("p_404")),
        (409, {}, Failed("p_409")),
        (422, {}, Failed("p_422")),
        (429, {}, RetryIn(10, "p_429", "sink")),
        (429, {"Retry-After": "77"}, RetryIn(77, "p_429", "sink")),
        (477, {"Retry-After": "20"}, RetryIn(20, "p_477", "sink")),
        (500, {}, Unknown("p_500")),
        (502, {}, Unknown("p_502")),
        (503, {"Retry-After": "900"}, Unknown("p_503", 900)),
        (504, {}, Unknown("p_504")),
    ],
)
def test_what_a_status_means(status: int, headers: dict[str, str], meant: Outcome) -> None:
    assert outcome("p", Answer(status, headers)) == meant


def test_what_is_locked_comes_again_soon_and_spread() -> None:
    waits = [outcome("p", Answer(423, {})) for _ in range(50)]

    assert all(isinstance(end, RetryIn) and 2 <= end.delay_s <= 4 for end in waits)
    assert len(set(waits)) > 1


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        (NotSent("unreachable"), RetryIn(5, "p_unreachable")),
        (Unclear("no_answer"), Unknown("p_no_answer")),
        (Held("breaker_open", 42), RetryIn(42, "breaker_open", "sink")),
    ],
    ids=["not-sent", "unclear", "held"],
)
def test_what_silence_means(found: NoAnswer, meant: Outcome) -> None:
    assert outcome("p", found) == meant


def test_a_vendors_code_knows_better_than_the_status() -> None:
    codes: dict[str, Meaning] = {"REQUEST_LIMIT_EXCEEDED": "busy"}
    found = Answer(403, {})

    assert outcome("sf", found, code="REQUEST_LIMIT_EXCEEDED", codes=codes) == RetryIn(
        10, "sf_request_limit_exceeded", "sink"
    )
    assert outcome("sf", found, code="OTHER", codes=codes) == RetryIn(300, "sf_other", "sink")


def test_the_other_sides_name_is_kept() -> None:
    assert outcome("p", Answer(200, {}), remote_id="7") == Done("7")
