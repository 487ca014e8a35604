"""An end that is scheduled, moved and taken back, and a pause on request."""

from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples
from notifications.case import Mail
from notifications.kinds import cancel_reversed, cancel_scheduled, paused
from sync.changes import Done, RetryIn, Skipped
from tests.notifications import shop
from tests.notifications.changes import change, planned
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

MINUTES_5 = cancel_scheduled.DEBOUNCE
END = NOW + 3 * DAY
STAYS = shop.subscription(END)
AT_END: dict[str, Any] = {"cancel_at_period_end": True, "canceled_at": shop.seconds(NOW)}
LEAVES = shop.subscription(END, **AT_END)


def on(day: Any, **changed: Any) -> dict[str, Any]:
    return shop.subscription(END, cancel_at=shop.seconds(day), **changed)


@pytest.mark.parametrize(
    ("after", "before", "ends"),
    [
        pytest.param(LEAVES, STAYS, END, id="at-period-end"),
        pytest.param(on(END), STAYS, END, id="at-a-time"),
        pytest.param(on(END), LEAVES, None, id="the-same-day-in-the-other-field"),
        pytest.param(on(END + DAY), LEAVES, END + DAY, id="moved"),
        pytest.param(LEAVES, LEAVES, None, id="set-before"),
        pytest.param(STAYS, LEAVES, None, id="taken-back"),
        pytest.param(LEAVES, None, END, id="first-seen-after-it-was-set"),
        pytest.param(
            on(END, canceled_at=shop.seconds(NOW), created=shop.seconds(NOW)),
            None,
            None,
            id="sold-for-a-fixed-term",
        ),
        pytest.param(on(END), on(END, status="incomplete"), None, id="fixed-term-was-paid"),
        pytest.param(
            shop.subscription(END, status="incomplete", **AT_END), STAYS, None, id="not-begun"
        ),
        pytest.param(shop.ended(END), STAYS, None, id="ended-at-once"),
    ],
)
def test_what_counts_as_canceling(after: Any, before: Any, ends: Any) -> None:
    found = planned("cancel_scheduled", change(after, before))

    key = f":test:cancel_scheduled:sub_1:{shop.seconds(ends)}"
    asked_at = after.get("canceled_at")
    key += f":{asked_at}" if asked_at else ""
    assert [effect.key for effect in found] == ([key] if ends else [])


def test_a_cancellation_waits_five_minutes_and_is_news_for_three_days() -> None:
    (effect,) = planned("cancel_scheduled", change(LEAVES, STAYS))

    assert effect.due_at == NOW + MINUTES_5
    assert effect.expires_at == NOW + MINUTES_5 + 72 * HOUR


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        pytest.param({"cancel_at": samples.PERIOD_END}, None, id="set"),
        pytest.param({"cancel_at_period_end": True}, None, id="at-period-end"),
        pytest.param({}, "reversed", id="taken-back"),
        pytest.param({"cancel_at": samples.PERIOD_END + SECOND}, "date_moved", id="moved"),
        pytest.param(
            {"cancel_at": samples.PERIOD_END, "status": "canceled"}, "ended", id="ended-meanwhile"
        ),
    ],
)
def test_a_cancellation_is_looked_at_again(known: Any, reason: str | None) -> None:
    subject = {"subscription": "sub_sample", "ends_at": str(shop.seconds(samples.PERIOD_END))}
    subscription = samples.subscription(**known)
    case = samples.case(shop.policy(), subject=subject, subscription=subscription)

    assert cancel_scheduled.check(case) == (Skipped(reason) if reason else None)


@pytest.mark.parametrize(
    ("after", "before", "mails"),
    [
        pytest.param(STAYS, LEAVES, 1, id="taken-back"),
        pytest.param(STAYS, on(END), 1, id="a-time-taken-back"),
        pytest.param(STAYS, STAYS, 0, id="was-never-set"),
        pytest.param(STAYS, None, 0, id="first-seen"),
        pytest.param(LEAVES, on(END), 0, id="still-set"),
        pytest.param(shop.ended(END), LEAVES, 0, id="ended"),
    ],
)
def test_what_counts_as_taking_back(after: Any, before: Any, mails: int) -> None:
    found = planned("cancel_reversed", change(after, before))

    assert [effect.key for effect in found] == [":test:cancel_reversed:sub_1:evt_1"] * mails
    assert all(effect.expires_at == NOW + 72 * HOUR for effect in found)


def mail(kind: str, state: str, about: str = "sub_sample") -> Mail:
    return Mail(kind=kind, subject={"subscription": about}, state=state, at=NOW)


TOLD = mail("cancel_scheduled", "sent")


