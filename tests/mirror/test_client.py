"""Reading from Stripe: what comes back, what is repeated, and what the reading may be dated."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import requests
import responses
import stripe
from sqlalchemy import Engine

from app.local.ports import free_port
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.faults import Fault, Faults
from app.simulator.stripe_api.server import StripeApi, serving
from sync.clock import Clock, RealClock
from sync.errors import Rejected, Unavailable
from sync.mirror.client import CursorGone, StripeReads
from sync.store.budget import API_BUDGET, Budget
from sync.store.engine import make_engine
from tests.databases import Databases

KEY = "sk_test_51Evergreen0123456789"
NOW = datetime(2026, 11, 20, 12, 0, 0, 700_000, tzinfo=UTC)
CUSTOMER = {"id": "cus_1", "object": "customer", "created": 1, "balance": -1250}
PATH, URL = "/v1/customers/cus_1", "https://api.stripe.com/v1/customers/cus_1"
AT_ONCE: Any = {"sleep": lambda _s: None}


@dataclass(slots=True)
class Ticking:
    """A clock that goes one minute at each look."""

    minutes: Iterator[int] = field(default_factory=count)

    def now(self) -> datetime:
        """Return the next minute."""
        return NOW + timedelta(minutes=next(self.minutes))


@pytest.fixture(scope="module")
def engine(databases: Databases) -> Iterator[Engine]:
    """One database for all tests of this file: only the budget's row is in it."""
    with databases.borrowed() as url:
        made = make_engine(url)
        yield made
        made.dispose()


@pytest.fixture
def budget(engine: Engine) -> Budget:
    with engine.begin() as conn:
        conn.execute(API_BUDGET.delete())
    return Budget(engine, per_s=1_000, burst=1_000)


@pytest.fixture
def api() -> StripeApi:
    """An account with one customer; `base` is where it is served."""
    account = Account()
    account.put(CUSTOMER)
    return StripeApi(account, key=KEY, connected={"acct_other": Account(id="acct_other")})


@pytest.fixture
def base(api: StripeApi) -> Iterator[str]:
    with serving(api) as address:
        yield address


@pytest.fixture
def reads(budget: Budget, base: str) -> Iterator[StripeReads]:
    made = StripeReads(KEY, budget=budget, clock=Ticking(), base=base, **AT_ONCE)
    yield made
    made.close()


def reading(
    budget: Budget, base: str | None, clock: Clock | None = None, **options: Any
) -> StripeReads:
    return StripeReads(KEY, budget=budget, clock=clock or Ticking(), base=base, **options)


def test_an_object_is_plain_json_as_of_the_second_before_the_request(reads: StripeReads) -> None:
    found = reads.retrieve(PATH)

    assert found.object == CUSTOMER
    assert type(found.object) is dict
    assert type(found.object["balance"]) is int
    assert found.as_of == NOW.replace(microsecond=0)


def test_what_does_not_exist_is_none(reads: StripeReads) -> None:
    assert reads.retrieve("/v1/invoices/in_none").object is None


def test_what_is_deleted_is_none(api: StripeApi, reads: StripeReads) -> None:
    api.account.remove("customer", "cus_1")

    assert reads.retrieve(PATH).object is None


def test_a_field_is_expanded(api: StripeApi, reads: StripeReads) -> None:
    api.account.put({"id": "sub_1", "object": "subscription", "customer": "cus_1"})
    found = reads.retrieve("/v1/subscriptions/sub_1", expand=["customer"])

    assert found.object == {"id": "sub_1", "object": "subscription", "customer": CUSTOMER}


def test_a_connected_account_is_read_by_its_id(reads: StripeReads) -> None:
    assert reads.retrieve(PATH, account="acct_other").object is None


def test_a_page_says_whether_there_is_more(api: StripeApi, reads: StripeReads) -> None:
    api.account.put(*({**CUSTOMER, "id": f"cus_{n}", "created": n} for n in range(1, 5)))
    first = reads.page("/v1/customers", {"limit": 2, "created[gte]": 2})
    last = reads.page("/v1/customers", {"limit": 2, "starting_after": "cus_2"})

    assert ([each["id"] for each in first.objects], first.has_more) == (["cus_4", "cus_3"], True)
    assert ([each["id"] for each in last.objects], last.has_more) == (["cus_1"], False)
    assert first.as_of == NOW.replace(microsecond=0)


def test_a_list_below_an_object_that_is_gone_is_empty(reads: StripeReads) -> None:
    page = reads.page("/v1/invoices/in_none/lines", {"limit": 100})

    assert (page.objects, page.has_more) == ((), False)


