"""Our session with a Salesforce org: a token by client credentials, renewed once when refused.

Source: help.salesforce.com, OAuth 2.0 client credentials flow
"""

from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import urlencode

from sync.crm.opening import Gates
from sync.crm.vendors import Salesforce
from sync.delivery.gate import NoAnswer
from sync.delivery.http import Answer, Call, Client
from sync.delivery.policy import Policy

_UNAUTHORIZED = 401
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(slots=True)
class Token:
    """What the org gave us, as long as it takes it; kept for the process, never stored."""

    access_token: str = ""
    instance_url: str = ""


@cache
def _token_of(_org: Salesforce) -> Token:
    return Token()


class Session:
    """Calls to one org."""

    def __init__(self, org: Salesforce, gates: Gates, name: str, policy: Policy) -> None:
        """Nothing connects before the first call."""
        self._org, self._token = org, _token_of(org)
        self._gate = gates(name, policy)
        self._clients: dict[str, Client] = {}

    def call(self, call: Call) -> Answer | NoAnswer:
        """Return the answer to `call`, asked again with a new token where the old one is over."""
        try:
            if not self._token.access_token and (refused := self._log_in()):
                return refused
            answer = self._send(call)
            if answer.status != _UNAUTHORIZED:
                return answer
            return self._log_in() or self._send(call)
        except NoAnswer as none:
            return none

    def close(self) -> None:
        """Close the connections; calling again opens new ones."""
        for client in self._clients.values():
            client.close()

    def _log_in(self) -> Answer | None:
        """Get a token; return the answer that gave none."""
        org = self._org
        form = {
            "grant_type": "client_credentials",
            "client_id": org.client_id,
            "client_secret": org.client_secret,
        }
        call = Call(
            method="POST",
            path="/services/oauth2/token",
            content=urlencode(form).encode(),
            headers=_FORM,
            repeatable=True,
        )
        answer = self._client(org.login_url).call(call)
        token, instance = answer.body.get("access_token"), answer.body.get("instance_url")
        if not (answer.is_ok and token and instance):
            self._token.access_token = ""
            return _refused(answer)
        self._token.access_token, self._token.instance_url = token, instance
        return None

    def _send(self, call: Call) -> Answer:
        signed = {**call.headers, "Authorization": f"Bearer {self._token.access_token}"}
        return self._client(self._token.instance_url).call(replace(call, headers=signed))

    def _client(self, base_url: str) -> Client:
        if base_url not in self._clients:
            self._clients[base_url] = Client(base_url, self._gate)
        return self._clients[base_url]


def _refused(answer: Answer) -> Answer:
    """Return the answer of a log-in that gave no token: our key is refused, whatever the status."""
    works = answer.is_alive and answer.status not in {408, 429}
    return Answer(_UNAUTHORIZED, answer.headers, answer.json) if works else answer
