"""What customers can choose to read of marketing, apart from nothing at all."""

from collections.abc import Mapping
from types import MappingProxyType

from notifications.suppression import MARKETING_TOPICS, Topic

# By kind. Every marketing kind has a topic (see the tests).
TOPIC_OF: Mapping[str, Topic] = MappingProxyType(
    {"winback_voluntary": "offers", "winback_delinquent": "restart"}
)


def opted_out(kind: str, suppressed: frozenset[str]) -> bool:
    """Tell whether `suppressed` topics keep a marketing mail of `kind` back."""
    return bool({"marketing", TOPIC_OF.get(kind)} & suppressed)


def chosen(suppressed: frozenset[str]) -> frozenset[Topic]:
    """Return the topics that somebody still reads."""
    none_at_all = {"marketing", "all"} & suppressed
    return frozenset(() if none_at_all else set(MARKETING_TOPICS) - suppressed)
