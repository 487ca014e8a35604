"""What stops any mail, whatever its kind: asked again when it is due."""

from notifications.case import Case
from notifications.kind import Kind, Verdict
from sync.changes import Effect, RetryIn, Skipped

# Time for the customer's own event to come in after the one that mentions the customer.
_CUSTOMER_COMES_IN_S = 15.0


def check(kind: Kind, effect: Effect, case: Case, *, attempts: int) -> Verdict:
    """Return why this mail does not go out now, None when it does.

    Source: lifecycle, "do not mail". The first reason that holds is the one recorded.
    """
    unknown = not case.is_mirrored and (attempts <= 1 or case.address is None)
    if unknown and _for_customer(kind) and not _is_late(effect, case):
        return RetryIn(_CUSTOMER_COMES_IN_S, "customer_unknown")
    reason = next((reason for reason, holds in _reasons(kind, effect, case) if holds), None)
    return Skipped(reason) if reason else kind.check(case)


def _reasons(kind: Kind, effect: Effect, case: Case) -> tuple[tuple[str, bool], ...]:
    policy, customer = case.policy, case.customer
    marketing = kind.category == "marketing"
    inbox = policy.internal_inbox or policy.marketing_inbox
    return (
        ("too_late", _is_late(effect, case)),
        ("livemode_mismatch", policy.livemode not in {None, effect.livemode}),
        # A test clock's customer is nobody's; only a redirect makes such a mail harmless.
        ("test_clock", case.has_test_clock and policy.redirect is None),
        ("no_internal_inbox", kind.category == "internal" and inbox is None),
        *(
            (
                ("customer_deleted", customer.deleted),
                ("no_email", case.address is None),
                ("bad_address", case.address is not None and case.mailbox is None),
                ("suppressed", "all" in case.suppressed_topics),
                ("opted_out", marketing and "marketing" in case.suppressed_topics),
            )
            if _for_customer(kind)
            else ()
        ),
    )


def _is_late(effect: Effect, case: Case) -> bool:
    return effect.expires_at is not None and case.now >= effect.expires_at


def _for_customer(kind: Kind) -> bool:
    return kind.category != "internal"
