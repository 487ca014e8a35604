"""The CRM vendors, one file each, by the name that the setting `CRM` uses."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Engine

from sync.crm.sink import CrmSink
from sync.crm.sinks import local
from sync.errors import SettingsError

SINKS: Mapping[str, Callable[[Engine], CrmSink]] = {"local": local.open_sink}


def open_sinks(engine: Engine, names: Sequence[str]) -> dict[str, CrmSink]:
    """Return the sinks called `names`; nothing has connected yet.

    Raises:
        SettingsError: a name is not known; the message says which are.
    """
    if unknown := sorted(set(names) - set(SINKS)):
        known = ", ".join(sorted(SINKS))
        raise SettingsError(f"CRM names {', '.join(unknown)}; known are {known}")
    return {name: SINKS[name](engine) for name in names}
