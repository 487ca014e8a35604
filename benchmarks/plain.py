"""The least that a Flask receiver can do: read the body, say 200. What ours is held against."""

from flask import Flask, Response, request

app = Flask(__name__, static_folder=None)


@app.post("/webhooks/stripe")
def receive() -> Response:
    """Read the body and forget it."""
    request.get_data()
    return Response('{"status": "stored"}', 200, mimetype="application/json")


@app.get("/healthz")
def healthz() -> str:
    """Answer, so that we are known to be up."""
    return "ok"
