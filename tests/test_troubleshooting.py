"""
Every failure, from the bytes an endpoint sends to the block a person reads, on both wires.

Each is made on the path of every question, against a server that plays the bytes; nothing in between is replaced.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading

import pytest

from tests.conftest import NOWHERE
from tests.fault_server import CLOSE, failure, head
from tests.speech import SPEECHES, Messages
from xiantong_nb.base_url import spoken
from xiantong_nb.connection import Connection
from xiantong_nb.errors import (
    BadReply,
    Busy,
    IncompleteReply,
    KeyRefused,
    NotFound,
    OutOfCredit,
    RequestRefused,
    UnknownModel,
    Unreachable,
    XiantongError,
)
from xiantong_nb.options import Options
from xiantong_nb.patience import Limits
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.transport import Transport

KEY = "sk-CANARY-0123456789-wxyz"
SOON = {"retry_after_ms": "10"}  # so that the test does not wait


@pytest.fixture(params=SPEECHES, ids=lambda s: s.wire)
def speech(request):
    """Each wire in turn."""
    return request.param


@pytest.fixture
def ask(faults, speech, monkeypatch):
    """Ask the fault server; gives the error and what came."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    limits = Limits(0.5, 1.0, 1.0, 1.0)
    session = Session(environment={}, folder=NOWHERE, transport=lambda: Transport(limits))

    def ask(*answers, url="", preset="custom", keyed=True, model="some/model", prompt="hello", slow=1, **options):
        nonlocal limits
        limits = Limits(0.5, slow, slow, 1.0)
        faults.play(*(answers or [speech.good("hi")]))
        key = {"key": Secret(KEY), "key_from": "credentials.enc", "saved": True} if keyed else {}
        base_url = spoken(url or faults.url, "anthropic-messages", speech.wire)
        session.here["gw"] = Connection("gw", PRESETS[preset], base_url, model, wire=speech.wire, name="gw", **key)
        session.here["work"] = Connection("work", PRESETS["custom"], "https://work.example", "m")
        stream = session.open(prompt, "gw", Options(alone=True, **options))
        with stream, pytest.raises(XiantongError) as caught:
            stream.result()
        error = caught.value
        assert "CANARY" not in f"{error!r} {error} {vars(error)}"
        assert all(line.isprintable() for line in str(error).split("\n"))
        assert re.search(r"\.$|%xiantong \S.*$", error.hint), error.hint
        assert error.where.startswith("gw:some/model at ")
        if not isinstance(error, IncompleteReply):
            assert stream.lane.url in error.where
        return error

    yield ask
    session.close()


def told(message, kind="invalid_request_error", **more):
    return {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "req_7"}


def test_nothing_listens(ask):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = ask(url=f"http://127.0.0.1:{port}")
    assert (type(error), error.kind) == (Unreachable, "refused")
    assert error.message == "gw can't be reached: nothing listens there."
    assert "Is the server running" in error.hint
    error = ask(url=f"http://127.0.0.1:{port}", preset="ollama")
    assert "ollama list" in error.hint
    assert "http://, not https://" in error.hint


def test_no_such_host(ask):
    error = ask(url="https://no-such-host.invalid")
    assert (error.kind, error.message) == ("dns", "gw can't be reached: its host name is not known here.")
    assert "spelling" in error.hint


