"""The CRM vendors, one file or folder each, by the name that the setting `CRM` uses."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from sqlalchemy import Engine

from sync.crm.opening import Gates, Opening, no_gate
from sync.crm.sink import CrmSink
from sync.crm.sinks import webhook
from sync.crm.sinks.hubspot import sink as hubspot
from sync.crm.sinks.local import LocalSink
from sync.crm.sinks.salesforce import sink as salesforce
from sync.crm.vendors import NO_VENDORS, Vendors
from sync.errors import SettingsError

SINKS: Mapping[str, Callable[[Opening], CrmSink]] = {
    "hubspot": hubspot.open_sink,
    "local": lambda opening: LocalSink(opening.engine),
    "salesforce": salesforce.open_sink,
    "webhook": webhook.open_sink,
}


def open_sinks(
    engine: Engine,
    names: Sequence[str],
    vendors: Vendors = NO_VENDORS,
    *,
    gates: Gates = no_gate,
    opened: ExitStack | None = None,
) -> dict[str, CrmSink]:
    """Return the sinks called `names`; nothing has connected yet.

    `gates` makes the gate that every call of a vendor passes, by the sink's name and policy;
    `opened` closes their connections.

    Raises:
        SettingsError: a name is not known, or its vendor's settings are missing.
    """
    if unknown := sorted(set(names) - set(SINKS)):
        known = ", ".join(sorted(SINKS))
        raise SettingsError(f"CRM names {', '.join(unknown)}; known are {known}")
    opening = Opening(engine=engine, vendors=vendors, gates=gates, opened=opened or ExitStack())
    return {name: SINKS[name](opening) for name in names}
