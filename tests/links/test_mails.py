"""The links of all mails: the right one, in both forms of the text, and about nobody by name."""

import html
import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default as parsing
from pathlib import Path
from typing import get_args
from urllib.parse import unquote

import pytest
from babel import Locale
from itsdangerous import URLSafeSerializer
from sqlalchemy import Engine

from notifications import links
from notifications.actions import ACTIONS
from notifications.kinds import KINDS
from notifications.languages import LANGUAGES
from notifications.links import LinkSubject, Purpose
from notifications.render import Rendered, render
from notifications.suppression import MARKETING_TOPICS
from notifications.topics import TOPIC_OF
from tests.notifications import shop
from tests.notifications.shop import NOW

WITHOUT = {"receipt", "refund_confirmed", "payment_recovered"}
MESSAGE = "0123456789abcdef0123456789abcdef"
URL = re.compile(r'https?://[^\s"<>)]+')
# Of the customer of all samples.
PERSONAL = ("ada", "lovelace", "customer.example", "%40", "@")
ALL = [
    pytest.param(kind, sample, language, id=f"{kind}-{sample}-{language}")
    for kind in KINDS
    for sample in KINDS[kind].samples(shop.policy())
    for language in LANGUAGES
]


def written(kind: str, sample: str, language: str) -> Rendered:
    case = KINDS[kind].samples(shop.policy())[sample]
    return render(KINDS[kind], replace(case, message=MESSAGE), Locale(language))


def urls(mail: Rendered) -> set[str]:
    return {html.unescape(each) for each in URL.findall(mail.html + mail.text)}


def ours(mail: Rendered) -> dict[Purpose, LinkSubject]:
    paths = [each.partition(links.PATH) for each in urls(mail)]
    tokens = [token for base, _, token in paths if token and base == shop.policy().public_url]
    return dict(links.read(shop.policy(), token) for token in tokens)


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_every_mail_has_the_link_that_its_kind_needs(kind: str, sample: str, language: str) -> None:
    mail = written(kind, sample, language)
    about = KINDS[kind].samples(shop.policy())[sample].subject
    expected = {ACTIONS[kind]} if kind in ACTIONS else set()
    marketing = {"preferences"} if KINDS[kind].category == "marketing" else set()
    found = ours(mail)

    assert set(found) == expected | marketing
    assert all(each.message == MESSAGE for each in found.values())
    for purpose in expected:
        assert found[purpose].object_id == (about.get("invoice") or about["subscription"])
    for url in (each for each in urls(mail) if "/b/" in each):
        assert url in mail.text
        assert html.escape(url) in mail.html


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_no_address_and_no_name_stands_in_a_link(kind: str, sample: str, language: str) -> None:
    if KINDS[kind].category == "internal":
        return  # to ourselves, and only to Stripe's dashboard
    for url in urls(written(kind, sample, language)):
        told = unquote(url).lower() + decoded(url)
        assert not any(word in told for word in PERSONAL)


def decoded(url: str) -> str:
    """Return what stands in a link of ours for anybody to read, without our secret."""
    base, _, token = url.rpartition("/")
    if base.rpartition("/")[2] not in {"b", "unsubscribe"}:
        return ""
    told = URLSafeSerializer("nobody's").load_payload(token.rsplit(".", 2)[0].encode())
    assert "cus_sample" in told
    return str(told).lower()


def test_every_kind_of_mail_to_customers_has_a_link_or_needs_none() -> None:
    customers = {name for name, kind in KINDS.items() if kind.category != "internal"}

    assert ACTIONS.keys() | WITHOUT == customers
    assert set(ACTIONS.values()) | {"unsubscribe", "preferences"} == set(get_args(Purpose))


def test_every_marketing_kind_is_about_a_topic() -> None:
    marketing = {name for name, kind in KINDS.items() if kind.category == "marketing"}

    assert TOPIC_OF.keys() == marketing
    assert set(TOPIC_OF.values()) == set(MARKETING_TOPICS)


def test_a_sent_mails_link_names_the_mail_as_its_headers_do(engine: Engine, tmp_path: Path) -> None:
    shop.mirror(engine, shop.customer(), shop.product())
    stopped = shop.mirror(engine, shop.subscription(status="unpaid"))
    shop.plan(engine, stopped)
    shop.deliver_due(engine, tmp_path.as_uri(), NOW)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    mail = message_from_bytes(file.read_bytes(), policy=parsing)
    body = mail.get_body(("plain",))
    assert body is not None
    (token,) = re.findall(r"/b/(\S+)", body.get_content())

    subject = LinkSubject("", "cus_1", "sub_1", mail["X-Evergreen-Key"][:32])
    assert links.read(shop.policy(), token) == ("pay", subject)
    assert mail["Message-ID"].startswith(f"<{subject.message}@")
