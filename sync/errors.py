"""The taxonomy of errors: who must act decides the class."""


class EvergreenError(Exception):
    """The root of the taxonomy; never raised itself."""


class Unavailable(EvergreenError):
    """The other side is down or busy: the same request may succeed later.

    `retry_after_s` is how long it asked to be left alone, None where it said nothing.
    """

    def __init__(self, *args: object, retry_after_s: float | None = None) -> None:
        super().__init__(*args)
        self.retry_after_s = retry_after_s


class Rejected(EvergreenError):
    """The other side refused for good: a person must look."""


class Malformed(EvergreenError):
    """Input breaks its contract: park it and keep the bytes."""


class LeaseLost(EvergreenError):
    """Somebody else holds the work by now: drop what was done and go on."""


class SettingsError(EvergreenError):
    """Configuration is wrong: do not start."""
