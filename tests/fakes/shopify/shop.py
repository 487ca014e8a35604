"""A Shopify shop on a real socket: keeps stock, knows keys for a while, fails as it is told.

Documents are held to a schema by graphql-core, the reference implementation for Python; what
Shopify asks for beyond its schema is checked here.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
    value_from_ast_untyped,
)

SCHEMA = build_schema((Path(__file__).parent / "schema.graphql").read_text())
ITEM, PLACE = "gid://shopify/InventoryItem/", "gid://shopify/Location/"
Json = dict[str, Any]


class Lost(Exception):
    """The connection ends without an answer."""


@dataclass(frozen=True)
class Said:
    """An answer instead of the proper one."""

    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


# Before anything is done, and after it was done: None goes on, an answer takes its place.
Fault = Callable[[], Said | None]


def lost() -> Said | None:
    """Lose the connection."""
    raise Lost


def said(status: int, body: bytes = b"{}", **headers: str) -> Fault:
    """Answer so; a header's `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: Said(status, body, named)


def graphql_error(code: str) -> Fault:
    """Answer 200 with an error of GraphQL's, as a spent cost budget does."""
    error = {"errors": [{"message": code, "extensions": {"code": code}}]}
    return said(200, json.dumps(error).encode())


@dataclass
class Shop:
    """Its stock by item and location, what it was asked, and its faults, one per call."""

    url: str = ""
    stock: dict[tuple[str, str], int] = field(default_factory=dict)
    skus: dict[str, str] = field(default_factory=dict)
    keys: dict[str, tuple[str, Json]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    before: list[Fault | None] = field(default_factory=list)
    after: list[Fault | None] = field(default_factory=list)
    applied: list[Json] = field(default_factory=list)
    asked: list[Json] = field(default_factory=list)
    token_calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def forget_keys(self) -> None:
        """Let the key window pass."""
        self.keys.clear()

    def token(self, body: Json) -> Said:
        """Give a token for the right secret."""
        with self.lock:
            self.token_calls += 1
            if (body.get("grant_type"), body.get("client_secret")) != (
                "client_credentials",
                "right",
            ):
                return Said(400, b'{"error":"application_cannot_be_found"}')
            token = f"shpat_{self.token_calls}"
            self.tokens = {token}
        return Said(200, json.dumps({"access_token": token, "expires_in": 86399}).encode())

    def graphql(self, body: Json, token: str) -> Said:
        """Run one document, with the faults that are due."""
        with self.lock:
            self.asked.append(body)
            first, last = _next(self.before), _next(self.after)
            if first and (instead := first()):
                return instead
            if token not in self.tokens:
                return Said(401, b'{"errors":"[API] Invalid API key or access token"}')
            answer = self._run(body)
            if last and (instead := last()):
                return instead
            return Said(200, json.dumps(answer).encode())

    def _run(self, body: Json) -> Json:
        try:
            document = parse(body["query"])
        except GraphQLError as error:
            return {"errors": [{"message": str(error)}]}
        if wrong := validate(SCHEMA, document):
            return {"errors": [{"message": str(each)} for each in wrong]}
        called = _field(document)
        variables = body.get("variables") or {}
        return {"data": {called.name.value: self._answer(called, variables)}}

    def _answer(self, called: FieldNode, variables: Json) -> Json:
        given = {
            each.name.value: value_from_ast_untyped(each.value, variables)
            for each in called.arguments or ()
        }
        mutations = {
            "inventoryAdjustQuantities": self._adjust,
            "inventorySetQuantities": self._set,
        }
        if act := mutations.get(called.name.value):
            return self._once(_key(called, variables), given["input"], act)
        queries = {
            "inventoryItem": self._item,
            "inventoryItems": self._items,
            "locations": self._locations,
        }
        return queries[called.name.value](given, variables)

    def _once(self, key: str | None, asked: Json, act: Callable[[Json], Json]) -> Json:
        if key is None:
            return _refused("IDEMPOTENCY_KEY_REQUIRED")
        text = json.dumps(asked, sort_keys=True)
        if key in self.keys:
            known, answer = self.keys[key]
            return answer if known == text else _refused("IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
        answer = act(asked)
        if not answer["userErrors"]:
            self.keys[key] = (text, answer)
        return answer

    def _adjust(self, asked: Json) -> Json:
        changes = asked["changes"]
        if any("changeFromQuantity" not in each for each in changes):
            return _refused("CHANGE_FROM_QUANTITY_REQUIRED")
        for each in changes:
            shelf = (each["inventoryItemId"], each["locationId"])
            if shelf not in self.stock:
                return _refused("INVALID_INVENTORY_ITEM")
            self.stock[shelf] += each["delta"]
        self.applied.append(asked)
        return _group(len(self.applied))

    def _set(self, asked: Json) -> Json:
        for each in asked["quantities"]:
            shelf = (each["inventoryItemId"], each["locationId"])
            if "changeFromQuantity" not in each:
                return _refused("CHANGE_FROM_QUANTITY_REQUIRED")
            if self.stock.get(shelf) != each["changeFromQuantity"]:
                return _refused("CHANGE_FROM_QUANTITY_STALE")
            self.stock[shelf] = each["quantity"]
        self.applied.append(asked)
        return _group(len(self.applied))

    def _item(self, given: Json, variables: Json) -> Json:
        quantity = self.stock.get((given["id"], variables["location"]))
        level = {"quantities": [{"name": "available", "quantity": quantity}]}
        return {"inventoryLevel": None if quantity is None else level}

    def _items(self, given: Json, variables: Json) -> Json:
        del variables
        wanted = given["query"].removeprefix("sku:").strip('"')
        nodes = [{"id": each, "sku": sku} for sku, each in self.skus.items() if wanted in sku]
        return {"nodes": nodes}

    def _locations(self, given: Json, variables: Json) -> Json:
        del given, variables
        places = sorted({place for _, place in self.stock})
        return {"nodes": [{"id": each, "name": each[-1], "isActive": True} for each in places]}


def _field(document: DocumentNode) -> FieldNode:
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    (called,) = operation.selection_set.selections
    assert isinstance(called, FieldNode)
    return called


def _key(called: FieldNode, variables: Json) -> str | None:
    for directive in called.directives or ():
        if directive.name.value == "idempotent":
            (argument,) = directive.arguments or ()
            return str(value_from_ast_untyped(argument.value, variables))
    return None


def _refused(code: str) -> Json:
    error = {"code": code, "field": ["input"], "message": code}
    return {"inventoryAdjustmentGroup": None, "userErrors": [error]}


def _group(number: int) -> Json:
    group = {"id": f"gid://shopify/InventoryAdjustmentGroup/{number}"}
    return {"inventoryAdjustmentGroup": group, "userErrors": []}


def _next(faults: list[Fault | None]) -> Fault | None:
    return faults.pop(0) if faults else None


@contextmanager
def running(shop: Shop) -> Iterator[Shop]:
    """Serve `shop` until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                if self.path == "/admin/oauth/access_token":
                    answer = shop.token(body)
                else:
                    assert self.path == "/admin/api/2026-10/graphql.json"
                    answer = shop.graphql(body, self.headers["X-Shopify-Access-Token"])
            except Lost:
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    shop.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
