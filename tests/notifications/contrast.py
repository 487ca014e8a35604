"""How well a text reads: WCAG's contrast of two colours, and the colours a mail declares."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

ENOUGH = 4.5
_VOID = {"meta", "img", "br", "hr", "input", "link"}
_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})")
_RGB = re.compile(r"rgba?\((\d+), (\d+), (\d+)")


def contrast(one: str, other: str) -> float:
    """Return the ratio, 1 to 21. Source: w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    shares = [part / 255 for part in _parts(colour)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parts(colour: str) -> list[int]:
    if found := _HEX.fullmatch(colour.lower()):
        return [int(part, 16) for part in found.groups()]
    decimal = _RGB.match(colour)
    assert decimal, colour
    return [int(part) for part in decimal.groups()]


class Declared(HTMLParser):
    """Collects the texts that can be seen, and the colours of text and ground they stand in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.pairs: set[tuple[str, str]] = set()
        self.texts: list[str] = []
        self._open: list[tuple[str, Mapping[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Go in."""
        if tag not in _VOID:
            outside = self._open[-1][1] if self._open else {}
            self._open.append((tag, {**outside, **_colours(dict(attrs).get("style") or "")}))

    def handle_endtag(self, tag: str) -> None:
        """Come out."""
        assert tag in _VOID or self._open.pop()[0] == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        """Note the colours of a text that can be seen."""
        style = self._open[-1][1] if self._open else {}
        if data.strip() and "color" in style and not style.get("hidden"):
            self.pairs.add((style["color"], style["background"]))
            self.texts.append(data)


def _colours(style: str) -> Mapping[str, str]:
    """Return what an inline style says of colours; one that has none passes its parent's on."""
    said = dict(part.split(":", 1) for part in style.split(";") if ":" in part)
    named = {"color": said.get("color"), "background": said.get("background-color")}
    named["background"] = named["background"] or said.get("background")
    hidden = {"hidden": "yes"} if said.get("display") == "none" else {}
    return hidden | {name: value for name, value in named.items() if value and value[0] == "#"}
