"""What the benchmarks send: simulated events as Stripe would post them, signed beforehand."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from app.local.ports import LOOPBACK
from app.simulator.disturb import disturb
from app.simulator.post import body_of
from app.simulator.sign import sign
from app.simulator.simulate import simulate
from app.simulator.year import shop_year

SECRET = "whsec_benchmark_only"
INVOICE_BYTES = 7_200  # what an invoice.paid with three lines has
_START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
_UNTIL = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
_FEWEST_PER_CUSTOMER = 55
_NEARLY_IN_ORDER = 40


def history(count: int, seed: int = 1) -> list[bytes]:
    """Return the bodies of the first events of a shop's year, as they arrive: nearly in order."""
    shop = shop_year(seed, customers=count // _FEWEST_PER_CUSTOMER + 15, start=_START, until=_UNTIL)
    arriving = disturb(
        shop.events[:count], random.Random(seed), duplicates=0, window=_NEARLY_IN_ORDER
    )
    assert len(arriving) == count, "the simulated year is too short"
    return [body_of(event) for event in arriving]


def invoices(count: int, name: str) -> list[tuple[str, bytes]]:
    """Return (invoice id, body) of so many invoice events of 7 KB, each of another invoice."""
    event_id, invoice_id, body = _invoice()
    copies = []
    for number in range(count):
        new_id = f"in_{name}{number:08}"
        copy = body.replace(event_id.encode(), f"evt_{name}{number:08}".encode())
        copies.append((new_id, copy.replace(invoice_id.encode(), new_id.encode())))
    return copies


@cache
def _invoice() -> tuple[str, str, bytes]:
    """Return the ids and the body of the simulated invoice event that is nearest to 7.2 KB."""
    found = [
        (event["id"], event["data"]["object"]["id"], body_of(event))
        for life in ("annual_renewal", "downgrade", "thb")
        for event in simulate(1, life, start=_START).events
        if event["type"] in {"invoice.paid", "invoice.updated"}
    ]
    return min(found, key=lambda each: abs(len(each[2]) - INVOICE_BYTES))


def signature(body: bytes) -> str:
    """Return a `Stripe-Signature` that is good for the next five minutes."""
    return sign(body, SECRET, int(time.time()))


def requests(bodies: Sequence[bytes]) -> list[bytes]:
    """Return whole HTTP requests, signed now."""
    return [
        b"POST /webhooks/stripe HTTP/1.1\r\n"
        b"Host: %s\r\n"
        b"User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
        b"Accept: */*; q=0.5, application/xml\r\n"
        b"Cache-Control: no-cache\r\n"
        b"Content-Type: application/json; charset=utf-8\r\n"
        b"Stripe-Signature: %s\r\n"
        b"Content-Length: %d\r\n\r\n%s"
        % (LOOPBACK.encode(), signature(body).encode(), len(body), body)
        for body in bodies
    ]
