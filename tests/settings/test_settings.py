"""Every setting's good and bad values, told all at once and without a secret."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from sync.errors import SettingsError

WHOLE = {
    "DATABASE_URL": "postgresql://shop:pw@db.example:5432/shop",
    "REDIS_URL": "redis://cache.example:6379/0",
    "STRIPE_WEBHOOK_SECRETS": "whsec_newest1,whsec_older22",
}


def mistakes(**changes: str) -> list[str]:
    """Return what is wrong with a good environment after `changes`."""
    try:
        Settings.from_environ({**WHOLE, **changes})
    except SettingsError as wrong:
        return str(wrong).splitlines()
    return []


def read(**changes: str) -> Settings:
    return Settings.from_environ({**WHOLE, **changes})


GOOD = {
    "DATABASE_URL": ["postgres://u:p@h/d", "postgresql:///d", "postgresql+psycopg://u@h/d"],
    "REDIS_URL": ["redis://h", "rediss://:p@h:6380", "unix:///run/redis.sock", "redis://[::1]:1/0"],
    "STRIPE_WEBHOOK_SECRETS": ["whsec_12", "whsec_123456, whsec_654321 ,", "otherkey"],
    "STRIPE_API_KEY": ["", "sk_test_51", "rk_live_51", " sk_test_51\n"],
    "STRIPE_API_BASE": ["", "http://localhost:12111", "https://api.stripe.com/"],
    "STRIPE_LIVEMODE": ["", "auto", "TRUE", "false"],
    "EFFECT_ACCOUNTS": ["", "acct_1", "acct_1,acct_2"],
    "PUBLIC_URL": ["", "https://billing.shop.example", "http://localhost:8000/"],
    "PORTAL_URL": ["", "https://billing.stripe.com/p/login/x"],
    "SHOP_URL": ["", "https://shop.example/de"],
    "TIMEZONE": ["", "UTC", "Asia/Bangkok"],
    "DEFAULT_LOCALE": ["", "en", "th", "en-GB", "th_TH"],
    "RENEWAL_REMINDERS": ["", "month:3", "year:30+7,month:2", "day:365"],
    "BUDDHIST_ERA": ["", "true", "False"],
    "TEMPLATES_DIR": ["", "/"],
    "BRAND_COLOUR": ["", "#1f6f50", "#ABCDEF"],
    "BRAND_LOGO_URL": ["", "https://shop.example/logo.png"],
    "SUPPORT_EMAIL": ["", "help@shop.example", "Help <help@shop.example>"],
    "MARKETING_INBOX": ["", "marketing@shop.example"],
    "INTERNAL_INBOX": ["", "ops@shop.example"],
    "MAIL_REDIRECT": ["", "me@shop.example"],
    "CRM": ["", "local"],
    "INVENTORY": ["", "local"],
    "CLOCK": ["", "real", "simulated"],
    "LANES": ["", "1", "32"],
    "PORT": ["", "1", "65535"],
    "LOG_LEVEL": ["", "debug", "ERROR"],
    "SECRET_KEY": ["", "12345678", "first-key, second-key"],
    "METRICS_TOKEN": ["", "12345678"],
}
BAD = {
    "DATABASE_URL": [
        "",
        "mysql://h/d",
        "sqlite://",
        "nothing",
        "postgresql://h:port/d",
        "postgresql",
    ],
    "REDIS_URL": [
        "",
        "http://h",
        "h:6379",
        "redis://",
        "redis://h:port",
        "redis://[::1",
        "rediss:///",
    ],
    "STRIPE_WEBHOOK_SECRETS": [
        ",",
        "whsec_...",
        "whsec_…abcdefg",
        "changeme",
        "whsec_1",
        "a b c d e",
    ],
    "STRIPE_API_KEY": ["pk_test_51", "whsec_123456", "sk_test_...", "sk_test_ 51", "sk_test_é"],
    "STRIPE_API_BASE": ["api.stripe.com", "ftp://h", "https://", "https://h:99999"],
    "STRIPE_LIVEMODE": ["yes", "live", "1"],
    "EFFECT_ACCOUNTS": ["all", "acct_1,cus_1"],
    "PUBLIC_URL": ["shop.example", "javascript:alert(1)", "https://a b.example", "https://[::1"],
    "PORTAL_URL": ["/login"],
    "SHOP_URL": ["//shop.example"],
    "TIMEZONE": ["Bangkok", "UTC+7", "../etc/passwd", "Asia", "/etc/localtime"],
    "DEFAULT_LOCALE": ["de", "english", "x"],
    "RENEWAL_REMINDERS": [
        "month",
        "month:1",
        "month:366",
        "fortnight:3",
        "month:3,month:4",
        "year:½",
    ],
    "BUDDHIST_ERA": ["2569"],
    "TEMPLATES_DIR": ["/no/such/folder", "/dev/null"],
    "BRAND_COLOUR": ["green", "#fff", "#12345g"],
    "BRAND_LOGO_URL": ["logo.png"],
    "SUPPORT_EMAIL": ["help", "help@", "@shop.example", "a@b, c@d"],
    "MARKETING_INBOX": ["marketing at shop.example"],
    "INTERNAL_INBOX": ["ops@shop.example\nBcc: x@y.example", "ö@shop.example"],
    "MAIL_REDIRECT": ["me"],
    "CRM": ["locals", "local,none"],
    "INVENTORY": ["shopify-typo"],
    "CLOCK": ["fake", "2026-01-01"],
    "LANES": ["0", "33", "-1", "1.5", "two", "९"],
    "PORT": ["0", "65536", "http"],
    "LOG_LEVEL": ["trace", "1"],
    "SECRET_KEY": ["1234567", "changeme", "good-long-key,short"],
    "METRICS_TOKEN": ["1234567", "changeme", "übertoken"],
}


def test_every_setting_has_both_sides() -> None:
    assert set(GOOD) == set(BAD)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]]
)
def test_good_values_are_taken(name: str, value: str) -> None:
    assert mistakes(**{name: value}) == []


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_bad_values_are_named_with_what_to_do(name: str, value: str) -> None:
    [said] = mistakes(**{name: value})

    assert said.startswith(name)
    assert len(said) > len(name) + len(" is wrong: ")


def test_all_mistakes_come_at_once() -> None:
    bad: dict[str, str] = {name: values[-1] for name, values in BAD.items()}

    said = mistakes(**bad)

    assert {line.split()[0] for line in said} == set(bad)


def test_nothing_set_at_all_names_what_must_be() -> None:
    with pytest.raises(SettingsError) as wrong:
        Settings.from_environ({})

    named = {line.split()[0] for line in str(wrong.value).splitlines()}
    assert named == {"DATABASE_URL", "REDIS_URL", "STRIPE_WEBHOOK_SECRETS"}


@pytest.mark.parametrize(
    ("name", "given", "secrets"),
    [
        pytest.param("STRIPE_WEBHOOK_SECRETS", "whsec_newest\n", ("whsec_newest",), id="newline"),
        pytest.param("STRIPE_WEBHOOK_SECRETS", "whsec_a1,\n whsec_b2", ("whsec_a1", "whsec_b2")),
        pytest.param("STRIPE_WEBHOOK_SECRET", "whsec_single", ("whsec_single",), id="singular"),
    ],
)
def test_webhook_secrets_are_read_without_white_space(
    name: str, given: str, secrets: tuple[str, ...]
) -> None:
    environ = {key: value for key, value in WHOLE.items() if not key.startswith("STRIPE")}

    assert Settings.from_environ({**environ, name: given}).webhook_secrets == secrets


@pytest.mark.parametrize(
    ("key", "said", "livemode"),
    [
        pytest.param("", "", None, id="unknown"),
        pytest.param("sk_live_1", "", True, id="live-key"),
        pytest.param("rk_test_1", "", False, id="test-key"),
        pytest.param("other_key", "", None, id="odd-key"),
        pytest.param("", "true", True, id="said-live"),
        pytest.param("sk_test_1", "false", False, id="both-say-test"),
    ],
)
def test_the_mode_is_what_is_said_or_what_the_key_says(
    key: str, said: str, livemode: bool | None
) -> None:
    settings = read(STRIPE_API_KEY=key, STRIPE_LIVEMODE=said)

    assert (settings.livemode, settings.mail_policy.livemode) == (livemode, livemode)


MAIL = {"MAIL_FROM": "shop@shop.example", "MAIL_URL": "smtp://user:pw@mail.example:587"}
LOCAL_MAIL = {**MAIL, "MAIL_URL": "smtp://127.0.0.1:1025"}
ON_ANOTHER_HOST = "MAIL_URL leads to another host in test mode"


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        pytest.param({"CLOCK": "simulated", "STRIPE_API_KEY": "sk_live_1"}, "CLOCK=simulated"),
        pytest.param({"CLOCK": "simulated", "STRIPE_LIVEMODE": "true"}, "CLOCK=simulated"),
        pytest.param({"CLOCK": "simulated", "STRIPE_API_KEY": "sk_test_1"}, None, id="test-clock"),
        pytest.param(
            {"STRIPE_LIVEMODE": "false", "STRIPE_API_KEY": "rk_live_1"}, "STRIPE_LIVEMODE=false"
        ),
        pytest.param(
            {"STRIPE_LIVEMODE": "true", "STRIPE_API_KEY": "sk_test_1"}, "STRIPE_LIVEMODE=true"
        ),
        pytest.param({**MAIL, "STRIPE_API_KEY": "sk_test_1"}, ON_ANOTHER_HOST, id="test-key"),
        pytest.param({**MAIL, "STRIPE_LIVEMODE": "false"}, ON_ANOTHER_HOST, id="test-mode"),
        pytest.param({**MAIL, "CLOCK": "simulated"}, ON_ANOTHER_HOST, id="simulated"),
        pytest.param(
            {**MAIL, "CLOCK": "simulated", "MAIL_REDIRECT": "me@shop.example"}, None, id="redirect"
        ),
        pytest.param({**LOCAL_MAIL, "STRIPE_LIVEMODE": "false"}, None, id="mail-on-this-host"),
        pytest.param(MAIL, None, id="unknown-mode"),
        pytest.param({**MAIL, "STRIPE_API_KEY": "sk_live_1"}, None, id="live"),
        pytest.param({"MAIL_URL": "smtp://localhost"}, "MAIL_FROM is not set", id="no-sender"),
        pytest.param({"MAIL_FROM": "shop@shop.example"}, None, id="sender-without-server"),
    ],
)
def test_what_is_wrong_only_together(changes: Mapping[str, str], begins: str | None) -> None:
    said = mistakes(**changes)

    assert len(said) == (begins is not None)
    assert begins is None or said[0].startswith(begins)


@pytest.mark.parametrize(
    "url",
    ["smtp://mail.localhost", "smtp://[::1]:25", "smtps://127.0.0.2", "file:///tmp/mail"],
)
def test_mail_that_stays_on_this_host(url: str) -> None:
    changes = {**MAIL, "MAIL_URL": url, "STRIPE_LIVEMODE": "false"}

    assert mistakes(**changes) == []


@pytest.mark.parametrize(
    "url", ["http://h", "smtp://", "smtp:h", "smtp://h:port", "file://host/x", "file:"]
)
def test_mail_urls_that_lead_nowhere(url: str) -> None:
    assert [line.split()[0] for line in mistakes(**MAIL | {"MAIL_URL": url})] == ["MAIL_URL"]


CANARIES = (
    "whsec_c4n4ryc4n4ry",
    "sk_live_c4n4ryc4n4ry",
    "postgresql://shop:c4n4ryc4n4ry@h:x/d",
    "smtp://shop:c4n4ryc4n4ry@h:x",
)
EVERY_NAME = (*GOOD, "MAIL_URL", "MAIL_FROM", "STRIPE_WEBHOOK_SECRET", "CONSOLE_PASSWORD_HASH")


@pytest.mark.parametrize("canary", CANARIES)
def test_no_message_shows_a_secret_wherever_it_was_pasted(canary: str) -> None:
    for name in EVERY_NAME:
        for value in (canary, f" {canary} x", f"{canary},"):
            assert "c4n4ry" not in "\n".join(mistakes(**{name: value})), name


def test_settings_do_not_show_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    settings = read(STRIPE_API_KEY="sk_test_c4n4ry", SECRET_KEY="c4n4ryc4n4ry")

    print(settings, [settings], f"{settings!r}", str(settings))  # noqa: T201

    assert "c4n4ry" not in capsys.readouterr().out
    assert "whsec" not in repr(settings)


def test_links_can_be_signed_without_a_key_of_their_own() -> None:
    settings = read(STRIPE_WEBHOOK_SECRETS="whsec_newest1,whsec_older22")

    assert len(settings.secret_keys) == 2
    assert not {"whsec_newest1", "whsec_older22"} & set(settings.secret_keys)
    assert any("SECRET_KEY" in line for line in settings.advice)


def test_a_folder_of_templates_is_used_when_it_is_there(tmp_path: Path) -> None:
    assert read(TEMPLATES_DIR=str(tmp_path)).mail_policy.templates_dir == str(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("PUBLIC_URL", "https://shop.example/", "https://shop.example"),
        ("MARKETING_INBOX", " m@shop.example ", "m@shop.example"),
    ],
)
def test_what_mails_need_reaches_their_policy(name: str, value: str, found: Any) -> None:
    policy = read(**{name: value}).mail_policy

    assert found in {policy.public_url, policy.marketing_inbox}
