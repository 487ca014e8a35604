"""The settings of offers and of the bank's statement, and what doctor says about them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.cli.doctor import findings
from app.settings import Settings
from notifications import coupons
from notifications.kinds import KINDS
from sync.errors import SettingsError
from tests.stripe_writes.conftest import KEY, Stripe, coupon

WHOLE = {
    "DATABASE_URL": "postgresql://shop:pw@db.example:5432/shop",
    "REDIS_URL": "redis://cache.example:6379/0",
    "STRIPE_WEBHOOK_SECRETS": "whsec_newest1",
}
BOTH, DEAR = dict.fromkeys(coupons.KINDS, "BACK20"), "winback_voluntary"


def read(**changes: str) -> Settings:
    return Settings.from_environ({**WHOLE, **changes})


def test_all_kinds_that_want_an_offer_can_have_a_coupon() -> None:
    assert set(coupons.KINDS) == {kind.name for kind in KINDS.values() if kind.wants_offer}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("", {}, id="unset"),
        pytest.param("BACK20", BOTH, id="one-for-all"),
        pytest.param("winback_voluntary:A-1", {DEAR: "A-1"}, id="one-kind"),
        pytest.param(" BACK20 , winback_voluntary:A_1,", {**BOTH, DEAR: "A_1"}, id="and-the-rest"),
    ],
)
def test_coupons_by_kind(text: str, found: Mapping[str, str]) -> None:
    assert read(WINBACK_COUPONS=text).winback_coupons == found


@pytest.mark.parametrize(
    "text", ["receipt:A", "A,B", "winback_voluntary:A,winback_voluntary:B", "a b", "20%", ":A"]
)
def test_odd_coupons_are_named(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^WINBACK_COUPONS is wrong"):
        read(WINBACK_COUPONS=text)


def test_coupons_without_a_key_are_worth_a_word() -> None:
    assert any("WINBACK_COUPONS" in line for line in read(WINBACK_COUPONS="A").advice)
    keyed = read(WINBACK_COUPONS="A", STRIPE_API_KEY=KEY)
    assert not any("WINBACK_COUPONS" in line for line in keyed.advice)


@pytest.mark.parametrize("text", ["", "SHOP1", "SHOP.COM GARDEN BOX 22", "12345A", "a-b&c, d."])
def test_a_statement_descriptor_as_stripe_takes_it(text: str) -> None:
    assert read(STATEMENT_DESCRIPTOR=text).mail_policy.brand.statement_descriptor == text


@pytest.mark.parametrize(
    "text",
    [
        *("SHOP", "SHOP.COM GARDEN BOX 223", "12345"),
        *("<SHOP>", "SH*OPS", 'SH"OP', "SH'OP", "SH\\OPS", "SHÖPS", "ร้านค้า-A"),
    ],
)
def test_a_statement_descriptor_that_stripe_would_refuse(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^STATEMENT_DESCRIPTOR is wrong"):
        read(STATEMENT_DESCRIPTOR=text)


def told(environ: Mapping[str, str], stripe: Stripe, **changes: str) -> list[str]:
    own = {"STRIPE_API_KEY": KEY, "STRIPE_API_BASE": stripe.base, "WINBACK_COUPONS": "BACK20"}
    return findings({**environ, **own, **changes}, offline=False)[0]


@pytest.fixture
def environ(database_url: str, redis_url: str) -> Mapping[str, str]:
    return {**WHOLE, "DATABASE_URL": database_url, "REDIS_URL": redis_url}


def in_days(days: int) -> int:
    return int((datetime.now(UTC) + timedelta(days=days)).timestamp())


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        pytest.param({}, None, id="good"),
        pytest.param({"redeem_by": in_days(15)}, None, id="long-enough"),
        pytest.param({"redeem_by": in_days(13)}, "codes are good for 14 days", id="too-short"),
        pytest.param({"valid": False}, "cannot be redeemed any more", id="used-up"),
    ],
)
def test_doctor_looks_at_the_coupon(
    environ: Mapping[str, str], stripe: Stripe, terms: dict[str, Any], said: str | None
) -> None:
    stripe.account.put({**coupon(), **terms})
    found = told(environ, stripe)

    assert len(found) == (0 if said is None else 1)
    assert all(str(said) in line for line in found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"WINBACK_COUPONS": "NONE"}, "shows no coupon NONE", id="unknown"),
        pytest.param(
            {"STRIPE_API_KEY": "sk_test_other"}, "STRIPE_API_KEY is refused", id="wrong-key"
        ),
        pytest.param(
            {"STRIPE_API_BASE": "http://127.0.0.1:9"}, "Stripe does not answer", id="silence"
        ),
    ],
)
def test_doctor_says_what_to_mend(
    environ: Mapping[str, str], stripe: Stripe, changes: dict[str, str], said: str
) -> None:
    [line] = told(environ, stripe, **changes)

    assert said in line
    assert KEY not in line


def test_doctor_looks_into_each_account(environ: Mapping[str, str], stripe: Stripe) -> None:
    stripe.account.put(coupon("ONLY"))
    [line] = told(environ, stripe, WINBACK_COUPONS="ONLY", EFFECT_ACCOUNTS="acct_2")

    assert "coupon ONLY in acct_2" in line


def test_doctor_asks_nothing_without_coupons(environ: Mapping[str, str], stripe: Stripe) -> None:
    assert told(environ, stripe, WINBACK_COUPONS="") == []
    assert list(stripe.api.requests) == []
