"""`evergreen access`, tried as a person would."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.access.made import NOW, SECRET, START
from tests.access.receiver import Receiver, receiving
from tests.access.shop import arrive, customer, invoice, subscription
from tests.cli.command_line import evergreen
from tests.workers.world import settings_for, world

Environ = Mapping[str, str]


@pytest.fixture
def environ(database_url: str, redis_url: str) -> Environ:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_WEBHOOK_SECRETS": "whsec_for_tests_only",
        "SECRET_KEY": "for-tests-only-key",
    }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def told(environ: Environ, receiver: Receiver) -> Environ:
    return {**environ, "ACCESS_WEBHOOK_URL": receiver.url, "ACCESS_WEBHOOK_SECRET": SECRET}


def stop(engine: Engine, number: int = 1) -> None:
    """Bring a customer whose subscription is unpaid."""
    who, what, owed = (f"{kind}_{number}" for kind in ("cus", "sub", "in"))
    about: dict[str, Any] = {"parent": {"subscription_details": {"subscription": what}}}
    arrive(
        engine,
        [
            customer(id=who),
            subscription("unpaid", START, id=what, customer=who, latest_invoice=owed),
            invoice("open", START, id=owed, customer=who, **about),
        ],
    )


def test_show_tells_state_and_reason(engine: Engine, environ: Environ) -> None:
    stop(engine)

    said = evergreen("access", "show", "cus_1", "--format", "json", environ=environ)

    assert said.code == 0
    assert json.loads(said.out) == [
        {
            "customer": "cus_1",
            "state": "suspended",
            "since": START.isoformat(),
            "until": None,
            "reason": "unpaid",
            "restored_by": "https://invoice.stripe.com/i/1",
        }
    ]


@pytest.mark.parametrize("words", ["access show", "access history", "mail why"])
@pytest.mark.parametrize(
    ("customer", "hints"),
    [pytest.param("cus_9", False, id="id"), pytest.param("ada@shop.example", True, id="address")],
)
def test_a_stranger_is_wrong_use(environ: Environ, words: str, customer: str, hints: bool) -> None:
    said = evergreen(*words.split(), customer, environ=environ)

    assert said.code == 2
    assert f"never heard of {customer!r}" in said.err
    assert ("such as cus_" in said.err) is hints


def test_list_finds_who_is_in_a_state_now(engine: Engine, environ: Environ) -> None:
    for number in (1, 2, 3):
        stop(engine, number)
    arrive(
        engine, [customer(id="cus_4"), subscription("active", NOW, id="sub_4", customer="cus_4")]
    )
    arrive(engine, [customer(id="cus_5")])

    def listed(*words: str) -> list[str]:
        said = evergreen("access", "list", *words, "--format", "json", environ=environ)
        assert said.code == 0
        return [row["customer"] for row in json.loads(said.out)]

    assert listed() == listed("--state", "suspended") == ["cus_1", "cus_2", "cus_3"]
    assert listed("--limit", "2") == ["cus_1", "cus_2"]
    assert listed("--state", "ok") == ["cus_4"]
    assert listed("--state", "none") == ["cus_5"]
    assert listed("--state", "grace") == listed("--state", "restricted") == []


def test_list_reads_on_beyond_the_first_share(engine: Engine, environ: Environ) -> None:
    """The one who is meant comes after many who only might be."""
    many = text("""
        INSERT INTO stripe.subscriptions (id, customer, status, livemode, data, as_of)
        SELECT 'sub_' || n, 'cus_' || lpad(n::text, 5, '0'),
               CASE n WHEN 1200 THEN 'unpaid' ELSE 'paused' END, false, '{}', now()
        FROM generate_series(1, 1200) n
    """)
    with engine.begin() as conn:
        conn.execute(many)

    said = evergreen("access", "list", "--format", "csv", environ=environ)

    assert said.out.splitlines()[1:] == [said.out.splitlines()[1]]
    assert said.out.splitlines()[1].startswith("cus_01200,suspended,")


def test_history_shows_every_step(engine: Engine, environ: Environ) -> None:
    stop(engine)
    arrive(engine, [subscription("active", NOW), invoice("paid", NOW, START)])

    said = evergreen("access", "history", "cus_1", "--format", "json", environ=environ)

    assert [row["state"] for row in json.loads(said.out)] == ["suspended", "ok"]


def test_push_needs_a_receiver_and_somebody(
    engine: Engine, environ: Environ, receiver: Receiver
) -> None:
    stop(engine)
    set_up = told(environ, receiver)

    assert "ACCESS_WEBHOOK_URL is not set" in evergreen("access", "push", environ=environ).err
    assert evergreen("access", "push", environ=set_up).code == 2
    assert evergreen("access", "push", "cus_1", "--all", environ=set_up).code == 2
    assert "heard of 1 of them" in evergreen("access", "push", "cus_9", environ=set_up).err


def test_push_asks_a_receiver_again_that_was_gone(
    request: pytest.FixtureRequest, engine: Engine, environ: Environ, receiver: Receiver
) -> None:
    """The whole way through the worker: 410, nothing more, then all of it after a push."""
    set_up = told(environ, receiver)
    shop = world(settings_for(**_named(set_up)), NOW)
    request.addfinalizer(shop.context.engine.dispose)
    receiver.status = 410
    shop.arrive(customer(), subscription("unpaid", START), invoice("open", START))
    shop.drain()
    shop.deliver()
    shop.arrive(subscription("active", NOW), invoice("paid", NOW, START))
    shop.drain()
    shop.deliver()
    assert len(receiver.got) == 1
    receiver.status = 204
    said = evergreen("access", "push", "--all", environ=set_up)
    assert (said.code, said.out) == (0, "1 customers will be told\n")
    assert "410" in said.err
    with engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET due_at = :now"), {"now": NOW})
    shop.deliver()

    assert len(receiver.got) == 2
    assert b'"state":"ok"' in receiver.got[-1][2]


def test_push_notes_those_whom_nobody_looked_at_before(
    engine: Engine, environ: Environ, receiver: Receiver
) -> None:
    stop(engine)
    with engine.begin() as conn:
        conn.execute(text("TRUNCATE evergreen.access, evergreen.outbox"))

    said = evergreen("access", "push", "--all", environ=told(environ, receiver))

    assert said.out == "1 customers will be told\n"
    with engine.connect() as conn:
        assert conn.execute(text("SELECT state FROM evergreen.access")).scalars().all() == [
            "suspended"
        ]


def _named(environ: Environ) -> dict[str, str]:
    urls = {"database_url": environ["DATABASE_URL"], "redis_url": environ["REDIS_URL"]}
    return {**urls, **{name: environ[name] for name in environ if name.startswith("ACCESS")}}


@pytest.mark.parametrize(
    ("wrong", "told_"),
    [
        pytest.param({"ACCESS_WEBHOOK_URL": "https://x.example"}, "ACCESS_WEBHOOK_SECRET", id="no"),
        pytest.param({"ACCESS_WEBHOOK_SECRET": "whsec_short"}, "24 to 64", id="short"),
        pytest.param({"ACCESS_WEBHOOK_URL": "x.example/c4n4ry"}, "ACCESS_WEBHOOK_URL", id="no-web"),
        pytest.param({"ACCESS_GRACE_DAYS": "-1"}, "ACCESS_GRACE_DAYS", id="days"),
        pytest.param({"ACCESS_RESTRICTED_DAYS": "1.5"}, "ACCESS_RESTRICTED_DAYS", id="parts"),
        pytest.param({"API_TOKEN": "short"}, "API_TOKEN", id="token"),
    ],
)
def test_settings_that_are_wrong_are_told(environ: Environ, wrong: Environ, told_: str) -> None:
    said = evergreen("access", "list", environ={**environ, **wrong})

    assert said.code == 2
    assert told_ in said.err
    assert "c4n4ry" not in said.err
