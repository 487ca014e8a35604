"""No word of a mail changes unseen: each stands as text in `snapshots/`, in every language."""

import pytest

from notifications.kinds import KINDS
from notifications.languages import LANGUAGES
from tests.notifications import snapshots


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_reads_as_it_was_reviewed(kind: str, language: str) -> None:
    """Written anew by `python -m tests.notifications.snapshots`."""
    kept = snapshots.path(kind, language).read_text(encoding="utf-8")

    assert snapshots.snapshot(kind, language) == kept


def test_there_is_a_snapshot_of_every_kind_and_of_nothing_else() -> None:
    wanted = {snapshots.path(kind, language) for kind in KINDS for language in LANGUAGES}

    assert set(snapshots.FOLDER.iterdir()) == wanted
