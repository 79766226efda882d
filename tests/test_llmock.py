"""Against llmock: another's idea of Anthropic's server and its faults, with another's verdict on this client."""

from __future__ import annotations

import pytest

from tests.conftest import NOWHERE
from xiantong_nb.connection import Connection
from xiantong_nb.errors import BadReply, Busy, IncompleteReply, KeyRefused, Unreachable
from xiantong_nb.options import Options
from xiantong_nb.patience import Limits
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.transport import Transport
from xiantong_nb.wires import WIRES


@pytest.fixture(params=WIRES)
def session(llmock, request):
    """One connection named gw, by each wire in turn."""
    made = Session(folder=NOWHERE, environment={}, transport=lambda: Transport(Limits(idle=0.5)))
    base_url = llmock.base_url("anthropic") if request.param == "anthropic-messages" else llmock.base_url("openai")
    key = {"key": Secret("sk-test-CANARY-0123456789-wxyz"), "key_from": "credentials.enc"}
    made.here["gw"] = Connection("gw", PRESETS["custom"], base_url, "m", wire=request.param, **key)
    yield made
    made.close()


def ask(session, prompt="hello"):
    with session.open(prompt, "gw:claude-sonnet-5-5", Options(alone=True)) as stream:
        return stream.result()


def test_a_good_answer(llmock, session):
    llmock.reply("Café 🐼 仙堂, in several chunks of a stream.")
    reply = ask(session)
    assert reply.text == "Café 🐼 仙堂, in several chunks of a stream."
    assert (reply.complete, reply.stop_reason, reply.ignored_events) == (True, "end_turn", 0)
    assert reply.usage.output_tokens > 0
    llmock.assert_resilient(strict=True)


def test_a_tool_call(llmock, session):
    llmock.call_tool("get_weather", {"city": "Paris"})
    (call,) = ask(session).tool_calls
    assert (call.name, call.arguments.replace(" ", "")) == ("get_weather", '{"city":"Paris"}')


def test_a_rate_limit_is_waited_for_as_told(llmock, session):
    llmock.rate_limit(times=1, retry_after=1.0)
    assert ask(session).complete
    assert len(llmock.requests) == 2
    llmock.assert_resilient(strict=True)


def test_an_overload_is_tried_again(llmock, session):
    llmock.fail(529, times=2)
    assert ask(session).complete
    assert len(llmock.requests) == 3


def test_a_lasting_outage_is_given_up(llmock, session):
    llmock.outage(status=503)
    with pytest.raises(Busy):
        ask(session)
    assert len(llmock.requests) == 3


def test_a_refused_key_is_not_tried_again(llmock, session):
    llmock.fail(401, times=None)
    with pytest.raises(KeyRefused):
        ask(session)
    assert len(llmock.requests) == 1
    llmock.assert_resilient()


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("disconnect", Unreachable), ("truncate", IncompleteReply), ("corrupt", BadReply), ("stall", Unreachable)],
)
def test_a_stream_that_fails_after_some_words_keeps_them_and_is_not_sent_again(llmock, session, fault, cause):
    llmock.reply("one two three four five six seven eight nine ten eleven twelve thirteen fourteen")
    getattr(llmock, fault)(after_chunks=8, times=None)
    stream = session.open("hello", "gw:m", Options(alone=True))
    with stream, pytest.raises(IncompleteReply) as caught:
        stream.result()
    assert caught.value.reply.text.startswith("one")
    assert not caught.value.reply.complete
    assert isinstance(stream.lane.error, cause)
    assert len(llmock.requests) == 1
