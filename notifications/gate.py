"""What stops any mail, whatever its kind: asked again when it is due."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from notifications import caps, experiments, hours, topics, windows
from notifications.caps import Sent
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.timing import TIMINGS
from sync.changes import Effect, Later, RetryIn, Skipped

# Time for the customer's own event to come in after the one that mentions the customer.
_CUSTOMER_COMES_IN_S = 15.0


def check(
    kind: Kind, effect: Effect, case: Case, *, attempts: int, sent: Sequence[Sent] = ()
) -> Verdict:
    """Return why this mail does not go out now, None when it does.

    `sent` are the customer's mails that count for the caps. Whether it is wanted at all comes
    first, then whether this is the hour. Source: lifecycle, "do not mail". The first reason
    that holds is the one recorded.
    """
    unknown = not case.is_mirrored and (attempts <= 1 or case.address is None)
    if unknown and _for_customer(kind) and not _is_late(effect, case):
        return RetryIn(_CUSTOMER_COMES_IN_S, "customer_unknown")
    reason = next((reason for reason, holds in _reasons(kind, effect, case) if holds), None)
    if reason:
        return Skipped(reason)
    return kind.check(case) or next(_postponements(kind, effect, case, sent), None)


def _reasons(kind: Kind, effect: Effect, case: Case) -> tuple[tuple[str, bool], ...]:
    policy, customer = case.policy, case.customer
    marketing = kind.category == "marketing"
    return (
        ("too_late", _is_late(effect, case)),
        ("stripe_sends", kind.name in policy.stripe_sends),
        ("livemode_mismatch", policy.livemode not in {None, effect.livemode}),
        # A test clock's customer is nobody's; only a redirect makes such a mail harmless.
        ("test_clock", case.has_test_clock and policy.redirect is None),
        (
            "no_internal_inbox",
            kind.category == "internal" and policy.inbox(to_marketing=kind.to_marketing) is None,
        ),
        *(
            (
                ("customer_deleted", customer.deleted),
                ("no_email", case.address is None),
                ("bad_address", case.address is not None and case.mailbox is None),
                ("suppressed", "all" in case.suppressed_topics),
                ("opted_out", marketing and topics.opted_out(kind.name, case.suppressed_topics)),
            )
            if _for_customer(kind)
            else ()
        ),
    )


def _is_late(effect: Effect, case: Case) -> bool:
    return effect.expires_at is not None and case.now >= effect.expires_at


def _for_customer(kind: Kind) -> bool:
    return kind.category != "internal"


def _postponements(
    kind: Kind, effect: Effect, case: Case, sent: Sequence[Sent]
) -> Iterator[Skipped | Later]:
    """Yield what keeps a wanted mail back for now, or, held out of an experiment, for ever."""
    free_at = caps.free_at(kind.name, sent, case.now)
    if free_at:
        yield _later(effect, _opening(kind, case, free_at), "capped")
    opening = _opening(kind, case, case.now)
    if opening > case.now and not _is_urgent(kind, effect, case, opening):
        yield _later(effect, opening, "quiet_hours")
    if case.variant and experiments.is_held_out(case.variant):
        yield Skipped(experiments.HOLD_OUT)


def _later(effect: Effect, at: datetime, reason: str) -> Skipped | Later:
    """Return that a mail waits until `at`, or, of no use by then, that it is not sent."""
    too_late = effect.expires_at is not None and at >= effect.expires_at
    return Skipped(reason) if too_late else Later(at, reason)


def _opening(kind: Kind, case: Case, at: datetime) -> datetime:
    """Return the first instant from `at` on at which the customer may be written to."""
    allowed = case.policy.mail_hours.get(kind.category)
    if allowed is None or TIMINGS[kind.name].at_once:
        return at
    return allowed.opening(at, hours.zone_of(case.customer, case.policy.timezone))


def _is_urgent(kind: Kind, effect: Effect, case: Case, opening: datetime) -> bool:
    """Tell whether a mail goes out at night, as in the morning its time would be over.

    `edge` in the subject is until when the law wants it out: see `notifications.windows`. An
    offer can wait, and if it cannot, be left.
    """
    if kind.category == "marketing":
        return False
    edges = [effect.expires_at, _edge(effect)]
    if any(edge and opening >= edge for edge in edges):
        return True
    rule = windows.window(kind.name, windows.place(case.customer.country, None))
    overdue = "late" in effect.subject and "edge" not in effect.subject
    return overdue and rule is not None and rule.closes_days is not None


def _edge(effect: Effect) -> datetime | None:
    edge = effect.subject.get("edge")
    return datetime.fromtimestamp(int(edge), UTC) if edge else None
