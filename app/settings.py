"""All settings, read once from the environment and passed on as one value."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy.exc import ArgumentError

from app import crm_settings, environment, stock_settings
from app.crm_settings import CrmSettings
from app.environment import (
    Reader,
    colour,
    email_address,
    folder,
    is_this_host,
    language,
    mail_address,
    optional_days,
    optional_email_address,
    optional_secret_address,
    optional_web_address,
    redis_address,
    signing_keys,
    statement_descriptor,
    time_zone,
    token,
    web_address,
    webhook_passwords,
    webhook_secrets,
    whole_number,
)
from app.stock_settings import StockSettings
from notifications import coupons, experiments, hours, sampling
from notifications.experiments import Experiment
from notifications.policy import (
    Brand,
    MailPolicy,
    parse_renewal_reminders,
)
from sync import webhook_signature
from sync.access import AccessPolicy
from sync.errors import SettingsError
from sync.store.engine import database_url
from sync.webhook_signature import Endpoint

_MODES: Mapping[str, bool | None] = {"auto": None, "true": True, "false": False}
_ON_OFF = {"true": True, "false": False}
_TERMINAL = {action: action for action in ("cancel", "unpaid", "leave")}
_LEVELS = {level: level for level in ("debug", "info", "warning", "error")}
_CLOCKS: Mapping[str, Literal["real", "simulated"]] = {"real": "real", "simulated": "simulated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the deployment says about itself. Secrets are never printed: see `__repr__`."""

    database_url: str
    redis_url: str
    webhook_secrets: tuple[str, ...]
    stripe_api_key: str | None
    stripe_api_base: str | None
    stripe_reads_per_s: int
    livemode: bool | None
    effect_accounts: frozenset[str]
    secret_keys: tuple[str, ...]
    mail_url: str | None
    mail_webhook_secrets: tuple[str, ...]
    mail_policy: MailPolicy
    customers: CrmSettings
    stock: StockSettings
    clock: Literal["real", "simulated"]
    lanes: int
    port: int
    log_level: str
    console_password_hash: str | None
    metrics_token: str | None
    api_token: str | None
    access: AccessPolicy
    access_webhook: Endpoint | None
    # Ids of coupons at Stripe, by the kind of mail that may hold an offer.
    winback_coupons: Mapping[str, str]
    advice: tuple[str, ...] = ()

    @property
    def crm(self) -> tuple[str, ...]:
        """Return who is told of customers; empty: nobody."""
        return self.customers.sinks

    @property
    def inventory(self) -> tuple[str, ...]:
        """Return who follows the stock; empty: it is not kept."""
        return self.stock.sinks

    def __repr__(self) -> str:
        """Return nothing that a log must not hold."""
        return "Settings(…)"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings in `environ`.

        Raises:
            SettingsError: naming every mistake at once, one per line, each with what to do.
        """
        reader = Reader(environ)
        settings = _read(reader)
        _cross_check(settings, reader)
        if reader.mistakes:
            raise SettingsError("\n".join(reader.mistakes))
        return replace(settings, advice=tuple(reader.advice))

    @classmethod
    def load(cls) -> "Settings":
        """Return the settings of this process's environment; raises as `from_environ` does."""
        return cls.from_environ(environ())


def environ() -> dict[str, str]:
    """Return a copy of this process's environment: the one place that looks at it."""
    return dict(os.environ)


def _read(reader: Reader) -> Settings:
    none: tuple[str, ...] = ()
    secrets_text = reader.text("STRIPE_WEBHOOK_SECRETS") or reader.text("STRIPE_WEBHOOK_SECRET")
    secrets = none
    if secrets_text:
        secrets = reader.parsed("STRIPE_WEBHOOK_SECRETS", secrets_text, webhook_secrets, none)
    else:
        hint = "your endpoint's signing secrets (whsec_…), comma-separated, newest first"
        reader.required("STRIPE_WEBHOOK_SECRETS", hint)
    api_key = reader.parsed("STRIPE_API_KEY", "", environment.api_key, None)
    livemode = reader.choice("STRIPE_LIVEMODE", _MODES, "auto")
    if livemode is None:
        livemode = _mode_of(api_key)
    secret_keys = reader.parsed("SECRET_KEY", "", signing_keys, none) or _derived(secrets, reader)
    nobody: frozenset[str] = frozenset()
    accounts = reader.parsed("EFFECT_ACCOUNTS", "", environment.accounts, nobody) | {""}
    port = reader.parsed("PORT", "8000", whole_number(1, 65535), 8000)
    mail_policy = _mail_policy(reader, livemode, secret_keys, accounts, port)
    access_webhook = _access_webhook(reader)
    return Settings(
        database_url=_database(reader),
        redis_url=_redis(reader),
        webhook_secrets=secrets,
        stripe_api_key=api_key,
        stripe_api_base=reader.parsed("STRIPE_API_BASE", "", optional_web_address, None),
        stripe_reads_per_s=reader.parsed("STRIPE_READS_PER_SECOND", "20", whole_number(1, 100), 20),
        livemode=livemode,
        effect_accounts=accounts,
        secret_keys=secret_keys,
        mail_url=_mail_url(reader),
        mail_webhook_secrets=reader.parsed("MAIL_WEBHOOK_SECRETS", "", webhook_passwords, none),
        mail_policy=mail_policy,
        customers=crm_settings.read(reader),
        stock=stock_settings.read(reader, accounts),
        clock=reader.choice("CLOCK", _CLOCKS, "real"),
        lanes=reader.parsed("LANES", "1", whole_number(1, 32), 1),
        port=port,
        log_level=reader.choice("LOG_LEVEL", _LEVELS, "info"),
        console_password_hash=reader.text("CONSOLE_PASSWORD_HASH") or None,
        metrics_token=reader.parsed("METRICS_TOKEN", "", token, None),
        api_token=reader.parsed("API_TOKEN", "", token, None),
        access=_access(reader, mail_policy, tells=access_webhook is not None),
        access_webhook=access_webhook,
        winback_coupons=_winback_coupons(reader, api_key),
    )


