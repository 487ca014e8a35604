"""Amazon SNS for tests: a key and a certificate of our own, and messages signed with them."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import responses

from notifications.feedback import sns

HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE_URL = f"{HOST}/SimpleNotificationService-0123456789abcdef.pem"
CONFIRM_URL = f"{HOST}/?Action=ConfirmSubscription&Token=tok"
# Made by openssl for these tests alone: it opens nothing.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIDGTCCAgGgAwIBAgIUDP0llZIa66mmN42/U8EAWN6MiAowDQYJKoZIhvcNAQEL
BQAwGzEZMBcGA1UEAwwQc25zLnRlc3QuZXhhbXBsZTAgFw0yNjExMjMwODQyMjha
GA8yMTI2MTAzMDA4NDIyOFowGzEZMBcGA1UEAwwQc25zLnRlc3QuZXhhbXBsZTCC
ASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAMBkcPj/dl0Gf9OUmLv2lIBc
t85drDM8Cszfvy04/yiY3JyT4DQuzMUZL8bczF2Wc8Gt7zZVRFIU4cI7YhORtL5r
wmGfZxbfy1gFRlcRkDqc4QGfeGNPehY8zViSz8KXSH4tRnGTy971d4Ptbqx7oTa9
UxpV+p9Nb1W7ZFbsnD+6ziWI2ELTinLpTAp8Bp/EybQpFvN9Ww7oiy4vpxZpbspi
xVBnK65+IupTkL3eVvVd+c3XMSm8eHFv3pdGFL3mSCMgAyq2kfiFtuFHQyaach9p
6o56uWLcn+ZrX++9Yv4mpDFXe10tGJsdVVio6At6evDa3xarA2sga0qrA4Vil5sC
AwEAAaNTMFEwHQYDVR0OBBYEFPayIr6Ycnjxe1P0H4CcfJT/gW4/MB8GA1UdIwQY
MBaAFPayIr6Ycnjxe1P0H4CcfJT/gW4/MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZI
hvcNAQELBQADggEBALRHamKqfpPfvc8v6LLamgpCUXKV+3N7aJjCXIVAVctPGUov
jbjVJ95bHX+NoaOYG+ThgeEmMYimXLKOfE9DjKoUHp2h8lCaDzsX1wrt344pdpS+
Yc9PNc98GppqMtaGycf8ckw3VJ0u6JOgLXSeUHtVpJ4f6nMJTN3vCKgE4hwcw98k
QYiB14PLoUmDxOL4DdHc1t3oyhVsRyatd7OQqyuDVw6f19QwRBbAnib1MQx9zEWm
4kuuClxfUdIPGCDG6ILpMuYCrJZ5n/IkxTLOnNs7x8opSJN5ZJQpDjev3Z09+3UA
Ed3nKjQ9ImpgfBYvTd32Ep51Yw1/ascUOqeb87w=
-----END CERTIFICATE-----
"""
_MODULUS_HEX = (
    "c06470f8ff765d067fd39498bbf694805cb7ce5dac333c0accdfbf2d38ff2898dc9c93e0342eccc5192f"
    "c6dccc5d9673c1adef3655445214e1c23b621391b4be6bc2619f6716dfcb5805465711903a9ce1019f78"
    "634f7a163ccd5892cfc297487e2d467193cbdef57783ed6eac7ba136bd531a55fa9f4d6f55bb6456ec9c"
    "3fbace2588d842d38a72e94c0a7c069fc4c9b42916f37d5b0ee88b2e2fa716696eca62c550672bae7e22"
    "ea5390bdde56f55df9cdd73129bc78716fde974614bde6482320032ab691f885b6e14743269a721f69ea"
    "8e7ab962dc9fe66b5fefbd62fe26a431577b5d2d189b1d5558a8e80b7a7af0dadf16ab036b206b4aab03"
    "8562979b"
)
_EXPONENT_HEX = (
    "0b6c8b66c5a88e1a8a319293c5297da4e79c8474fc7a28590dd44562568d94280b8582a46004dd64e0bb"
    "7d07f45ca447e85abf270f4618c7a3a6286788f8f06e1430fd21fd7996bd58d32b5b952fe6c314fb4730"
    "5b59474b15be2dc1bdf3748f39eacf518430a96312ff32f48cea6466bf34358ea06ca028f9c2c0510708"
    "ba21ef93ef42e721404e3ba5c3e061d4d500a971304f2db2f4b23bed5bf7f1dc5ddf608c087ebd59a5f6"
    "3534556fc8b4a69611bb97599906f36269575c927fa29997356dfea1c75c7b75b606a792ba438fcb60c7"
    "26434e540d75b6209d94b7a9d4230fd2d57af8f5fbfaf03cb9f517405209d018d843acc294556b259c71"
    "9027f0a9"
)
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def sign(content: bytes, padding: bytes = b"\xff" * 202) -> bytes:
    """Return the signature of `content` as SNS makes them."""
    digest = hashlib.sha256(content).digest()
    block = b"\x00\x01" + padding + b"\x00" + _DIGEST_INFO + digest
    whole = int.from_bytes(block.ljust(256, b"\x07"), "big")
    signed = pow(whole, int(_EXPONENT_HEX, 16), int(_MODULUS_HEX, 16))
    return signed.to_bytes(256, "big")


def note(message: str = "{}", **changed: Any) -> dict[str, Any]:
    """Return a signed notification; what is `changed` is signed too, None is left out."""
    fields = {
        "Type": "Notification",
        "MessageId": "da41e39f",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:ses",
        "Message": message,
        "Timestamp": "2026-12-01T09:00:00.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
        **changed,
    }
    told = {name: value for name, value in fields.items() if value is not None}
    names = sns._SIGNED.get(str(told.get("Type")), ())
    signed = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    return {**told, "Signature": b64encode(sign(signed.encode())).decode()}


def confirmation(**changed: Any) -> dict[str, Any]:
    """Return the message that offers a subscription."""
    told = {"Type": "SubscriptionConfirmation", "Token": "tok", "SubscribeURL": CONFIRM_URL}
    return note("You have chosen to subscribe", **{**told, **changed})


@contextmanager
def amazon() -> Iterator[responses.RequestsMock]:
    """Serve the certificate; whatever else is asked for is an error."""
    sns._certificate.cache_clear()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as served:
        served.get(CERTIFICATE_URL, body=CERTIFICATE)
        yield served
    sns._certificate.cache_clear()