@pytest.mark.parametrize(
    ("mails", "known", "verdict"),
    [
        pytest.param([TOLD], {}, None, id="told-before"),
        pytest.param([mail("cancel_scheduled", "unknown")], {}, None, id="perhaps-told"),
        pytest.param([], {}, Skipped("cancel_unsent"), id="never-told"),
        pytest.param(
            [mail("cancel_scheduled", "skipped")],
            {},
            Skipped("cancel_unsent"),
            id="within-debounce",
        ),
        pytest.param(
            [mail("cancel_scheduled", "pending")], {}, Skipped("cancel_unsent"), id="not-yet-told"
        ),
        pytest.param(
            [mail("cancel_scheduled", "sending")],
            {},
            RetryIn(60.0, "cancel_is_being_sent"),
            id="just-leaving",
        ),
        pytest.param(
            [mail("cancel_scheduled", "sent", "sub_2")], {}, Skipped("cancel_unsent"), id="another"
        ),
        pytest.param(
            [TOLD, mail("cancel_reversed", "sent")], {}, Skipped("cancel_unsent"), id="told-already"
        ),
        pytest.param([TOLD, mail("cancel_reversed", "skipped")], {}, None, id="still-to-tell"),
        pytest.param([TOLD], {"cancel_at": NOW}, Skipped("cancel_set"), id="set-again"),
        pytest.param([TOLD], {"status": "canceled"}, Skipped("ended"), id="ended"),
    ],
)
def test_only_whoever_was_told_hears_that_it_is_taken_back(
    mails: list[Mail], known: Any, verdict: Any
) -> None:
    case = samples.case(
        shop.policy(),
        subject={"subscription": "sub_sample"},
        subscription=samples.subscription(**known),
        mails=tuple(mails),
    )

    assert cancel_reversed.check(case) == verdict


@pytest.mark.parametrize(
    ("thinks_for", "sent"),
    [
        pytest.param(MINUTES_5 - SECOND, [], id="within-debounce"),
        pytest.param(MINUTES_5 + SECOND, ["cancel_scheduled", "cancel_reversed"], id="later"),
    ],
)
def test_a_change_of_mind_from_event_to_mail(
    engine: Engine, tmp_path: Any, thinks_for: Any, sent: list[str]
) -> None:
    shop.mirror(engine, shop.customer(), shop.product(), STAYS, at=NOW - SECOND)
    shop.plan(engine, shop.mirror(engine, LEAVES))
    shop.deliver_due(engine, tmp_path.as_uri(), NOW + thinks_for)
    shop.plan(engine, shop.mirror(engine, STAYS, at=NOW + thinks_for))
    outcomes = shop.deliver_due(engine, tmp_path.as_uri(), NOW + thinks_for)
    shop.deliver_due(engine, tmp_path.as_uri(), NOW + HOUR)

    assert isinstance(outcomes[0], Done if sent else Skipped)
    done = shop.rows(engine, "kind, state, reason")
    assert [kind for kind, state, _ in done if state == "sent"] == sent
    assert {reason for _, state, reason in done if state == "skipped"} == (
        set() if sent else {"reversed", "cancel_unsent"}
    )


LEAVES_AGAIN = {**LEAVES, "canceled_at": shop.seconds(NOW + 2 * HOUR)}


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (0, 0, 1, 1, 2, 2), (0, 1, 2, 0, 1, 2)])
def test_who_cancels_again_for_the_same_day_is_told_again(
    engine: Engine, tmp_path: Any, order: tuple[int, ...]
) -> None:
    """Whatever comes late or twice: a confirmation each, and none that says nothing new."""
    steps = [(LEAVES, NOW), (STAYS, NOW + HOUR), (LEAVES_AGAIN, NOW + 2 * HOUR)]
    shop.mirror(engine, shop.customer(), shop.product(), STAYS, at=NOW - SECOND)
    for number in order:
        after, at = steps[number]
        shop.plan(engine, shop.mirror(engine, after, at=at), now=at)
        shop.deliver_due(engine, tmp_path.as_uri(), at + MINUTES_5)

    # Where the undoing came after the second cancellation, nothing has changed for anybody.
    once = ["cancel_scheduled"]
    again = ["cancel_scheduled", "cancel_reversed", "cancel_scheduled"]
    told = shop.rows(engine, "kind, state")
    assert [kind for kind, state in told if state == "sent"] == (
        once if order == (0, 2, 1) else again
    )