def _winback_coupons(reader: Reader, api_key: str | None) -> Mapping[str, str]:
    found = reader.parsed("WINBACK_COUPONS", "", coupons.parse, coupons.parse(""))
    if found and api_key is None:
        reader.advice.append(
            "WINBACK_COUPONS without STRIPE_API_KEY: no promotion code is made, and win-back"
            " mails hold no offer"
        )
    return found


def _access(reader: Reader, mail: MailPolicy, *, tells: bool) -> AccessPolicy:
    """Return what the shop allows who is late; the grace is as long as Stripe retries."""
    window = mail.dunning_window_days
    return AccessPolicy(
        grace_days=reader.parsed("ACCESS_GRACE_DAYS", str(window), whole_number(0, 365), window),
        restricted_days=reader.parsed("ACCESS_RESTRICTED_DAYS", "", optional_days, None),
        portal_url=mail.portal_url,
        shop_url=mail.shop_url,
        tells=tells,
    )


def _access_webhook(reader: Reader) -> Endpoint | None:
    none: tuple[bytes, ...] = ()
    url = reader.parsed("ACCESS_WEBHOOK_URL", "", optional_secret_address, None)
    signing = reader.parsed("ACCESS_WEBHOOK_SECRET", "", webhook_signature.keys, none)
    if url and not reader.text("ACCESS_WEBHOOK_SECRET"):
        reader.required("ACCESS_WEBHOOK_SECRET", "the receiver must know that it is us (whsec_…)")
    private_too = reader.choice("WEBHOOK_PRIVATE_NETWORK", _ON_OFF, "false")
    return Endpoint(url, signing, private_too) if url else None


def _mode_of(api_key: str | None) -> bool | None:
    """Return whether the key is for live mode; None where that cannot be told."""
    modes = {"_live_": True, "_test_": False}
    return next((mode for word, mode in modes.items() if word in (api_key or "")), None)


def _database(reader: Reader) -> str:
    hint = "postgresql://user:password@host:5432/name (`make run` brings its own)"
    url = reader.required("DATABASE_URL", hint)
    try:
        dialect = database_url(url).get_backend_name() if url else "postgresql"
    except (ArgumentError, ValueError):
        dialect = "nothing"
    if dialect != "postgresql":
        reader.mistakes.append(f"DATABASE_URL names no PostgreSQL database; use {hint}")
    return url


def _redis(reader: Reader) -> str:
    url = reader.required("REDIS_URL", "redis://host:6379/0 (`make run` brings its own)")
    return reader.parsed("REDIS_URL", "", redis_address, "") if url else ""


def _mail_url(reader: Reader) -> str | None:
    url = reader.parsed("MAIL_URL", "", mail_address, None)
    if not reader.text("MAIL_URL"):
        reader.advice.append("MAIL_URL is not set: no mail goes out, each is skipped as mail_off")
    return url


_NO_POLICY = MailPolicy(
    sender="evergreen@localhost.localdomain", public_url="http://localhost", link_secrets=("unset",)
)


