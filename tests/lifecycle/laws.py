"""What must hold of every mail at the moment it leaves, by what had been told until then."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.simulator.history import Json
from notifications.dunning.messages import STEPS
from notifications.timing import TIMINGS
from tests.lifecycle.service import DAY, Letter
from tests.lifecycle.truth import LIVE, Truth, subscription_id

Law = Callable[[Letter, Truth], bool]
GAP, WEEK = timedelta(hours=24), timedelta(days=7)
# Where the simulator's customers live, and by which clock they get up there.
ZONES = {
    "US": "America/New_York",
    "DE": "Europe/Berlin",
    "FR": "Europe/Paris",
    "IE": "Europe/Dublin",
    "NL": "Europe/Amsterdam",
    "TH": "Asia/Bangkok",
    "JP": "Asia/Tokyo",
}
HOURS = {"transactional": (time(8), time(21)), "marketing": (time(9), time(18))}


def broken(letter: Letter, truth: Truth) -> list[str]:
    """Return what is wrong with a mail that has just left; nothing when all is well."""
    laws = {
        "not of use any more": letter.row["expires_at"] > letter.at,
        "not due yet": letter.row["due_at"] <= letter.at,
        "outside its hours": _is_in_hours(letter, truth),
        "to somebody else": letter.message["To"] == _address(letter, truth),
        "to somebody who is gone": _is_internal(letter)
        or letter.row["customer_id"] not in truth.deleted,
        "to somebody who said no": not _is_refused(letter, truth),
        "needless": NEEDED[letter.kind](letter, truth),
    }
    return [name for name, holds in laws.items() if not holds]


def broken_together(letters: Sequence[Letter]) -> list[str]:
    """Return what is wrong with one customer's mails as a whole."""
    keys = [letter.key for letter in letters]
    ids = {letter.message["Message-ID"] for letter in letters}
    return [
        *(["one key twice"] if len(set(keys)) < len(keys) else []),
        *(["one Message-ID twice"] if len(ids) < len(keys) else []),
        *(["two campaign mails within a day"] if _crowded(letters) else []),
        *(["more than two offers a week"] if _too_many(letters, _is_marketing) else []),
        *(["more than two cards a week"] if _too_many(letters, _is_card) else []),
    ]


def _crowded(letters: Sequence[Letter]) -> bool:
    times: dict[str, list[datetime]] = {}
    for letter in letters:
        if letter.kind in STEPS:
            times.setdefault(letter.subject["campaign"], []).append(letter.at)
    return any(b - a < GAP for each in times.values() for a, b in pairwise(sorted(each)))


def _too_many(letters: Sequence[Letter], counts: Callable[[Letter], bool]) -> bool:
    times = sorted(letter.at for letter in letters if counts(letter))
    return any(b - a < WEEK for a, b in zip(times, times[2:], strict=False))


def _is_marketing(letter: Letter) -> bool:
    return TIMINGS[letter.kind].category == "marketing"


def _is_card(letter: Letter) -> bool:
    return letter.kind == "card_expiring"


def _is_internal(letter: Letter) -> bool:
    return TIMINGS[letter.kind].category == "internal"


def _address(letter: Letter, truth: Truth) -> str | None:
    if _is_internal(letter):
        return "us@shop.example"
    owner = truth.find("customer", letter.row["customer_id"])
    invoice = truth.find("invoice", letter.subject.get("invoice"))
    return (owner or {}).get("email") or (invoice or {}).get("customer_email")


def _is_refused(letter: Letter, truth: Truth) -> bool:
    if _is_internal(letter):
        return False
    topics = {topic for who, topic in truth.refused if who == letter.row["customer_id"]}
    return "all" in topics or ("marketing" in topics and _is_marketing(letter))


def _is_in_hours(letter: Letter, truth: Truth) -> bool:
    """Tell whether a mail left at its hour, or could not wait for it."""
    timing = TIMINGS[letter.kind]
    if timing.at_once or timing.category == "internal":
        return True
    owner = truth.find("customer", letter.row["customer_id"]) or {}
    local = letter.at.astimezone(ZoneInfo(ZONES.get((owner.get("address") or {})["country"], "")))
    opens, closes = HOURS[timing.category]
    if opens <= local.time() < closes:
        return True
    day = local.date() if local.time() < opens else local.date() + DAY
    morning = datetime.combine(day, opens, tzinfo=local.tzinfo)
    edge = datetime.fromtimestamp(int(letter.subject.get("edge", "9999999999")), UTC)
    return morning >= min(letter.row["expires_at"], edge) or "late" in letter.subject


# What each kind is about, and whether that was so by what had been told.


