"""Whatever a mail server does: no mail is lost, none doubled, what is unclear stays unknown.

From the outbox through real SMTP and back, with as many rounds as it takes to come to rest.
"""

from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from sqlalchemy import Engine, text

from notifications import delivery
from notifications.transports.smtp import Server, SmtpTransport
from sync.changes import Done, RetryIn
from sync.store import outbox
from tests.mail_server import MailServer
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW
from tests.notifications.stubborn_server import CUT, SILENCE, Stubborn, stubborn_server

CUSTOMERS = 6
WORST_HIT = "customer2@customer.example"
KIND = "winback_voluntary"


@pytest.fixture
def waiting(engine: Engine) -> Engine:
    """A mail for each of some customers is due."""
    people = [
        shop.customer(id=f"cus_{number}", email=f"customer{number}@customer.example")
        for number in range(CUSTOMERS)
    ]
    gone = [
        shop.ended(NOW - 30 * DAY, id=f"sub_{number}", customer=f"cus_{number}")
        for number in range(CUSTOMERS)
    ]
    shop.mirror(engine, *people, shop.product(), *gone)
    shop.scan(engine)
    return engine


def deliver_round(engine: Engine, server: MailServer | Stubborn) -> int:
    """Deliver all that is due, over one connection where it lasts; return how many were tried."""
    with engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET retry_at = NULL"))
    transport = SmtpTransport(Server(host="127.0.0.1", port=server.port), timeout_s=0.5)
    batch = shop.claim(engine, NOW)
    for claimed in batch:
        outcome = delivery.deliver(engine, claimed, NOW, transport, shop.policy())
        with engine.begin() as conn:
            assert outbox.settle(conn, claimed, outcome, NOW)
    transport.close()
    return len(batch)


def states(engine: Engine) -> Counter[str]:
    return Counter(state for (state,) in shop.rows(engine, "state"))


def arrived(server: MailServer | Stubborn) -> Counter[str]:
    return Counter(message["X-Evergreen-Key"] for message in server.messages)


FAULTS = [
    pytest.param(lambda s: s.refuse(421, times=3), {"sent": 6}, 6, id="421-at-recipient"),
    pytest.param(lambda s: s.refuse(451, times=3), {"sent": 6}, 6, id="451-at-recipient"),
    pytest.param(lambda s: s.refuse_content(421, times=3), {"sent": 6}, 6, id="421-at-content"),
    pytest.param(lambda s: s.refuse_content(451, times=3), {"sent": 6}, 6, id="451-at-content"),
    pytest.param(
        lambda s: s.refuse(550, WORST_HIT), {"sent": 5, "failed": 1}, 5, id="550-at-recipient"
    ),
    pytest.param(
        lambda s: s.refuse_content(550, WORST_HIT), {"sent": 5, "failed": 1}, 5, id="550-at-content"
    ),
    pytest.param(lambda s: s.hang(times=2), {"sent": 4, "unknown": 2}, 6, id="hangs-after-data"),
    pytest.param(lambda s: s.cut(times=2), {"sent": 4, "unknown": 2}, 6, id="drops-before-250"),
]


@pytest.mark.parametrize(("disturb", "ended", "kept"), FAULTS)
def test_no_mail_is_lost_and_none_is_doubled(
    waiting: Engine,
    smtp_server: MailServer,
    disturb: Callable[[MailServer], None],
    ended: dict[str, int],
    kept: int,
) -> None:
    disturb(smtp_server)
    rounds = [deliver_round(waiting, smtp_server) for _ in range(4)]

    assert rounds[0] == CUSTOMERS
    assert rounds[-1] == 0
    assert states(waiting) == ended
    assert sorted(arrived(smtp_server).values()) == [1] * kept


SENT, FAILED, UNKNOWN = {"sent": 6}, {"sent": 4, "failed": 2}, {"sent": 4, "unknown": 2}
EARLY = ("greeting", "EHLO", "MAIL", "RCPT", "DATA")
# At each step of a conversation: what is answered, how the mails end, how many are kept.
AT_EACH_STEP = [
    *((step, fault, SENT, 6) for step in EARLY for fault in ("421 closing", "451 later")),
    *((step, fault, SENT, 6) for step in EARLY for fault in (CUT, SILENCE)),
    # Before a recipient is named, a refusal is about us: no single mail is given up for it.
    *((step, "550 no", SENT, 6) for step in ("greeting", "MAIL")),
    *((step, "550 no", FAILED, 4) for step in ("RCPT", "DATA", ".")),
    *((".", fault, SENT, 6) for fault in ("421 closing", "451 later")),
    # All of it was on its way, and nobody can tell whether it got there.
    ("content", CUT, UNKNOWN, 4),
    (".", CUT, UNKNOWN, 6),
    (".", SILENCE, UNKNOWN, 6),
]


@pytest.mark.parametrize(
    ("step", "fault", "ended", "kept"),
    [pytest.param(*row, id=f"{row[0]}-{row[1].partition(' ')[0]}") for row in AT_EACH_STEP],
)
def test_no_step_loses_or_doubles_a_mail(
    waiting: Engine, step: str, fault: str, ended: dict[str, int], kept: int
) -> None:
    with stubborn_server(step, fault, 2) as server:
        rounds = [deliver_round(waiting, server) for _ in range(4)]

    assert server.times == 0
    assert rounds[-1] == 0
    assert states(waiting) == ended
    assert sorted(arrived(server).values()) == [1] * kept


def test_a_mail_cut_off_while_it_leaves_is_sent_again() -> None:
    """More than the machines between hold at once: the server cannot have it whole."""
    message = EmailMessage()
    message["From"], message["To"] = "shop@shop.example", "ada@customer.example"
    message["Message-ID"] = "<1@shop.example>"
    message.set_content(("x" * 900 + "\n") * 16_000)
    with stubborn_server("content", CUT, 1) as server:
        transport = SmtpTransport(Server(host="127.0.0.1", port=server.port), timeout_s=20)
        outcomes = [transport.send(message) for _ in range(2)]
        transport.close()

    assert outcomes == [RetryIn(30.0, "smtp_cut_off"), Done("<1@shop.example>")]
    assert len(server.messages) == 1


def test_what_is_unknown_is_not_sent_again_by_itself(
    waiting: Engine, smtp_server: MailServer
) -> None:
    """Neither by later rounds nor by later scans; the others' mails go out meanwhile."""
    smtp_server.cut(WORST_HIT)
    for _ in range(3):
        deliver_round(waiting, smtp_server)
        shop.scan(waiting)
    smtp_server.behave()
    deliver_round(waiting, smtp_server)

    assert states(waiting) == {"sent": 5, "unknown": 1}
    assert max(arrived(smtp_server).values()) == 1


def test_everything_at_once(waiting: Engine, smtp_server: MailServer) -> None:
    """Each customer's server has a fault of its own, on one connection after another."""
    faults: list[Callable[[str], None]] = [
        lambda to: smtp_server.refuse(421, to, times=1),
        lambda to: smtp_server.refuse(451, to, times=2),
        lambda to: smtp_server.refuse(550, to),
        smtp_server.hang,
        smtp_server.cut,
    ]
    for number, fault in enumerate(faults):
        fault(f"customer{number}@customer.example")
    for _ in range(5):
        deliver_round(waiting, smtp_server)

    got = {row[0]: row[1] for row in shop.rows(waiting, "customer_id, state")}
    assert got == {
        "cus_0": "sent",
        "cus_1": "sent",
        "cus_2": "failed",
        "cus_3": "unknown",
        "cus_4": "unknown",
        "cus_5": "sent",
    }
    assert max(arrived(smtp_server).values()) == 1