@pytest.mark.parametrize(
    ("mails", "verdict"),
    [
        pytest.param([], None, id="never-told"),
        pytest.param([("cancel_scheduled", "sent", END)], Skipped("told_before"), id="told"),
        pytest.param([("cancel_scheduled", "unknown", END)], Skipped("told_before"), id="perhaps"),
        pytest.param([("cancel_scheduled", "pending", END)], None, id="another-waits"),
        pytest.param(
            [("cancel_scheduled", "sending", END)], RetryIn(60.0, "is_being_sent"), id="leaving"
        ),
        pytest.param([("cancel_scheduled", "sent", END + DAY)], None, id="another-day-was-told"),
        pytest.param(
            [("cancel_scheduled", "sent", END), ("cancel_reversed", "sent", END)],
            None,
            id="taken-back",
        ),
        pytest.param(
            [("cancel_scheduled", "sent", END), ("cancel_reversed", "skipped", END)],
            Skipped("told_before"),
            id="taken-back-unheard",
        ),
    ],
)
def test_a_cancellation_is_told_unless_it_was_the_last_thing_told(
    mails: list[tuple[str, str, Any]], verdict: Any
) -> None:
    told = [
        Mail(
            kind=kind,
            subject={"subscription": "sub_sample", "ends_at": str(shop.seconds(day))},
            state=state,
            at=NOW,
        )
        for kind, state, day in mails
    ]
    case = samples.case(
        shop.policy(),
        subject={"subscription": "sub_sample", "ends_at": str(shop.seconds(END))},
        subscription=samples.subscription(cancel_at=END),
        mails=tuple(told),
    )

    assert cancel_scheduled.check(case) == verdict


HELD = shop.subscription(pause_collection={"behavior": "void", "resumes_at": None})


def by_status(cause: str) -> dict[str, Any]:
    told = {"subscription": {"type": cause}, "transitioned_at": shop.seconds(NOW - HOUR)}
    return shop.subscription(status="paused", status_details={"paused": told})


@pytest.mark.parametrize(
    ("after", "before", "since"),
    [
        pytest.param(HELD, STAYS, NOW, id="collection-on-hold"),
        pytest.param(HELD, HELD, None, id="still-on-hold"),
        pytest.param(HELD, None, None, id="first-seen-on-hold"),
        pytest.param(
            {**HELD, "created": shop.seconds(NOW)}, None, NOW, id="on-hold-from-the-start"
        ),
        pytest.param({**HELD, "status": "canceled"}, STAYS, None, id="ended-on-hold"),
        pytest.param(by_status("pause_requested"), STAYS, NOW - HOUR, id="on-request"),
        pytest.param(by_status("pause_requested"), None, NOW - HOUR, id="first-seen-paused"),
        pytest.param(by_status("pause_requested"), by_status("pause_requested"), None, id="still"),
        pytest.param(by_status("final_payment_failure"), STAYS, None, id="not-paid"),
        pytest.param(by_status("trial_end_without_payment_method"), STAYS, None, id="no-card"),
        pytest.param(STAYS, HELD, None, id="resumed"),
    ],
)
def test_what_counts_as_a_pause(after: Any, before: Any, since: Any) -> None:
    found = planned("paused", change(after, before))

    key = f":test:paused:sub_1:{shop.seconds(since)}:paused"
    assert [effect.key for effect in found] == ([key] if since else [])


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        pytest.param({"pause_collection_behavior": "void"}, None, id="on-hold"),
        pytest.param({"status": "paused", "pause_cause": "pause_requested"}, None, id="paused"),
        pytest.param({}, "resumed", id="resumed"),
        pytest.param(
            {"status": "paused", "pause_cause": "final_payment_failure"}, "resumed", id="not-paid"
        ),
        pytest.param(
            {"status": "canceled", "pause_collection_behavior": "void"}, "ended", id="ended"
        ),
    ],
)
def test_a_pause_is_told_while_it_lasts(known: Any, reason: str | None) -> None:
    case = samples.case(shop.policy(), subject={}, subscription=samples.subscription(**known))

    assert paused.check(case) == (Skipped(reason) if reason else None)


def test_a_pause_from_event_to_mail(engine: Engine, tmp_path: Any) -> None:
    shop.mirror(engine, shop.customer(), shop.product(), STAYS, at=NOW - SECOND)
    hold = {"behavior": "keep_as_draft", "resumes_at": shop.seconds(NOW + 30 * DAY)}
    shop.plan(engine, shop.mirror(engine, {**STAYS, "pause_collection": hold}))
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert isinstance(outcome, Done)
    (file,) = tmp_path.iterdir()
    assert b"Resumes on: December 31, 2026" in file.read_bytes()
    assert b"is collected afterwards" in file.read_bytes().replace(b"=\r\n", b"")
