"""`python -m app.local.clean`: stop and remove all local servers and data of this checkout."""

import shutil
import sys
from pathlib import Path

from app.local.servers import held
from app.local.state import checkout_root
from sync.errors import EvergreenError


def remove(root: Path) -> None:
    """Remove every state folder below `root`.

    Raises `Unavailable` when one of them is in use; nothing in use is touched.
    """
    for state in sorted(root.glob("*")):
        with held(state):
            shutil.rmtree(state)
    if root.exists():
        root.rmdir()


if __name__ == "__main__":
    try:
        remove(checkout_root())
    except EvergreenError as problem:
        sys.exit(str(problem))
