"""Copies for marketing: what customers are written, with dead links and no recipient.

A copy is a mail of its own, with a key of its own: the customer's never waits for it.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage

import structlog
from sqlalchemy import Connection

from notifications import case as cases
from notifications import links
from notifications.case import Case
from notifications.compose import compose
from notifications.keys import effect_key, key_hash
from notifications.kind import Kind
from notifications.kinds import KINDS
from notifications.policy import MailPolicy
from notifications.render import Rendered, RenderFailed, render
from notifications.sampling import DEAD_LINK_PATH, falls_in, percent_of
from notifications.timing import TIMINGS
from sync.changes import Effect, Failed, Outcome, RetryIn, Skipped
from sync.store import outbox

log = structlog.get_logger(__name__)

NAME = "copy"
_GONE_OUT = {"sending", "sent", "unknown"}
_ENDED = {"skipped", "failed"}
_WAITS_S = 60.0
_HREF = re.compile(r'href="(https?://[^"]*)"')
_URL = re.compile(r'https?://[^\s<>")]+')
_BODY = re.compile(r"<body\b[^>]*>")
_HIDDEN = "…"
# Its own colours, so that it can be read in dark mode as well.
_BANNER = "font:14px sans-serif;margin:0;padding:8px 16px;background:#fff3c4;color:#1f2923"


def of(effect: Effect, variant: str | None, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the copy to make of a mail that is about to leave, if one is to be made.

    By default that is the first of each kind and variant on a day of the account.
    """
    percent = percent_of(policy.copy_sample, effect.kind)
    internal = TIMINGS[effect.kind].category == "internal"
    if internal or policy.marketing_inbox is None:
        return ()
    day = now.astimezone(policy.zone).date().isoformat()
    parts: tuple[str, ...] = (effect.kind, variant or "", day)
    if percent is not None:
        parts = (effect.kind, key_hash(effect.key))
        if not falls_in(effect.key, percent):
            return ()
    copy = Effect(
        key=effect_key(effect.account, livemode=effect.livemode, kind=NAME, parts=parts),
        channel="mail",
        kind=NAME,
        account=effect.account,
        livemode=effect.livemode,
        subject={"of": effect.key},
        due_at=now,
        expires_at=TIMINGS[NAME].expires_at(now),
    )
    return (copy,)


def prepare(
    conn: Connection, effect: Effect, now: datetime, policy: MailPolicy
) -> EmailMessage | Outcome:
    """Return the copy to send, or why there is none."""
    original = outbox.find(conn, effect.subject["of"])
    kind = KINDS.get(original.effect.kind) if original else None
    if effect.expires_at is not None and now >= effect.expires_at:
        return Skipped("too_late")
    if policy.marketing_inbox is None:
        return Skipped("no_marketing_inbox")
    if original is None or kind is None or original.state in _ENDED:
        return Skipped("original_not_sent")
    if original.state not in _GONE_OUT:
        return RetryIn(_WAITS_S, "original_not_sent_yet")
    loaded = cases.load(conn, original.effect, kind.needs, now, policy, recalls=kind.recalls)
    case = replace(loaded, variant=original.variant)
    case = replace(case, read=kind.reads(conn, case)) if kind.reads else case
    try:
        return written(kind, case, effect.key)
    except (RenderFailed, ValueError) as error:
        cause = type(error.__cause__ or error).__name__
        log.error("mail.copy_failed", kind=kind.name, key=effect.key, error=cause)  # noqa: TRY400 — a traceback would quote customers' data
        return Failed("render_failed")


def written(kind: Kind, case: Case, key: str) -> EmailMessage:
    """Return the copy of a mail as `key`: nobody's name in it, and no link that works.

    Raises:
        RenderFailed: the templates do not work for this case.
        ValueError: there is no usable inbox to send it to.
    """
    nameless = replace(case, customer=replace(case.customer, name=None))
    words = _marked(render(kind, nameless), kind, case)
    own_kind = replace(kind, name=NAME, category="internal", to_marketing=True)
    message = compose(own_kind, case, words, key)
    message["X-Evergreen-Copy-Of"] = kind.name
    return message


def _marked(words: Rendered, kind: Kind, case: Case) -> Rendered:
    dead = case.policy.public_url + DEAD_LINK_PATH
    told = f"Copy of {kind.name}, sent to {redacted(case.address)}. Its links do nothing."
    if case.variant:
        told = f"{told} Variant: {case.variant}."
    banner = f'<p style="{_BANNER}">{html.escape(told)}</p>'
    page = _ours(case.policy).sub(dead, words.html)
    body = _BODY.sub(lambda found: found[0] + banner, _dead_html(page, dead), count=1)
    return replace(
        words,
        subject=f"[Copy] {words.subject}",
        text=f"{told}\n\n{_URL.sub(dead, words.text)}",
        html=body,
        unsubscribe_url=None,
    )


def _ours(policy: MailPolicy) -> re.Pattern[str]:
    """Return what finds links that act for the customer, however a template writes them."""
    paths = "|".join(map(re.escape, (links.PATH, links.UNSUBSCRIBE_PATH)))
    return re.compile(rf"{re.escape(policy.public_url)}(?:{paths})[\w.=-]+")


def _dead_html(page: str, dead: str) -> str:
    """Return the page with every link dead, also where its address is written out."""
    shown = sorted({html.unescape(found) for found in _HREF.findall(page)}, key=len, reverse=True)
    page = _HREF.sub(f'href="{html.escape(dead)}"', page)
    for address in shown:
        if address != dead:
            page = page.replace(html.escape(address), dead).replace(address, dead)
    return page


def redacted(address: str | None) -> str:
    """Return a mail address of which only the first letter is left."""
    return f"{(address or _HIDDEN)[0]}{_HIDDEN}@{_HIDDEN}"
