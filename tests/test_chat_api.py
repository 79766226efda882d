"""The chat completions wire: what goes out, in which spelling it goes out again, what odd streams mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import decoding
from xiantong_nb import bundle
from xiantong_nb.chat_api import again, encode
from xiantong_nb.chat_stream import decode_whole
from xiantong_nb.connection import Connection
from xiantong_nb.errors import BadReply, Busy, IncompleteReply, KeyRefused, Unreachable, UsageError
from xiantong_nb.events import TextDelta, ThinkingDelta
from xiantong_nb.presets import PRESETS
from xiantong_nb.reply import Fold
from xiantong_nb.request import HttpCall, Message, Redacted, Request, Text, Thinking, ToolUse
from xiantong_nb.secret import Secret
from xiantong_nb.thinking import Splitter
from xiantong_nb.wires import WIRES


def decoded(*chunks: bytes):
    return decoding.decoded(decoding.CHAT, *chunks)


def data(*chunks: object) -> bytes:
    return b"".join(b"data: " + (c if isinstance(c, bytes) else json.dumps(c).encode()) + b"\n\n" for c in chunks)


def chunk(delta: object = None, finish: str | None = None, **more: object) -> dict:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


A, STOP, DONE = chunk({"content": "a"}), chunk({}, "stop"), b"[DONE]"


def connection(base_url: str = "https://host.example/v1", **more) -> Connection:
    key = Secret("sk-test-CANARY-0123456789-wxyz")
    return Connection("custom", PRESETS["custom"], base_url, "m", key=key, wire="openai-completions", **more)


def request(**more) -> Request:
    return Request("m", (Message("user", (Text("hi"),)),), **more)


def test_only_what_was_asked_for_is_sent():
    call = encode(request(), connection())
    assert json.loads(call.body) == {
        "model": "m", "messages": [{"role": "user", "content": "hi"}],
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert (call.method, call.url) == ("POST", "https://host.example/v1/chat/completions")
    assert call.headers["authorization"] == "Bearer sk-test-CANARY-0123456789-wxyz"
    assert not {"x-api-key", "anthropic-version"} & set(call.headers)
    assert "x-api-key" in encode(request(), connection(auth_header="x-api-key")).headers
    assert "sk-test" not in repr(call)


def test_every_option_is_sent_and_of_an_answer_its_text():
    answer = (Thinking("t", "s"), Redacted("d"), Text("a"), Text("b"), ToolUse("i", "f", "{}"))
    turns = (Message("user", (Text("q"),)), Message("assistant", answer), Message("user", (Text("r"),)))
    body = json.loads(encode(Request("m", turns, 5, "sys", 0.5, ("END",)), connection()).body)
    assert body["messages"] == [
        {"role": "system", "content": "sys"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "ab"},
        {"role": "user", "content": "r"},
    ]
    assert (body["max_tokens"], body["temperature"], body["stop"]) == (5, 0.5, ["END"])


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://notopenai.com/v1", "max_tokens"),
        ("https://api.openai.com.evil.example/v1", "max_tokens"),
        ("http://localhost:11434/v1", "max_tokens"),
    ],
)
def test_the_limit_of_tokens_has_the_name_that_the_host_knows(base_url, name):
    body = json.loads(encode(request(max_tokens=7), connection(base_url)).body)
    assert {n: v for n, v in body.items() if n.startswith("max")} == {name: 7}


def test_what_no_request_can_carry_is_refused():
    with pytest.raises(UsageError, match="half a character"):
        encode(Request("m", (Message("user", (Text("\ud800"),)),)), connection())
    with pytest.raises(UsageError, match="4 stop texts"):
        encode(request(stop=tuple("abcde")), connection())


def respelt(words: str, **body: object) -> dict | None:
    call = again(HttpCall("POST", "u", {"h": "v"}, json.dumps(body).encode()), words)
    assert call is None or call.headers == {"h": "v"}
    return call and json.loads(call.body)


def test_a_refused_spelling_has_another():
    openai = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    assert respelt(openai, max_tokens=5, x=1) == {"x": 1, "max_completion_tokens": 5}
    assert respelt("Unknown: max_completion_tokens", max_completion_tokens=5) == {"max_tokens": 5}
    assert respelt("extra: stream_options", stream_options={}, max_tokens=5) == {"max_tokens": 5}
    assert respelt("temperature must be 1", max_tokens=5, stream_options={}) is None
    assert respelt(openai, x=1) is None


@pytest.mark.parametrize(
    "words",
    [
        "Unrecognized request argument supplied: max_tokens", "max_tokens: Extra inputs are not permitted",
        '[{"type":"extra_forbidden","loc":["body","max_tokens"]}]', "Please use max_completion_tokens, not max_tokens",
        'Unknown name "max_tokens": Cannot find field.', "property 'max_tokens' is unsupported",
        '"max_tokens" is not allowed', "There is no such parameter: max_tokens",
        "Additional properties are not allowed ('max_tokens' was unexpected)",
        "m does not support parameters: ['max_tokens']", "'max_tokens' isn't recognised",
    ],
)  # fmt: skip
def test_a_limit_by_an_unknown_name_gets_the_other(words):
    assert respelt(words, max_tokens=5) == {"max_completion_tokens": 5}


@pytest.mark.parametrize(
    "words",
    [
        "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",  # DeepSeek's
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",  # OpenAI's
        "'max_tokens' or 'max_completion_tokens' is too large: 100000. This model's maximum context length is 8192",
        "max_tokens must be less than or equal to `8192`", "max_tokens is not allowed to exceed 8192",
        "Unsupported value: 'max_tokens'", "max_tokens: Input should be greater than 0",
    ],
)  # fmt: skip
def test_a_limit_out_of_range_keeps_its_name(words):
    assert respelt(words, max_tokens=100_000) is None
    assert respelt(words.replace("max_tokens", "max_completion_tokens"), max_completion_tokens=100_000) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": []},
        {"choices": [{"index": 1, "delta": {"content": "another answer"}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": None}, "finish_reason": ""}], "error": None, "usage": None},
        {"choices": [{"index": 0, "delta": {"content": 7, "tool_calls": "x", "annotations": [1]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [None, {"function": None, "index": 1}]}}]},
        {"choices": "none"},
        {"choices": [{"delta": []}]},
        [1, 2],
        None,
        {"usage": "much"},
        {"usage": {"prompt_tokens": -1, "completion_tokens": True, "prompt_tokens_details": 3, "cost": "1"}},
        {"deep": [[[[[]]]]] * 50},
    ],
)
def test_odd_chunks_do_no_harm(odd):
    reply, error = decoded(data(A, odd, chunk({"content": "b"}), STOP, DONE))
    assert (reply.text, reply.complete, error) == ("ab", True, None)
    assert reply.usage.cost is None


def test_the_end_is_told_by_a_reason_not_by_done():
    assert decoded(data(A, STOP))[0].complete
    assert decoded(data(A, STOP, DONE))[0].complete
    assert not decoded(data(A, DONE))[0].complete
    assert not decoded(data(A))[0].complete
    reply, error = decoded(data(A, STOP, DONE, chunk({"content": "late"})))
    assert (reply.text, error) == ("a", None)


def test_a_connection_lost_behind_the_answer_costs_nothing_but_figures():
    decoder = WIRES[decoding.CHAT].decoder(decoding.PLACE)

    for sent in (A, STOP):
        decoder.feed(json.dumps(sent).encode())
    assert decoder.told_all
    assert decoder.end(Unreachable("cut", kind="cut")).complete
    assert not decoder.end(BadReply("too large")).complete


@pytest.mark.parametrize(
    ("told", "kind", "status"),
    [
        ({"error": {"message": "Overloaded", "code": 529}}, Busy, 529),
        ({"error": {"message": "bad key", "type": "authentication_error"}}, KeyRefused, 401),
        ({"object": "error", "message": "boom", "code": 500}, Busy, 500),
        ({"error": "text"}, Busy, 500),
        (chunk({"content": ""}, "error", error={"code": 502, "message": "gone"}), Busy, 502),
        (chunk({"content": ""}, "error"), Busy, 500),
    ],
)
def test_an_error_inside_the_stream_ends_it(told, kind, status):
    reply, error = decoded(data(A, told, STOP, DONE))
    assert isinstance(error, kind)
    assert error.status == status
    assert (reply.text, reply.complete) == ("a", False)


@pytest.mark.parametrize("bad", [b"{", b"not json", b'{"a":NaN', b"[" * 100_000])
def test_what_is_not_json_is_reported_and_the_text_stays(bad):
    reply, error = decoded(data(A, bad))
    assert isinstance(error, BadReply)
    assert (reply.text, reply.complete) == ("a", False)


def test_an_empty_answer_says_so():
    for body in (b"", b": nothing\n\n", data(DONE)):
        _, error = decoded(body)
        assert isinstance(error, IncompleteReply)
        assert "nothing of a reply" in error.message


def test_half_a_character_alone_becomes_the_replacement_character():
    reply, _ = decoded(data(rb'{"choices":[{"delta":{"content":"a\udc3cb"}}]}', STOP))
    assert reply.text == "a\ufffdb"


def test_half_characters_are_made_whole_wherever_they_stand():
    half, told = "a\ud83d", {"type": "x\ud83d", "title": "t\ud83d"}
    call = {"id": half, "function": {"name": half, "arguments": half}}
    delta = {"content": "a", "tool_calls": [call], "annotations": [told]}
    sent = {"id": half, "model": half, "choices": [{"index": 0, "delta": delta, "finish_reason": half}]}
    reply, _ = decoded(data(json.dumps(sent).encode()))
    assert reply.model == reply.message_id == reply.stop_reason == "a\ufffd"
    assert (reply.tool_calls[0].id, reply.tool_calls[0].name, reply.tool_calls[0].arguments) == ("a\ufffd",) * 3
    assert repr(reply.citations).isprintable()


def test_a_source_is_told_as_on_the_other_wire():
    told = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0}}
    reply, _ = decoded(data(chunk({"content": "x", "annotations": [told, {"type": ["x"]}]}), STOP))
    assert (reply.citations[0]["url"], reply.citations[0]["title"]) == ("https://a.example", "A")
    assert "[A](https://a.example)" in bundle.markdown(reply)


MESSAGE = {
    "id": "c", "object": "chat.completion", "model": "m",
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": "Hello", "reasoning_content": "Hm",
        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
    }}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}  # fmt: skip


def test_a_reply_in_one_piece_is_decoded_like_a_stream():
    events, ended = decode_whole(json.dumps(MESSAGE).encode(), decoding.PLACE)
    fold = Fold()
    for event in (*events, ended):
        fold.add(event)
    reply = fold.reply()
    assert reply.blocks == (Thinking("Hm"), Text("Hello"), ToolUse("t", "f", '{"x":1}'))
    assert (reply.complete, reply.stop_reason, reply.usage.output_tokens) == (True, "tool_use", 4)


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b'{"error":{"code":429,"message":"slow down"}}', Busy, "slow down"),
        (b'{"object":"error","message":"bad","type":"x","code":500}', Busy, "bad"),
        (b"<!DOCTYPE html><html><head><title>Log in</title>", BadReply, "a web page .Log in."),
        (b'{"content":[]}', BadReply, "did not answer"),
        (b'{"choices":[]}', BadReply, "did not answer"),
        (b"", BadReply, "did not answer"),
        (b"[" * 100_000, BadReply, "did not answer"),
    ],
)
def test_what_is_no_reply_in_one_piece_is_an_error(body, kind, says):
    with pytest.raises(kind, match=says):
        decode_whole(body, decoding.PLACE)


def split(*pieces: str) -> tuple[str, str]:
    """The reasoning and the text of a text in pieces."""
    splitter, found = Splitter(), {ThinkingDelta: "", TextDelta: ""}
    for piece in pieces:
        for kind, said in splitter.feed(piece):
            assert said
            found[kind] += said
    for kind, said in splitter.end():
        found[kind] += said
    return found[ThinkingDelta], found[TextDelta]


@pytest.mark.parametrize(
    ("text", "thinking", "rest"),
    [
        ("<think>a</think>b", "a", "b"),
        (" \n<think>\n a \n</think>\n\n b ", "a", "b "),
        ("<think></think>b", "", "b"),
        ("<think>a", "a", ""),
        ("<think>a </think", "a </think", ""),
        ("<think>a</think> ", "a", ""),
        ("b <think>c</think>", "", "b <think>c</think>"),
        ("<thinking>b", "", "<thinking>b"),
        ("<thin", "", "<thin"),
        ("  b", "", "  b"),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ("<think>a < b </ c</think>d", "a < b </ c", "d"),
        ("", "", ""),
    ],
)
def test_reasoning_between_marks_is_told_apart(text, thinking, rest):
    assert split(text) == (thinking, rest)
    assert split(*text) == (thinking, rest)


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<", "/", "think", ">", " ", "\n", "a", "é"]), max_size=12),
    st.data(),
)
def test_any_pieces_are_told_apart_the_same(parts, data):
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(*[p for p in pieces if p]) == split(*[text] if text else [])
