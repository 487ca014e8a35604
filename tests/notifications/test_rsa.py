"""RSA signatures checked by the standard library, against signatures made by openssl."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.feedback import rsa
from sync.errors import Malformed
from tests.notifications.sns import CERTIFICATE, sign

CONTENT = b"hello\n"
BY_OPENSSL = (
    "dFP95gxw8UBbYsLLOwH8vOgwRzk+jHNCZVCn5WA+6MbOqjF1B45BLujIvp+43NzjsWCWH1qLyUVa9yaZgeWU"
    "ri/+umWoTFPT7AI/gxy7uY55neyh3gYK3Rzu3edkmC2NMHV1gLyNHyO9VKlbSUwj/1x6wp0DAB1CLO/MqGot"
    "xwoI0jVeBBc+k1MgEfy2A82X5Ecqn4lMOz0IQTPIEauWIwjty75V0Gfq9RhoLRK0L0zMnXpM+rtRJqY5QKr7"
    "ut3c27ZYFC4ewbR0ssMIBql9XiJUaBMig8a62yxEKr7Ve7FZvGqyYR137iGXA2v3VatgJTyF59NVba8ciM2v"
    "3Gt/zQ=="
)
BY_OPENSSL_WITH_SHA1 = (
    "EnK1MIMqt+MPjftKAKqLtH9bALzVKikPZuN5Kv22OiCVfZ07fssiOftKSPN0KtJAsosS8qx2weh/8/WUmUT3"
    "+8NqFS5jJQ3ttYl+lhdswfIMXc1KF+qx8M0s/mstb60MYB0sC77wtDjIQfyZz2NDgksYcCbh9l/t5ee85h1H"
    "XXhdHAsairy5xUoeN4enRD+bci0/uujJGpyWULqLLv18fZ0b9OK9g07lvGzJSKee10Q94zQ+NKjM6EpGZgVG"
    "8zIgZSxnJzeBOvL+pUInI8GLUPIlW2dDnSGmOC+Xaq/j2fZltsKaQB3VCpAwN9skf7SKTh7vjevKr5ixbqg0"
    "SjWu4g=="
)
ELLIPTIC = """\
-----BEGIN CERTIFICATE-----
MIIBcjCCARegAwIBAgIUFx6CEId6YeqqvibTPtsMwxpfbnUwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCZWMwIBcNMjYxMTIzMDg0MjI4WhgPMjEyNjEwMzAwODQyMjha
MA0xCzAJBgNVBAMMAmVjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEW+9vJLV
trx8qm3Domw8njdEZR8aajr1oH1O1ZlVGp6Ye7143Cji0pV+zJzUZTFVoeNJJESA
wh6sAsmIZ2vlF6NTMFEwHQYDVR0OBBYEFFzv4XICyLXGYoN9Dfq2eUQxgMzGMB8G
A1UdIwQYMBaAFFzv4XICyLXGYoN9Dfq2eUQxgMzGMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSQAwRgIhAKV5kr3T79ZY0qddLAh7bnSAImOjd6joN6qbfZpD
zhATAiEAhKRaOz/elGIGlumrafdVnK2WqGlkFSD7Ue6/xXnEnKk=
-----END CERTIFICATE-----
"""
SHORT = """\
-----BEGIN CERTIFICATE-----
MIIB/jCCAWegAwIBAgIUb2ZXGQG3Ly/gE7XEK/bvV70uP1cwDQYJKoZIhvcNAQEL
BQAwEDEOMAwGA1UEAwwFc2hvcnQwIBcNMjYxMTIzMDg0MjI4WhgPMjEyNjEwMzAw
ODQyMjhaMBAxDjAMBgNVBAMMBXNob3J0MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB
iQKBgQCs8LUVk9nkGQjnCUrcKESPy+RGLCVj5S2QVcvpDdLMQ5JPCXx2zUbNym/N
byMn94pnWwCrFp91PS+635pAWtqfVCftpiu0LzxWVwQDOnihFehGCpcGY1uDeewn
Lxgi5le1594czp6t69wMbygLzP2Kmc1BF0POXKgXZicnPedUuQIDAQABo1MwUTAd
BgNVHQ4EFgQUWARUObmv9oRGncWQ3A1bQaKbN6wwHwYDVR0jBBgwFoAUWARUObmv
9oRGncWQ3A1bQaKbN6wwDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOB
gQAxPCshCQwUJaCz9MMzSe+UEeLvndS5JF6G6upRsdP/5p8wYwxBX+1PaSCw0HbP
67irRhmTCwWG6y7qDTuw+K+8iaCQDvhMLhZL7ha505sAx82ap56dFS/ZfXXpsxYv
dBZ+2NNxzrqwYAaL+T0lQYJP5OOK8GCJutPr2PXgF56fxA==
-----END CERTIFICATE-----
"""
BY_SHORT = (
    "eTp7jN+qFk4t/O6pEPf1+jKYp9nGotHA6UTlLeBjHR92n4mZnVagr76ZQe4s7h7itFYkL9VImK1azl1F1TJs"
    "CFgvwyeyaEwRH+0NNPOo2EyqUVIrSQ+sKVeP07Nv0lJ9V36BRA0uzVoL2BJaydNIkFBofivtGf8kv3rpnCiB"
    "tzw="
)
CERTIFICATE_DER = rsa.der(CERTIFICATE)


def is_signed(signature: bytes, content: bytes = CONTENT) -> bool:
    return rsa.is_signed(CERTIFICATE_DER, content, signature)


def test_a_signature_of_openssl_is_accepted() -> None:
    assert is_signed(b64decode(BY_OPENSSL))


def test_ours_for_the_other_tests_is_the_same() -> None:
    assert sign(CONTENT) == b64decode(BY_OPENSSL)


def flipped(signature: bytes, at: int) -> bytes:
    return signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]


@pytest.mark.parametrize(
    ("signature", "content"),
    [
        pytest.param(sign(CONTENT), b"hello", id="other-content"),
        pytest.param(flipped(sign(CONTENT), 0), CONTENT, id="first-bit"),
        pytest.param(flipped(sign(CONTENT), 255), CONTENT, id="last-bit"),
        pytest.param(b64decode(BY_OPENSSL_WITH_SHA1), CONTENT, id="sha1"),
        pytest.param(b"", CONTENT, id="empty"),
        pytest.param(bytes(256), CONTENT, id="zeros"),
        pytest.param(b"\xff" * 256, CONTENT, id="larger-than-the-modulus"),
        pytest.param(sign(CONTENT)[:-1], CONTENT, id="short"),
        pytest.param(b"\x00" + sign(CONTENT), CONTENT, id="long"),
        # What readers who take the padding apart have let through: the digest is right.
        pytest.param(sign(CONTENT, b"\xff" * 8), CONTENT, id="garbage-behind-the-digest"),
        pytest.param(sign(CONTENT, b"\xfe" * 202), CONTENT, id="other-padding"),
    ],
)
def test_anything_else_is_not(signature: bytes, content: bytes) -> None:
    assert not is_signed(signature, content)


def test_a_key_that_is_too_short_signs_nothing() -> None:
    assert not rsa.is_signed(rsa.der(SHORT), CONTENT, b64decode(BY_SHORT))


def test_a_key_of_another_sort_is_refused() -> None:
    with pytest.raises(Malformed, match="no RSA key"):
        rsa.is_signed(rsa.der(ELLIPTIC), CONTENT, b"")


def test_what_stands_before_a_certificate_is_passed_over() -> None:
    assert rsa.der(f"Bag Attributes\n{CERTIFICATE}") == CERTIFICATE_DER


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN CERTIFICATE-----", CERTIFICATE[:200]])
def test_no_certificate_is_told(text: str) -> None:
    with pytest.raises(Malformed):
        rsa.der(text)


def test_a_certificate_cut_anywhere_is_refused() -> None:
    for at in range(0, len(CERTIFICATE_DER), 7):
        with pytest.raises(Malformed):
            rsa.is_signed(CERTIFICATE_DER[:at], CONTENT, b"")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_certificate_or_refused(encoded: bytes) -> None:
    with pytest.raises(Malformed):
        rsa.is_signed(encoded, CONTENT, b"")
