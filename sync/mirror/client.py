"""The only way to Stripe's read API: budgeted, retried with bounded patience, plain JSON back."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from sync.clock import Clock, RealClock
from sync.errors import Rejected, Unavailable
from sync.store.budget import Budget
from sync.stripe_connection import TOO_MANY, Connection, Json, Refusal

Params = Mapping[str, str | int | Sequence[str]]

CONNECT_S, READ_S = 5.0, 10.0
PATIENCE_S = 20.0
ATTEMPTS = 3
_BACKOFF = wait_exponential_jitter(multiplier=0.5, max=8, jitter=0.5)
# After a 429 that names no time; and the most that one answer can stop all processes for.
_SLOW_DOWN_S, _SLOW_DOWN_MAX_S = 1.0, 60.0
# 404 for the path's object, 400 for one that a parameter names; the codes of v1 and v2.
_MISSING_STATUSES, _MISSING = {400, 404}, {"resource_missing", "not_found"}
_CURSORS = {"starting_after", "ending_before"}


class CursorGone(Rejected):
    """The object a page should start at is gone: go on by `created` instead."""


class _NotNow(Unavailable):
    """Unavailable for longer than this call's patience: not repeated here."""


class _Missing(Exception):
    """There is no such object; `param` names the parameter that asked for it, if Stripe says."""

    def __init__(self, what: str, param: str | None, as_of: datetime) -> None:
        super().__init__(what)
        self.param, self.as_of = param, as_of


@dataclass(frozen=True, slots=True)
class Reading:
    """One object as Stripe had it at `as_of` or later; None when there is no such object.

    `as_of` is a whole second of Stripe's clock, not later than the moment of the reading: an
    `as_of` too late would beat events that the reading does not know, one too early is harmless.
    """

    object: Json | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, in Stripe's order; `as_of` as in `Reading`."""

    objects: tuple[Json, ...]
    has_more: bool
    as_of: datetime


class StripeReads:
    """Reads objects and pages of one Stripe account and those connected to it.

    Speaks the API version of the installed SDK. Each attempt takes from the shared budget
    first. 429, 5xx, broken connections and answers that are no JSON are repeated, at most
    `ATTEMPTS` times within `patience_s`, as Retry-After and Stripe-Should-Retry say. Usable
    from several threads; nothing connects before the first read.
    """

    def __init__(
        self,
        api_key: str,
        *,
        budget: Budget,
        clock: Clock,
        base: str | None = None,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._budget, self._clock, self._sleep = budget, clock, sleep
        self._patience_s = patience_s
        self._connection = Connection(api_key, base=base, timeout_s=(CONNECT_S, READ_S))
        self._retrying = Retrying(
            retry=retry_if_exception_type(Unavailable) & retry_if_not_exception_type(_NotNow),
            stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(patience_s),
            wait=_wait_s,
            sleep=sleep,
            reraise=True,
        )

    def retrieve(
        self,
        path: str,
        *,
        account: str = "",
        expand: Sequence[str] = (),
        background: bool = False,
    ) -> Reading:
        """Read the object at `path`, such as `/v1/customers/cus_1`; ids in it are URL-quoted.

        Raises:
            Unavailable: Stripe is down or busy, or the budget is used up.
            Rejected: Stripe refuses the request or the key: a person must look.
        """
        params = {"expand": list(expand)} if expand else {}
        try:
            body, as_of = self._retrying(self._read, path, params, account, background)
        except _Missing as missing:
            return Reading(None, missing.as_of)
        return Reading(None if body.get("deleted") is True else body, as_of)

    def page(
        self, path: str, params: Params, *, account: str = "", background: bool = True
    ) -> Page:
        """Read one page of the list at `path`; `params` as Stripe names them (`created[gte]`).

        Empty when the object whose list it is does not exist.

        Raises:
            CursorGone: the object named by `starting_after` or `ending_before` is gone.
            Unavailable, Rejected: as `retrieve`.
        """
        try:
            body, as_of = self._retrying(self._read, path, params, account, background)
        except _Missing as missing:
            if missing.param in _CURSORS:
                raise CursorGone(str(missing)) from None
            return Page((), has_more=False, as_of=missing.as_of)
        if not isinstance(body.get("data"), list):
            raise Rejected(f"no list at {path}")
        return Page(tuple(body["data"]), bool(body.get("has_more")), as_of)

    def close(self) -> None:
        """Close the connections; reading again opens new ones."""
        self._connection.close()

    def _read(
        self, path: str, params: Params, account: str, background: bool
    ) -> tuple[Json, datetime]:
        self._wait_for_turn(background=background)
        now, start_s = self._clock.now(), time.monotonic()
        try:
            body, headers = self._connection.ask("get", path, params, account=account)
        except Refusal as refusal:
            raise self._translated(refusal, now, start_s) from None
        return body, self._as_of(headers, now, start_s)

    def _wait_for_turn(self, *, background: bool) -> None:
        waited_s = 0.0
        while wait_s := self._budget.take(background=background):
            waited_s += wait_s
            if waited_s > self._patience_s:
                raise _NotNow("the budget of Stripe reads is used up", retry_after_s=wait_s)
            self._sleep(wait_s)

    def _translated(self, refusal: Refusal, now: datetime, start_s: float) -> Exception:
        status, headers, what = refusal.status, refusal.headers, str(refusal)
        if status in _MISSING_STATUSES and refusal.code in _MISSING and not refusal.is_other_mode:
            return _Missing(what, refusal.param, self._as_of(headers, now, start_s))
        if not refusal.may_pass:
            return refusal.as_error()
        asked_s = refusal.retry_after_s
        # A `lock_timeout` is about a single object.
        if status == TOO_MANY and refusal.code != "lock_timeout":
            self._budget.slow_down(
                min(_SLOW_DOWN_S if asked_s is None else asked_s, _SLOW_DOWN_MAX_S)
            )
        repeated = headers.get("stripe-should-retry") != "false"
        return (Unavailable if repeated else _NotNow)(what, retry_after_s=asked_s)

    def _as_of(self, headers: Mapping[str, str], now: datetime, start_s: float) -> datetime:
        """Return the earlier of our clock's `now` and the start of the read by Stripe's clock."""
        if isinstance(self._clock, RealClock) and (answered := _date(headers)):
            now = min(now, answered - timedelta(seconds=time.monotonic() - start_s))
        return now.replace(microsecond=0)


def _wait_s(state: RetryCallState) -> float:
    error = state.outcome and state.outcome.exception()
    asked_s = error.retry_after_s if isinstance(error, Unavailable) else None
    return max(asked_s or 0.0, _BACKOFF(state))


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None
