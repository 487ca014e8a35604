"""Stripe's lists, walked page by page: in which order, from where on, and whole objects only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, Engine, Select, func, select

from sync.errors import Malformed
from sync.mirror.client import CursorGone, Page, StripeReads
from sync.mirror.lists import completed
from sync.mirror.look import pages as pages_of
from sync.mirror.objects import OBJECTS, mirrored
from sync.mirror.tables import Endpoint, Json, MirroredObject

# Parents before what belongs to them, and what is few before what is many.
ORDER = (
    *("product", "price", "plan", "coupon", "promotion_code", "tax_rate", "payment_link"),
    *("billing.meter", "test_helpers.test_clock"),
    *("customer", "tax_id", "payment_method", "entitlements.active_entitlement_summary"),
    *("quote", "subscription_schedule", "subscription"),
    *("invoice", "invoiceitem", "invoice_payment", "credit_note"),
    *("setup_intent", "payment_intent", "charge", "refund", "dispute"),
    *("radar.early_fraud_warning", "review", "checkout.session", "payout"),
)
# Lists that leave a part of the objects out unless asked for it are walked once per question.
# Source: docs.stripe.com/api/prices/list.
_QUESTIONS: Mapping[str, tuple[Mapping[str, str], ...]] = {"price": ({}, {"active": "false"})}
_ONE_QUESTION: tuple[Mapping[str, str], ...] = ({},)
_PER_PAGE = 100
_PARENTS_AT_ONCE = 500

Params = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a list was walked; it travels as text, so that a later process goes on there.

    `since`: only what was created from then on. `after` and `created`: the last object seen
    and its creation, both Stripe's. `question`: which of the list's questions is asked.
    `parent`: of a list per parent, the one walked last; it is through when `after` is None.
    """

    since: int | None = None
    question: int = 0
    after: str | None = None
    created: int | None = None
    parent: str | None = None

    def as_text(self) -> str:
        """Return what `of_text` takes."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def of_text(cls, text: str | None) -> "Place":
        """Return the place that `text` tells; the beginning for None."""
        return msgspec.json.decode(text, type=cls) if text else cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One page: whole objects, read at `as_of` or later; the list goes on from `place`."""

    objects: tuple[Json, ...]
    as_of: datetime
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The lists of one account. `background` reads leave room in the budget for urgent ones."""

    engine: Engine
    reads: StripeReads
    account: str = ""
    background: bool = True

    def pages(self, kind: MirroredObject, place: Place) -> Iterator[Listed]:
        """Yield the rest of the list of `kind` from `place` on, newest objects first.

        A list per parent is walked for every parent that the mirror holds.

        Raises:
            Unavailable, Rejected: see `StripeReads.page`.
        """
        endpoint = _endpoint(kind)
        if endpoint.of is not None:
            yield from self._of_parents(kind, mirrored(endpoint.of), place)
            return
        for question in range(place.question, len(_questions(kind))):
            begins = Place(since=place.since, question=question)
            yield from self._walk(kind, place if question == place.question else begins)

    def newest(self, kind: MirroredObject, parent: str | None, *, limit: int) -> Listed:
        """Return the first objects of a list, as one read shows them: lists may be cut short.

        Of a list per parent, those of `parent`.
        """
        place = Place(parent=parent)
        page = self._read(kind, place, limit=limit)
        return Listed(objects=page.objects, as_of=page.as_of, place=place)

    def _of_parents(
        self, kind: MirroredObject, parents: MirroredObject, place: Place
    ) -> Iterator[Listed]:
        if place.after:
            yield from self._walk(kind, place)
        last = place.parent or ""
        while some := self._parents_after(parents, last, place.since):
            for last in some:
                yield from self._walk(kind, Place(since=place.since, parent=last))

    def _parents_after(self, kind: MirroredObject, last: str, since: int | None) -> Sequence[str]:
        table = kind.table.c
        some = living(kind, self.account, since).where(table.id > last).order_by(table.id)
        with self.engine.connect() as conn:
            return conn.execute(some.limit(_PARENTS_AT_ONCE)).scalars().all()

    def _walk(self, kind: MirroredObject, place: Place) -> Iterator[Listed]:
        more = True
        while more:
            page = self._page(kind, place)
            objects = tuple(self._whole(kind, each) for each in page.objects)
            place, more = gone_on(place, page)
            yield Listed(objects=objects, as_of=page.as_of, place=place)

    def _page(self, kind: MirroredObject, place: Place) -> Page:
        """Read a page; go on by creation, or from the beginning, where the last object is gone."""
        try:
            return self._read(kind, place)
        except CursorGone:
            return self._read(kind, replace(place, after=None))

    def _read(self, kind: MirroredObject, place: Place, limit: int = _PER_PAGE) -> Page:
        path = str(_endpoint(kind).many).format(parent=quote(place.parent or "", safe=""))
        asking = {**asked(kind, place), "limit": limit}
        return self.reads.page(path, asking, account=self.account, background=self.background)

    def _whole(self, kind: MirroredObject, shown: Json) -> Json:
        """Complete the lists inside an object; where that fails, the mirror marks the object."""
        more_of = pages_of(self.reads, account=self.account, background=self.background)
        try:
            return completed(kind, shown, more_of)
        except (CursorGone, Malformed):
            return shown


def listable(names: Sequence[str] = ()) -> tuple[MirroredObject, ...]:
    """Return the objects that Stripe lists, parents first; of `names` only, when there are any."""
    known = [OBJECTS[name] for name in ORDER if name in OBJECTS]
    found = [kind for kind in known if kind.endpoint and kind.endpoint.many]
    return tuple(kind for kind in found if not names or kind.name in names)


def asked(kind: MirroredObject, place: Place) -> Params:
    """Return the parameters of the page at `place`."""
    endpoint = _endpoint(kind)
    question = _questions(kind)[place.question]
    params: dict[str, Any] = {"limit": _PER_PAGE, **endpoint.params, **question}
    if endpoint.expand:
        params["expand"] = [f"data.{name}" for name in endpoint.expand]
    if endpoint.by_created and place.since is not None:
        params["created[gte]"] = place.since
    if place.after:
        params["starting_after"] = place.after
    elif endpoint.by_created and place.created is not None:
        params["created[lte]"] = place.created
    return params


def gone_on(place: Place, page: Page) -> tuple[Place, bool]:
    """Return where a list stands after `page`, and whether there is more of it."""
    more = page.has_more and bool(page.objects)
    if place.parent and not more:
        return Place(since=place.since, parent=place.parent), False
    if not page.objects:
        return place, False
    last = page.objects[-1]
    return replace(place, after=str(last["id"]), created=last.get("created")), more


def parents_to_walk(conn: Connection, kind: MirroredObject, account: str, place: Place) -> int:
    """Return how many parents of `kind` have a list of their own that was not walked yet."""
    of = _endpoint(kind).of
    if of is None:
        return 0
    parents = mirrored(of)
    rest = living(parents, account, place.since).where(parents.table.c.id > (place.parent or ""))
    return conn.execute(select(func.count()).select_from(rest.subquery())).scalar_one()


def living(kind: MirroredObject, account: str, since: int | None = None) -> Select[Any]:
    """Return the query for the ids of what the mirror has as living, created since then."""
    c, born = kind.table.c, kind.endpoint.born if kind.endpoint else "created"
    found = select(c.id).where(c.account == account, c.deleted_at.is_(None))
    if since is None or born not in c:
        return found
    return found.where(c[born] >= datetime.fromtimestamp(since, UTC))


def _questions(kind: MirroredObject) -> tuple[Mapping[str, str], ...]:
    return _QUESTIONS.get(kind.name, _ONE_QUESTION)


def _endpoint(kind: MirroredObject) -> Endpoint:
    assert kind.endpoint is not None
    return kind.endpoint
