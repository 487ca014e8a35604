"""The record in our own database: a version for every real change, and nothing stale."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

import sync.crm.sinks
from app.crm_settings import CRM_SINKS
from sync.changes import Done
from sync.crm.sink import Snapshot
from sync.crm.sinks import SINKS, open_sinks
from sync.crm.vendors import HubSpot, Salesforce, Vendors
from sync.errors import SettingsError
from sync.webhook_signature import Endpoint

VENDORS = Vendors(
    hubspot=HubSpot(token="token"),
    salesforce=Salesforce(login_url="https://x.test", client_id="id", client_secret="secret"),
    webhook=Endpoint("https://x.test", ()),
)
READ = datetime(2026, 11, 23, 8, tzinfo=UTC)
ACTIVE = Snapshot(
    account="",
    customer_id="cus_1",
    livemode=False,
    fields={"status": "active", "plans": ["Coffee"]},
    at=datetime(2027, 1, 1, tzinfo=UTC),
    read_at=READ,
)
PAUSED = replace(
    ACTIVE,
    fields={**ACTIVE.fields, "status": "paused"},
    at=ACTIVE.at + timedelta(days=1),
    read_at=READ + timedelta(seconds=1),
)
RECORD = """
    SELECT version, data->>'status', updated_at, data->'snapshot_version'
      FROM evergreen.crm_record"""


def told(engine: Engine, *snapshots: Snapshot) -> tuple[object, ...]:
    sink = open_sinks(engine, ["local"])["local"]
    for snapshot in snapshots:
        assert sink.deliver([snapshot]) == [Done()]
    with engine.connect() as conn:
        return tuple(conn.execute(text(RECORD)).one())


def later(snapshot: Snapshot) -> Snapshot:
    return replace(
        snapshot, at=snapshot.at + timedelta(days=9), read_at=snapshot.read_at + timedelta(days=9)
    )


@pytest.mark.parametrize(
    ("snapshots", "record"),
    [
        pytest.param([ACTIVE], (1, "active", ACTIVE.at, 1), id="first"),
        pytest.param([ACTIVE, later(ACTIVE)], (1, "active", ACTIVE.at, 1), id="unchanged"),
        pytest.param([ACTIVE, PAUSED], (2, "paused", PAUSED.at, 2), id="changed"),
        pytest.param(
            [ACTIVE, PAUSED, later(ACTIVE)], (3, "active", later(ACTIVE).at, 3), id="changed-back"
        ),
        pytest.param([PAUSED, ACTIVE], (1, "paused", PAUSED.at, 1), id="a-late-one-is-dropped"),
        pytest.param(
            [ACTIVE, later(ACTIVE), PAUSED], (1, "active", ACTIVE.at, 1),
            id="an-unchanged-one-is-newer-too",
        ),
    ],
)  # fmt: skip
def test_versions(engine: Engine, snapshots: list[Snapshot], record: tuple[object, ...]) -> None:
    assert told(engine, *snapshots) == record


def test_accounts_do_not_meet(engine: Engine) -> None:
    told(engine, ACTIVE)
    open_sinks(engine, ["local"])["local"].deliver([replace(PAUSED, account="acct_1")])

    with engine.connect() as conn:
        assert len(conn.execute(text(RECORD)).all()) == 2


def test_every_vendor_is_registered_under_its_files_name(engine: Engine) -> None:
    folder = Path(sync.crm.sinks.__file__).parent
    there = {path.stem for path in folder.iterdir()} - {"__init__", "__pycache__"}

    assert there == set(SINKS) == CRM_SINKS
    opened = open_sinks(engine, list(SINKS), VENDORS)
    assert {name: sink.name for name, sink in opened.items()} == {name: name for name in SINKS}


@pytest.mark.parametrize("name", sorted(set(SINKS) - {"local"}))
def test_a_vendor_without_its_settings_is_refused(engine: Engine, name: str) -> None:
    with pytest.raises(SettingsError, match=name.upper()):
        open_sinks(engine, [name])


def test_an_unknown_vendor_is_refused_with_the_known_ones(engine: Engine) -> None:
    with pytest.raises(SettingsError, match=r"CRM names hubspott; known are .*local"):
        open_sinks(engine, ["local", "hubspott"])
