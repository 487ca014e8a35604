"""One object, read whole: the object itself, and the rest of its lists."""

from collections.abc import Sequence
from urllib.parse import quote

from sync.errors import Malformed
from sync.mirror.client import StripeReads
from sync.mirror.lists import MoreOf, completed
from sync.mirror.objects import mirrored
from sync.mirror.reading import Told
from sync.mirror.shapes import Json, boolean

_PAGE = 100


def look(
    reads: StripeReads,
    object_type: str,
    object_id: str,
    *,
    account: str,
    livemode: bool,
    path: str | None = None,
    background: bool = False,
) -> Told:
    """Return what Stripe's API tells of the object now.

    `path` is where the API shows it, unless our own table of paths knows. `livemode` is the
    mode of the key, for the few objects that do not tell theirs.

    Raises:
        Malformed: nobody knows where the API shows it, or its lists cannot be followed.
        Unavailable, Rejected: as `StripeReads.retrieve`.
    """
    kind = mirrored(object_type)
    expand = kind.endpoint.expand if kind.endpoint else ()
    where = _path(object_type, object_id) or path
    if where is None:
        raise Malformed("object_without_path")
    reading = reads.retrieve(where, account=account, expand=expand, background=background)
    shown = reading.object
    if shown is not None and kind.endpoint and kind.endpoint.assembled:
        shown = kind.endpoint.assembled(object_id, shown)
    if shown is not None:
        shown = completed(kind, shown, pages(reads, account=account, background=background))
    return Told(
        object_type=object_type,
        object_id=object_id,
        account=account,
        livemode=mode_of(shown, livemode),
        object=shown,
        as_of=reading.as_of,
    )


def pages(reads: StripeReads, *, account: str, background: bool) -> MoreOf:
    """Return what reads a list further, page by page."""

    def more_of(path: str, after: str | None) -> tuple[Sequence[Json], bool]:
        start = {"starting_after": after} if after else {}
        page = reads.page(path, {"limit": _PAGE, **start}, account=account, background=background)
        return page.objects, page.has_more

    return more_of


def mode_of(shown: Json | None, livemode: bool) -> bool:
    """Return the mode that an object tells, else the key's."""
    told = boolean(shown.get("livemode")) if shown else None
    return livemode if told is None else told


def _path(object_type: str, object_id: str) -> str | None:
    endpoint = mirrored(object_type).endpoint
    if endpoint is None or endpoint.one is None:
        return None
    return endpoint.one.format(id=quote(object_id, safe=""))
