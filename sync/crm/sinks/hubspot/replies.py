"""What HubSpot's answers to a batch say of each row."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sync.changes import Failed, Outcome
from sync.crm.sinks.hubspot.properties import KEY
from sync.delivery.http import Answer
from sync.delivery.signals import Meaning

# What is wrong with the account, not with a row.
CODES: Mapping[str, Meaning] = {"PROPERTY_DOESNT_EXIST": "mend"}
_VALIDATION = "VALIDATION_ERROR"
_MIXED, _REFUSED = 207, 400
_STATUSES: Mapping[str, int] = {"CONFLICT": 409, "OBJECT_NOT_FOUND": 404}


def code_of(answer: Answer) -> str:
    """Return HubSpot's own name for what is wrong; the most exact one there is."""
    body = answer.body
    inner = [each.get("code") for each in body.get("errors", ()) if isinstance(each, dict)]
    named = next((code for code in inner if code in CODES), None)
    return str(named or body.get("category") or "")


def alone(answer: Answer) -> Answer:
    """Return the answer to a batch of one: an error inside a mixed answer is all it says."""
    errors = answer.body.get("errors") or ()
    if answer.status != _MIXED or not errors:
        return answer
    status = _STATUSES.get(errors[0].get("category", ""), _REFUSED)
    return replace(answer, status=status, json=errors[0])


def matched(answer: Answer, by_key: Mapping[str, str]) -> dict[str, str]:
    """Return the contact's id by the row's trace, for rows that were written.

    A row is known by its trace, where the answer tells it, by our key or by the contact's id
    (`by_key`: trace by either).
    """
    found = {}
    for each in answer.body.get("results", ()):
        names = (str(each.get("id")), str((each.get("properties") or {}).get(KEY)))
        trace = each.get("objectWriteTraceId") or next(
            (by_key[name] for name in names if name in by_key), None
        )
        if trace and each.get("id"):
            found[trace] = str(each["id"])
    return found


def unlucky(answer: Answer) -> dict[str, Outcome]:
    """Return the rows of a mixed answer that are refused for good, by trace."""
    return {
        str(trace): Failed("hubspot_validation_error")
        for error in answer.body.get("errors", ())
        if error.get("category") == _VALIDATION
        for trace in _traces(error)
    }


def _traces(error: Mapping[str, Any]) -> list[Any]:
    traces = (error.get("context") or {}).get("objectWriteTraceId") or []
    return traces if isinstance(traces, list) else [traces]
