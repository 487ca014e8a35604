"""The signal table: what each answer of each vendor means for one customer."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses
from sqlalchemy import Engine

from sync.changes import Done, Failed, Outcome, RetryIn, Unknown
from sync.crm.sink import CrmSink, Snapshot
from sync.crm.sinks import open_sinks
from sync.crm.sinks.hubspot.sink import CONTACTS
from sync.crm.sinks.salesforce.sink import UPSERT
from sync.crm.vendors import HubSpot, Salesforce, Vendors
from tests.crm.known import NOW, customer, fields, known, subscription

URL = "https://vendor.test"
VENDORS = Vendors(
    hubspot=HubSpot(token="t", base_url=URL),
    salesforce=Salesforce(login_url=URL, client_id="signals", client_secret="s"),
)
Answer = Mapping[str, Any]


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def deliver(engine: Engine, name: str) -> Outcome:
    sink: CrmSink = open_sinks(engine, [name], VENDORS)[name]
    (outcome,) = sink.deliver([snapshot()])
    return outcome


def snapshot() -> Snapshot:
    return Snapshot(
        account="",
        customer_id="cus_1",
        livemode=False,
        fields=fields(known(subscription(), customer=customer())),
        at=NOW,
        read_at=datetime(2026, 1, 1, tzinfo=UTC),
        message_id="msg_1",
    )


def refused(category: str, **more: Any) -> Answer:
    return {"category": category, **more}


WRITTEN = {"results": [{"id": "7", "properties": {"stripe_customer_id": "cus_1"}}]}
MIXED = {
    "results": [],
    "errors": [{"category": "VALIDATION_ERROR", "context": {"objectWriteTraceId": ["msg_1"]}}],
}
NO_FIELD = refused("VALIDATION_ERROR", errors=[{"code": "PROPERTY_DOESNT_EXIST"}])
DAILY = {"policyName": "DAILY"}
HEADER = "Retry-After"


def again(reason: str, scope: str = "item", at_least_s: float = 0) -> Callable[[Outcome], bool]:
    def holds(outcome: Outcome) -> bool:
        return (
            isinstance(outcome, RetryIn)
            and (outcome.reason, outcome.scope) == (reason, scope)
            and outcome.delay_s >= at_least_s
        )

    return holds


def is_(expected: Outcome) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome == expected


def unclear(reason: str) -> Callable[[Outcome], bool]:
    return lambda outcome: isinstance(outcome, Unknown) and outcome.reason == reason


@pytest.mark.parametrize(
    ("status", "said", "means"),
    [
        (200, WRITTEN, is_(Done("7"))),
        (201, WRITTEN, is_(Done("7"))),
        (207, MIXED, is_(Failed("hubspot_validation_error"))),
        (200, {"results": []}, unclear("hubspot_unmatched")),
        (400, refused("VALIDATION_ERROR"), is_(Failed("hubspot_validation_error"))),
        (400, NO_FIELD, again("hubspot_property_doesnt_exist", "sink", 300)),
        (401, {}, again("hubspot_401", "sink", 300)),
        (403, {}, again("hubspot_403", "sink", 300)),
        (409, refused("CONFLICT"), is_(Failed("hubspot_conflict"))),
        (422, {}, is_(Failed("hubspot_422"))),
        (423, {}, again("hubspot_423", at_least_s=2)),
        (429, {}, again("hubspot_429", "sink", 10)),
        (429, {HEADER: "77"}, again("hubspot_429", "sink", 77)),
        (429, DAILY, again("hubspot_daily_limit", "sink", 3600)),
        (477, {HEADER: "9"}, again("hubspot_477", "sink", 9)),
        (500, {}, unclear("hubspot_500")),
        (502, {}, unclear("hubspot_502")),
        (503, {}, unclear("hubspot_503")),
        (504, {}, unclear("hubspot_504")),
    ],
)
def test_what_hubspot_says(
    engine: Engine,
    net: responses.RequestsMock,
    status: int,
    said: Answer,
    means: Callable[[Outcome], bool],
) -> None:
    body = {name: value for name, value in said.items() if name != HEADER}
    headers = {HEADER: said[HEADER]} if HEADER in said else {}
    net.post(f"{URL}{CONTACTS}/upsert", json=body, status=status, headers=headers)
    net.post(f"{URL}{CONTACTS}/read", json={"results": []})

    assert means(deliver(engine, "hubspot"))


def row(*codes: str) -> list[Any]:
    return [{"success": not codes, "id": "003", "errors": [{"statusCode": c} for c in codes]}]


def whole(code: str) -> list[Any]:
    return [{"errorCode": code}]


@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (200, row(), is_(Done("003"))),
        (200, row("UNABLE_TO_LOCK_ROW"), again("salesforce_unable_to_lock_row", at_least_s=2)),
        (200, row("REQUIRED_FIELD_MISSING"), is_(Failed("salesforce_required_field_missing"))),
        (200, row("DUPLICATES_DETECTED"), is_(Failed("salesforce_duplicates_detected"))),
        (200, row("INVALID_FIELD"), again("salesforce_invalid_field", "sink", 300)),
        (200, [], unclear("salesforce_unmatched")),
        (300, [], is_(Failed("salesforce_300"))),
        (400, whole("INVALID_INPUT"), is_(Failed("salesforce_invalid_input"))),
        (401, whole("X"), again("salesforce_x", "sink", 300)),
        (403, whole("REQUEST_LIMIT_EXCEEDED"), again("salesforce_request_limit_exceeded", "sink")),
        (403, whole("API_DISABLED"), again("salesforce_api_disabled", "sink", 300)),
        (429, [], again("salesforce_429", "sink", 10)),
        (500, [], unclear("salesforce_500")),
        (503, [], unclear("salesforce_503")),
    ],
)
def test_what_salesforce_says(
    engine: Engine,
    net: responses.RequestsMock,
    status: int,
    body: list[Any],
    means: Callable[[Outcome], bool],
) -> None:
    token = {"access_token": "t", "instance_url": URL}
    net.post(f"{URL}/services/oauth2/token", json=token)
    net.patch(f"{URL}{UPSERT}", json=body, status=status)

    assert means(deliver(engine, "salesforce"))


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(requests.ConnectTimeout(), "unreachable", id="connect-timeout"),
        pytest.param(requests.ReadTimeout(), "no_answer", id="read-timeout"),
        pytest.param(requests.ConnectionError(), "no_answer", id="lost"),
    ],
)
def test_no_answer_is_tried_again(
    engine: Engine, net: responses.RequestsMock, name: str, error: Exception, reason: str
) -> None:
    """Nothing was read of the request here, so that it left is not known: state may repeat."""
    for method, path in (("POST", f"{CONTACTS}/upsert"), ("PATCH", UPSERT)):
        net.add(method, f"{URL}{path}", body=error)
    net.post(f"{URL}/services/oauth2/token", json={"access_token": "t", "instance_url": URL})

    outcome = deliver(engine, name)

    assert isinstance(outcome, RetryIn | Unknown)
    assert outcome.reason in {f"{name}_unreachable", f"{name}_{reason}"}
