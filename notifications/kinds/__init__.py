"""The registry of mails: one file each, its templates in `templates/<name>/`, one line here."""

from collections.abc import Mapping

from notifications.kind import Kind
from notifications.kinds import payment_failed, renewal_reminder, winback_voluntary

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        payment_failed.KIND,
        renewal_reminder.KIND,
        winback_voluntary.KIND,
    )
}