@pytest.fixture
def plain():
    """A server that answers whatever is said to it as HTTP servers do what they don't understand."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_https_where_http_is_spoken(ask, faults, plain):
    for preset in ("custom", "ollama"):
        error = ask(url=f"https://127.0.0.1:{plain}", preset=preset)
        assert error.kind == "tls"
        assert "TLS failed" in error.message
        assert "http://, not https://" in error.hint
    assert "ollama list" in error.hint
    error = ask([5.0], url=faults.url.replace("http:", "https:"))  # or it waits for the rest of a request
    assert error.kind == "timeout"
    assert "http://, not https://" in error.hint


def test_a_proxy_that_is_not_there(ask, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    error = ask(url="https://gateway.example")
    assert (error.kind, error.message) == ("proxy", "The proxy can't be reached: nothing listens there.")
    assert "HTTPS_PROXY" in error.hint


def test_a_connection_that_is_not_taken_in_time(ask):
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = [socket.socket() for _ in range(4)]  # the queue is full: what comes now is not answered
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    try:
        error = ask(url=f"http://127.0.0.1:{full.getsockname()[1]}", slow=30)
    finally:
        for one in (*waiting, full):
            one.close()
    assert (error.kind, error.message) == ("timeout", "gw did not take the connection in time.")
    assert "ask another connection: work" in error.hint


def test_an_endpoint_that_says_nothing(ask):
    error = ask([5.0])
    assert (error.kind, error.message) == ("silent", "gw did not begin to answer within 1 s.")
    assert "work" in error.hint


def test_a_refused_key_and_how_to_enter_it_again(ask, faults):
    error = ask(failure(401, told("invalid key", "authentication_error")))
    assert type(error) is KeyRefused
    sent = "the key from credentials.enc, sent as Authorization: Bearer"
    assert error.message == f"gw refused {sent} (401): invalid key"
    assert error.hint == "Enter the key again: %xiantong edit gw"
    assert "(request req_7)" in error.where
    error = ask(failure(403, told("no access", "permission_error")))
    assert error.message == f"gw does not allow this with {sent} (403): no access"
    assert len(faults.seen) == 2


def test_a_keyless_request_where_a_key_is_wanted(ask):
    error = ask(failure(401, {"detail": "Unauthorized"}), keyed=False)
    assert error.message == "gw refused a request without a key (401): Unauthorized"
    assert "--ask-key" in error.hint


def test_ollama_wants_no_key(ask):
    for status in (401, 403):
        assert "leave it empty" in ask(failure(status, b""), preset="ollama").hint


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, {"error": {"message": "Insufficient credits", "code": 402, "metadata": {"limit_source": "x"}}}),
        (402, {"error": {"message": "no funds", "type": "insufficient_funds"}}),
        (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
        (429, told("cap", "rate_limit_error", details={"error_code": "enforced_spend_limit_reached"})),
        (400, told("Your credit balance is too low to access the API.")),
    ],
)
def test_money_is_never_waited_for(ask, faults, status, body):
    error = ask(failure(status, body, **SOON))
    assert type(error) is OutOfCredit
    assert error.message.startswith(f"gw has no credit left, or a spend limit is reached ({status}): ")
    assert "Trying again does not help" in error.hint
    assert "work" in error.hint
    assert len(faults.seen) == 1


LIST = {"data": [{"id": f"vendor/model-{n}"} for n in range(20)] + [{"id": "some/model-1"}, {"id": "some/mode"}]}


def test_an_unknown_model_and_the_nearest_names(ask, faults):
    error = ask(failure(404, told("model: some/model", "not_found_error")), failure(200, LIST))
    assert type(error) is UnknownModel
    assert error.message == "gw has no model 'some/model' (404): model: some/model"
    assert re.match(r"Nearest: some/\S+, some/\S+, \S+\. %xiantong models gw lists all 22\.$", error.hint)
    assert faults.seen[1].head.startswith("GET /v1/models?")


def test_an_unknown_model_where_there_are_few(ask):
    few = {"data": [{"id": "llama3.2:latest"}, {"id": "qwen3"}]}
    unknown = failure(404, {"error": {"message": "model 'some/model' not found"}})
    error = ask(unknown, failure(200, few), preset="ollama")
    assert error.hint == "Pull it: ollama pull some/model. It has: llama3.2:latest, qwen3."
    assert ask(unknown, failure(200, {"data": None})).hint == "It has: none yet."
    error = ask(unknown, failure(200, few), preset="openrouter")
    assert error.hint == "Names there: provider/model-name. It has: llama3.2:latest, qwen3."


def test_an_unknown_model_where_there_is_no_list(ask):
    error = ask(
        failure(404, {"error": {"message": "x", "code": "model_not_found"}}), failure(404, b"404 page not found")
    )
    assert error.hint == "Write the model as this endpoint does."


def test_a_path_that_is_not_there(ask, faults, speech):
    error = ask(failure(404, b"404 page not found"))
    assert type(error) is NotFound
    assert error.message == "gw has nothing at this path (404): 404 page not found"
    path = "/v1/messages" if isinstance(speech, Messages) else "/chat/completions"
    base = faults.url if isinstance(speech, Messages) else f"{faults.url}/v1"
    assert error.hint == f"The endpoint must offer {path} under its base URL, {base}. Check that."


def test_a_refused_request_says_what_the_endpoint_says(ask):
    error = ask(failure(422, {"detail": [{"loc": ["body", "x"], "msg": "field required"}]}))
    assert type(error) is RequestRefused
    assert "field required" in error.message
    assert error.hint == "Change what it names, or ask another model."


def test_an_option_that_a_model_refuses_is_named(ask):
    error = ask(failure(400, told("`temperature` is deprecated for this model.")), temperature=0.5)
    assert error.hint == "Leave out --temperature, or give it another value: this model does not take it so."
    error = ask(failure(400, told("`temperature` is deprecated for this model.")))
    assert "--temperature" not in error.hint


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (413, b"<html><head><title>413 Request Entity Too Large</title>", "1 kB were sent"),
        (400, told("prompt is too long: 210000 tokens > 200000 maximum"), "210000 tokens > 200000"),
        (400, {"error": {"message": "This model's maximum context length is 8192 tokens.", "code": None}}, "8192"),
        (
            400,
            {"error": {"type": "exceed_context_size_error", "message": "x", "n_prompt_tokens": 9000, "n_ctx": 4096}},
            "9,000 tokens, of 4,096 at most",
        ),
    ],
)  # fmt: skip
def test_too_long(ask, status, body, says):
    error = ask(failure(status, body))
    assert error.message.startswith("gw finds the request too long: ")
    assert says in error.message
    assert "--new" in error.hint


def test_the_size_sent_is_said(ask):
    assert "40 kB were sent" in ask(failure(413, {}), prompt="x" * 40_000).message


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (429, "limits requests for now"),
        (529, "is overloaded for now"),
        (503, "is not available for now"),
        (504, "took too long"),
        (500, "failed"),
        (502, "failed"),
    ],
)
def test_a_busy_endpoint_is_waited_for_and_then_others_are_named(ask, faults, status, says):
    error = ask(failure(status, told("Please slow down", "x"), **SOON))
    assert type(error) is Busy
    assert error.message == f"gw {says} ({status}): Please slow down"
    assert error.hint == "Run the cell again in a while, or ask another connection: work."
    assert len(faults.seen) == 3


def test_the_limit_is_named(ask):
    limits = {
        "anthropic_ratelimit_requests_limit": "50",
        "anthropic_ratelimit_requests_remaining": "0",
        "anthropic_ratelimit_requests_reset": "2026-11-23T12:00:00Z",
    }
    error = ask(failure(429, told("x"), **SOON, **limits))
    assert error.hint.startswith("Used up: 50 requests, until 2026-11-23T12:00:00Z. ")


def test_the_endpoints_own_word_on_trying_again_counts(ask, faults):
    assert type(ask(failure(503, {}, x_should_retry="false", **SOON))) is Busy
    assert len(faults.seen) == 1


def test_a_long_wait_is_not_taken_but_told(ask, faults):
    error = ask(failure(429, told("x"), retry_after="600"))
    assert "Run the cell again after 600 s, as it asks" in error.hint
    assert len(faults.seen) == 1


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (lambda s: s.error("overloaded_error"), "gw is overloaded for now (529): overloaded here"),
        (lambda s: s.error("server_error"), "gw failed (500): server here"),
        (lambda _: b"", "The stream ended before the reply did."),
        (lambda _: b"data: {not json\n\n", "not JSON: {not json"),
    ],
)
def test_what_came_before_a_break_stays(ask, end, says, speech, faults):
    error = ask([head() + speech.begun("some ", "words") + end(speech), CLOSE])
    assert says in str(error)
    assert type(error) is IncompleteReply
    assert error.reply.text == "some words"
    assert not error.reply.complete
    assert len(faults.seen) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (failure(200, b"<!doctype html><title>Log in</title>"), "a web page (Log in)"),
        ([head() + b"<html><title>Portal</title>", CLOSE], "a web page (Portal)"),
        (failure(200, {"status": "ok"}), '{"status": "ok"}'),
    ],
)
def test_what_is_no_stream_is_said_so(ask, answer, says):
    error = ask(answer)
    assert type(error) is BadReply
    assert error.message.startswith("gw did not answer with a model's reply (200)")
    assert says in error.message
    assert "must offer" in error.hint


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_not_followed(ask, faults, status):
    error = ask([head(status, length=0, location="https://other.example/v1/messages?key=1")])
    assert type(error) is BadReply
    assert "redirects, which is not followed" in error.message
    assert error.message.endswith("https://other.example")
    assert len(faults.seen) == 1


def test_the_request_goes_where_the_message_says(ask, faults, speech):
    error = ask(failure(400, told("no")))
    assert f"POST {speech.path} " in faults.seen[0].head
    assert f"{faults.url}{speech.path}" in error.where
    assert json.loads(faults.seen[0].body)["model"] == "some/model"
