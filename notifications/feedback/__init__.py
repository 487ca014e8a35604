"""What becomes of mails after they left: the providers' webhooks, one file each."""

from collections.abc import Mapping

from notifications.feedback import postmark, resend, ses
from notifications.feedback.report import Reader

READERS: Mapping[str, Reader] = {
    "postmark": postmark.read,
    "resend": resend.read,
    "ses": ses.read,
}
