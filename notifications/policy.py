"""The deployment's answers to every question a mail asks: who sends, where to, in which words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from types import MappingProxyType
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from notifications import hours
from notifications.experiments import Experiment
from notifications.hours import Hours
from notifications.timing import TIMINGS, Category
from sync.errors import SettingsError

INTERVALS = ("day", "week", "month", "year")
# What Stripe does with a subscription when retries have run out; `leave` keeps it past due.
TERMINAL_ACTIONS = ("cancel", "unpaid", "leave")
_MAILBOX = re.compile(r"(?P<name>[^<>\r\n]*)<(?P<named>[^<>]+)>|(?P<bare>[^<>]+)")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def parse_renewal_reminders(text: str) -> Mapping[str, tuple[int, ...]]:
    """Return the days before a renewal to remind at, by interval, longest first.

    `month:3,year:30+7` reminds 3 days before every monthly renewal (whatever the count of
    months) and 30 and 7 days before every yearly one; an interval not named has no reminder.

    Raises:
        SettingsError: the text has another form; says which part and what is allowed.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    parsed = [_reminder(part) for part in parts]
    if len({interval for interval, _ in parsed}) < len(parsed):
        raise SettingsError(f"an interval stands twice in {text!r}; write it once, as year:30+7")
    return MappingProxyType(dict(parsed))


def _reminder(part: str) -> tuple[str, tuple[int, ...]]:
    interval, colon, days_text = part.partition(":")
    days = [day.strip() for day in days_text.split("+")]
    if interval.strip() not in INTERVALS or not colon:
        raise SettingsError(f"{part!r}: write interval:days; intervals are {', '.join(INTERVALS)}")
    # A reminder on the last day would be too late to act on: see the kind's use-by.
    if not all(day.isascii() and day.isdigit() and 2 <= int(day) <= 365 for day in days):  # noqa: PLR2004 — said in the message
        raise SettingsError(f"{part!r}: days are whole numbers from 2 to 365, joined by +")
    return interval.strip(), tuple(sorted({int(day) for day in days}, reverse=True))


def _default_reminders() -> Mapping[str, tuple[int, ...]]:
    return parse_renewal_reminders("month:3,year:30+7")


