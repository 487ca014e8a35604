"""RSA signatures checked with the standard library alone.

Checking needs no secret, so nothing can leak through time. The expected block is made whole
and compared (RFC 8017, 8.2.2), never taken apart: the forgeries that lenient readers of the
padding let through do not work here. The certificate's own chain is not looked at: trust comes
from where it was fetched.
"""

import hashlib
import hmac
import ssl

from sync.errors import Malformed

# DER of DigestInfo for SHA-256, up to the digest itself: RFC 8017, 9.2, note 1.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_RSA = bytes.fromhex("06092a864886f70d010101")  # the object identifier rsaEncryption
_VERSION = 0xA0  # the tag of a field that certificates of version 1 do without
_SHORTEST_BITS = 2048
_LENGTH_FOLLOWS = 0x80


def is_signed(certificate: bytes, content: bytes, signature: bytes) -> bool:
    """Tell whether `content` is signed with the key of a DER `certificate`, PKCS #1 v1.5, SHA-256.

    Raises:
        Malformed: the certificate holds no RSA key.
    """
    modulus, exponent = _public_key(certificate)
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if modulus.bit_length() < _SHORTEST_BITS or len(signature) != size or number >= modulus:
        return False
    info = _SHA256 + hashlib.sha256(content).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return hmac.compare_digest(pow(number, exponent, modulus).to_bytes(size, "big"), expected)


def der(pem: str) -> bytes:
    """Return the DER form of the first certificate in `pem`.

    Raises:
        Malformed: there is none.
    """
    try:
        return ssl.PEM_cert_to_DER_cert(pem[pem.index(ssl.PEM_HEADER) :])
    except ValueError as error:
        raise Malformed("no certificate") from error


def _public_key(certificate: bytes) -> tuple[int, int]:
    """Return modulus and exponent. X.509 puts the key behind the certificate's subject.

    Source: RFC 5280, 4.1: version, serial, algorithm, issuer, validity, subject, key.
    """
    fields = _elements(_content(_content(certificate, 0), 0))
    has_version = bool(fields) and fields[0][0] == _VERSION
    key = _nth(fields, 5 + has_version)
    if not _content(key, 0).startswith(_RSA):
        raise Malformed("no RSA key")
    numbers = _content(_content(key, 1)[1:], 0)  # behind the count of unused bits
    modulus, exponent = (int.from_bytes(_content(numbers, which), "big") for which in (0, 1))
    return modulus, exponent


def _content(encoded: bytes, which: int) -> bytes:
    """Return the content of the element that stands at `which`, counted from zero."""
    return _nth(_elements(encoded), which)


def _nth(elements: list[tuple[int, bytes]], which: int) -> bytes:
    if which >= len(elements):
        raise Malformed("no certificate")
    return elements[which][1]


def _elements(encoded: bytes) -> list[tuple[int, bytes]]:
    """Return the tags and contents of DER elements that stand one behind the other."""
    found, at = [], 0
    while at + 2 <= len(encoded):
        tag, length, at = encoded[at], encoded[at + 1], at + 2
        if length & _LENGTH_FOLLOWS:
            digits = length & ~_LENGTH_FOLLOWS
            length, at = int.from_bytes(encoded[at : at + digits], "big"), at + digits
        if at + length > len(encoded):
            raise Malformed("no certificate")
        found.append((tag, encoded[at : at + length]))
        at += length
    return found
