"""What must be on record once nothing happens any more: every required mail, or why not."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.simulator.history import Json
from sync import access
from tests.lifecycle.service import Letter, Service
from tests.lifecycle.truth import Truth

Row = Mapping[str, Any]
# The test's mail server takes everything, so that nothing may fail.
SETTLED = frozenset({"sent", "skipped", "unknown"})
_ENDS = {
    "payment_failed": "ended_nonpayment",
    "cancellation_requested": "ended_voluntary",
    "payment_disputed": "dispute_alert",
    "canceled_by_retention_policy": "dispute_alert",
}
# Why somebody whom we can reach, and who was told in time, is not told of their end.
_NOT_TOLD = frozenset({"other_subscription"})
_UNREACHABLE = frozenset({"customer_deleted", "no_email", "suppressed", "customer_unknown"})
_OURS = frozenset({"too_late"})


def unsettled(service: Service) -> list[str]:
    """Return what is due and not settled, or settled without saying why."""
    due = [row for row in service.mails().values() if row["due_at"] <= service.now]
    return [
        f"{row['key']} is {row['state']} ({row['reason']})"
        for row in due
        if row["state"] not in SETTLED or (row["state"] != "sent" and not row["reason"])
    ]


def missing(service: Service, failed: set[str], *, undisturbed: bool) -> list[str]:
    """Return what should be on record and is not.

    `failed` are invoices that were told as failed while they were open. `undisturbed`: nothing
    came late, so that lateness is no reason.
    """
    rows = list(service.mails().values())
    excused = _NOT_TOLD | _UNREACHABLE | (frozenset() if undisturbed else _OURS)
    return [
        *_ends_missing(service.truth, rows, excused),
        *_receipts_missing(service.truth, rows),
        *_campaigns_missing(service, failed),
        *_thanks_wrong(service, rows),
    ]


def _ends_missing(truth: Truth, rows: Sequence[Row], excused: frozenset[str]) -> Iterator[str]:
    """Each end has exactly one mail, which left or says why not."""
    for ended in truth.all("subscription"):
        if ended["status"] != "canceled":
            continue
        mine = [row for row in rows if _is_about(row, ended, set(_ENDS.values()))]
        kinds = [row["kind"] for row in mine]
        wanted = _ENDS[ended["cancellation_details"]["reason"]]
        if kinds != [wanted]:
            yield f"{ended['id']} ended with {kinds}, not {wanted}"
        elif mine[0]["state"] == "skipped" and mine[0]["reason"] not in excused:
            yield f"{wanted} of {ended['id']} was not sent: {mine[0]['reason']}"


def _is_about(row: Row, subscription: Json, kinds: set[str]) -> bool:
    return row["kind"] in kinds and row["subject"].get("subscription") == subscription["id"]


def _receipts_missing(truth: Truth, rows: Sequence[Row]) -> Iterator[str]:
    known = {row["subject"]["invoice"] for row in rows if row["kind"] == "receipt"}
    for invoice in truth.all("invoice"):
        if invoice["status"] == "paid" and invoice["amount_paid"] and invoice["id"] not in known:
            yield f"no receipt for {invoice['id']}"


def _campaigns_missing(service: Service, failed: set[str]) -> Iterator[str]:
    """Each failure belongs to a campaign, and each campaign has steps on record."""
    of = dict(service.shop.rows("SELECT invoice, campaign FROM evergreen.dunning_invoice"))
    steps = Counter(
        row["subject"].get("campaign")
        for row in service.mails().values()
        if row["kind"] in {"payment_failed", "action_required", "final_notice"}
    )
    for invoice in failed:
        if invoice not in of:
            yield f"no campaign about {invoice}"
        elif not steps[str(of[invoice])]:
            yield f"no mail of the campaign about {invoice}"


def _thanks_wrong(service: Service, rows: Sequence[Row]) -> Iterator[str]:
    """A campaign that told somebody of a failure, and ended in payment, says thanks once."""
    closed = service.shop.rows(
        "SELECT id, outcome, closed_at FROM evergreen.dunning_campaign WHERE closed_at IS NOT NULL"
    )
    for campaign, outcome, closed_at in closed:
        mine = [row for row in rows if row["subject"].get("campaign") == str(campaign)]
        thanks = [row for row in mine if row["kind"] == "payment_recovered"]
        warned = [
            row
            for row in mine
            if row["kind"] in {"payment_failed", "final_notice"}
            and row["state"] in {"sent", "unknown"}
            and row["settled_at"] < closed_at
        ]
        paid = outcome in {"retry", "new_method", "card_updater", "out_of_band"}
        if len(thanks) > 1 or (paid and warned and not thanks):
            yield f"{len(thanks)} thanks for campaign {campaign} ({outcome})"


def access_differs(service: Service) -> list[str]:
    """Return whose recorded access is not what the mirror makes of it, or contradicts Stripe."""
    policy = service.shop.context.settings.access
    recorded = dict(service.shop.rows("SELECT customer_id, state FROM evergreen.access"))
    wrong = []
    with service.shop.context.engine.connect() as conn:
        for owner in service.truth.all("customer"):
            found = access.load(conn, "", owner["id"], service.now, policy)
            state = found.state if found else "none"
            noted = recorded.get(owner["id"], "none")  # nobody is told of one who has nothing
            if state != noted or not _is_plausible(service.truth, owner, state):
                wrong.append(f"{owner['id']}: {state}, recorded {noted}")
    return wrong


def _is_plausible(truth: Truth, owner: Json, state: str) -> bool:
    """Tell whether `state` can be, by a second and coarser look at what Stripe told."""
    statuses = {each["status"] for each in truth.live(owner["id"])}
    if owner["id"] in truth.deleted:
        return state == "none"
    if "unpaid" in statuses:
        return state == "suspended"
    if "past_due" in statuses:
        return state in {"grace", "restricted", "suspended"}
    if statuses & {"active", "trialing"}:
        return state in {"ok", "grace", "restricted"}
    return state in {"none", "suspended"}


def mirror_differs(service: Service) -> list[str]:
    """Return what the mirror shows otherwise than Stripe told it last."""
    wrong = []
    for name, table in (("subscription", "subscriptions"), ("invoice", "invoices")):
        mirrored = dict(service.shop.rows(f"SELECT id, status FROM stripe.{table}"))
        told = {each["id"]: each["status"] for each in service.truth.all(name)}
        wrong += [
            f"{k}: {mirrored.get(k)}, not {v}" for k, v in told.items() if mirrored.get(k) != v
        ]
    return wrong


def leaflet(letters: Sequence[Letter]) -> str:
    """Return the mails that left, one a line, for whoever reads a failure."""
    return "\n".join(f"{each.at:%Y-%m-%d %H:%M} {each.key}" for each in letters)
