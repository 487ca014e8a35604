"""Who is at the console: a signed cookie, and the token that proves a form is ours."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

LIFE = timedelta(hours=12)
_SHA256 = {"digest_method": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Session:
    """One browser; it has a session before the log-in, so that the log-in form has a token."""

    id: str
    signed_in: bool


class Sessions:
    """Makes and reads sessions; nothing is kept on the server.

    A new password or a new SECRET_KEY ends all of them. Logging out makes the browser forget
    its cookie, which by itself would live for `LIFE`.
    """

    def __init__(self, secret_keys: Sequence[str], password_hash: str) -> None:
        """Sign with the first of `secret_keys`, accept all."""
        # itsdangerous signs with the last of its keys: ours stand newest first.
        keys = list(reversed(secret_keys))
        password = hashlib.sha256(password_hash.encode()).hexdigest()
        self._cookies = URLSafeTimedSerializer(
            keys, salt=f"evergreen.console.session.{password}", signer_kwargs=_SHA256
        )
        self._forms = URLSafeSerializer(keys, salt="evergreen.console.form", signer_kwargs=_SHA256)

    def new(self, *, signed_in: bool) -> Session:
        """Return a session under a name that nobody can know."""
        return Session(token_urlsafe(18), signed_in)

    def cookie(self, session: Session) -> str:
        """Return what the browser shall keep."""
        return str(self._cookies.dumps([session.id, session.signed_in]))

    def read(self, cookie: str | None) -> Session | None:
        """Return the session in `cookie`, None when it is not ours or too old."""
        try:
            content: Any = self._cookies.loads(cookie or "", max_age=int(LIFE.total_seconds()))
        except BadSignature:
            return None
        return Session(*content)

    def form_token(self, session: Session) -> str:
        """Return the token for the forms of `session`."""
        return str(self._forms.dumps(session.id))

    def is_form_of(self, session: Session | None, token: str) -> bool:
        """Tell whether `token` was made for `session`."""
        try:
            return session is not None and self._forms.loads(token) == session.id
        except BadSignature:
            return False