def _default_hours() -> Mapping[Category, Hours]:
    return hours.parse(hours.DEFAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """How the shop shows itself in its mails; an empty name means the sender's."""

    name: str = ""
    logo_url: str | None = None
    colour: str = "#1f6f50"
    postal_address: str = ""
    support_email: str | None = None
    # What customers read beside a charge on their bank's statement, as set at Stripe.
    statement_descriptor: str = ""

    @property
    def on_colour(self) -> str:
        """Black or white, whichever reads better on `colour` (WCAG's contrast ratio)."""
        luminance = _luminance(self.colour)
        return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"


def _luminance(colour: str) -> float:
    """Return WCAG 2's relative luminance. Source: w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]  # noqa: PLR2004 — the formula's own constants
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPolicy:
    """Everything the rules and the rendering need, as plain values.

    `link_secrets` sign customers' links, newest first. `redirect` takes all customer mail.
    `livemode` None means both modes get mail. `accounts` are the Stripe accounts whose
    customers get mail; the empty name is the account of the endpoint itself.

    Raises:
        SettingsError: a value that no mail could be made with, and what to write instead.
    """

    sender: str
    public_url: str
    link_secrets: tuple[str, ...]
    marketing_inbox: str | None = None
    internal_inbox: str | None = None
    redirect: str | None = None
    timezone: str = "UTC"
    renewal_reminders: Mapping[str, tuple[int, ...]] = field(default_factory=_default_reminders)
    livemode: bool | None = None
    accounts: frozenset[str] = frozenset({""})
    default_locale: str = "en"
    brand: Brand = field(default_factory=Brand)
    portal_url: str | None = None
    shop_url: str | None = None
    buddhist_era: bool = False
    templates_dir: str | None = None
    # Kinds that Stripe's own customer mails cover: see its dashboard's settings.
    stripe_sends: frozenset[str] = frozenset()
    # At which hours of their day customers are written to, by category of mail.
    mail_hours: Mapping[Category, Hours] = field(default_factory=_default_hours)
    # Of which mails marketing gets a copy: see `notifications.sampling`.
    copy_sample: Mapping[str, int] = field(default_factory=dict)
    # By the kind each is about.
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    # As Stripe's dashboard has it: how long failed charges are retried, and what comes then.
    dunning_window_days: int = 14
    dunning_terminal_action: str = "cancel"

    def __post_init__(self) -> None:
        mistakes = [message for broken, message in self._checks() if broken]
        if mistakes:
            raise SettingsError("; ".join(mistakes))

    def _checks(self) -> tuple[tuple[bool, str], ...]:
        urls = (self.public_url, self.portal_url, self.shop_url, self.brand.logo_url)
        odd_urls = [url for url in urls if url and urlsplit(url).scheme not in {"http", "https"}]
        inboxes = (self.marketing_inbox, self.internal_inbox, self.redirect)
        odd_inboxes = [inbox for inbox in inboxes if inbox and mailbox(inbox) is None]
        unknown = sorted(self.stripe_sends - TIMINGS.keys())
        return (
            (bool(unknown), f"STRIPE_SENDS: no kind of mail is called {', '.join(unknown)}"),
            (mailbox(self.sender) is None, f"no usable sender: {self.sender!r}"),
            (bool(odd_inboxes), f"no usable mail address: {', '.join(odd_inboxes)}"),
            (bool(odd_urls), f"no web address: {', '.join(odd_urls)}"),
            (not any(self.link_secrets), "there is no secret to sign links with"),
            (not _zone_is_known(self.timezone), f"{self.timezone!r} is no time zone"),
            (not _COLOUR.fullmatch(self.brand.colour), "the brand's colour is not like #1f6f50"),
            (not 1 <= self.dunning_window_days <= 90, "charges are retried for 1 to 90 days"),  # noqa: PLR2004 — said in the message
            (
                self.dunning_terminal_action not in TERMINAL_ACTIONS,
                f"what comes after the last retry: {', '.join(TERMINAL_ACTIONS)}",
            ),
        )

    @property
    def from_address(self) -> Address:
        """The sender for the From header; a bare address shows the brand's name."""
        found = mailbox(self.sender)
        assert found is not None, "checked at construction"
        name = found.display_name or self.brand.name
        return Address(display_name=name, addr_spec=found.addr_spec)

    @property
    def brand_name(self) -> str:
        """What the shop is called in a sentence."""
        return self.brand.name or self.from_address.display_name or self.from_address.domain

    @property
    def contact_email(self) -> str:
        """Where a customer's answer goes."""
        return self.brand.support_email or self.from_address.addr_spec

    def inbox(self, *, to_marketing: bool = False) -> str | None:
        """Where internal mail goes, None: nowhere. Source: lifecycle, rulings."""
        return self.marketing_inbox if to_marketing else self.internal_inbox or self.marketing_inbox

    @property
    def zone(self) -> ZoneInfo:
        """The account's time zone."""
        return ZoneInfo(self.timezone)


def mailbox(text: str) -> Address | None:
    """Return a mail address, bare or as `Name <a@b.example>`, fit for a header and for SMTP.

    None where it is none, or where it could be delivered by servers with SMTPUTF8 only.
    """
    parts = _MAILBOX.fullmatch(text.strip())
    if parts is None:
        return None
    try:
        found = Address(addr_spec=parts["named"] or parts["bare"])
        domain = found.domain.encode("idna").decode()
        usable = found.username and domain and found.username.isascii()
        name = (parts["name"] or "").strip().strip('"')
        return Address(name, found.username, domain) if usable else None
    except (MessageError, ValueError, IndexError):
        return None


def _zone_is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
