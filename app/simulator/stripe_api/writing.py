"""One write request: from its path and form to Stripe's answer, once per idempotency key.

Source: docs.stripe.com/api/idempotent_requests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote

from app.simulator.history import Json
from app.simulator.stripe_api import form, made
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.refusal import Refused
from app.simulator.stripe_api.rendering import expansion, shown

KEYS_KEPT = timedelta(hours=24)
_KEY_MAX = 255


@dataclass(frozen=True, slots=True)
class Write:
    """What one address takes: names of parameters, as in stripe-python, and who answers."""

    make: Callable[[Account, Json], Json]
    required: frozenset[str]
    optional: frozenset[str]


def _write(make: Callable[[Account, Json], Json], required: str, optional: str) -> Write:
    return Write(make, frozenset(required.split()), frozenset(optional.split()))


WRITES: Mapping[str, Write] = {
    "billing_portal/sessions": _write(
        made.portal_session, "customer", "configuration flow_data locale return_url"
    ),
    "checkout/sessions": _write(
        made.checkout_session,
        "customer line_items mode success_url",
        "allow_promotion_codes cancel_url discounts locale",
    ),
    "promotion_codes": _write(
        made.promotion_code,
        "promotion",
        "active code customer expires_at max_redemptions metadata restrictions",
    ),
}
# Below these paths stands the id of what is changed.
UPDATES: Mapping[str, frozenset[str]] = {
    "subscriptions": frozenset({"cancel_at", "cancel_at_period_end"}),
}


def answer(account: Account, path: str, body: str, key: str | None) -> Json:
    """Return what Stripe answers to `POST path`; to a known `key` the same as before.

    What was refused is not remembered, as with Stripe for requests that are not valid.

    Raises:
        Refused: Stripe's error.
    """
    if key is not None and len(key) > _KEY_MAX:
        raise Refused(400, f"An idempotency key has {_KEY_MAX} characters at most.")
    now = account.now()
    with account.lock:
        known = account.answered.get(key or "")
        if known and known.at > now - KEYS_KEPT:
            if known.request != (path, body):
                raise _other_request()
            return known.answer
        params = form.decoded(body)
        found = _made(account, path.removeprefix("/v1/"), params)
        told = shown(found, account, expansion(params.get("expand", ())))
        if key is not None:
            account.remember(key, (path, body), told)
    return told


def _made(account: Account, path: str, params: Json) -> Json:
    if write := WRITES.get(path):
        _check(params, write.required, write.optional)
        return write.make(account, params)
    parent, _, object_id = path.rpartition("/")
    if parent in UPDATES:
        _check(params, frozenset(), UPDATES[parent])
        return made.subscription(account, unquote(object_id), params)
    raise Refused(404, f"Unrecognized request URL (POST: /v1/{path}).")


def _check(params: Json, required: frozenset[str], optional: frozenset[str]) -> None:
    for name in sorted(params.keys() - required - optional - {"expand"}):
        text = f"Received unknown parameter: {name}"
        raise Refused(400, text, code="parameter_unknown", param=name)
    for name in sorted(required - params.keys()):
        text = f"Missing required param: {name}."
        raise Refused(400, text, code="parameter_missing", param=name)


def _other_request() -> Refused:
    return Refused(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first"
        " used with. Try using a key other than the one you sent.",
        type="idempotency_error",
    )
