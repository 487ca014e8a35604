"""`evergreen mail sheet`: pictures of all mails, made by a browser that need not be there."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app import mail_sheet, png
from app.cli.mail import command
from app.mail_sheet import Framed, Look
from sync.errors import Malformed, SettingsError
from tests.notifications import shop
from tests.notifications.browsers import needs_chromium
from tests.notifications.test_command_line import Settings

Rows = Sequence[Sequence[png.Colour]]
WHITE, BLACK, GREEN = (255, 255, 255), (0, 0, 0), (31, 111, 80)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["sheet", *arguments], obj=Settings(shop.policy()))


def test_without_a_browser_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = run("--out", str(tmp_path / "pictures"))

    assert isinstance(said.exception, SettingsError)
    assert "apt-get install chromium" in str(said.exception)
    assert not (tmp_path / "pictures").exists()


@needs_chromium
def test_it_takes_a_picture_of_every_look_asked_for(tmp_path: Path) -> None:
    chosen = ("--kind", "receipt", "--look", "phone-dark", "--look", "phone-light", "--html")
    said = run("--out", str(tmp_path), *chosen)
    dark, light = ((tmp_path / f"phone-{name}.png").read_bytes() for name in ("dark", "light"))

    assert said.exit_code == 0, said.output
    assert struct.unpack(">II", dark[16:24]) == struct.unpack(">II", light[16:24])
    assert dark != light
    assert '<html lang="th"' in (tmp_path / "receipt.one-line.th.html").read_text("utf-8")


def test_what_the_browser_measured_is_read_from_its_document() -> None:
    told = '<output hidden="">{"height": 900, "widths": {"a &amp; b": 320}}</output>'
    found = mail_sheet.measured(told)

    assert (found.height_px, found.widths_px) == (900, {"a & b": 320})


def test_a_mail_cannot_break_out_of_its_frame() -> None:
    page = mail_sheet.page([[Framed('a "b"', '"></iframe><script>')]], Look(375, "dark"))

    assert page.count("<iframe") == page.count("</iframe>") == 1
    assert 'sandbox="allow-same-origin"' in page
    assert "color-scheme: dark" in page


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def picture(size: tuple[int, int], body: bytes, colour_type: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", *size, 8, colour_type, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(body)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in parts)


def shown(small: bytes) -> list[list[png.Colour]]:
    """Return the pixels of a picture with a palette, by the format's own words."""
    width = struct.unpack(">I", small[16:20])[0]
    at, parts = 8, {}
    while at < len(small):
        (length,) = struct.unpack(">I", small[at : at + 4])
        parts[small[at + 4 : at + 8]] = small[at + 8 : at + 8 + length]
        at += length + 12
    body, palette = zlib.decompress(parts[b"IDAT"]), parts[b"PLTE"]
    rows = [body[start + 1 : start + 1 + width] for start in range(0, len(body), width + 1)]
    colours = [tuple(palette[3 * index : 3 * index + 3]) for index in range(len(palette) // 3)]
    return [[colours[index] for index in row] for row in rows]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        pytest.param(0, [*BLACK, *GREEN], id="as-it-is"),
        pytest.param(1, [0, 0, 0, 31, 111, 80], id="less-the-left-one"),
        pytest.param(2, [1, 1, 1, 32, 112, 81], id="less-the-one-above"),
        pytest.param(3, [129, 129, 129, 160, 240, 209], id="less-the-mean-of-both"),
        pytest.param(4, [1, 1, 1, 31, 111, 80], id="less-the-nearest"),
    ],
)
def test_every_way_of_writing_a_row_is_understood(kind: int, second: list[int]) -> None:
    body = bytes([0, *WHITE, *WHITE, kind, *second])

    assert shown(png.with_palette(picture((2, 2), body))) == [[WHITE, WHITE], [BLACK, GREEN]]


def test_of_many_colours_the_frequent_ones_stay() -> None:
    pixels = [*[WHITE] * 300, *[(level, 0, 0) for level in range(256)]]
    body = bytes([0, *(part for pixel in pixels for part in pixel)])
    row = shown(png.with_palette(picture((len(pixels), 1), body)))[0]

    assert row[:300] == [WHITE] * 300
    assert max(abs(one[0] - other[0]) for one, other in zip(row, pixels, strict=True)) <= 1


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"GIF89a", id="another-format"),
        pytest.param(picture((1, 1), b"\0\0\0\0\0", 6), id="transparent"),
    ],
)
def test_other_pictures_are_refused(broken: bytes) -> None:
    with pytest.raises(Malformed):
        png.with_palette(broken)
