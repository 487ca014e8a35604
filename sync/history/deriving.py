"""What a state brings, at once and whenever one of its discounts begins or ends.

No event tells of a discount that runs out, so a state also has a row for each such instant,
dated then. Rows of one state depend on nothing but that state and what the mirror knows of its
discounts, coupons and prices: so the order in which events arrive cannot matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sync.history.amounts import ZERO, Amounts, Discount, Line, amounts, cadence, counts
from sync.history.discounts import Known, Sources, of_customer, resolve
from sync.history.prices import is_untold, period_minor
from sync.history.states import State
from sync.mirror.shapes import Json
from sync.mirror.tables import Row

_MRR = ("mrr_list_micro_minor", "mrr_net_forever_micro_minor", "mrr_net_all_micro_minor")
# The clock, not Stripe, brought this row.
CLOCK = "discount"

Step = tuple[datetime, Sequence[tuple[int, int, int]]]
"""An instant, and what each item brings from then on."""


@dataclass(frozen=True, slots=True)
class Derived:
    """Rows of the history: one per instant from which a state's amounts hold, and its items'."""

    rows: tuple[Row, ...]
    items: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Reckoned:
    """A state with all that was looked up for it."""

    lines: Sequence[Line]
    own: Sequence[Discount]
    customers: Sequence[Discount]

    def brings(self, at: datetime) -> list[tuple[int, int, int]]:
        """Return the amounts per item at `at`; a customer's discount gives way to an own one."""
        own = [off for off in self.own if off.in_force(at)]
        whole = own or [off for off in self.customers if off.in_force(at)]
        return [each.micro() for each in amounts([line.at(at) for line in self.lines], whole)]

    def instants(self, after: datetime) -> list[datetime]:
        """Return when a discount begins or ends after `after`."""
        every = [*self.own, *self.customers, *(o for line in self.lines for o in line.discounts)]
        bounds = {bound for off in every for bound in (off.starts_at, off.ends_at) if bound}
        return sorted(bound for bound in bounds if bound > after)


def derive(state: State, known: Known) -> Derived:
    """Return all rows of `state`."""
    sources, begins = Sources(), state.row["state_at"]
    if counts(state.row["status"], state.row["pause_collection_behavior"]):
        steps = _steps(_reckon(state, known, sources), begins)
    else:
        steps = [(begins, [Amounts().micro()] * len(state.items))]
    return _rows(state, steps, sources)


def _steps(reckoned: _Reckoned, begins: datetime) -> list[Step]:
    steps: list[Step] = [(begins, reckoned.brings(begins))]
    for instant in reckoned.instants(begins):
        brought = reckoned.brings(instant)
        if brought != steps[-1][1]:
            steps.append((instant, brought))
    return steps


def _reckon(state: State, known: Known, sources: Sources) -> _Reckoned:
    row, currency = state.row, state.currency
    return _Reckoned(
        [_line(state, item, known, sources) for item in state.items],
        resolve(row["discounts"] or (), row["account"], currency, known, sources),
        of_customer(row["customer"], row["account"], currency, known, sources),
    )


def _line(state: State, item: Row, known: Known, sources: Sources) -> Line:
    if item["metered"]:
        return Line(monthly_minor=ZERO, cadence=ZERO, product=item["product"])
    account, terms = state.row["account"], item["terms"] or {}
    often = cadence(item["recurring_interval"], item["recurring_interval_count"])
    return Line(
        monthly_minor=_period_minor(state, item, known, sources) * often,
        cadence=often,
        product=item["product"],
        discounts=resolve(terms.get("discounts", ()), account, state.currency, known, sources),
    )


def _period_minor(state: State, item: Row, known: Known, sources: Sources) -> Fraction:
    terms: Json = item["terms"] or {}
    foreign = state.foreign(item)
    amount, quantity = item["unit_amount_decimal"], item["quantity"]
    if item["price"] and is_untold(terms, amount, foreign=foreign):
        terms = {
            **terms,
            **(sources.look_up(known.prices, state.row["account"], item["price"]) or {}),
        }
        if is_untold(terms, amount, foreign=foreign):
            sources.missing.add(item["price"])
    return period_minor(terms, amount, 1 if quantity is None else quantity, foreign=foreign)


def _rows(state: State, steps: Sequence[Step], sources: Sources) -> Derived:
    looked_up = {"depends_on": sorted(sources.asked), "missing": sorted(sources.missing)}
    key = {name: state.row[name] for name in ("account", "event_id", "subscription")}
    rows, items = [], []
    for effective_at, brought in steps:
        source = state.row["source"] if effective_at == state.row["state_at"] else CLOCK
        dated = {"effective_at": effective_at}
        total = (sum(each) for each in zip((0, 0, 0), *brought, strict=True))
        rows.append({**state.row, **dated, **looked_up, "source": source, **_amounts(total)})
        items += [
            {**item, **key, **dated, **_amounts(each)}
            for item, each in zip(state.items, brought, strict=True)
        ]
    return Derived(tuple(rows), tuple(items))


def _amounts(three: Iterable[int]) -> Row:
    return dict(zip(_MRR, three, strict=True))