def _mail_policy(
    reader: Reader,
    livemode: bool | None,
    secret_keys: tuple[str, ...],
    accounts: frozenset[str],
    port: int,
) -> MailPolicy:
    if not reader.text("PUBLIC_URL"):
        reader.advice.append("PUBLIC_URL is not set: links in mails point to this machine")
    if reader.text("MAIL_URL"):
        reader.required("MAIL_FROM", "the sender, such as Shop <billing@shop.example>")
    no_samples: Mapping[str, int] = {}
    no_experiments: Mapping[str, Experiment] = {}
    values: dict[str, Any] = {
        "sender": reader.parsed("MAIL_FROM", _NO_POLICY.sender, email_address, ""),
        "public_url": reader.parsed("PUBLIC_URL", f"http://localhost:{port}", web_address, ""),
        "link_secrets": secret_keys,
        "timezone": reader.parsed("TIMEZONE", "UTC", time_zone, "UTC"),
        "livemode": livemode,
        "accounts": accounts,
        "default_locale": reader.parsed("DEFAULT_LOCALE", "en", language, "en"),
        "brand": _brand(reader),
        "buddhist_era": reader.choice("BUDDHIST_ERA", _ON_OFF, "false"),
        "templates_dir": reader.parsed("TEMPLATES_DIR", "", folder, None),
        "renewal_reminders": reader.parsed(
            "RENEWAL_REMINDERS",
            "month:3,year:30+7",
            parse_renewal_reminders,
            parse_renewal_reminders("month:3,year:30+7"),
        ),
        "stripe_sends": frozenset(environment.names(reader.text("STRIPE_SENDS"))),
        "mail_hours": reader.parsed("MAIL_HOURS", hours.DEFAULT, hours.parse, hours.parse("")),
        "copy_sample": reader.parsed("COPY_SAMPLE", "", sampling.parse, no_samples),
        "experiments": reader.parsed("TEMPLATES_DIR", "", experiments.read, no_experiments),
        "dunning_window_days": reader.parsed("DUNNING_WINDOW_DAYS", "14", whole_number(1, 60), 14),
        "dunning_terminal_action": reader.choice("DUNNING_TERMINAL_ACTION", _TERMINAL, "cancel"),
    }
    for field, name, parse in _OPTIONAL:
        values[field] = reader.parsed(name, "", parse, None)
    if reader.mistakes:
        return _NO_POLICY
    try:
        return MailPolicy(**values)
    except SettingsError as error:
        reader.mistake(f"the mail settings do not fit: {error}")
        return _NO_POLICY


_OPTIONAL = (
    ("marketing_inbox", "MARKETING_INBOX", optional_email_address),
    ("internal_inbox", "INTERNAL_INBOX", optional_email_address),
    ("redirect", "MAIL_REDIRECT", optional_email_address),
    ("portal_url", "PORTAL_URL", optional_web_address),
    ("shop_url", "SHOP_URL", optional_web_address),
)


def _brand(reader: Reader) -> Brand:
    return Brand(
        name=reader.text("BRAND_NAME"),
        logo_url=reader.parsed("BRAND_LOGO_URL", "", optional_web_address, None),
        colour=reader.parsed("BRAND_COLOUR", "#1f6f50", colour, "#1f6f50"),
        postal_address=reader.text("POSTAL_ADDRESS"),
        support_email=reader.parsed("SUPPORT_EMAIL", "", optional_email_address, None),
        statement_descriptor=reader.parsed("STATEMENT_DESCRIPTOR", "", statement_descriptor, ""),
    )


def _derived(secrets: tuple[str, ...], reader: Reader) -> tuple[str, ...]:
    reader.advice.append(
        "SECRET_KEY is not set: links are signed with a key made from the webhook secret"
        " and stop working when that is rolled",
    )
    return tuple(
        hmac.new(secret.encode(), b"evergreen links", hashlib.sha256).hexdigest()
        for secret in secrets
    )


def _cross_check(settings: Settings, reader: Reader) -> None:
    """Note what is fine by itself and wrong together."""
    live_key = _mode_of(settings.stripe_api_key) is True
    test_key = _mode_of(settings.stripe_api_key) is False
    simulated = settings.clock == "simulated"
    known_test = settings.livemode is False or test_key or simulated
    wrong = (
        (
            simulated and (live_key or settings.livemode is True),
            (
                "CLOCK=simulated with a live key or live mode: real customers would get mails out"
                " of time; unset CLOCK or use a test key"
            ),
        ),
        (
            live_key and settings.stripe_api_base is not None,
            (
                "STRIPE_API_BASE with a live STRIPE_API_KEY would send the key to another host:"
                " unset one of them"
            ),
        ),
        (
            settings.livemode is False and live_key,
            "STRIPE_LIVEMODE=false with a live STRIPE_API_KEY: use a test key, or unset it",
        ),
        (
            settings.livemode is True and test_key,
            "STRIPE_LIVEMODE=true with a test STRIPE_API_KEY: use a live key, or unset it",
        ),
        (
            known_test
            and _leaves_this_host(settings.mail_url)
            and not reader.text("MAIL_REDIRECT"),
            (
                "MAIL_URL leads to another host in test mode, and mails would go to made-up or real"
                " people: set MAIL_REDIRECT to your own address, or use a mail server on this host"
            ),
        ),
    )
    for holds, message in wrong:
        if holds:
            reader.mistake(message)


def _leaves_this_host(mail_url: str | None) -> bool:
    host = urlsplit(mail_url or "").hostname
    return bool(host) and not is_this_host(str(host))
