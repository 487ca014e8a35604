"""The CRM vendors: the settings that begin with CRM, HUBSPOT and SALESFORCE."""

from dataclasses import dataclass

from app.environment import Reader, known_names, optional_web_address, web_address
from sync import webhook_signature
from sync.crm.vendors import HUBSPOT_URL, NO_VENDORS, HubSpot, Salesforce, Vendors, read_fields
from sync.webhook_signature import Endpoint

_LOCAL: tuple[str, ...] = ("local",)
_ON_OFF = {"true": True, "false": False}
# Those of `sync.crm.sinks`, which is too heavy for every process to import.
CRM_SINKS = frozenset({"hubspot", "local", "salesforce", "webhook"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSettings:
    """Who is told of customers, and how to reach them."""

    sinks: tuple[str, ...] = _LOCAL
    vendors: Vendors = NO_VENDORS


def read(reader: Reader) -> CrmSettings:
    """Return the settings of the CRM; what is wrong is noted with the reader."""
    sinks = reader.parsed("CRM", ",".join(_LOCAL), known_names(CRM_SINKS), _LOCAL)
    vendors = Vendors(
        hubspot=_hubspot(reader) if "hubspot" in sinks else None,
        salesforce=_salesforce(reader) if "salesforce" in sinks else None,
        webhook=_webhook(reader) if "webhook" in sinks else None,
        fields=reader.parsed("CRM_FIELDS", "", read_fields, {}),
    )
    return CrmSettings(sinks=sinks, vendors=vendors)


def _hubspot(reader: Reader) -> HubSpot:
    token = _secret(reader, "HUBSPOT_TOKEN", "a service key of the HubSpot account")
    url = reader.parsed("HUBSPOT_BASE_URL", HUBSPOT_URL, web_address, HUBSPOT_URL)
    return HubSpot(token=token, base_url=url)


def _salesforce(reader: Reader) -> Salesforce:
    reader.required("SALESFORCE_LOGIN_URL", "https://<your domain>.my.salesforce.com")
    url = reader.parsed("SALESFORCE_LOGIN_URL", "", optional_web_address, None)
    app = "of the External Client App, with the client credentials flow on"
    return Salesforce(
        login_url=url or "",
        client_id=_secret(reader, "SALESFORCE_CLIENT_ID", f"the consumer key {app}"),
        client_secret=_secret(reader, "SALESFORCE_CLIENT_SECRET", f"the consumer secret {app}"),
    )


def _webhook(reader: Reader) -> Endpoint | None:
    none: tuple[bytes, ...] = ()
    reader.required("CRM_WEBHOOK_URL", "where CRM=webhook tells of customers")
    reader.required("CRM_WEBHOOK_SECRET", "the receiver must know that it is us (whsec_…)")
    url = reader.parsed("CRM_WEBHOOK_URL", "", optional_web_address, None)
    signing = reader.parsed("CRM_WEBHOOK_SECRET", "", webhook_signature.keys, none)
    private_too = reader.choice("WEBHOOK_PRIVATE_NETWORK", _ON_OFF, "false")
    return Endpoint(url, signing, private_too) if url else None


def _secret(reader: Reader, name: str, hint: str) -> str:
    """Return what goes into a header as it is; never shown."""
    found = reader.required(name, hint)
    if any(not char.isascii() or char.isspace() for char in found):
        reader.mistake(f"{name} has white space or other odd characters in it; copy it again")
    return found
