"""Where the CRM vendors are and how we prove ourselves to them; made by the settings."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sync.crm.fields import BY_NAME, Naming
from sync.webhook_signature import Endpoint

HUBSPOT_URL = "https://api.hubapi.com"
MAPPED = frozenset({"hubspot", "salesforce"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpot:
    """A HubSpot account; `token` is a service key's."""

    token: str = field(repr=False)
    base_url: str = HUBSPOT_URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Salesforce:
    """A Salesforce org: its own login address, and an app with the client-credentials flow."""

    login_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """Every vendor that is set up. `fields`: how a vendor calls our fields, where it differs."""

    hubspot: HubSpot | None = None
    salesforce: Salesforce | None = None
    webhook: Endpoint | None = None
    fields: Mapping[str, Naming] = field(default_factory=dict)

    def naming(self, sink: str) -> Naming:
        """Return how `sink` calls our fields, where it differs."""
        return self.fields.get(sink, {})


NO_VENDORS = Vendors()


def read_fields(path: str) -> dict[str, Naming]:
    """Return the names in the TOML file at `path`: a table per vendor; empty without a path.

    `mrr_minor = "monthly_revenue"` names a field of the vendor, `coupon = false` turns one off.

    Raises:
        ValueError: the file cannot be read, or names what does not exist.
    """
    if not path:
        return {}
    try:
        told = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path!r} is no TOML file that can be read ({error})") from error
    if unknown := sorted(set(told) - MAPPED):
        raise ValueError(f"[{unknown[0]}] is no vendor with fields: {', '.join(sorted(MAPPED))}")
    return {vendor: _naming(vendor, names) for vendor, names in told.items()}


def _naming(vendor: str, names: object) -> Naming:
    if not isinstance(names, dict):
        raise ValueError(f"{vendor} is no table of fields")  # noqa: TRY004 — a setting's mistake
    for name, theirs in names.items():
        if name not in BY_NAME:
            raise ValueError(f"[{vendor}] {name}: there is no such field")
        if theirs is not False and not (isinstance(theirs, str) and theirs):
            raise ValueError(f"[{vendor}] {name}: use the vendor's field, or false")
    return {name: theirs or None for name, theirs in names.items()}
