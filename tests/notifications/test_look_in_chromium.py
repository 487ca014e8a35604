"""All mails as a real browser lays them out and colours them, on the narrowest phone too."""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from app import chromium, mail_sheet
from app.cli.mail_sheet import framed
from app.mail_sheet import Look, Scheme
from notifications.kinds import KINDS
from notifications.policy import Brand
from tests.notifications import shop
from tests.notifications.browsers import needs_chromium
from tests.notifications.contrast import ENOUGH, contrast

NARROW_PX, PHONE_PX, DESKTOP_PX = 320, 375, 800
TOUCH_PX = 44  # as Apple and WCAG 2.5.5 ask for
SMALLEST_TEXT_PX = 13
# A name without a space must not burst the frame, nor a bright colour drown its text.
PLAIN = Brand(name="Garden Box", postal_address="1 Rose Lane, London")
HARD = Brand(name="Garden" * 12, postal_address="1 Rose Lane, London", colour="#ffd400")
PROBE = """
addEventListener("load", () => {
  const seen = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, view = frame.contentWindow, texts = {}, buttons = [];
    const ground = (node) => {
      const colour = node ? view.getComputedStyle(node).backgroundColor : "rgb(255, 255, 255)";
      return colour.startsWith("rgba") ? ground(node.parentElement) : colour;
    };
    const walker = page.createTreeWalker(page.body, 4);
    while (walker.nextNode()) {
      const node = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !node.getClientRects().length) continue;
      const style = view.getComputedStyle(node);
      texts[[style.color, ground(node), style.fontSize]] = walker.currentNode.data.trim();
    }
    for (const button of page.querySelectorAll(".button a")) {
      const box = button.getBoundingClientRect();
      buttons.push([Math.round(box.width), Math.round(box.height)]);
    }
    seen[frame.title] = {texts, buttons, width: page.documentElement.scrollWidth};
  }
  document.querySelector("#seen").textContent = JSON.stringify(seen);
});
"""


pytestmark = needs_chromium


@dataclass(frozen=True, slots=True)
class Seen:
    """One mail: its content's width, its buttons' sizes, and its texts' colours and sizes."""

    width_px: int
    buttons_px: list[tuple[int, int]]
    texts: list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class View:
    """Who looks at which mails: of each kind one, or every way its text turns."""

    width_px: int
    scheme: Scheme
    brand: Brand = PLAIN
    every_sample: bool = False


VIEWS = {
    "narrow": View(NARROW_PX, "light", every_sample=True),
    "narrow-hard-words": View(NARROW_PX, "light", HARD),
    "phone-dark": View(PHONE_PX, "dark"),
    "phone-dark-yellow": View(PHONE_PX, "dark", HARD),
    "desktop": View(DESKTOP_PX, "light"),
}


@cache
def seen(name: str) -> Mapping[str, Seen]:
    view = VIEWS[name]
    policy = shop.policy(brand=view.brand, portal_url="https://portal.example")
    groups = [
        group
        for kind in KINDS.values()
        for group in framed(kind, policy, every_sample=view.every_sample)
    ]
    page = mail_sheet.page(groups, Look(view.width_px, view.scheme))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "mails.html"
        probed = f'{page}<output id="seen" hidden></output><script>{PROBE}</script>'
        file.write_text(probed, "utf-8")
        told = re.search(r'<output id="seen"[^>]*>(.*?)</output>', chromium.dump(file))
    found: Mapping[str, Any] = json.loads(html.unescape(told[1] if told else "{}"))
    assert len(found) == sum(map(len, groups))
    return {name: _seen(one) for name, one in found.items()}


def _seen(one: Mapping[str, Any]) -> Seen:
    parts = [re.split(r",(?! )", text) for text in one["texts"]]
    texts = [(colour, ground, int(size.removesuffix("px"))) for colour, ground, size in parts]
    return Seen(one["width"], [(width, height) for width, height in one["buttons"]], texts)


@pytest.mark.parametrize("view", VIEWS)
def test_every_text_reads_well(view: str) -> None:
    texts = [(name, *text) for name, mail in seen(view).items() for text in mail.texts]

    assert [text for text in texts if contrast(text[1], text[2]) < ENOUGH] == []
    assert [text for text in texts if text[3] < SMALLEST_TEXT_PX] == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_mail_is_dark_only_where_the_reader_wishes_it(view: str) -> None:
    grounds = {ground for mail in seen(view).values() for _, ground, _ in mail.texts}
    others = {ground for ground in grounds if contrast(ground, VIEWS[view].brand.colour) > 1}

    assert len(others) == 1
    assert (contrast(others.pop(), "#ffffff") > 10) == (VIEWS[view].scheme == "dark")


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_the_screen(view: str) -> None:
    width_px = VIEWS[view].width_px

    assert {k: m.width_px for k, m in seen(view).items() if m.width_px > width_px} == {}


def test_buttons_are_made_for_thumbs() -> None:
    mails = seen("narrow")
    buttons = [button for mail in mails.values() for button in mail.buttons_px]

    assert len(buttons) > len(mails) / 2
    assert min(height for _, height in buttons) >= TOUCH_PX
    assert len({width for width, _ in buttons}) == 1
    assert min(width for width, _ in buttons) > NARROW_PX * 0.75
