"""Money as Stripe counts it: integer minor units and a currency.

Stripe's exponents are not ISO 4217's nor Babel's: ISK and UGX have no minor unit in
daily life, yet Stripe expects them times one hundred.
Source: https://docs.stripe.com/currencies#zero-decimal
"""

from decimal import Decimal

_ZERO_DECIMAL = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(),
)
_THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())


def exponent(currency: str) -> int:
    """Return how many decimal places Stripe's minor unit of `currency` stands for."""
    code = currency.lower()
    if code in _ZERO_DECIMAL:
        return 0
    return 3 if code in _THREE_DECIMAL else 2


def major(amount_minor: int, currency: str) -> Decimal:
    """Return `amount_minor` in whole units, exactly (1999 usd is 19.99)."""
    return Decimal(amount_minor).scaleb(-exponent(currency))
