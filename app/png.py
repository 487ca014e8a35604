"""Screenshots made a third as large: 256 colours are plenty for text on plain grounds.

Source of the format: w3.org/TR/png-3
"""

import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from sync.errors import Malformed

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_RGB, _PALETTE = 2, 3
_PIXEL = 3  # bytes
_COLOURS = 256
Colour = tuple[int, int, int]


def with_palette(png: bytes) -> bytes:
    """Return the picture with its 256 most frequent colours, each other one as the nearest.

    Raises:
        Malformed: it is no PNG as Chromium writes them (8 bits, RGB, not interlaced).
    """
    width, height, rows = _decoded(png)
    pixels = [list(zip(row[0::3], row[1::3], row[2::3], strict=True)) for row in rows]
    counts = Counter(pixel for row in pixels for pixel in row)
    palette = [colour for colour, _ in counts.most_common(_COLOURS)]
    index = {colour: at for at, colour in enumerate(palette)}
    index |= {colour: _nearest(colour, palette) for colour in counts if colour not in index}
    body = b"".join(b"\0" + bytes(map(index.__getitem__, row)) for row in pixels)
    return _SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", _HEADER.pack(width, height, 8, _PALETTE, 0, 0, 0)),
            _chunk(b"PLTE", bytes(part for colour in palette for part in colour)),
            _chunk(b"IDAT", zlib.compress(body, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _decoded(png: bytes) -> tuple[int, int, Iterator[bytes]]:
    chunks = list(_chunks(png))
    width, height, *kind = _HEADER.unpack(chunks[0][1]) if chunks else (0, 0)
    if kind != [8, _RGB, 0, 0, 0]:
        raise Malformed("no PNG with 8 bits of red, green and blue each")
    packed = b"".join(data for name, data in chunks if name == b"IDAT")
    return width, height, _unfiltered(zlib.decompress(packed), _PIXEL * width)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE) if png.startswith(_SIGNATURE) else len(png)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _unfiltered(body: bytes, width: int) -> Iterator[bytes]:
    """Yield the rows; each was written as the difference to a guess from its neighbours."""
    edge = bytes(_PIXEL)  # what stands left of a row, and above the first
    above = edge + bytes(width)
    for start in range(0, len(body), width + 1):
        row = bytearray(edge + body[start + 1 : start + 1 + width])
        _UNDO[body[start]](row, above)
        above = bytes(row)
        yield above[_PIXEL:]


def _by_left(row: bytearray, above: bytes) -> None:
    del above
    for at in range(_PIXEL, len(row)):
        row[at] = (row[at] + row[at - _PIXEL]) & 255


def _by_above(row: bytearray, above: bytes) -> None:
    row[:] = bytes([(one + other) & 255 for one, other in zip(row, above, strict=True)])


def _by_average(row: bytearray, above: bytes) -> None:
    for at in range(_PIXEL, len(row)):
        row[at] = (row[at] + (row[at - _PIXEL] + above[at]) // 2) & 255


def _by_paeth(row: bytearray, above: bytes) -> None:
    """The neighbour that is nearest to left + up - corner; written out, as it runs for minutes."""
    for at in range(_PIXEL, len(row)):
        left, up, corner = row[at - _PIXEL], above[at], above[at - _PIXEL]
        to_left, to_up = abs(up - corner), abs(left - corner)
        to_corner = abs(left + up - 2 * corner)
        if to_left <= to_up and to_left <= to_corner:
            guess = left
        else:
            guess = up if to_up <= to_corner else corner
        row[at] = (row[at] + guess) & 255


_UNDO: Mapping[int, Callable[[bytearray, bytes], None]] = MappingProxyType(
    {0: lambda row, above: None, 1: _by_left, 2: _by_above, 3: _by_average, 4: _by_paeth}  # noqa: ARG005 — nothing to undo
)


def _nearest(colour: Colour, palette: list[Colour]) -> int:
    red, green, blue = colour

    def distance(at: int) -> int:
        other = palette[at]
        return (red - other[0]) ** 2 + (green - other[1]) ** 2 + (blue - other[2]) ** 2

    return min(range(len(palette)), key=distance)
