"""A link's token: for one purpose, for a while, made here, and about nobody by name."""

import hashlib
import string
from datetime import UTC, datetime, timedelta
from typing import get_args
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from notifications import links
from notifications.links import LIVES, LinkExpired, LinkInvalid, LinkSubject, Purpose
from tests.notifications import shop
from tests.notifications.shop import DAY

SUBJECT = LinkSubject("acct_1", "cus_1", "in_1", "0123456789abcdef0123456789abcdef")
SHARED: list[Purpose] = [each for each in get_args(Purpose) if each != "unsubscribe"]
MINUTE = timedelta(minutes=1)


def token(purpose: Purpose, age: timedelta = timedelta(), **changed: object) -> str:
    made_at = int((datetime.now(UTC) - age).timestamp())
    with patch.object(TimestampSigner, "get_timestamp", return_value=made_at):
        return links.url(shop.policy(**changed), purpose, SUBJECT).rpartition("/")[2]


def signed(content: object, salt: str = "evergreen.b", secret: str = "newest-secret") -> str:
    signer = {"digest_method": hashlib.sha256}
    return str(URLSafeTimedSerializer(secret, salt, signer_kwargs=signer).dumps(content))


@pytest.mark.parametrize("purpose", SHARED)
def test_a_token_is_good_for_its_own_purpose_alone(purpose: Purpose) -> None:
    assert links.read(shop.policy(), token(purpose)) == (purpose, SUBJECT)
    with pytest.raises(LinkInvalid):
        links.read_unsubscribe(shop.policy(), token(purpose))


def test_a_token_to_unsubscribe_does_nothing_else() -> None:
    with pytest.raises(LinkInvalid):
        links.read(shop.policy(), token("unsubscribe"))


@pytest.mark.parametrize(
    ("purpose", "days"),
    [(purpose, 3 * 365 if purpose == "preferences" else 30) for purpose in SHARED],
)
def test_a_token_lasts_as_long_as_its_purpose(purpose: Purpose, days: int) -> None:
    assert LIVES[purpose] == days * DAY
    assert links.read(shop.policy(), token(purpose, days * DAY - MINUTE))[0] == purpose
    with pytest.raises(LinkExpired):
        links.read(shop.policy(), token(purpose, days * DAY + MINUTE))


def test_tokens_signed_before_a_new_secret_came_still_work() -> None:
    before = token("pay", link_secrets=("older-secret",))

    assert links.read(shop.policy(), before) == ("pay", SUBJECT)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(signed(["pay", "", "cus_1", "", ""], secret="not-ours"), id="other-secret"),
        pytest.param(signed(["pay", "", "cus_1", "", ""], salt="evergreen.other"), id="other-salt"),
        pytest.param(signed(["unsubscribe", "", "cus_1", "", ""]), id="purpose-of-another-path"),
        pytest.param(signed(["rob", "", "cus_1", "", ""]), id="purpose-unknown"),
        pytest.param(signed(["pay", "", "cus_1", ""]), id="too-little"),
        pytest.param(signed(["pay", "", 1, "", ""]), id="odd-content"),
        pytest.param(signed("pay"), id="other-content"),
        pytest.param("", id="empty"),
        pytest.param("x.y.z", id="garbage"),
    ],
)
def test_what_we_did_not_make_is_refused(made: str) -> None:
    with pytest.raises(LinkInvalid):
        links.read(shop.policy(), made)


@given(st.data())
def test_a_token_changed_anywhere_is_refused(data: st.DataObject) -> None:
    made = token("keep")
    at = data.draw(st.integers(0, len(made) - 2))  # the last letter holds bits that nobody reads
    letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_."))
    changed = f"{made[:at]}{letter}{made[at + 1 :]}"
    if changed != made:
        with pytest.raises(LinkInvalid):
            links.read(shop.policy(), changed)
