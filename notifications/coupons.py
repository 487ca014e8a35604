"""With which coupon at Stripe somebody is asked back, by kind of mail."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from sync.errors import SettingsError

# The kinds that may hold an offer.
KINDS = ("winback_voluntary", "winback_delinquent")
_PART = re.compile(r"(?:(?P<kind>[a-z_]+):)?(?P<coupon>[A-Za-z0-9_-]{1,200})")


def parse(text: str) -> Mapping[str, str]:
    """Return the coupons of `winback_voluntary:BACK20,winback_delinquent:BACK10`, by kind.

    A coupon without a kind is for all kinds that are not named.

    Raises:
        SettingsError: the text has another form; says which part and what is allowed.
    """
    named = [_part(part.strip()) for part in text.split(",") if part.strip()]
    found = dict(named)
    if len(found) < len(named):
        raise SettingsError(f"a kind stands twice in {text!r}")
    for_all = found.pop("", None)
    return MappingProxyType((dict.fromkeys(KINDS, for_all) if for_all else {}) | found)


def _part(part: str) -> tuple[str, str]:
    found = _PART.fullmatch(part)
    if found is None or (found["kind"] or KINDS[0]) not in KINDS:
        known = ", ".join(KINDS)
        raise SettingsError(f"{part!r}: write the id of a coupon, or kind:coupon; kinds: {known}")
    return found["kind"] or "", found["coupon"]
