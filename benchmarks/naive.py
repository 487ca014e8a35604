"""What the simplest mirror that is not wrong does: everything inside the request.

`python -m benchmarks.naive PORT` serves; DATABASE_URL names its database. A thread per
connection checks the signature, and in one transaction claims the event id, takes the object's
lock, compares `created`, and writes the row and its items.
"""

import hashlib
import hmac
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import psycopg

from app.local.ports import LOOPBACK
from app.settings import environ
from benchmarks.events import SECRET
from benchmarks.stage import Stage

_TABLES = """
CREATE TABLE naive_event (id text PRIMARY KEY);
CREATE TABLE naive_object (
    type text, id text, created bigint NOT NULL, customer text, status text,
    data jsonb NOT NULL, PRIMARY KEY (type, id)
);
CREATE INDEX ON naive_object (customer);
CREATE TABLE naive_item (
    id text PRIMARY KEY, parent text NOT NULL, created bigint NOT NULL, data jsonb NOT NULL
);
CREATE INDEX ON naive_item (parent);
"""
_CLAIM = "INSERT INTO naive_event VALUES (%s) ON CONFLICT DO NOTHING RETURNING id"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_STANDING = "SELECT created FROM naive_object WHERE type = %s AND id = %s"
_UPSERT = """
INSERT INTO naive_object (type, id, created, customer, status, data)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (type, id) DO UPDATE SET created = excluded.created, customer = excluded.customer,
    status = excluded.status, data = excluded.data
"""
_UPSERT_ITEMS = """
INSERT INTO naive_item SELECT item ->> 'id', %s, %s, item
FROM jsonb_array_elements(%s::jsonb) AS item
ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, created = excluded.created,
    data = excluded.data
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """Where the probe answers, and how to make it forget."""

    port: int
    database_url: str

    def empty(self) -> None:
        """Forget everything."""
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            conn.execute("TRUNCATE naive_event, naive_object, naive_item")


@contextmanager
def probe(stage: Stage) -> Iterator[Probe]:
    """Run the probe on a database of its own for as long as the block lasts."""
    command = {"naive": f'python -m {__name__} "$PORT"'}
    with stage.database() as database_url:
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute(_TABLES)
        with stage.serving(command, stage.environ(database_url)) as group:
            yield Probe(group.port, database_url)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    own = threading.local()

    def do_GET(self) -> None:
        """Answer, so that we are known to be up."""
        self._answer(200)

    def do_POST(self) -> None:
        """Mirror one event."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not _is_genuine(body, self.headers["Stripe-Signature"]):
            self._answer(400)
            return
        _mirror(self._connection(), orjson.loads(body))
        self._answer(200)

    def _connection(self) -> psycopg.Connection:
        if not hasattr(self.own, "conn"):
            self.own.conn = psycopg.connect(environ()["DATABASE_URL"])
        conn: psycopg.Connection = self.own.conn
        return conn

    def _answer(self, status: int) -> None:
        self.wfile.write(b"HTTP/1.1 %d -\r\nContent-Length: 2\r\n\r\nok" % status)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _is_genuine(body: bytes, header: str) -> bool:
    stamp, _, digest = header.removeprefix("t=").partition(",v1=")
    signed = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return hmac.compare_digest(signed.hexdigest(), digest)


def _mirror(conn: psycopg.Connection, event: Mapping[str, Any]) -> None:
    subject, created = event["data"]["object"], event["created"]
    key = [subject["object"], subject.get("id") or event["id"]]
    with conn.transaction():
        if not conn.execute(_CLAIM, [event["id"]]).fetchone():
            return
        conn.execute(_LOCK, ["/".join(key)])
        standing = conn.execute(_STANDING, key).fetchone()
        if standing and standing[0] > created:
            return
        facts = [subject.get("customer"), subject.get("status"), orjson.dumps(subject).decode()]
        conn.execute(_UPSERT, [*key, created, *facts])
        embedded = subject.get("items") or subject.get("lines")
        if embedded:
            items = orjson.dumps(embedded["data"]).decode()
            conn.execute(_UPSERT_ITEMS, [key[1], created, items])


if __name__ == "__main__":
    ThreadingHTTPServer((LOOPBACK, int(sys.argv[1])), _Handler).serve_forever()
