"""A mail provider's gate: one that keeps failing is left alone, whichever transport it has."""

from email.message import EmailMessage

from notifications.transports.transport import Transport
from sync.changes import Outcome, RetryIn, Unknown
from sync.delivery.gate import Gate, Held

# Of these ends the server was never heard, or not to the end.
_FAILURES = ("unreachable", "cut_off", "no_answer")


class GatedTransport:
    """Hands messages to `transport`, each with leave of `gate`."""

    def __init__(self, transport: Transport, gate: Gate) -> None:
        """Nothing connects before the first message."""
        self._transport, self._gate = transport, gate

    def send(self, message: EmailMessage) -> Outcome:
        """Send `message`; while the breaker is open nothing leaves and the whole sink waits."""
        try:
            leave = self._gate.enter()
        except Held as held:
            return RetryIn(held.delay_s, held.reason, scope="sink")
        alive = False
        try:
            outcome = self._transport.send(message)
            alive = not _is_failure(outcome)
        finally:
            leave.ended(ok=alive)
        return outcome

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _is_failure(outcome: Outcome) -> bool:
    """Tell whether nobody answered; a server that says "later" to one mail is alive."""
    unheard = isinstance(outcome, RetryIn) and outcome.reason.endswith(_FAILURES)
    return unheard or isinstance(outcome, Unknown)
