"""The Messages wire: what goes out, and what odd streams mean."""

from __future__ import annotations

import json

import pytest

from tests import decoding
from tests.fault_server import BLOCK, BLOCK_END, END, START, sse, text, whole
from xiantong_nb.connection import Connection
from xiantong_nb.errors import BadReply, Busy, IncompleteReply, UsageError, XiantongError
from xiantong_nb.messages_api import encode
from xiantong_nb.messages_stream import decode_whole
from xiantong_nb.presets import PRESETS
from xiantong_nb.reply import Fold, Reply
from xiantong_nb.request import Message, Opaque, Redacted, Request, Text, Thinking, ToolUse
from xiantong_nb.secret import Secret


def decoded(*chunks: bytes) -> tuple[Reply, XiantongError | None]:
    return decoding.decoded(decoding.MESSAGES, *chunks)


def test_the_sizes_of_deltas_leave_no_trace():
    words = "Some words, é 仙 🐼, in a row."
    assert decoded(whole(words))[0] == decoded(whole(*words))[0]


@pytest.mark.parametrize(
    "odd",
    [
        b'data: {"type":"content_block_delta","index":0,"delta":null}\n\n',
        b'data: {"type":"content_block_delta","index":"a","delta":{"type":"text_delta","text":"x"}}\n\n',
        b'data: {"type":"content_block_start","index":3,"content_block":null}\n\n',
        b'data: {"type":"content_block_start","index":3,"content_block":"text"}\n\n',
        b'data: {"type":"message_delta","delta":{"stop_details":"x"},"usage":"many"}\n\n',
        b'data: {"type":7}\n\n',
        b"data: [1, 2]\n\n",
        b"data: null\n\n",
        b'data: {"type":"ping","deep":' + b"[" * 400 + b"]" * 400 + b"}\n\n",
        b'data: {"type":"ping","usage":{"n":' + b"9" * 400 + b"}}\n\n",
        b'data: {"type":"message_start","message":{"usage":{"cost":true,"input_tokens":-4}}}\n\n',
        b'data: {"type":"ping","x":1e999}\n\n',
        b": comment\n\nevent: ping\n\nid: 3\n\n",
    ],
)
def test_odd_events_do_no_harm(odd):
    reply, error = decoded(sse(START, BLOCK, text("a")) + odd + sse(text("b"), BLOCK_END, *END))
    assert (reply.text, reply.complete, error) == ("ab", True, None)
    assert reply.usage.cost is None


def test_invalid_utf8_becomes_the_replacement_character():
    stream = whole("a@b").replace(b"a@b", b"a\xff\xfeb")
    reply, error = decoded(stream)
    assert (reply.text, reply.complete, error) == ("a\ufffd\ufffdb", True, None)


def test_half_a_character_alone_becomes_the_replacement_character():
    stream = whole("a@b", "c").replace(b"a@b", rb"a\ud83d")
    assert decoded(stream)[0].text in ("a\ufffdc", "ac")
    assert decoded(stream)[0].complete


@pytest.mark.parametrize("bad", [b"{", b"not json", b'{"a":NaN', b"[" * 100_000])
def test_what_is_not_json_is_reported_and_the_text_stays(bad):
    reply, error = decoded(sse(START, BLOCK, text("so far")) + b"data: " + bad + b"\n\n")
    assert isinstance(error, BadReply)
    assert len(error.message) < 200
    assert (reply.text, reply.complete) == ("so far", False)


def test_a_bare_error_event_without_details_still_ends_the_stream():
    for event in ({"type": "error"}, {"type": "error", "error": None}, {"error": "text"}):
        _, error = decoded(sse(START, BLOCK, text("a")) + b"data: " + json.dumps(event).encode() + b"\n\n" + sse(*END))
        assert isinstance(error, Busy)


def test_an_empty_answer_says_so():
    for body in (b"", b": nothing\n\n", b"<html>not a stream</html>\n\n", b'{"error": "as text/plain"}'):
        _, error = decoded(body)
        assert isinstance(error, IncompleteReply)
        assert "nothing of a reply" in error.message


def test_events_after_the_end_change_nothing():
    late = sse(text("late"), {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, *END)
    reply, error = decoded(whole("a") + late)
    assert (reply.text, reply.complete, error) == ("a", True, None)


MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "Hm", "signature": "S"},
        {"type": "text", "text": "Hello", "citations": [{"url": "https://a.example/"}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"x": [1, "é"]}},
        "nonsense",
    ],
    "usage": {"input_tokens": 3, "output_tokens": 4},
}  # fmt: skip


def test_a_reply_in_one_piece_is_decoded_like_a_stream():
    events, ended = decode_whole(json.dumps(MESSAGE).encode(), decoding.PLACE)
    fold = Fold()
    for event in (*events, ended):
        fold.add(event)
    reply = fold.reply()
    assert reply.blocks == (Thinking("Hm", "S"), Text("Hello"), ToolUse("t", "f", '{"x":[1,"é"]}'))
    assert (reply.complete, reply.stop_reason, reply.usage.output_tokens) == (True, "tool_use", 4)
    assert reply.citations == ({"url": "https://a.example/"},)
    assert reply.ignored_events == 1


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b'{"error":{"code":429,"message":"slow down"}}', Busy, "slow down"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', Busy, "Overloaded"),
        (b'{"object":"error","message":"bad","type":"x","code":500}', Busy, "bad"),
        (b"<!DOCTYPE html><html><head><title>Log in</title>", BadReply, "a web page (Log in)"),
        (b'{"choices":[]}', BadReply, "did not answer"),
        (b"", BadReply, "did not answer"),
        (b"[" * 100_000, BadReply, "did not answer"),
    ],
)
def test_what_is_no_reply_in_one_piece_is_an_error(body, kind, says):
    with pytest.raises(kind, match=says.replace("(", r"\(").replace(")", r"\)")):
        decode_whole(body, decoding.PLACE)


def connection(**more) -> Connection:
    row = PRESETS["anthropic"]
    return Connection(
        "anthropic", row, "https://host.example", "m", key=Secret("sk-test-CANARY-0123456789-wxyz"), **more
    )


def test_only_what_was_asked_for_is_sent():
    call = encode(Request("m", (Message("user", (Text("hi"),)),), 100), connection(auth_header="x-api-key"))
    assert json.loads(call.body) == {
        "model": "m", "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": "hi"}],
    }  # fmt: skip
    assert (call.method, call.url) == ("POST", "https://host.example/v1/messages")
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert call.headers["x-api-key"] == "sk-test-CANARY-0123456789-wxyz"
    assert "authorization" not in call.headers
    assert "sk-test" not in repr(call)
    assert "hi" not in repr(call)


def test_every_option_and_block_is_sent():
    answer = (Thinking("t", "s"), Redacted("d"), Text("a"), ToolUse("i", "f", '{"x":1}'), Opaque("k", '{"type":"k"}'))
    request = Request("m", (Message("user", (Text("q"),)), Message("assistant", answer)), 5, "sys", 0.5, ("END",))
    call = encode(request, connection())
    body = json.loads(call.body)
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "i", "name": "f", "input": {"x": 1}},
        {"type": "k"},
    ]
    assert (body["system"], body["temperature"], body["stop_sequences"]) == ("sys", 0.5, ["END"])
    assert call.headers["authorization"] == "Bearer sk-test-CANARY-0123456789-wxyz"
    assert "x-api-key" not in call.headers


def test_text_that_no_request_can_carry_is_refused():
    with pytest.raises(UsageError, match="half a character"):
        encode(Request("m", (Message("user", (Text("\ud800"),)),), 5), connection())
