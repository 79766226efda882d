"""Both wires of one real server: the same question, the same reply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import NOWHERE
from tests.engines import toy_engine  # noqa: F401  # a fixture
from xiantong_nb.base_url import spoken
from xiantong_nb.connection import Connection, Target
from xiantong_nb.lane import Lane
from xiantong_nb.presets import PRESETS
from xiantong_nb.request import Message, Request, Text
from xiantong_nb.session import Session
from xiantong_nb.streaming import Stream
from xiantong_nb.wires import WIRES


@pytest.fixture
def transport():
    made = Session(environment={}, folder=NOWHERE)
    yield made._transport_here
    made.close()


def asked(engine, transport, wire, **request):
    base_url = spoken(engine.base_url, "anthropic-messages", wire)
    connection = Connection("tiny", PRESETS["custom"], base_url, "toy-1", wire=wire)
    model = request.pop("model", "toy-1")
    with Stream(Lane(Target(connection, model), Request(model, **request), transport=transport)) as stream:
        assert stream.lane.url.endswith(("/v1/messages", "/v1/chat/completions"))
        return stream.result()


def user(text):
    return Message("user", (Text(text),))


TURNS = (user("hello"), Message("assistant", (Text("Hello to you."),)), user("and again"))


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": (user("hello"),)},
        {"messages": (user("hello"),), "model": "toy-3"},
        {"messages": (user("a long answer please"),), "max_tokens": 50},
        {"messages": TURNS, "system": "You are a toy.", "temperature": 0.0, "model": "toy-2"},
    ],
    ids=["text", "thinking", "cut", "chat"],
)
def test_both_wires_of_one_server_give_equal_replies(engine, transport, request_):
    replies = [asked(engine, transport, wire, **dict(request_)) for wire in WIRES]
    for reply in replies:
        assert reply.complete
        assert reply.text
        assert reply.usage.output_tokens
    # ids and times are each reply's own; what the cache held of the prompt depends on who asked first
    one, other = (
        replace(
            reply,
            message_id="",
            request_id=None,
            seconds=0,
            first_token_seconds=None,
            usage=replace(reply.usage, input_tokens=reply.usage.sent_tokens, cache_read_tokens=None),
        )
        for reply in replies
    )
    assert one == other
