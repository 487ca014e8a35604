"""Marketing sees what customers are written, and can do nothing with it."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as parsing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifications import copies, sampling
from notifications.experiments import Experiment
from notifications.kinds import KINDS
from notifications.policy import MailPolicy
from sync.changes import Effect
from sync.errors import SettingsError
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW

# What somebody could follow in a page or a text.
FOLLOWED = re.compile(r'(?:href="|>|^|\s)(https?://[^\s"<>)]+)', re.MULTILINE)
INBOX = "marketing@garden.example"
PAID = {"status": "paid", "amount_paid": 2900, "amount_remaining": 0, "amount_due": 2900}


def settings(**changed: Any) -> MailPolicy:
    return shop.policy(marketing_inbox=INBOX, **changed)


def effect(kind: str = "receipt", key: str = "k", **changed: Any) -> Effect:
    return Effect(key=key, channel="mail", kind=kind, due_at=NOW, customer_id="cus_1", **changed)


def keys(kind: str, sample: str, number: int = 1, variant: str | None = None) -> set[str]:
    policy = settings(copy_sample=sampling.parse(sample))
    return {
        copy.key
        for n in range(number)
        for copy in copies.of(effect(kind, f"k{n}"), variant, NOW, policy)
    }


def test_by_default_the_first_of_a_day_is_copied() -> None:
    assert keys("receipt", "", number=9) == {":test:copy:receipt::2026-12-01"}
    assert keys("receipt", "", variant="try/plain") == {":test:copy:receipt:try/plain:2026-12-01"}
    (tomorrow,) = copies.of(effect(), None, NOW + DAY, settings())
    assert tomorrow.key == ":test:copy:receipt::2026-12-02"


@pytest.mark.parametrize(
    ("sample", "least", "most"),
    [
        pytest.param("receipt:10%", 60, 140, id="a-tenth"),
        pytest.param("receipt:0%", 0, 0, id="nothing"),
        pytest.param("receipt:100%", 1000, 1000, id="all"),
        pytest.param("none", 0, 0, id="none-at-all"),
        pytest.param("*:100%,receipt:0%", 0, 0, id="named-before-all-others"),
        pytest.param("resuming:100%", 1, 1, id="not-named"),
    ],
)
def test_a_sample_is_as_large_as_asked(sample: str, least: int, most: int) -> None:
    assert least <= len(keys("receipt", sample, number=1000)) <= most


@pytest.mark.parametrize("kind", ["digest", "dispute_alert"])
def test_internal_mails_are_not_copied(kind: str) -> None:
    assert keys(kind, "*:100%") == set()


def test_without_an_inbox_nothing_is_copied() -> None:
    assert list(copies.of(effect(), None, NOW, shop.policy())) == []


@pytest.mark.parametrize("text_", ["receipt", "receipt:101%", "receipt:x%", "nokind:5%"])
def test_odd_samples_are_refused(text_: str) -> None:
    with pytest.raises(SettingsError):
        sampling.parse(text_)


def sent(folder: Path) -> dict[str, EmailMessage]:
    """Return the mails by kind."""
    read = [message_from_bytes(file.read_bytes(), policy=parsing) for file in folder.iterdir()]
    return {str(mail["X-Evergreen-Kind"]): mail for mail in read}


def test_a_copy_follows_the_mail_without_name_address_or_live_link(
    engine: Engine, tmp_path: Path
) -> None:
    shop.mirror(engine, shop.customer(preferred_locales=["en"]), shop.product())
    shop.mirror(engine, shop.ended(NOW - 30 * DAY))
    shop.scan(engine)
    shop.deliver_due(engine, tmp_path.as_uri(), NOW, settings())
    shop.deliver_due(engine, tmp_path.as_uri(), NOW, settings())

    both = sent(tmp_path)
    original, copy = both["winback_voluntary"], both["copy"]
    assert copy["To"] == INBOX
    assert copy["X-Evergreen-Copy-Of"] == "winback_voluntary"
    assert copy["Subject"] == f"[Copy] {original['Subject']}"
    assert copy["List-Unsubscribe"] is None
    assert copy["Message-ID"] != original["Message-ID"]
    words = [part.get_content() for part in copy.walk() if not part.is_multipart()]
    for part in words:
        assert "a…@…" in part
        for hidden in ("Ada", "ada@customer.example", "/unsubscribe/", "garden.example/plans"):
            assert hidden not in part
        assert "https://billing.garden.example/copy" in part
    assert "/unsubscribe/" in str(original)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        pytest.param("failed", ("skipped", "original_not_sent"), id="failed"),
        pytest.param("pending", ("pending", "original_not_sent_yet"), id="to-be-retried"),
        pytest.param("unknown", ("sent", None), id="may-have-gone-out"),
    ],
)
def test_what_the_customer_did_not_get_is_not_copied(
    engine: Engine, tmp_path: Path, state: str, told: tuple[str, str | None]
) -> None:
    shop.mirror(engine, shop.customer(), shop.product(), shop.ended(NOW - 30 * DAY))
    shop.scan(engine)
    shop.deliver_due(engine, tmp_path.as_uri(), NOW, settings())
    with engine.begin() as conn:
        change = "UPDATE evergreen.outbox SET state = :state, due_at = due_at + :later"
        later = {"state": state, "later": timedelta(days=9)}
        conn.execute(text(f"{change} WHERE kind <> 'copy'"), later)

    shop.deliver_due(engine, tmp_path.as_uri(), NOW, settings())
    with engine.connect() as conn:
        row = conn.execute(text("SELECT state, reason FROM evergreen.outbox WHERE kind = 'copy'"))
        assert tuple(row.one()) == told


@pytest.mark.parametrize(
    "name", [name for name, kind in KINDS.items() if kind.category != "internal"]
)
def test_no_copy_of_any_kind_has_a_link_that_works(name: str) -> None:
    kind, policy = KINDS[name], settings(portal_url="https://portal.example/x")
    for case in kind.samples(policy).values():
        message = copies.written(kind, case, "key")
        for part in message.walk():
            if not part.is_multipart():
                words = part.get_content()
                assert set(FOLLOWED.findall(words)) <= {"https://billing.garden.example/copy"}


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("<a HREF='{{ action_url }}'>back</a>", id="as-old-editors-write-it"),
        pytest.param("<p>{{ action_url }}</p>", id="text-that-mail-programs-make-a-link-of"),
    ],
)
def test_marketings_own_templates_have_dead_links_too(tmp_path: Path, link: str) -> None:
    folder = tmp_path / "winback_voluntary"
    folder.mkdir()
    body = f"<mj-section><mj-column><mj-raw>{link}</mj-raw></mj-column></mj-section>"
    (folder / "body.mjml").write_text(body, "utf-8")
    kind, policy = KINDS["winback_voluntary"], settings(templates_dir=str(tmp_path))
    message = copies.written(kind, kind.samples(policy)["generic"], "key")
    words: Any = message.get_body(("html",))
    page = words.get_content()

    assert "/b/" not in page
    assert "/unsubscribe/" not in page
    assert "https://billing.garden.example/copy" in page


def test_a_variant_is_named_in_its_copy(engine: Engine, tmp_path: Path) -> None:
    tried = Experiment(name="try", kind="winback_voluntary", variants={"plain": 1})
    policy = settings(experiments={"winback_voluntary": tried})
    shop.mirror(engine, shop.customer(), shop.product(), shop.ended(NOW - 30 * DAY))
    shop.scan(engine)
    for _ in range(2):
        shop.deliver_due(engine, tmp_path.as_uri(), NOW, policy)

    assert "Variant: try/plain." in str(sent(tmp_path)["copy"].get_body(("plain",)))
