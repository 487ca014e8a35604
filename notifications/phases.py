"""What a schedule makes of a subscription: the items of the phase that begins on a day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection, select, tuple_

from notifications.policy import MailPolicy
from notifications.terms import PriceFacts, Terms, phase_at, phase_items, phase_prices, price_id
from sync.changes import Change
from sync.mirror.facts import ItemFacts
from sync.mirror.objects.price import TABLE as PRICES
from sync.mirror.shapes import Json, instant, integer, mappings
from sync.mirror.shapes import at as inside
from sync.store.refetch import UNKNOWN, Wish

# The price may be on its way: its own event, or the next reading.
ASK_AGAIN_S = 3600.0
_TOLD_BY_S = 60.0
Items = Sequence[ItemFacts]
_EVER = datetime.min.replace(tzinfo=UTC)


def phase_from(terms: Terms, at: datetime) -> Json | None:
    """Return the phase that the schedule in force begins at `at`, None where none begins."""
    schedule = terms.schedule or {}
    return phase_at(schedule, at) if schedule.get("status") == "active" else None


def phase_by(terms: Terms, at: datetime) -> Json | None:
    """Return the phase that will be in force at `at`, None where the present one still is."""
    schedule = terms.schedule or {}
    present = instant(inside(schedule, "current_phase", "start_date"))
    starts = {instant(phase.get("start_date")): phase for phase in mappings(schedule.get("phases"))}
    ahead = [start for start in starts if start and start <= at and start > (present or _EVER)]
    return starts[max(ahead)] if ahead and schedule.get("status") == "active" else None


def sold_by(phase: Json, items: Items, terms: Terms) -> tuple[ItemFacts, ...] | None:
    """Return what `phase` sells in place of `items`; None while a price is not known yet."""
    now = {item.price: item for item in items}
    wanted = phase_items(phase)
    found = [
        _item(item, terms.prices.get(price_id(item) or ""), now.get(price_id(item)))
        for item in wanted
    ]
    known = tuple(item for item in found if item)
    return known if known and len(known) == len(wanted) else None


def sold_from(items: Items, terms: Terms, at: datetime) -> tuple[ItemFacts, ...] | None:
    """Return what is sold from `at` on in place of `items`, which renew then.

    That is `items`, unless another phase has begun by then; of its items those with the same
    period, if there are any. None while a price is not known yet.
    """
    phase = phase_by(terms, at)
    if phase is None:
        return tuple(items)
    coming = sold_by(phase, items, terms)
    periods = {(item.interval, item.interval_count) for item in items}
    same = tuple(i for i in coming or () if (i.interval, i.interval_count) in periods)
    return same or coming


def wishes(conn: Connection, changes: Sequence[Change], policy: MailPolicy) -> list[Wish]:
    """Return the prices that schedules name and the mirror has never seen; mails name them."""
    named = {
        (change.account, each)
        for change in changes
        if change.object == "subscription_schedule"
        and change.account in policy.accounts
        and change.after.get("status") == "active"
        for each in phase_prices(change.after)
    }
    if not named:
        return []
    seen = tuple_(PRICES.c.account, PRICES.c.id)
    rows = conn.execute(select(PRICES.c.account, PRICES.c.id).where(seen.in_(sorted(named))))
    known = {tuple(row) for row in rows}
    return [
        Wish(object="price", id=id_, account=account, reason=UNKNOWN, delay_s=_TOLD_BY_S)
        for account, id_ in sorted(named - known)
    ]


def _item(item: Json, price: PriceFacts | None, now: ItemFacts | None) -> ItemFacts | None:
    given = integer(item.get("quantity"))
    quantity = 1 if given is None else given
    if now is not None:
        return replace(now, quantity=quantity)
    if price is None:
        return None
    return ItemFacts(
        id="",
        price=price.id,
        product=None,
        product_name=price.product_name,
        quantity=quantity,
        currency=price.currency,
        unit_amount_minor=price.unit_amount_minor,
        interval=price.interval,
        interval_count=price.interval_count,
        current_period_end=None,
    )
