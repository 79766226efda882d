"""Ollama's own routes, by a stand-in with the shapes of its source: version, tags, show."""

from __future__ import annotations

import http.server
import json
import threading

import pytest

from tests.answering import Answering
from tests.conftest import NOWHERE
from tests.speech import Chat, Messages
from xiantong_nb import ollama, probe
from xiantong_nb.connection import Connection
from xiantong_nb.errors import NotFound, UnknownModel
from xiantong_nb.models import Model
from xiantong_nb.presets import PRESETS
from xiantong_nb.session import Session

DETAILS = {"format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "3.2B"}
SHOWN = {
    "llama3.2:latest": {"capabilities": ["completion", "tools"], "model_info": {"llama.context_length": 131072}},
    "gemma3:4b": {"capabilities": ["completion", "vision"], "model_info": {"gemma3.context_length": 32768}},
    "nomic-embed-text:latest": {"capabilities": ["embedding"], "model_info": {}},
    "gpt-oss:120b-cloud": {"capabilities": ["completion"], "model_info": {}},
}


class StandIn(Answering):
    """Ollama of a given version, as its documents and its source have it; it is not Ollama."""

    def do_GET(self):
        if self.path == "/api/version":
            self.send_json(200, {"version": self.server.version})
        elif self.path == "/api/tags":
            self.send_json(200, {"models": [{"name": n, "model": n, "size": 1, "details": DETAILS} for n in SHOWN]})
        else:
            self.send_body(404, b"404 page not found", "text/plain")

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = asked.get("model", "")
        known = name in SHOWN or f"{name}:latest" in SHOWN
        old = tuple(map(int, self.server.version.split(".")[:2])) < (0, 14)
        if self.path == "/v1/messages" and old:
            self.send_body(404, b"404 page not found", "text/plain")
        elif not known:
            error = {"type": "not_found_error", "message": f"model '{name}' not found"}
            self.send_json(404, {"type": "error", "error": error, "request_id": "req_1"})
        elif self.path == "/api/show":
            self.send_json(200, {"details": DETAILS, **SHOWN[name]})
        else:
            speech = Messages() if self.path == "/v1/messages" else Chat()
            parts = asked["messages"][-1]["content"]
            images = sum(part["type"].startswith("image") for part in parts) if isinstance(parts, list) else 0
            self.send_body(200, speech.whole(f"{images} images for ", name), "text/event-stream")


def stand_in(version, port=0):
    """Start one; raises `OSError` where the port is taken."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), StandIn)
    server.version, server.daemon_threads = version, True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def serving():
    """Start stand-ins of given versions; gives their base URLs."""
    servers = []

    def serve(version):
        server = stand_in(version)
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def session():
    made = Session(environment={}, folder=NOWHERE)
    yield made
    made.close()


def connection(base_url, preset="ollama", model="llama3.2"):
    return Connection("ollama", PRESETS[preset], base_url, model, name="Ollama")


def test_what_is_pulled_with_context_and_images(serving, session):
    found = session.models(connection(serving("0.33.0"))).models
    assert found == (
        Model("llama3.2:latest", context=131072, images=False, local=True),
        Model("gemma3:4b", context=32768, images=True, local=True),
        Model("gpt-oss:120b-cloud", images=False, local=False),
    )


def test_a_name_that_a_terminal_would_obey_is_printable(session, faults):
    from tests.fault_server import failure

    listed = {"models": [{"name": "evil\x1b]0;t\x07:1b\u202e"}]}
    faults.play(failure(200, listed), failure(200, {}))
    assert [m.id for m in session.models(connection(faults.url)).models] == ["evil:1b⟨U+202E⟩"]


def test_another_server_at_its_address_is_asked_for_its_list(session, faults):
    from tests.fault_server import failure

    faults.play(failure(404, b"404 page not found"), failure(200, {"data": [{"id": "tiny"}]}))
    assert [m.id for m in session.models(connection(faults.url)).models] == ["tiny"]


@pytest.mark.parametrize(
    ("version", "old"),
    [("0.13.5", True), ("0.14.0", False), ("0.14.0-rc1", False), ("0.33.0", False), ("1.0", False), ("0.0.0", False)],
)  # fmt: skip
def test_which_versions_are_too_old(version, old):
    assert ollama.is_too_old(version) is old


@pytest.mark.parametrize("version", ["0.14.0", "0.33.0"])
@pytest.mark.parametrize("preset", ["ollama", "custom"])
def test_the_test_names_the_version(serving, session, version, preset):
    session.here["ollama"] = connection(serving(version), preset)
    outcome = probe.test(session, "ollama:llama3.2")
    assert outcome.passed
    assert outcome.stages[0].said == f"Ollama {version}"


@pytest.mark.parametrize("preset", ["ollama", "custom"])
def test_one_that_is_too_old_is_said_so(serving, session, preset):
    session.here["ollama"] = connection(serving("0.13.5"), preset)
    outcome = probe.test(session, "ollama:llama3.2")
    assert isinstance(outcome.error, NotFound)
    assert outcome.error.hint == "Ollama 0.13.5 is too old: 0.14 or newer is needed. Update it: ollama.com/download"


@pytest.mark.parametrize("preset", ["ollama", "custom"])
def test_a_model_that_is_not_pulled_is_said_so(serving, session, preset):
    session.here["ollama"] = connection(serving("0.33.0"), preset)
    outcome = probe.test(session, "ollama:qwen3")
    assert isinstance(outcome.error, UnknownModel)
    assert outcome.error.hint.startswith("Pull it: ollama pull qwen3. It has: llama3.2:latest, gemma3:4b, ")


def test_one_that_does_not_run_is_said_so(session):
    session.here["ollama"] = connection("http://127.0.0.1:1")
    outcome = probe.test(session, "ollama:llama3.2")
    assert outcome.failed_at == "reached"
    assert "ollama list" in outcome.error.hint
