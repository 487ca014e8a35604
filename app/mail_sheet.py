"""All mails on one page, each in a frame as wide as a device: what a contact sheet shows.

A frame's own colour scheme is what `@media (prefers-color-scheme: dark)` asks about inside it,
and its width what the mail takes for the screen's, so one page can show phones and desktops in
light and dark, and nothing but the page tells the browser which.
"""

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a mail is looked at: on a screen this wide, drawn at `scale`, in `columns` of groups."""

    width_px: int
    scheme: Scheme
    scale: float = 1.0
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Framed:
    """A mail's HTML, and what stands above it."""

    caption: str
    html: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What the browser made of a page: its height, and how wide each mail's content is."""

    height_px: int
    widths_px: Mapping[str, int]


_GAP_PX = 16
_STYLE = """
html { background: #8a938e; font: 600 13px/1.4 sans-serif; color: #fff; }
body { margin: 0; padding: 16px; column-gap: 16px; }
section { break-inside: avoid; display: flex; gap: 16px; padding-bottom: 16px; }
figure { margin: 0; }
figcaption { padding-bottom: 4px; overflow: hidden; white-space: nowrap; }
div { overflow: hidden; border-radius: 6px; }
iframe { display: block; border: 0; transform-origin: 0 0; background: #fff; }
"""
# Frames may not run scripts; this page may, and reads how large each has become.
_SCRIPT = """
addEventListener("load", () => {
  const scale = Number(document.body.dataset.scale), widths = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument.documentElement;
    widths[frame.title] = page.scrollWidth;
    frame.style.height = page.scrollHeight + "px";
    frame.parentNode.style.height = Math.ceil(page.scrollHeight * scale) + "px";
  }
  const height = document.documentElement.scrollHeight;
  document.querySelector("output").textContent = JSON.stringify({height, widths});
});
"""


def page(groups: Iterable[Sequence[Framed]], look: Look) -> str:
    """Return an HTML page with every mail in its frame; those of a group stand side by side.

    Captions name the frames, so each may occur once only.
    """
    rows = [list(group) for group in groups]
    shown = "".join(
        f"<section>{''.join(_figure(one, look) for one in row)}</section>" for row in rows
    )
    style = f"{_STYLE} body {{ columns: {look.columns}; }}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Mails</title>'
        f'<style>{style}</style><body data-scale="{look.scale}">{shown}'
        f"<output hidden></output><script>{_SCRIPT}</script></body></html>"
    )


def width_px(look: Look, side_by_side: int) -> int:
    """Return how wide a window the page needs."""
    group = side_by_side * (_drawn(look) + _GAP_PX)
    return look.columns * group + _GAP_PX


def measured(dumped: str) -> Measured:
    """Return what the page's script found out, from the document after it has run."""
    found = re.search(r"<output hidden[^>]*>(.*?)</output>", dumped)
    told = json.loads(html.unescape(found[1]) if found and found[1] else "{}")
    return Measured(told.get("height", 0), told.get("widths", {}))


def _drawn(look: Look) -> int:
    return round(look.width_px * look.scale)


def _figure(mail: Framed, look: Look) -> str:
    caption, source = html.escape(mail.caption), html.escape(mail.html)
    drawn = f'style="width: {_drawn(look)}px"'
    frame = f"width: {look.width_px}px; transform: scale({look.scale}); color-scheme: {look.scheme}"
    return (
        f"<figure {drawn}><figcaption>{caption}</figcaption><div {drawn}>"
        f'<iframe title="{caption}" sandbox="allow-same-origin" style="{frame}"'
        f' srcdoc="{source}"></iframe></div></figure>'
    )
