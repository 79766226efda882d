"""Ollama by its own routes: its version, what is pulled, and what its test says at each stage that fails."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from tests.conftest import NOWHERE
from tests.fault_server import failure, head
from tests.stand_ins import PULLED, Ollama
from tests.test_pictures import encoded
from xiantong_nb import nearby, ollama, probe
from xiantong_nb.connection import Connection, ways_to_connect
from xiantong_nb.errors import KeyRefused, NotFound, UnknownModel, UsageError
from xiantong_nb.models import Model
from xiantong_nb.options import Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.request import Image
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session

VERSIONS = ("0.14.0", "0.33.0")


@pytest.fixture
def serving():
    """Start stand-ins of given versions, for as long as a test takes."""
    with contextlib.ExitStack() as until_the_end:
        yield lambda version: until_the_end.enter_context(contextlib.closing(Ollama(version)))


@pytest.fixture
def session():
    made = Session(environment={}, folder=NOWHERE)
    yield made
    made.close()


def connection(base_url, preset="ollama", model="llama3.2", **more):
    return Connection("ollama", PRESETS[preset], base_url, model, name="Ollama", **more)


BOTH = pytest.mark.parametrize("preset", ["ollama", "custom"])
"""Ollama by its preset, and as an address of one's own that turns out to be one."""


@BOTH
@pytest.mark.parametrize("version", ["0.13.5", *VERSIONS])
def test_what_is_pulled_with_context_and_images(serving, session, version, preset):
    server = serving(version)
    assert session.lists.ask(connection(server.url, preset)).models == (
        Model("llama3.2:latest", context=131072, images=False, local=True),
        Model("gemma3:4b", context=32768, images=True, local=True),
        Model("gpt-oss:120b-cloud", images=False, local=False),
    )
    assert ("GET", "/api/tags") in server.seen
    assert all("/v1/" not in path for _, path in server.seen)


@BOTH
def test_nothing_pulled_is_an_empty_list(serving, session, preset):
    server = serving("0.33.0")
    server.pulled = {}
    assert session.lists.ask(connection(server.url, preset)).models == ()


@pytest.mark.parametrize("pulled", [["llama3.2:latest", "gemma3:4b"], []])
def test_the_other_route_lists_names_alone(serving, session, pulled):
    """Where a key is sent, or the version is not told, nothing but the wire's own list is asked."""
    server = serving("0.33.0")
    server.pulled = {name: {} for name in pulled}
    key = Secret("some-key-0123456789")
    keyed = connection(f"{server.url}/v1", "custom", key=key, wire="openai-completions")
    assert session.lists.ask(keyed).models == tuple(map(Model, pulled))
    assert server.seen == [("GET", "/v1/models?limit=1000")]


def test_a_name_that_a_terminal_would_obey_is_printable(session, faults):
    said = {"version": "0.33.0"}, {"models": [{"name": "evil\x1b]0;t\x07:1b\u202e"}]}, {}
    faults.play(*(failure(200, each) for each in said))
    assert [m.id for m in session.lists.ask(connection(faults.url)).models] == ["evil:1b⟨U+202E⟩"]


def test_another_server_at_its_address_is_asked_for_its_list(session, faults):
    faults.play(failure(404, b"404 page not found"), failure(200, {"data": [{"id": "tiny"}]}))
    assert [m.id for m in session.lists.ask(connection(faults.url)).models] == ["tiny"]


@pytest.mark.parametrize(
    ("version", "old"),
    [("0.13.5", True), ("0.14.0", False), ("0.14.0-rc1", False), ("0.33.0", False), ("1.0", False), ("0.0.0", False)],
)  # fmt: skip
def test_which_versions_are_too_old(version, old):
    assert ollama.is_too_old(version) is old


@BOTH
@pytest.mark.parametrize("version", VERSIONS)
def test_the_test_names_the_version(serving, session, version, preset):
    session.here["ollama"] = connection(serving(version).url, preset)
    outcome = probe.test(session, "ollama:llama3.2")
    assert outcome.passed
    assert outcome.stages[0].said == f"Ollama {version}"


def too_old(error):
    assert isinstance(error, NotFound)
    assert error.hint.startswith("Ollama 0.13.5 is too old: 0.14 or newer is needed. Update it: ollama.com/download")


@BOTH
def test_one_that_is_too_old_is_said_so(serving, session, preset):
    session.here["ollama"] = connection(serving("0.13.5").url, preset)
    outcome = probe.test(session, "ollama:llama3.2")
    assert (outcome.stages[0].said, outcome.failed_at) == ("Ollama 0.13.5", "model answered")
    too_old(outcome.error)
    with pytest.raises(NotFound) as caught, session.open("hi", "ollama:llama3.2") as stream:
        stream.result()
    too_old(caught.value)


