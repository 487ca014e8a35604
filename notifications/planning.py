"""From changes of the mirror to the mails that follow from them."""

from collections.abc import Sequence

from notifications.kinds import KINDS
from notifications.policy import MailPolicy
from sync.changes import Change, Effect


def plan(changes: Sequence[Change], policy: MailPolicy) -> list[Effect]:
    """Return the mails that `changes` may cause; each is decided again when it is due.

    The same cause always has the same key, so planning it again adds nothing.
    """
    return [
        effect
        for change in changes
        if change.account in policy.accounts and not change.deleted
        for kind in KINDS.values()
        if change.object in kind.watches
        for effect in kind.plan(change)
    ]
