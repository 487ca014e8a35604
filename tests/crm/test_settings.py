"""CRM settings: every mistake is named with what to do, and no secret is ever shown."""

from pathlib import Path

import pytest

from app.crm_settings import CrmSettings, read
from app.environment import Reader
from sync.crm.vendors import HUBSPOT_URL, HubSpot

SECRET = "whsec_" + "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U="
ALL = {
    "CRM": "local,hubspot,salesforce,webhook",
    "HUBSPOT_TOKEN": "pat-eu1-secret",
    "SALESFORCE_LOGIN_URL": "https://shop.my.salesforce.com",
    "SALESFORCE_CLIENT_ID": "consumer-key",
    "SALESFORCE_CLIENT_SECRET": "consumer-secret",
    "CRM_WEBHOOK_URL": "https://shop.example/hook",
    "CRM_WEBHOOK_SECRET": SECRET,
}


def settings(**environ: str) -> tuple[CrmSettings, list[str]]:
    reader = Reader(environ)
    return read(reader), reader.mistakes


def test_without_any_setting_the_local_record_is_kept() -> None:
    found, mistakes = settings()

    assert (found.sinks, mistakes) == (("local",), [])


def test_all_vendors_at_once() -> None:
    found, mistakes = settings(**ALL)

    assert mistakes == []
    assert found.vendors.hubspot == HubSpot(token="pat-eu1-secret", base_url=HUBSPOT_URL)
    assert "secret" not in repr(found)


def test_every_missing_setting_of_a_vendor_is_named() -> None:
    _, mistakes = settings(CRM=ALL["CRM"])

    named = {line.split()[0] for line in mistakes}
    assert named == set(ALL) - {"CRM"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"CRM": "hubspott"}, "no vendor is called hubspott"),
        ({"HUBSPOT_TOKEN": "pat secret"}, "HUBSPOT_TOKEN has white space"),
        ({"HUBSPOT_BASE_URL": "api.hubapi.com"}, "HUBSPOT_BASE_URL is wrong"),
        ({"SALESFORCE_LOGIN_URL": "shop"}, "SALESFORCE_LOGIN_URL is wrong"),
        ({"CRM_WEBHOOK_SECRET": "secret"}, "CRM_WEBHOOK_SECRET is wrong"),
        ({"CRM_FIELDS": "/nowhere.toml"}, "CRM_FIELDS is wrong"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(changed: dict[str, str], said: str) -> None:
    _, mistakes = settings(**{**ALL, **changed})

    assert len(mistakes) == 1
    assert said in mistakes[0]
    assert "pat secret" not in mistakes[0]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("[hubspot]\nmrr_minor = 'revenue'\ncoupon = false", None),
        ("[hubspot]\nmrr = 'revenue'", "[hubspot] mrr: there is no such field"),
        ("[hubspott]\nmrr_minor = 'revenue'", "[hubspott] is no vendor with fields"),
        ("[hubspot]\nmrr_minor = true", "use the vendor's field, or false"),
        ("[hubspot]\nmrr_minor = ''", "use the vendor's field, or false"),
        ("hubspot = 1", "hubspot is no table"),
        ("[hubspot", "no TOML file"),
    ],
    ids=["good", "no-field", "no-vendor", "true", "empty", "no-table", "no-toml"],
)
def test_the_file_of_fields(tmp_path: Path, told: str, said: str | None) -> None:
    path = tmp_path / "fields.toml"
    path.write_text(told)
    found, mistakes = settings(CRM_FIELDS=str(path))

    assert [str(said) in line for line in mistakes] == ([True] if said else [])
    naming = {"mrr_minor": "revenue", "coupon": None}
    assert found.vendors.naming("hubspot") == ({} if said else naming)
