"""Real engines for tests: one unpaced, started once."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from urllib.parse import urlsplit

import pytest

from xiantong_nb.engine import Engine


@pytest.fixture(scope="session", name="engine")
def toy_engine():
    """An engine that all tests may ask and none may stop."""
    with Engine.start() as running:
        yield running


@contextlib.contextmanager
def asked(engine, text, *, model="toy-1", headers=(), **more):
    """The open answer to a question at /v1/messages, as http.client has it."""
    host = urlsplit(engine.base_url)
    connection = http.client.HTTPConnection(host.hostname, host.port, timeout=30)
    body = {"model": model, "max_tokens": 6000, "messages": [{"role": "user", "content": text}]} | more
    connection.request("POST", "/v1/messages", json.dumps(body), {"content-type": "application/json", **dict(headers)})
    with contextlib.closing(connection), connection.getresponse() as answer:
        yield answer  # which holds the socket, too, until it is closed


def whole(engine, text, **more):
    """The status and the decoded body of an unstreamed answer."""
    with asked(engine, text, **more) as answer:
        return answer.status, json.loads(answer.read())


def events(engine, text, **more):
    """The events of a streamed answer, each with the time it came."""
    with asked(engine, text, stream=True, **more) as answer:
        return [(time.monotonic(), json.loads(line[6:])) for line in answer if line.startswith(b"data: ")]


def streamed(engine, text, **more):
    """The text, the thinking and the last usage of a streamed answer."""
    got = [event for _, event in events(engine, text, **more)]
    deltas = [event["delta"] for event in got if event["type"] == "content_block_delta"]
    said = "".join(delta.get("text", "") for delta in deltas)
    thought = "".join(delta.get("thinking", "") for delta in deltas)
    return said, thought, next(event for event in got if event["type"] == "message_delta")


def until(condition, seconds=30.0):
    """Whether a condition comes true in time; the limit is a guard, not a measure."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return met
