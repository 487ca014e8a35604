"""Which of an object's snapshots is the newest: a pure rule, blind to the order of arrival.

Stripe promises no order and stamps events with whole seconds, so several snapshots of one
object often share a second. The rule, in this order:

1. A newer `created` wins.
2. Within one second, `.deleted` comes last and `.created` first.
3. A status that cannot go back wins over those before it (a paid invoice stays paid).
4. The rest form a chain. An update carries the values it replaced, so each update is a step
   from one state to another, and the last state is the one that no step starts from.
   Where every state was left again, the object ends where it stood before that second.
5. A reading from the API in the same second stands where the chain ends in what it shows, and
   where nothing tells whether it came before or after.
6. Where nothing decides, the choice is fixed but arbitrary, and the answer says so.

States are compared only on what some update in that second names: other fields may change
without any event. The result depends on the set of snapshots alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson

from sync.mirror.events import READ, Event

# A status of higher rank never gives way to one of lower rank, as Stripe documents the
# life of each object (docs.stripe.com/invoicing/overview and the pages beside it).
_LATTICES: Mapping[str, Mapping[str, int]] = {
    "invoice": {"draft": 0, "open": 1, "uncollectible": 2, "void": 3, "paid": 3},
    "subscription": {
        "incomplete": 0,
        "trialing": 1,
        "active": 1,
        "past_due": 1,
        "unpaid": 1,
        "paused": 1,
        "incomplete_expired": 2,
        "canceled": 2,
    },
    "payment_intent": {"succeeded": 1, "canceled": 1},
    "setup_intent": {"succeeded": 1, "canceled": 1},
    "invoice_payment": {"paid": 1, "canceled": 1},
    "charge": {"failed": 1, "succeeded": 1},
    "checkout.session": {"complete": 1, "expired": 1},
    "credit_note": {"void": 1},
    "quote": {"open": 1, "accepted": 2, "canceled": 2},
    "subscription_schedule": {"active": 1, "completed": 2, "released": 2, "canceled": 2},
}

_Path = tuple[str, ...]
_State = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Newest:
    """The snapshot that stands, and how sure that is.

    `provisional`: an older snapshot that arrives later could change the choice.
    `undecided`: nothing known decides; only Stripe's API could.
    """

    event: Event
    provisional: bool = False
    undecided: bool = False


def newest(events: Iterable[Event]) -> Newest:
    """Return the newest of one object's snapshots, whatever their order and repetition.

    Raises:
        ValueError: there is none.
    """
    distinct = {event.id: event for event in events}.values()
    if not distinct:
        raise ValueError("an object without a snapshot has no newest one")
    latest = max(event.created for event in distinct)
    alone, *others = [event for event in distinct if event.created == latest]
    if not others:
        return Newest(alone)
    in_time = sorted(distinct, key=lambda e: (e.created, e.id))
    seconds = [list(group) for _, group in groupby(in_time, key=lambda e: e.created)]
    return _newest_of_second(seconds[-1], seconds[:-1])


def _newest_of_second(second: Sequence[Event], earlier: Sequence[Sequence[Event]]) -> Newest:
    if len(second) == 1:
        return Newest(second[0])
    deleted = [event for event in second if event.type.endswith(".deleted")]
    if deleted:
        return Newest(deleted[-1])
    candidates = _highest_status(_after_created(second))
    steps = [event for event in candidates if event.previous]
    if len(candidates) == 1 or not steps:
        return Newest(_last_shown(candidates), undecided=_differ(candidates))
    return _end_of_chain(candidates, steps, [second, *reversed(earlier)])


def _end_of_chain(
    candidates: Sequence[Event], steps: Sequence[Event], back_in_time: Sequence[Sequence[Event]]
) -> Newest:
    paths = _named_paths(steps)
    after = {event.id: _state(event.object, paths) for event in candidates}
    before = [_state(_before(step), paths) for step in steps]
    passed = {*before, *(after[step.id] for step in steps)}
    stray = [e for e in candidates if e.type == READ and after[e.id] not in passed]
    if stray:
        return Newest(stray[-1], undecided=True)
    ends = Counter(after[step.id] for step in steps)
    ends.subtract(before)
    open_ends = {state for state, count in ends.items() if count > 0}
    if not open_ends:
        return _end_of_circle(candidates, after, paths, back_in_time)
    shown = [event for event in candidates if after[event.id] in open_ends]
    return Newest(_last_shown(shown), undecided=len(open_ends) > 1)


def _end_of_circle(
    candidates: Sequence[Event],
    after: Mapping[str, _State],
    paths: Sequence[_Path],
    back_in_time: Sequence[Sequence[Event]],
) -> Newest:
    """Every state was also left again: the object ends where it stood at first."""
    anchor, provisional = _stood_before(back_in_time)
    stood = _state(anchor.object, paths) if anchor else None
    shown = [event for event in candidates if after[event.id] == stood]
    chosen = _last_shown(shown or candidates)
    return Newest(chosen, provisional=provisional, undecided=not shown)


def _stood_before(back_in_time: Sequence[Sequence[Event]]) -> tuple[Event | None, bool]:
    """Return the state before a second's steps, and whether an older event could correct it.

    An object created in that very second had no state before.
    """
    second, *earlier = back_in_time
    created = next((event for event in second if event.type.endswith(".created")), None)
    if created or not earlier:
        return created, not created
    return _newest_of_second(earlier[0], earlier[:0:-1]).event, True


def _after_created(second: Sequence[Event]) -> Sequence[Event]:
    return [event for event in second if not event.type.endswith(".created")] or second


def _highest_status(second: Sequence[Event]) -> Sequence[Event]:
    top = max(_rank(event.object) for event in second)
    return [event for event in second if _rank(event.object) == top]


def _last_shown(same: Sequence[Event]) -> Event:
    """Choose among events that show one state; any choice does, so long as it is fixed.

    A reading shows most: its lists are whole.
    """
    return max(same, key=lambda e: (e.type == READ, e.previous is None, e.type, e.id))


def _differ(events: Sequence[Event]) -> bool:
    if all(event.object == events[0].object for event in events):
        return False
    return len({_canonical(event.object) for event in events}) > 1


def _rank(subject: Mapping[str, Any]) -> int:
    lattice = _LATTICES.get(str(subject.get("object")), {})
    return lattice.get(str(subject.get("status")), 0)


def _named_paths(events: Sequence[Event]) -> list[_Path]:
    return sorted({path for event in events for path in _leaves(event.previous or {})})


def _leaves(value: Mapping[str, Any], under: _Path = ()) -> Iterable[_Path]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _leaves(inner, (*under, key))
        else:
            yield (*under, key)


def _state(subject: Mapping[str, Any], paths: Sequence[_Path]) -> _State:
    return tuple(_canonical(_at(subject, path)) for path in paths)


def _at(subject: Any, path: _Path) -> Any:
    for key in path:
        subject = subject.get(key) if isinstance(subject, dict) else None
    return subject


def _before(event: Event) -> Mapping[str, Any]:
    return _merged(event.object, event.previous or {})


def _merged(subject: Mapping[str, Any], previous: Mapping[str, Any]) -> dict[str, Any]:
    """Return `subject` with the values of `previous` put back, as deep as they go."""
    put_back = dict(subject)
    for key, old in previous.items():
        now = subject.get(key)
        nested = isinstance(old, dict) and isinstance(now, dict)
        put_back[key] = _merged(now, old) if nested else old  # type: ignore[arg-type]
    return put_back


def _canonical(value: Any) -> bytes:
    """Return one text per value; a key that is null equals a key that is absent."""
    return orjson.dumps(_without_nulls(value), option=orjson.OPT_SORT_KEYS)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value
