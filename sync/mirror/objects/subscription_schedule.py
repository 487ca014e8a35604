"""Subscription schedules: what a subscription shall become, phase by phase."""

from collections.abc import Iterator

from sqlalchemy import Column, DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY

from sync.mirror.shapes import Json, at, collection_method, instant, mappings, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "subscription_schedules",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("subscription", Text),
    Column("released_subscription", Text),
    Column("status", Text),
    Column("end_behavior", Text),
    Column("collection_method", Text),
    Column("current_phase_start", DateTime(timezone=True)),
    Column("current_phase_end", DateTime(timezone=True)),
    Column("starts_at", DateTime(timezone=True), comment="start of the first phase"),
    Column("ends_at", DateTime(timezone=True), comment="end of the last phase"),
    Column("prices", ARRAY(Text), comment="of all phases, in the order of their first use"),
    Column("canceled_at", DateTime(timezone=True)),
    Column("completed_at", DateTime(timezone=True)),
    Column("released_at", DateTime(timezone=True)),
    Column("test_clock", Text),
    indexed=("customer", "subscription", "released_subscription"),
)


def _end_behavior(schedule: Json) -> str | None:
    """Return what happens at the end: `renewal_behavior` until 2019-10-17, `none` for `cancel`.

    Source: docs.stripe.com/changelog/2019-10-17/updates-subscription-renewal-properties
    """
    old = string(schedule.get("renewal_behavior"))
    return string(schedule.get("end_behavior")) or ("cancel" if old == "none" else old)


def _prices(phases: list[Json]) -> Iterator[str]:
    """Yield the price of each item of each phase; items were `plans` until 2020-08-27."""
    for phase in phases:
        for item in mappings(phase.get("items")) or mappings(phase.get("plans")):
            if price := ref(item.get("price")) or ref(item.get("plan")):
                yield price


def project(schedule: Json) -> Row:
    """Return the typed columns of a schedule, whatever API version rendered it."""
    phases = mappings(schedule.get("phases"))
    first, last = (phases[0], phases[-1]) if phases else ({}, {})
    settings = at(schedule, "default_settings")
    return {
        "created": instant(schedule.get("created")),
        "customer": ref(schedule.get("customer")),
        "subscription": ref(schedule.get("subscription")),
        "released_subscription": ref(schedule.get("released_subscription")),
        "status": string(schedule.get("status")),
        "end_behavior": _end_behavior(schedule),
        "collection_method": string(at(settings, "collection_method"))
        or collection_method(schedule),
        "current_phase_start": instant(at(schedule, "current_phase", "start_date")),
        "current_phase_end": instant(at(schedule, "current_phase", "end_date")),
        "starts_at": instant(first.get("start_date")),
        "ends_at": instant(last.get("end_date")),
        "prices": list(dict.fromkeys(_prices(phases))),
        "canceled_at": instant(schedule.get("canceled_at")),
        "completed_at": instant(schedule.get("completed_at")),
        "released_at": instant(schedule.get("released_at")),
        "test_clock": ref(schedule.get("test_clock")),
    }


OBJECT = MirroredObject(
    "subscription_schedule",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/subscription_schedules", one="/v1/subscription_schedules/{id}"),
)
