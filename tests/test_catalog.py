"""What endpoints list, in each of the forms they have."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines import toy_engine  # noqa: F401  # the fixture
from tests.fault_server import failure
from xiantong_nb.catalog import listed, read
from xiantong_nb.connection import Connection, demo, place
from xiantong_nb.errors import BadReply, KeyRefused, NotFound, Unreachable, XiantongError
from xiantong_nb.models import Model, matching, nearest
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.transport import Transport

KEY = Secret("sk-CANARY-0123456789-wxyz")
WHERE = place(Connection("gw", PRESETS["custom"], "https://gw.example", "m"), "", "https://gw.example/v1/models")

ANTHROPIC = {
    "type": "model", "id": "claude-x", "display_name": "Claude X", "created_at": "2026-01-01T00:00:00Z",
    "max_input_tokens": 1_000_000, "capabilities": {"image_input": {"supported": True}},
}  # fmt: skip
OPENROUTER = {
    "id": "openai/gpt-4o", "name": "OpenAI: GPT-4o", "context_length": 128000,
    "architecture": {"input_modalities": ["text", "image"]},
    "pricing": {"prompt": "0.0000025", "completion": "0.00001"},
}  # fmt: skip
VERCEL = {
    "id": "anthropic/claude-x", "type": "language", "context_window": 200000, "tags": ["tool-use"],
    "pricing": {"input": "0.000003", "output": "0.000015"},
}  # fmt: skip
LLAMACPP = {"id": "tiny", "object": "model", "meta": {"n_ctx_train": 32768, "n_ctx": 8192}}


def page(*items, **more):
    return json.dumps({"data": list(items), **more}).encode()


@pytest.mark.parametrize(
    ("item", "model"),
    [
        (ANTHROPIC, Model("claude-x", "Claude X", 1_000_000, images=True)),
        (OPENROUTER, Model("openai/gpt-4o", "OpenAI: GPT-4o", 128000, True, 2.5, 10)),
        (VERCEL, Model("anthropic/claude-x", "", 200000, False, 3, 15)),
        (LLAMACPP, Model("tiny", "", 8192)),
        ({"id": "llama3.2:latest", "object": "model", "owned_by": "library"}, Model("llama3.2:latest")),
        ({"id": "auto", "pricing": {"prompt": "-1", "completion": "x"}}, Model("auto")),
        ({"id": "x", "context_length": True, "pricing": [], "architecture": "?"}, Model("x")),
        ({"id": "a\x1b[2Jb\nc"}, Model("ab c")),
    ],
)
def test_an_item_of_each_form(item, model):
    assert read(page(item), WHERE) == ([model], "")


def test_what_answers_without_text_or_has_no_id_is_left_out():
    odd = [{"id": "e", "type": "embedding"}, {"id": "i", "type": "image"}, {}, {"id": ""}, {"id": 5}, "x", None]
    assert read(page(*odd), WHERE) == ([], "")
    assert read(b'{"object": "list", "data": null}', WHERE) == ([], "")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"data": {}}', b'{"data": "x"}', b"[" * 9999, b"\xff"]
)
def test_what_is_no_list_is_said_so(body):
    with pytest.raises(BadReply, match="no list of models"):
        read(body, WHERE)


NAMES = ["id", "data", "pricing", "prompt", "tags", "meta", "n_ctx", "architecture", "has_more", "last_id"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
    )
)
def test_no_list_breaks_the_reader(value):
    try:
        models, cursor = read(json.dumps({"data": value} if isinstance(value, list) else value).encode(), WHERE)
    except XiantongError:
        return
    assert isinstance(cursor, str)
    assert all(isinstance(m.id, str) for m in models)


def ask(url, key=KEY, patience=30.0):
    async def run():
        transport = Transport()
        try:
            return await listed(Connection("gw", PRESETS["custom"], url, "m", key=key), transport, patience)
        finally:
            await transport.aclose()

    return asyncio.run(run())


def test_the_engine_lists_its_toys(engine):
    found = asyncio.run(_engine_lists(engine))
    assert [model.id for model in found] == ["toy-1", "toy-2", "toy-3"]


async def _engine_lists(engine):
    transport = Transport()
    found = await listed(replace(demo(), base_url=engine.base_url), transport, 30.0)
    await transport.aclose()
    return found


def test_pages_are_followed_to_their_end(faults):
    faults.play(
        failure(200, {"data": [{"id": "a"}], "has_more": True, "last_id": "a"}),
        failure(200, {"data": [{"id": "b"}, {"id": "a"}], "has_more": False, "last_id": "a"}),
    )
    assert [m.id for m in ask(faults.url)] == ["a", "b"]
    assert [seen.head.split(" ")[:2] for seen in faults.seen] == [
        ["GET", "/v1/models?limit=1000"],
        ["GET", "/v1/models?limit=1000&after_id=a"],
    ]
    assert faults.seen[0].header("authorization") == f"Bearer {KEY.reveal()}"


def test_a_list_that_never_ends_does(faults):
    faults.play(failure(200, {"data": [{"id": "a"}], "has_more": True, "last_id": "a"}))
    assert [m.id for m in ask(faults.url)] == ["a"]
    assert len(faults.seen) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (failure(401, {"error": {"message": f"bad {KEY.reveal()}"}}), KeyRefused, "refused"),
        (failure(404, b"404 page not found"), NotFound, "has no list of models"),
        (failure(405, {}), NotFound, "has no list of models"),
        (failure(200, b"<html><title>Log in</title>"), BadReply, "no list of models"),
    ],
)
def test_failures_are_those_of_a_question(faults, answer, kind, says):
    faults.play(answer)
    with pytest.raises(kind, match=says) as caught:
        ask(faults.url)
    assert "CANARY" not in str(caught.value)
    assert caught.value.hint


def test_nothing_listens():
    with pytest.raises(Unreachable):
        ask("http://127.0.0.1:1")


def test_names_are_found_by_words_and_by_nearness():
    models = [Model("openai/gpt-4o", "GPT-4o"), Model("openai/gpt-4o-mini"), Model("anthropic/claude-x")]
    assert [m.id for m in matching(models, "GPT mini")] == ["openai/gpt-4o-mini"]
    assert matching(models, "") == models
    assert nearest(models, "gpt-4o")[0] == "openai/gpt-4o"
    assert nearest(models, "zzz") == []
