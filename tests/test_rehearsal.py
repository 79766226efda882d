"""Rehearsals: what would be sent, readable, without the key, counted or estimated; no model is asked."""

from __future__ import annotations

import html
import re

import pytest

from tests.conftest import NOWHERE
from tests.corpus import HOSTILE, active
from tests.engines import toy_engine  # noqa: F401  # a fixture
from tests.fault_server import failure, good
from tests.speech import SPEECHES
from xiantong_nb import api
from xiantong_nb.base_url import spoken
from xiantong_nb.connection import Connection
from xiantong_nb.errors import UsageError
from xiantong_nb.options import Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.rehearsal import Rehearsal, rehearse
from xiantong_nb.request import Document, Image, Text
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.shape import shape

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
KEY = Secret("CANARY-0123456789-wxyz")


@pytest.fixture
def session(tmp_path):
    made = Session(environment={}, folder=tmp_path)
    yield made
    made.close()


def connect(session, url, preset="custom", speech=SPEECHES[0], **also):
    base_url = spoken(url, "anthropic-messages", speech.wire)
    described = {"key": KEY, "key_from": "a test", "wire": speech.wire} | also
    model = "m" if preset == "custom" else "a/m"
    session.here["gw"] = Connection("gw", PRESETS[preset], base_url, model, **described)


def test_only_a_count_is_asked_for(session, faults):
    connect(session, faults.url)
    faults.play(failure(200, {"input_tokens": 1234}))
    options = Options(system="Be brief.", max_tokens=5, temperature=0.5, stop=("x",), effort="low")
    found = rehearse(session, "How many?", "gw", options)
    (seen,) = faults.seen
    assert seen.head.startswith("POST /v1/messages/count_tokens ")
    assert seen.header("anthropic-version") == "2023-06-01"
    assert seen.header("authorization") == f"Bearer {KEY.reveal()}"
    assert seen.json == {
        "model": "m",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "How many?"}],
        "output_config": {"effort": "low"},
    }
    assert (found.tokens, found.counted, found.how) == (1234, True, "counted by gw")
    assert (found.method, found.url) == ("POST", f"{faults.url}/v1/messages")
    assert found.headers["authorization"] == "Bearer …wxyz"
    assert found.body["max_tokens"] == 5
    assert found.body["stream"] is True
    assert found.messages == (("system", "Be brief."), ("user", "How many?"))
    assert session.last is None
    assert session.chats["default"].turns == []


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda s: s.wire)
def test_it_is_what_is_then_sent(session, faults, speech):
    connect(session, faults.url, preset="openrouter", speech=speech, all_images=True)
    options = Options(
        alone=True,
        images=(Image("image/png", "AAAA"),),
        files=(Document("a.pdf", "application/pdf", "AAAA"), Text("file")),
        schema=shape({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}),
        effort="high",
    )
    found = rehearse(session, "hi", "gw:a/m", options)
    assert faults.seen == [], "OpenRouter is not known to count"
    faults.play(speech.good('{"a": 1}'))
    with session.open("hi", "gw:a/m", options) as stream:
        stream.result()
    assert faults.seen[0].json == found.body
    shown = [("user", "[document a.pdf: application/pdf, 3 bytes]\n\n[image: image/png, 3 bytes]\n\nfile\n\nhi")]
    assert list(found.messages) == shown


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (failure(404, b"404 page not found"), "has nothing at this path"),
        (failure(200, {"tokens": 5}), "The count was not in the answer"),
        (failure(200, {"input_tokens": "many"}), "The count was not in the answer"),
        (failure(200, b"<html>"), "The count was not in the answer"),
        (failure(200, [5]), "The count was not in the answer"),
        (failure(401, {"error": {"message": "no"}}), "refused the key"),
    ],
)
def test_where_it_can_not_be_counted_it_is_estimated_and_said(session, faults, answer, says):
    connect(session, faults.url)
    faults.play(answer)
    found = rehearse(session, "x" * 400, "gw")
    assert (found.tokens, found.counted) == (100, False)
    assert found.how.startswith("estimated, since they could not be counted: ")
    assert says in found.how
    assert "about 100 tokens (estimated" in repr(found)


def test_an_estimate_counts_images_and_documents(session, faults):
    connect(session, faults.url, preset="vercel", all_images=True)
    files = (Document("a.pdf", "application/pdf", "A" * 1000),)
    found = rehearse(session, "x" * 40, "gw:a/m", Options(images=(Image("image/png", "AAAA"),), files=files))
    assert (found.tokens, found.how) == (10 + 1600 + 100, "estimated: gw does not count")
    assert faults.seen == []


def test_a_real_engine_counts(session, engine):
    session.here["toys"] = Connection("toys", PRESETS["custom"], engine.base_url, "toy-1")
    before = engine.log().count("POST /v1/messages toy-1")
    found = rehearse(session, "hello", "toys")
    assert found.counted
    assert engine.log().count("POST /v1/messages toy-1") == before, "no model was asked"
    with session.open("hello", "toys", Options(alone=True)) as stream:
        assert stream.result().usage.sent_tokens == found.tokens


def test_it_shows_itself_without_the_key_and_without_live_text(session, faults):
    connect(session, faults.url)
    faults.play(failure(200, {"input_tokens": 5}))
    prompt = "```\n<img src=x> ![a](http://b) \x1b[31m\n```` {name}"
    found = rehearse(session, prompt, "gw", Options(schema=shape(list[int])))
    data, _ = found._repr_mimebundle_()
    for text in (repr(found), data["text/plain"], data["text/markdown"]):
        assert "CANARY" not in text
        assert "\x1b" not in text
        assert f"{faults.url}/v1/messages" in html.unescape(text)
    assert "`````text\n```\n<img src=x>" in data["text/markdown"]
    assert "Not sent: gw:m" in data["text/plain"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_message_leaves_its_fence(text):
    """Whatever stands in a question, or in a chat before it; also behind a fence's end that a control had hidden."""
    said = (text, f"``\x00`\n\n{text}", f"`\x1b``\n\n{text}", f"$$\n{text}", "$$")
    made = Rehearsal(
        "gw:m", "POST", NOWHERE, {}, {}, 1, counted=False, how="", messages=tuple(("user", s) for s in said)
    )
    markdown = made._repr_mimebundle_()[0]["text/markdown"]
    assert active(markdown.rpartition("\n\n<sub>")[0]) == []
    assert _CONTROL.search(markdown) is None


def test_what_would_be_refused_is_refused(session, faults):
    connect(session, faults.url)
    for prompt, says in (("", "empty"), (f"my key is {KEY.reveal()}", "holds the key of gw")):
        with pytest.raises(UsageError, match=says):
            rehearse(session, prompt, "gw")
    assert faults.seen == []


def test_a_stored_reply_does_not_stand_in_the_way(session, faults):
    connect(session, faults.url)
    faults.play(good("stored"), failure(200, {"input_tokens": 5}))
    options = Options(reuse=True, alone=True)
    with session.open("hi", "gw", options) as stream:
        stream.result()
    found = rehearse(session, "hi", "gw", options)
    assert found.tokens == 5
    assert not any("reused" in note for note in found.notes)


def test_from_python(faults, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", faults.url)
    monkeypatch.setenv("ANTHROPIC_MODEL", "m")
    faults.play(failure(200, {"input_tokens": 7}))
    found = api.dry_run("hi", effort="low", schema={"type": "object"})
    assert found.tokens == 7
    assert found.body["output_config"]["effort"] == "low"
    assert NOWHERE.exists() is False