def test_one_that_is_too_old_for_one_wire_answers_on_the_other(serving, session):
    server = serving("0.13.5")
    session.here["ollama"] = connection(f"{server.url}/v1", "custom", wire="openai-completions")
    assert probe.test(session, "ollama:llama3.2").passed
    session.here["ollama"] = connection(server.url, "custom")
    outcome = probe.test(session, "ollama:llama3.2")
    assert outcome.options == "--api openai-completions"
    too_old(outcome.error)
    assert outcome.error.hint.endswith("With --api openai-completions it works.")


@BOTH
def test_a_model_that_is_not_pulled_is_said_so(serving, session, preset):
    session.here["ollama"] = connection(serving("0.33.0").url, preset)
    pull = "Pull it: ollama pull qwen3. It has: llama3.2:latest, gemma3:4b, gpt-oss:120b-cloud."
    outcome = probe.test(session, "ollama:qwen3")
    assert isinstance(outcome.error, UnknownModel)
    assert outcome.error.hint == pull
    with pytest.raises(UnknownModel) as caught, session.open("hi", "ollama:qwen3") as stream:
        stream.result()
    assert caught.value.hint == pull
    assert session.lists.kept(session.here["ollama"]).find("gemma3:4b"), "what the second look listed is kept"


def test_one_that_does_not_run_is_said_so(session):
    session.here["ollama"] = connection("http://127.0.0.1:1")
    outcome = probe.test(session, "ollama:llama3.2")
    assert outcome.failed_at == "reached"
    assert "ollama list" in outcome.error.hint


@BOTH
def test_https_is_said_to_be_http(serving, session, preset):
    session.here["ollama"] = connection(serving("0.33.0").url.replace("http:", "https:"), preset)
    outcome = probe.test(session, "ollama:llama3.2")
    assert (outcome.error.kind, outcome.failed_at) == ("tls", "reached")
    assert "http://, not https://" in outcome.error.hint


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_best_left_out(session, faults, status):
    faults.play(failure(404, b""), failure(status, b""))
    key = {"key": Secret("some-key-0123456789"), "key_from": "credentials.enc", "saved": True}
    session.here["ollama"] = connection(faults.url, **key)
    error = probe.test(session, "ollama:llama3.2").error
    assert isinstance(error, KeyRefused)
    assert error.hint == "Ollama needs no key: leave it empty. %xiantong edit ollama --no-key"


def test_an_image_by_its_url_is_fetched_for_it(serving, session, faults):
    """It takes no URLs; what would be refused is not sent."""
    server, data = serving("0.33.0"), encoded()
    faults.play([head(kind="image/png", length=len(data)) + data])
    session.here["ollama"] = connection(server.url)
    options = Options(alone=True, images=(Image(url=f"{faults.url}/a.png"),))
    with session.open("what is it?", "ollama:gemma3:4b", options) as stream:
        assert stream.result().text == "1 images for gemma3:4b"
    refused = session.open("what is it?", "ollama:llama3.2", options)
    with refused, pytest.raises(UsageError, match="takes no images: what ollama lists"):
        refused.result()


@pytest.mark.parametrize(
    ("pulled", "line"),
    [
        (["gpt-oss:120b-cloud", "gemma3:4b", "llama3.2:latest"], "%xiantong connect ollama --model gemma3:4b"),
        (["gpt-oss:120b-cloud"], "%xiantong connect ollama"),
        ([], "%xiantong connect ollama"),
        (["x --base-url http://elsewhere.example"], "%xiantong connect ollama"),  # a line may be run as it is copied
    ],
)
def test_one_that_nobody_has_connected_is_found_when_somebody_asks(serving, session, monkeypatch, pulled, line):
    server = serving("0.33.0")
    server.pulled = {name: PULLED.get(name, PULLED["gemma3:4b"]) for name in pulled}
    monkeypatch.setitem(PRESETS, "ollama", replace(PRESETS["ollama"], base_url=server.url))
    assert f"and {line} connects it." in nearby.ways(session)


@pytest.mark.parametrize("answer", [failure(404, b"404 page not found"), failure(200, {"version": "a toaster"})])
def test_what_is_no_ollama_is_not_offered(faults, session, monkeypatch, answer):
    faults.play(answer)
    monkeypatch.setitem(PRESETS, "ollama", replace(PRESETS["ollama"], base_url=faults.url))
    assert nearby.ways(session) == ways_to_connect()
    assert len(faults.seen) == 1
    monkeypatch.setitem(PRESETS, "ollama", replace(PRESETS["ollama"], base_url="http://127.0.0.1:1"))
    assert nearby.ways(session) == ways_to_connect()
