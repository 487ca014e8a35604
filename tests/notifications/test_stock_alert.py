"""Alerts about the stock: one mail a notice, to us, while the shelf still stands so."""

from email import message_from_bytes
from email import policy as parsing
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from notifications.kinds import stock_alert
from tests.notifications import shop
from tests.notifications.shop import NOW

INBOX = "operators@garden.example"
NOTICE = """
INSERT INTO evergreen.stock_notice (kind, sku, location, on_hand, available, at)
VALUES (:kind, 'MUG', 'main', -2, -2, :at)"""
STANDS = """
INSERT INTO evergreen.stock_standing VALUES ('MUG', 'main', :standing, :at)
ON CONFLICT (sku, location) DO UPDATE SET standing = excluded.standing"""


def note(engine: Engine, kind: str, standing: str) -> None:
    with engine.begin() as conn:
        conn.execute(text(NOTICE), {"kind": kind, "at": NOW})
        conn.execute(text(STANDS), {"standing": standing, "at": NOW})


def alerts(engine: Engine, inbox: Path) -> list[tuple[str, str]]:
    policy = shop.policy(internal_inbox=INBOX)
    shop.scan(engine, NOW, policy)
    shop.scan(engine, NOW, policy)
    shop.deliver_due(engine, inbox.as_uri(), NOW, policy)
    mails = [message_from_bytes(f.read_bytes(), policy=parsing.default) for f in inbox.iterdir()]
    return [(str(mail["To"]), str(mail["Subject"])) for mail in mails]


def test_overselling_is_told_once(engine: Engine, tmp_path: Path) -> None:
    note(engine, "oversold", "oversold")

    assert alerts(engine, tmp_path) == [(INBOX, "Oversold: MUG stands at -2")]


@pytest.mark.parametrize(
    ("kind", "standing"),
    [
        pytest.param("oversold", "ok", id="counted-again"),
        pytest.param("sold_out", "low", id="goods-came"),
        pytest.param("low_stock", "out", id="sold-out-by-now"),
        pytest.param("back_in_stock", "out", id="gone-again"),
    ],
)
def test_what_has_moved_on_is_told_to_nobody(
    engine: Engine, tmp_path: Path, kind: str, standing: str
) -> None:
    note(engine, kind, standing)

    assert alerts(engine, tmp_path) == []


def test_without_an_inbox_nothing_is_recorded(engine: Engine) -> None:
    note(engine, "oversold", "oversold")
    with engine.connect() as conn:
        assert stock_alert.scan(conn, NOW, shop.policy()) == ()
