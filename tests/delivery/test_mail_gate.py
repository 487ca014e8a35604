"""A mail provider's breaker: who is not heard is left alone, who says "later" is alive."""

from email.message import EmailMessage

import pytest
import redis

from notifications.transports.gated import GatedTransport
from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.delivery.gate import Gate
from sync.delivery.policy import Policy

MAIL = EmailMessage()


class Transport:
    """Ends every message in one way; counts them."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome, self.sent, self.closed = outcome, 0, False

    def send(self, message: EmailMessage) -> Outcome:
        """Count it."""
        del message
        self.sent += 1
        return self.outcome

    def close(self) -> None:
        """Note it."""
        self.closed = True


@pytest.mark.parametrize(
    ("outcome", "opens"),
    [
        pytest.param(RetryIn(30, "smtp_unreachable"), True, id="nobody-there"),
        pytest.param(RetryIn(30, "smtp_cut_off"), True, id="cut-off"),
        pytest.param(Unknown("no_reply_after_data"), True, id="no-reply"),
        pytest.param(RetryIn(60, "smtp_451"), False, id="later"),
        pytest.param(Failed("smtp_550"), False, id="refused"),
        pytest.param(Done("m"), False, id="taken"),
    ],
)
def test_five_failures_open_it(redis_url: str, outcome: Outcome, *, opens: bool) -> None:
    inner = Transport(outcome)
    gated = GatedTransport(inner, Gate(redis.Redis.from_url(redis_url), "mail:smtp", Policy()))
    ends = [gated.send(MAIL) for _ in range(6)]

    assert ends[:5] == [outcome] * 5
    assert inner.sent == (5 if opens else 6)
    last = ends[5]
    held = isinstance(last, RetryIn) and (last.reason, last.scope) == ("breaker_open", "sink")
    assert held == opens