def _subscription(letter: Letter, truth: Truth) -> Json:
    return truth.find("subscription", letter.subject.get("subscription")) or {"status": "?"}


def _goes_on(letter: Letter, truth: Truth) -> bool:
    now = _subscription(letter, truth)
    return now["status"] in LIVE and not _ends(now)


def _ends(subscription: Json) -> bool:
    return bool(subscription.get("cancel_at_period_end") or subscription.get("cancel_at"))


def _is_owed(letter: Letter, truth: Truth) -> bool:
    """Tell whether an invoice of the campaign was still wanted, and from somebody who stays."""
    owed = (truth.find("invoice", each) for each in letter.subject["invoices"].split(","))
    return any(_is_open(each) and _is_dunned(each, letter, truth) for each in owed if each)


def _is_open(invoice: Json) -> bool:
    return bool(invoice["status"] == "open" and invoice["amount_remaining"] > 0)


def _is_dunned(invoice: Json, letter: Letter, truth: Truth) -> bool:
    about = truth.find("subscription", subscription_id(invoice))
    if about is None:
        return True
    leaves = _ends(about) and letter.kind != "action_required"
    return about["status"] in LIVE and not leaves and not about["pause_collection"]


def _invoice_is(*statuses: str) -> Law:
    def holds(letter: Letter, truth: Truth) -> bool:
        return (truth.find("invoice", letter.subject["invoice"]) or {})["status"] in statuses

    return holds


def _is(*statuses: str) -> Law:
    return lambda letter, truth: _subscription(letter, truth)["status"] in statuses


def _ended_for(reason: str) -> Law:
    def holds(letter: Letter, truth: Truth) -> bool:
        now = _subscription(letter, truth)
        is_over: bool = now["status"] == "canceled"
        return is_over and bool(now["cancellation_details"]["reason"] == reason)

    return holds


def _has_nothing_else(letter: Letter, truth: Truth) -> bool:
    return not truth.live(str(letter.row["customer_id"]))


def _is_asked_back(letter: Letter, truth: Truth) -> bool:
    customer_id = str(letter.row["customer_id"])
    charges = list(truth.all("charge", customer_id))
    disputed = {each["charge"] for each in truth.all("dispute")}
    warned = {each["charge"] for each in truth.all("radar.early_fraud_warning")}
    ours = {each["id"] for each in charges}
    quarrel = ours & (disputed | warned) or any(each["refunded"] for each in charges)
    return not quarrel and _has_nothing_else(letter, truth)


def _all(*laws: Law) -> Law:
    return lambda letter, truth: all(law(letter, truth) for law in laws)


def _is_paused(letter: Letter, truth: Truth) -> bool:
    now = _subscription(letter, truth)
    return now["status"] in LIVE and bool(now["pause_collection"] or now["status"] == "paused")


def _is_ending(letter: Letter, truth: Truth) -> bool:
    now = _subscription(letter, truth)
    return now["status"] in LIVE and _ends(now)


def _is_waited_for(letter: Letter, truth: Truth) -> bool:
    refund = truth.find("refund", letter.subject["refund"]) or {}
    return refund["status"] in {"pending", "succeeded"}


def _anything(_letter: Letter, _truth: Truth) -> bool:
    return True


NEEDED: Mapping[str, Law] = {
    "subscription_started": _is("trialing", "active"),
    "trial_ending": _all(_goes_on, _is("trialing")),
    "promo_ending": _goes_on,
    "trial_ended_no_card": _is("paused"),
    "renewal_reminder": _goes_on,
    "annual_terms_reminder": _goes_on,
    "price_change": _goes_on,
    "card_expiring": _anything,
    "action_required": _is_owed,
    "payment_failed": _is_owed,
    "final_notice": _is_owed,
    "dunning_task": _is_owed,
    "payment_recovered": _invoice_is("paid"),
    "access_suspended": _is("unpaid", "paused"),
    "ended_nonpayment": _all(_ended_for("payment_failed"), _has_nothing_else),
    "cancel_scheduled": _is_ending,
    "cancel_reversed": _goes_on,
    "ended_voluntary": _ended_for("cancellation_requested"),
    "paused": _is_paused,
    "resuming": _is_paused,
    "receipt": _invoice_is("paid"),
    "refund_confirmed": _is_waited_for,
    "invoice_due": _invoice_is("open"),
    "winback_delinquent": _all(_ended_for("payment_failed"), _is_asked_back),
    "winback_voluntary": _all(_ended_for("cancellation_requested"), _is_asked_back),
    "winback_task": _has_nothing_else,
    "dispute_alert": _anything,
    "digest": _anything,
}
