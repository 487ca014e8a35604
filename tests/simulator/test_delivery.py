"""Signing and posting, against a real HTTP server and Stripe's own verification."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stripe
from click.testing import CliRunner

from app.cli.simulate import command
from app.simulator.deliver import NO_ANSWER, Target, deliver
from app.simulator.post import body_of, poster
from app.simulator.sign import sign
from sync.errors import Unavailable
from tests.simulator.histories import told

SECRET = "whsec_simulated"
EVENTS = told(1, "thb").events[:30]


@dataclass
class Endpoint:
    """A webhook endpoint that keeps what it gets and answers `status`."""

    url: str = ""
    status: int = 200
    got: list[tuple[bytes, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    kept = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with kept.lock:
                kept.got.append((body, self.headers["Stripe-Signature"]))
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def test_signature_passes_stripes_own_verification() -> None:
    body = body_of(EVENTS[0])

    header = sign(body, SECRET, int(time.time()))

    assert stripe.WebhookSignature.verify_header(body.decode(), header, SECRET, tolerance=300)  # type: ignore[no-untyped-call, unused-ignore]


@pytest.mark.parametrize(
    ("body", "secret"),
    [(b"{}", SECRET), (body_of(EVENTS[0]), "whsec_other")],
    ids=["other-body", "other-secret"],
)
def test_signature_fails_for_anything_else(body: bytes, secret: str) -> None:
    header = sign(body_of(EVENTS[0]), SECRET, int(time.time()))

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)  # type: ignore[no-untyped-call, unused-ignore]


def test_body_is_indented_utf8_that_stripe_python_reads_back() -> None:
    body = body_of(EVENTS[3])

    assert body.startswith(b'{\n  "id": "evt_')
    assert "\\u" not in body.decode()
    read = stripe.Event.construct_from(json.loads(body), None)
    assert read.to_dict(for_json=True) == EVENTS[3]


def test_poster_posts_one_signed_event_and_returns_the_status(endpoint: Endpoint) -> None:
    endpoint.status = 503
    with poster(endpoint.url, SECRET) as post:
        status = post.post(EVENTS[0], 1_800_000_000)

    assert status == 503
    assert endpoint.got == [(body_of(EVENTS[0]), sign(body_of(EVENTS[0]), SECRET, 1_800_000_000))]


def test_poster_raises_unavailable_without_an_answer() -> None:
    with poster("http://127.0.0.1:9/", SECRET) as post, pytest.raises(Unavailable):
        post.post(EVENTS[0], 1_800_000_000)


def test_one_connection_delivers_in_order(endpoint: Endpoint) -> None:
    outcomes = list(deliver(EVENTS, Target(url=endpoint.url, secret=SECRET)))

    assert outcomes == ["200"] * len(EVENTS)
    assert [body for body, _ in endpoint.got] == [body_of(event) for event in EVENTS]


def test_several_connections_deliver_everything_once(endpoint: Endpoint) -> None:
    outcomes = list(deliver(EVENTS, Target(url=endpoint.url, secret=SECRET, concurrency=4)))

    assert outcomes == ["200"] * len(EVENTS)
    assert {body for body, _ in endpoint.got} == {body_of(event) for event in EVENTS}
    assert len(endpoint.got) == len(EVENTS)


def test_rate_spreads_events_over_time(endpoint: Endpoint) -> None:
    began = time.monotonic()
    target = Target(url=endpoint.url, secret=SECRET, rate_per_s=50, concurrency=2)

    list(deliver(EVENTS[:11], target))

    assert 0.2 <= time.monotonic() - began < 2


def test_a_dead_endpoint_is_reported_for_every_event() -> None:
    outcomes = list(deliver(EVENTS[:3], Target(url="http://127.0.0.1:9/", secret=SECRET)))

    assert outcomes == [NO_ANSWER] * 3


def test_command_writes_ndjson(tmp_path: Path) -> None:
    out = tmp_path / "events.ndjson"

    done = CliRunner().invoke(command, ["--life", "thb", "--count", "5", "--out", str(out)])

    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert len(lines) == 5
    assert {line["object"] for line in lines} == {"event"}


def test_command_posts_a_year_in_chaos(endpoint: Endpoint) -> None:
    options = ["--customers", "2", "--days", "60", "--order", "shuffled", "--duplicates", "0.2"]
    where = ["--url", endpoint.url, "--secret", SECRET, "--concurrency", "4"]

    done = CliRunner().invoke(command, options + where)

    assert done.exit_code == 0, done.output
    ids = [json.loads(body)["id"] for body, _ in endpoint.got]
    assert len(ids) > len(set(ids))
    assert f"{len(ids):,} events posted: {len(ids):,} x 200" in done.output


def test_command_ends_with_status_1_when_an_event_is_refused(endpoint: Endpoint) -> None:
    endpoint.status = 400
    where = ["--url", endpoint.url, "--secret", SECRET, "--count", "2"]

    done = CliRunner().invoke(command, where)

    assert done.exit_code == 1
    assert "2 x 400" in done.output


def test_command_says_when_nobody_answers() -> None:
    where = ["--url", "http://127.0.0.1:9/", "--secret", SECRET, "--count", "2"]

    done = CliRunner().invoke(command, where)

    assert isinstance(done.exception, Unavailable)
    assert "2 x no answer" in done.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(["--life", "nobody", "--out", "-"], "'action_required'", id="unknown-life"),
        pytest.param([], "either --url", id="nowhere"),
        pytest.param(["--url", "http://x", "--secret", "s", "--out", "-"], "either", id="both"),
        pytest.param(["--url", "http://x"], "--url needs --secret", id="no-secret"),
        pytest.param(["--url", "x", "--secret", "s"], "must begin with http", id="no-url"),
        pytest.param(["--start", "soon", "--out", "-"], "'soon'", id="no-date"),
        pytest.param(["--start", "2100-01-01", "--out", "-"], "between 2000", id="far-date"),
        pytest.param(["--customers", "0", "--out", "-"], "customers", id="nobody"),
        pytest.param(["--duplicates", "1.5", "--out", "-"], "duplicates", id="share"),
    ],
)
def test_command_refuses_wrong_input_with_status_2(options: list[str], says: str) -> None:
    done = CliRunner().invoke(command, options)

    assert done.exit_code == 2
    assert says in done.output
