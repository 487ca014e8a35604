"""Every mail as its reader sees it, kept as text beside the tests, to be read in a review.

`python -m tests.notifications.snapshots` writes them anew, after a wanted change of words.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from babel import Locale

from notifications.kinds import KINDS
from notifications.languages import LANGUAGES
from notifications.render import render
from tests.notifications import shop

# Signed at the real time, so never the same twice.
_SIGNED = re.compile(r"(https://billing\.garden\.example/\w+/)[\w.=-]+")
FOLDER = Path(__file__).parent / "snapshots"


def snapshot(kind: str, language: str) -> str:
    """Return subject and text of each way in which a mail can turn, in one language."""
    return "\n".join(_mails(kind, language))


def _mails(kind: str, language: str) -> Iterator[str]:
    for name, case in KINDS[kind].samples(shop.policy()).items():
        mail = render(KINDS[kind], case, Locale(language))
        text = _SIGNED.sub(r"\1<signed>", mail.text.rstrip())
        yield f"===== {name}\nSubject: {mail.subject}\n\n{text}\n"


def path(kind: str, language: str) -> Path:
    """Return where a snapshot is kept."""
    return FOLDER / f"{kind}.{language}.txt"


def write() -> None:
    """Keep every mail as it is rendered now, and nothing else."""
    FOLDER.mkdir(exist_ok=True)
    wanted = {path(kind, language) for kind in KINDS for language in LANGUAGES}
    for old in set(FOLDER.iterdir()) - wanted:
        old.unlink()
    for kind in KINDS:
        for language in LANGUAGES:
            path(kind, language).write_text(snapshot(kind, language), encoding="utf-8")


if __name__ == "__main__":
    write()
