"""Lists that Stripe cuts short inside an object: the rest of them, read page by page."""

from collections.abc import Callable, Mapping, Sequence

from sync.errors import Malformed
from sync.mirror.tables import Json, MirroredObject

_ROOT = "/v1/"

# Returns one page of the list at a path, after the object with this id: objects, and has_more.
MoreOf = Callable[[str, str | None], tuple[Sequence[Json], bool]]


def completed(kind: MirroredObject, subject: Json, more_of: MoreOf) -> Json:
    """Return `subject` with each of its lists whole.

    Raises:
        Malformed: a list does not say where it goes on, or does not go on there.
    """
    cut = {_url(listed) for listed in kind.listed(subject) if listed.get("has_more")}
    return {
        name: {**value, "data": _all_of(value["url"], more_of), "has_more": False}
        if isinstance(value, Mapping) and value.get("url") in cut
        else value
        for name, value in subject.items()
    }


def _url(listed: Json) -> str:
    url = listed.get("url")
    if not isinstance(url, str) or not url.startswith(_ROOT) or ".." in url:
        raise Malformed("list_without_url")
    return url


def _all_of(url: str, more_of: MoreOf) -> list[Json]:
    """Read a list from its beginning: what is embedded may be older than what is read now."""
    found: list[Json] = []
    more = True
    while more:
        page, more = more_of(url, found[-1]["id"] if found else None)
        if more and not page:
            raise Malformed("list_does_not_go_on")
        found.extend(page)
    return found
