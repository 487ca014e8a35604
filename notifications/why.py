"""Why a customer got a mail, or did not: their story in time order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

What = Literal["event", "campaign", "access", "mail", "click", "suppression"]
# Within one instant: the cause stands before what follows from it.
_ORDER: Sequence[What] = ("event", "campaign", "access", "suppression", "mail", "click")
_OPEN = frozenset({"pending", "leased", "sending"})
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened, or is to happen: `state` and `reason` are the mail's own."""

    at: datetime
    what: What
    name: str
    state: str = ""
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows about one customer, as the tables hold them."""

    mails: Sequence[Row] = ()
    events: Sequence[Row] = ()
    campaigns: Sequence[Row] = ()
    steps: Sequence[Row] = ()
    clicks: Sequence[Row] = ()
    access: Sequence[Row] = ()
    suppressions: Sequence[Row] = ()


def story(found: Found) -> list[Line]:
    """Return the lines of one customer's story, the oldest first."""
    lines = [
        *map(_mail, found.mails),
        *map(_event, found.events),
        *(line for row in found.campaigns for line in _campaign(row)),
        *_steps(found),
        *map(_click, found.clicks),
        *map(_access, found.access),
        *map(_suppression, found.suppressions),
    ]
    return sorted(lines, key=lambda line: (line.at, _ORDER.index(line.what), line.name))


def _mail(row: Row) -> Line:
    """Return a mail at the instant it was settled, one that waits at the instant it is due."""
    waits = row["state"] in _OPEN
    settled_at, due_at = row["settled_at"], row["due_at"]
    late = settled_at is not None and not waits and settled_at != due_at
    told = ("delivered", "bounced", "complained")
    marks = [
        f"due {due_at:%Y-%m-%dT%H:%MZ}" if late else "",
        f"variant {row['variant']}" if row["variant"] else "",
        *(word for word in told if row[f"{word}_at"]),
        _about(row["subject"]),
    ]
    return Line(
        at=due_at if waits or settled_at is None else settled_at,
        what="mail",
        name=row["kind"],
        state=row["state"],
        reason=row["reason"] or "",
        detail=_joined(marks),
    )


def _about(subject: Mapping[str, str]) -> str:
    """Return which object a mail is about."""
    named = ("campaign", "step", "invoice", "subscription", "refund", "dispute", "days")
    return " ".join(f"{name} {subject[name]}" for name in named if name in subject)


def _event(row: Row) -> Line:
    trouble = row["last_error"] if row["state"] != "done" else ""
    return Line(
        at=row["created"] or row["received_at"],
        what="event",
        name=row["type"] or "",
        state=row["state"],
        reason=trouble or "",
        detail=row["object_id"] or "",
    )


def _campaign(row: Row) -> Iterable[Line]:
    name = f"campaign {row['id']}"
    code = f"code {row['code']}" if row["code"] else ""
    detail = _joined([f"segment {row['segment']}", code])
    yield Line(at=row["opened_at"], what="campaign", name=name, state="opened", detail=detail)
    if row["closed_at"]:
        credit = "after a click" if row["credited_key"] else ""
        outcome = row["outcome"] or ""
        ended = {"state": "closed", "reason": outcome, "detail": credit}
        yield Line(at=row["closed_at"], what="campaign", name=name, **ended)


def _steps(found: Found) -> Iterable[Line]:
    """Yield the steps for which there is no mail on record: the rest tell of themselves."""
    mailed = {(row["subject"].get("campaign"), row["subject"].get("step")) for row in found.mails}
    for row in found.steps:
        if (str(row["campaign"]), str(row["number"])) not in mailed:
            name = f"campaign {row['campaign']}"
            told = {"state": "planned", "detail": f"step {row['number']}: {row['kind']}"}
            yield Line(at=row["due_at"], what="campaign", name=name, **told)


def _click(row: Row) -> Line:
    return Line(at=row["clicked_at"], what="click", name=row["kind"] or "", detail="link followed")


def _access(row: Row) -> Line:
    at = row["since"] or row["recorded_at"]
    return Line(at=at, what="access", name="access", state=row["state"], reason=row["reason"])


def _suppression(row: Row) -> Line:
    detail = "this customer" if row["customer_id"] else "this address"
    told = {"state": "suppressed", "reason": row["reason"], "detail": detail}
    return Line(at=row["created_at"], what="suppression", name=row["topic"], **told)


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(filter(None, parts))
