"""The rolling check: a few reads now and then, of a few types, so that drift shows in time."""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from sync.errors import Malformed, Rejected
from sync.mirror import held
from sync.mirror.listing import Lists, listable
from sync.mirror.objects import mirrored
from sync.mirror.parts import Part
from sync.mirror.probe import probe
from sync.mirror.reconcile import Reconcile
from sync.mirror.tables import MirroredObject
from sync.mirror.unsettled import is_readable
from sync.store import drift as published
from sync.store import progress
from sync.store.drift import Drift

log = structlog.get_logger(__name__)

# Of one type: its newest page, which shows what is missing, and some objects by themselves.
_SINGLE_READS = 4
_NEWEST = 20
_TASK = "sample"
_READS_PER_TYPE = 1 + _SINGLE_READS
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def sample(check: Reconcile, account: str, *, reads: int, names: Sequence[str] = ()) -> list[Drift]:
    """Check the types that were sampled longest ago, at about `reads` reads; mend and publish.

    `names`: these types only. A type that Stripe refuses to show is passed over until its
    turn comes again.

    Raises:
        Unavailable: Stripe is down or busy.
        Rejected: the key does not know what the mirror holds.
        SettingsError: the key is of the other mode.
    """
    probe(check.engine, check.reads, account)
    found = []
    for kind in _next_types(check, account, names)[: max(1, reads // _READS_PER_TYPE)]:
        drift = _sample(check, kind, account)
        with check.engine.begin() as conn:
            progress.begin(conn, _TASK, [Part(kind.name, account).name])
            if drift:
                published.publish(conn, drift, "sample")
        found += [drift] if drift else []
    return found


def _next_types(check: Reconcile, account: str, names: Sequence[str]) -> list[MirroredObject]:
    with check.engine.connect() as conn:
        last = {each.part: each.began_at for each in progress.parts(conn, _TASK)}
    return sorted(
        listable(names), key=lambda kind: last.get(Part(kind.name, account).name, _LONG_AGO)
    )


def _sample(check: Reconcile, kind: MirroredObject, account: str) -> Drift | None:
    """Return what was found; None where Stripe does not show this type: then nothing is known."""
    try:
        newest = _newest_page(check, kind, account)
        return newest.plus(_some(check, kind, account, newest.checked))
    except (Rejected, Malformed) as refusal:
        log.warning("sample.refused", object=kind.name, account=account, error=str(refusal))
        return None


def _newest_page(check: Reconcile, kind: MirroredObject, account: str) -> Drift:
    nothing = Drift(object=kind.name, account=account)
    parent = None
    if kind.endpoint and kind.endpoint.of:
        with check.engine.connect() as conn:
            parent = next(iter(held.some(conn, mirrored(kind.endpoint.of), account, 1)), None)
        if parent is None:
            return nothing
    lists = Lists(engine=check.engine, reads=check.reads, account=account)
    listed = lists.newest(kind, parent, limit=_NEWEST)
    whole = [each for each in listed.objects if not kind.is_incomplete(each)]
    readings = check.intake.told(kind, whole, account, listed.as_of)
    with check.engine.begin() as conn:
        return nothing.plus(check.settle(conn, kind, readings))


def _some(check: Reconcile, kind: MirroredObject, account: str, checked: int) -> Drift:
    if not is_readable(kind.name):
        return Drift(object=kind.name, account=account)
    with check.engine.connect() as conn:
        ids = held.some(conn, kind, account, _SINGLE_READS)
    found, _ = check.check_singly(kind, account, ids, checked)
    return found
