"""A shop chooses the ids of its coupons, plans and products: any printable text is one."""

import orjson
import pytest

from app.envelope import delivery


def body(object_id: str) -> bytes:
    """Return a coupon's event as Stripe sends it."""
    coupon = {"id": object_id, "object": "coupon"}
    return orjson.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": "coupon.created",
            "created": 1_700_000_000,
            "data": {"object": coupon},
        }
    )


@pytest.mark.parametrize("chosen", ["25% OFF", "Gold plan", "café", "gold/monthly", "x" * 500])
def test_an_object_is_taken_under_the_id_its_shop_gave_it(chosen: str) -> None:
    taken = delivery(body(chosen), None)

    assert (taken.parked, taken.event_id, taken.object_id) == (None, "evt_1", chosen)


@pytest.mark.parametrize("odd", ["a\nb", "a\u202eb", "x" * 501], ids=["line", "bidi", "too-long"])
def test_what_no_shop_would_choose_is_set_aside(odd: str) -> None:
    assert delivery(body(odd), None).parked == "odd_envelope"