def test_a_cursor_that_is_gone_is_no_end_of_the_list(reads: StripeReads) -> None:
    with pytest.raises(CursorGone):
        reads.page("/v1/customers", {"starting_after": "cus_none"})


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.LIMITED, Fault.DROPPED, Fault.HALF])
def test_a_fault_is_repeated_and_the_reading_is_of_the_time_that_succeeded(
    api: StripeApi, reads: StripeReads, fault: Fault
) -> None:
    api.misbehave(Faults(script=(fault, fault), retry_after_s=0))
    found = reads.retrieve(PATH)

    assert found.object == CUSTOMER
    assert found.as_of == (NOW + timedelta(minutes=2)).replace(microsecond=0)
    assert len(api.requests) == 3


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.DROPPED, Fault.HALF])
def test_three_faults_are_enough(api: StripeApi, reads: StripeReads, fault: Fault) -> None:
    api.misbehave(Faults(script=(fault,) * 4))

    with pytest.raises(Unavailable) as unavailable:
        reads.retrieve(PATH)
    assert len(api.requests) == 3
    assert unavailable.value.retry_after_s is None


def test_each_wait_is_longer_than_the_one_before(api: StripeApi, base: str, budget: Budget) -> None:
    api.misbehave(Faults(script=(Fault.ERROR,) * 3))
    slept: list[float] = []

    with pytest.raises(Unavailable):
        reading(budget, base, sleep=slept.append).retrieve(PATH)
    assert len(slept) == 2
    assert 0.5 <= slept[0] <= 1 <= slept[1] <= 1.5


def test_a_refusal_is_obeyed_by_everyone(api: StripeApi, base: str, budget: Budget) -> None:
    api.misbehave(Faults(script=(Fault.LIMITED,), retry_after_s=1))
    reads = reading(budget, base)
    started_s = time.monotonic()
    found = reads.retrieve(PATH)
    reads.close()

    assert found.object == CUSTOMER
    assert time.monotonic() - started_s >= 1
    assert budget.spent().refused == 1


def test_who_asks_for_more_time_than_we_have_gets_no_second_request(
    api: StripeApi, reads: StripeReads, budget: Budget
) -> None:
    api.misbehave(Faults(script=(Fault.LIMITED,), retry_after_s=40))

    with pytest.raises(Unavailable) as unavailable:
        reads.retrieve(PATH)
    assert unavailable.value.retry_after_s == 40
    assert len(api.requests) == 1
    assert budget.take() > 38


def test_an_empty_budget_asks_nothing_of_stripe(api: StripeApi, base: str, budget: Budget) -> None:
    budget.slow_down(5)
    reads = reading(budget, base, patience_s=1)

    with pytest.raises(Unavailable) as unavailable:
        reads.retrieve(PATH)
    assert not api.requests
    assert unavailable.value.retry_after_s
    assert 4 < unavailable.value.retry_after_s < 6.1


def test_a_short_budget_is_waited_for(base: str, budget: Budget) -> None:
    budget.slow_down(0.2)
    reads = reading(budget, base)
    started = datetime.now(UTC)

    assert reads.retrieve(PATH).object
    assert datetime.now(UTC) - started >= timedelta(seconds=0.2)
    reads.close()


def test_every_attempt_is_counted(api: StripeApi, reads: StripeReads, budget: Budget) -> None:
    api.misbehave(Faults(script=(Fault.ERROR,)))
    reads.retrieve(PATH)

    assert budget.spent().reads == 2


def test_a_wrong_key_is_for_a_person_and_is_not_shown(base: str, budget: Budget) -> None:
    reads = StripeReads("sk_test_wrong", budget=budget, clock=Ticking(), base=base)

    with pytest.raises(Rejected) as rejected:
        reads.retrieve(PATH)
    assert str(rejected.value) == "AuthenticationError 401"
    assert rejected.value.__cause__ is None
    assert rejected.value.__suppress_context__
    reads.close()


@pytest.mark.parametrize(
    ("path", "account", "said"),
    [
        ("/v1/customers?colour=green", "", "InvalidRequestError 400 parameter_unknown"),
        ("/v1/trees", "", "InvalidRequestError 404"),
        ("/v1/customers", "acct_none", "PermissionError 403 account_invalid"),
    ],
)
def test_a_refused_request_is_for_a_person(
    api: StripeApi, reads: StripeReads, path: str, account: str, said: str
) -> None:
    with pytest.raises(Rejected) as rejected:
        reads.page(path, {}, account=account)
    assert str(rejected.value) == said
    assert len(api.requests) == 1


