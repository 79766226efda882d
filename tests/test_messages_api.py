"""The Messages wire: what goes out, and what the streams of six kinds of endpoint mean."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fault_server import BLOCK, BLOCK_END, END, START, sse, text, whole
from xiantong_nb.connection import Connection
from xiantong_nb.errors import BadReply, Busy, IncompleteReply, ProviderError, UsageError, XiantongError
from xiantong_nb.events import Finished
from xiantong_nb.failures import Place
from xiantong_nb.messages_api import encode
from xiantong_nb.messages_stream import Decoder, decode_whole
from xiantong_nb.presets import PRESETS
from xiantong_nb.reply import Fold, Reply
from xiantong_nb.request import Message, Opaque, Redacted, Request, Text, Thinking, ToolUse
from xiantong_nb.secret import Secret
from xiantong_nb.sse import Parser

PLACE = Place("anthropic", "claude-sonnet-5-5", "https://api.anthropic.com/v1/messages")
SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.sse"))
WHOLE = [s for s in SAMPLES if json.loads(s.with_suffix(".json").read_text("utf-8"))["complete"]]


def decoded(*chunks: bytes) -> tuple[Reply, XiantongError | None]:
    """What an endpoint's bytes add up to, and what ended them early."""
    parser, decoder, fold = Parser(), Decoder(PLACE), Fold()
    try:
        for chunk in chunks:
            for sent in parser.feed(chunk):
                for event in decoder.feed(sent):
                    fold.add(event)
        fold.add(decoder.end())
    except XiantongError as error:
        fold.add(Finished(complete=False, error=error))
    return fold.reply(), fold.error


def described(reply: Reply, error: XiantongError | None, wanted: dict) -> dict:
    """The same facts of a reply as a sample's description gives."""
    told = {
        "model": reply.model,
        "text": reply.text,
        "thinking": reply.thinking,
        "complete": reply.complete,
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "stop_detail": reply.stop_detail,
        "ignored": reply.ignored_events,
        "tools": [[t.id, t.name, t.arguments] for t in reply.tool_calls],
        "signatures": [b.signature for b in reply.blocks if isinstance(b, Thinking)],
        "kinds": [type(b).__name__ for b in reply.blocks],
        "citations": [c["url"] for c in reply.citations],
        "usage": {name: value for name, value in asdict(reply.usage).items() if value is not None},
        "error": error and [type(error).__name__],
    }
    if isinstance(error, ProviderError):
        told["error"] += [error.status, error.kind, error.request_id]
    return {name: told[name] for name in wanted}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.stem)
def test_a_sample_means_what_its_description_says(sample):
    wanted = json.loads(sample.with_suffix(".json").read_text("utf-8"))
    assert described(*decoded(sample.read_bytes()), wanted) == wanted


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.stem)
def test_one_byte_at_a_time_means_the_same(sample):
    data = sample.read_bytes()
    assert decoded(*(bytes([b]) for b in data))[0] == decoded(data)[0]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_chunks_mean_the_same(data):
    """H3: cuts inside characters, line ends and events leave no trace."""
    stream = data.draw(st.sampled_from([s.read_bytes() for s in SAMPLES]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=40)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decoded(*chunks)[0] == decoded(stream)[0]


@pytest.mark.parametrize("sample", WHOLE, ids=lambda s: s.stem)
def test_a_stream_cut_after_any_byte_is_never_complete(sample):
    """H2 at the decoder: only a whole `message_stop` event makes a reply complete."""
    stream = sample.read_bytes()
    full = decoded(stream)[0].text
    parser, decoder, fold, complete_from = Parser(), Decoder(PLACE), Fold(), None
    for at, byte in enumerate(stream):
        for sent in parser.feed(bytes([byte])):
            for event in decoder.feed(sent):
                fold.add(event)
        ended = decoder.end()
        assert ended.complete is decoder.finished
        assert (ended.error is None) is ended.complete
        if complete_from is None and ended.complete:
            complete_from = at + 1
        assert full.startswith(fold.reply().text) or "out-of-order" in sample.stem
    assert complete_from is not None
    assert stream[:complete_from].endswith((b'"message_stop"}\n\n', b'"message_stop"}\r\n\r'))
    assert fold.reply().text == full


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
    events, ended = decode_whole(json.dumps(MESSAGE).encode(), PLACE)
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
        decode_whole(body, PLACE)


def connection(**more) -> Connection:
    row = PRESETS["anthropic"]
    return Connection("anthropic", row, "https://host.example", "m", key=Secret("sk-test-0123456789abcdef"), **more)


def test_only_what_was_asked_for_is_sent():
    call = encode(Request("m", (Message("user", (Text("hi"),)),), 100), connection(auth_header="x-api-key"))
    assert json.loads(call.body) == {
        "model": "m", "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": "hi"}],
    }  # fmt: skip
    assert (call.method, call.url) == ("POST", "https://host.example/v1/messages")
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert call.headers["x-api-key"] == "sk-test-0123456789abcdef"
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
    assert call.headers["authorization"] == "Bearer sk-test-0123456789abcdef"
    assert "x-api-key" not in call.headers


def test_text_that_no_request_can_carry_is_refused():
    with pytest.raises(UsageError, match="half a character"):
        encode(Request("m", (Message("user", (Text("\ud800"),)),), 5), connection())
