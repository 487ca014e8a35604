"""What a line should have taken from the shelf: both sides of every rule."""

from typing import Any

import pytest

from sync.inventory.desired import Sale, Stock, cause, credited, desired, review
from sync.mirror.payments import CreditedLine, CreditNote


def sale(status: str | None = "paid", **given: Any) -> Sale:
    facts: dict[str, Any] = {"paid_minor": 3000, "refunded_minor": 0, "credit_notes": ()}
    return Sale(status=status, **({"shipped": False} | facts | given))


def note(*lines: CreditedLine, amount_minor: int = 1000) -> CreditNote:
    return CreditNote("cn_1", amount_minor, lines)


ONE_BACK = (note(CreditedLine("il_1", 1, 1000)),)


@pytest.mark.parametrize(
    ("standing", "on_hand"),
    [
        pytest.param(sale(), -6, id="paid"),
        pytest.param(sale("draft"), 0, id="draft"),
        pytest.param(sale("open"), 0, id="open"),
        pytest.param(sale("void"), 0, id="void"),
        pytest.param(sale("uncollectible"), 0, id="uncollectible"),
        pytest.param(sale(None), 0, id="invoice-gone"),
        pytest.param(sale(refunded_minor=3000), 0, id="refunded-in-full"),
        pytest.param(sale(refunded_minor=2999), -6, id="refunded-all-but-a-cent"),
        pytest.param(sale(refunded_minor=3001), 0, id="refunded-more-than-paid"),
        pytest.param(sale(refunded_minor=3000, shipped=True), -6, id="shipped-before-refund"),
        pytest.param(sale(paid_minor=0), -6, id="paid-by-credit-balance"),
        pytest.param(sale(credit_notes=ONE_BACK), -4, id="one-unit-credited"),
        pytest.param(sale(credit_notes=ONE_BACK, shipped=True), -4, id="return-after-shipping"),
        pytest.param(
            sale(credit_notes=ONE_BACK, refunded_minor=3000), -4, id="a-note-decides-over-refunds"
        ),
        pytest.param(sale(credit_notes=ONE_BACK * 4), 0, id="credited-more-than-sold"),
        pytest.param(
            sale(credit_notes=(note(CreditedLine("il_2", 1, 1000)),)),
            -6,
            id="another-line-credited",
        ),
    ],
)
def test_three_sold_of_two_units_each(standing: Sale, on_hand: int) -> None:
    assert desired(standing, "il_1", 3, 2, 3000) == Stock(on_hand=on_hand)


@pytest.mark.parametrize(
    ("status", "reserved"),
    [("open", 6), ("paid", 0), ("draft", 0), ("void", 0)],
)
def test_only_open_invoices_reserve_where_that_is_wanted(status: str, reserved: int) -> None:
    wanted = desired(sale(status), "il_1", 3, 2, 3000, reserve_open=True)

    assert wanted.reserved == reserved


@pytest.mark.parametrize(
    ("lines", "back"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([CreditedLine("il_1", 2, 2000)], 2, id="by-quantity"),
        pytest.param([CreditedLine("il_1", None, 2999)], 0, id="some-money-only"),
        pytest.param([CreditedLine("il_1", None, 3000)], 3, id="all-of-its-money"),
        pytest.param([CreditedLine("il_1", 0, 3000)], 0, id="quantity-zero-is-money"),
        pytest.param([CreditedLine("il_1", 1, 1), CreditedLine("il_1", 1, 1)], 2, id="twice"),
    ],
)
def test_what_credit_notes_take_back(lines: list[CreditedLine], back: int) -> None:
    assert credited([note(*lines)], "il_1", 3, 3000) == back


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        pytest.param(sale(), None, id="nothing-went-back"),
        pytest.param(sale(refunded_minor=1), "partial_refund", id="a-part"),
        pytest.param(sale(refunded_minor=3000), None, id="all"),
        pytest.param(
            sale(refunded_minor=3000, shipped=True), "refunded_after_shipping", id="all-but-shipped"
        ),
        pytest.param(
            sale(refunded_minor=1000, credit_notes=ONE_BACK), None, id="as-much-as-credited"
        ),
        pytest.param(
            sale(refunded_minor=1001, credit_notes=ONE_BACK),
            "refund_beyond_credit_notes",
            id="more-than-credited",
        ),
        pytest.param(
            sale(refunded_minor=3000, credit_notes=(CreditNote("cn_1", 3000, ()),)),
            "credit_note_without_lines",
            id="all-of-it-as-money",
        ),
        pytest.param(
            sale(refunded_minor=500, credit_notes=(CreditNote("cn_1", 500, ()),)),
            None,
            id="some-of-it-as-money",
        ),
        pytest.param(
            sale(credit_notes=(CreditNote("cn_1", 3000, ()),)),
            "credit_note_without_lines",
            id="all-of-it-to-the-balance",
        ),
        pytest.param(
            sale(paid_minor=0, credit_notes=(CreditNote("cn_1", 100, ()),)),
            None,
            id="nothing-was-paid",
        ),
        pytest.param(sale("void", refunded_minor=1), None, id="not-paid"),
    ],
)
def test_when_a_person_must_look(standing: Sale, reason: str | None) -> None:
    assert review(standing) == reason


@pytest.mark.parametrize(
    ("standing", "slug"),
    [
        (sale(), "invoice_paid"),
        (sale(refunded_minor=3000), "refund"),
        (sale(credit_notes=ONE_BACK), "credit_note"),
        (sale("open"), "invoice_open"),
        (sale("void"), "invoice_void"),
        (sale(None), "invoice_gone"),
    ],
)
def test_why_stock_moves(standing: Sale, slug: str) -> None:
    assert cause(standing) == slug