def test_nobody_listening_is_unavailable(budget: Budget) -> None:
    reads = reading(budget, f"http://127.0.0.1:{free_port()}", **AT_ONCE)

    with pytest.raises(Unavailable, match="ConnectionError"):
        reads.retrieve(PATH)


@pytest.mark.parametrize(
    "stripe_ahead_s",
    [pytest.param(-600, id="behind"), pytest.param(600, id="ahead"), pytest.param(0, id="equal")],
)
def test_a_reading_is_never_dated_later_than_either_clock(
    api: StripeApi, base: str, budget: Budget, stripe_ahead_s: int
) -> None:
    ahead = timedelta(seconds=stripe_ahead_s)
    api.account.now = lambda: datetime.now(UTC) + ahead
    reads = reading(budget, base, RealClock())
    before = datetime.now(UTC)
    found = reads.retrieve(PATH)
    reads.close()

    latest = before + min(ahead, timedelta())
    assert latest - timedelta(seconds=3) <= found.as_of <= latest + timedelta(seconds=0.1)
    assert found.as_of.microsecond == 0


def test_a_simulated_clock_is_not_compared_with_stripes(api: StripeApi, reads: StripeReads) -> None:
    api.account.now = lambda: NOW - timedelta(days=1)

    assert reads.retrieve(PATH).as_of == NOW.replace(microsecond=0)


def answers(*given: dict[str, Any]) -> None:
    for each in given:
        responses.add(responses.GET, URL, **each)


@responses.activate
def test_the_version_is_the_packages_own(budget: Budget) -> None:
    answers({"json": CUSTOMER})
    reading(budget, None).retrieve(PATH, account="acct_1")
    headers = responses.calls[0].request.headers

    assert headers["Stripe-Version"] == stripe.api_version
    assert headers["Stripe-Account"] == "acct_1"
    assert headers["Authorization"] == f"Bearer {KEY}"


OTHER_MODE = (
    "No such customer: 'cus_1'; a similar object exists in live mode,"
    " but a test mode key was used to make this request."
)


@responses.activate
def test_an_object_of_the_other_mode_is_not_gone(budget: Budget) -> None:
    error = {"code": "resource_missing", "message": OTHER_MODE, "param": "id"}
    answers({"json": {"error": error}, "status": 404})

    with pytest.raises(Rejected):
        reading(budget, None).retrieve(PATH)


PLAIN = {"json": {"error": {"message": "no"}}}


@pytest.mark.parametrize(
    ("first", "calls"),
    [
        pytest.param({**PLAIN, "status": 503}, 2, id="503"),
        pytest.param({"body": "<html>", "status": 502}, 2, id="html"),
        pytest.param({"body": "[]", "status": 200}, 2, id="no-object"),
        pytest.param({"body": requests.ReadTimeout()}, 2, id="timeout"),
        pytest.param({"body": requests.exceptions.ChunkedEncodingError()}, 2, id="cut"),
        pytest.param({**PLAIN, "status": 409}, 2, id="conflict"),
        pytest.param(
            {**PLAIN, "status": 403, "headers": {"Stripe-Should-Retry": "true"}}, 2, id="told-to"
        ),
        pytest.param(
            {**PLAIN, "status": 500, "headers": {"Stripe-Should-Retry": "false"}}, 1, id="told-not"
        ),
        pytest.param({**PLAIN, "status": 403}, 1, id="403"),
    ],
)
@responses.activate
def test_what_is_repeated(budget: Budget, first: dict[str, Any], calls: int) -> None:
    answers(first, {"json": CUSTOMER})
    expected: Any = (Unavailable, Rejected) if calls == 1 else ()
    try:
        found = reading(budget, None, **AT_ONCE).retrieve(PATH)
    except expected:
        pass
    else:
        assert found.object == CUSTOMER
    assert len(responses.calls) == calls


@responses.activate
def test_a_page_that_is_no_json_may_say_when_to_come_back(budget: Budget) -> None:
    answers({"body": "busy", "status": 503, "headers": {"Retry-After": "30"}})

    with pytest.raises(Unavailable) as unavailable:
        reading(budget, None).retrieve(PATH)
    assert unavailable.value.retry_after_s == 30


@responses.activate
def test_a_lock_on_one_object_slows_down_nobody_else(budget: Budget) -> None:
    error = {"code": "lock_timeout", "message": "busy"}
    answers({"json": {"error": error}, "status": 429}, {"json": CUSTOMER})
    reading(budget, None, **AT_ONCE).retrieve(PATH)

    assert budget.spent().refused == 0


@responses.activate
def test_what_is_no_list_is_for_a_person(budget: Budget) -> None:
    answers({"json": CUSTOMER})

    with pytest.raises(Rejected):
        reading(budget, None).page(PATH, {})
