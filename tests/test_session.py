"""A question from its target to its kept reply, against a server that plays scripted bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import traceback

import pytest

from tests.conftest import NOWHERE
from tests.fault_server import BLOCK, CLOSE, END, ENDLESS, START, failure, good, head, sse, text, whole
from tests.speech import Chat
from xiantong_nb.chats import Origin
from xiantong_nb.connection import Connection
from xiantong_nb.errors import (
    Busy,
    IncompleteReply,
    KeyRefused,
    NotConnected,
    UsageError,
    XiantongError,
)
from xiantong_nb.events import Finished, Started, TextDelta, Waiting
from xiantong_nb.options import Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.request import Thinking
from xiantong_nb.session import Session

KEY = "sk-CANARY-0123456789-wxyz"
CUT = [head() + sse(START, BLOCK, text("some words")), CLOSE]
BUSY = failure(529, {}, retry_after_ms="10")


@pytest.fixture
def make():
    """Makes sessions of any environment."""
    made: list[Session] = []

    def one(environment, **parts) -> Session:
        made.append(Session(folder=NOWHERE, environment=environment, **parts))
        return made[-1]

    yield one
    for session in made:
        session.close()


@pytest.fixture
def session(faults, make):
    return make({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": faults.url, "ANTHROPIC_MODEL": "m"})


def ask(session: Session, prompt: str = "hi", target: str = "", *, cell: str = "", run: int = 0, **options):
    with session.open(prompt, target, Options(**options), Origin(cell, run)) as stream:
        return stream.result()


def roles(request) -> list[tuple[str, object]]:
    return [(m["role"], m["content"]) for m in request.json["messages"]]


def test_a_question_and_its_reply(faults, session):
    faults.play(good("Hel", "lo"))
    reply = ask(session, "How?", system="Be brief", max_tokens=7, temperature=0.5, stop=("END",))
    assert (reply.text, reply.complete, reply.model, reply.connection) == ("Hello", True, "m", "anthropic")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.cost) == (9, 3, None)
    assert 0 < reply.first_token_seconds <= reply.seconds < 30
    assert reply.parameters == {"system": "Be brief", "max_tokens": 7, "temperature": 0.5, "stop": ["END"]}
    assert session.last is reply
    (seen,) = faults.seen
    assert seen.json == {
        "model": "m", "max_tokens": 7, "stream": True, "system": "Be brief", "temperature": 0.5,
        "stop_sequences": ["END"], "messages": [{"role": "user", "content": "How?"}],
    }  # fmt: skip
    assert seen.header("x-api-key") == KEY
    assert seen.header("authorization") is None


def test_a_key_that_comes_back_in_pieces_is_masked_once_it_has_ended(faults, session):
    thought = {"type": "content_block_start", "index": 1, "content_block": {"type": "thinking", "thinking": ""}}
    pieces = [{"type": "thinking_delta", "thinking": piece} for piece in (KEY[:9], KEY[9:])]
    tool = {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "i", "name": "f"}}
    inputs = [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"key": "' + KEY[:9], KEY[9:] + '"}')]
    deltas = [(1, each) for each in pieces] + [(2, each) for each in inputs]
    events = ({"type": "content_block_delta", "index": index, "delta": each} for index, each in deltas)
    body = sse(START, BLOCK, text(KEY[:9]), text(KEY[9:]), thought, tool, *events, *END)
    faults.play([head() + body, CLOSE])
    reply = ask(session)
    assert (reply.text, reply.thinking, reply.tool_calls[0].arguments) == ("…wxyz", "…wxyz", '{"key": "…wxyz"}')
    assert "CANARY" not in repr(session.last.blocks)


def test_an_endless_question_can_be_left(faults, session):
    faults.play(ENDLESS)
    with session.open("hi") as stream:
        for event in stream:
            if isinstance(event, TextDelta):
                break
    assert faults.seen[0].gone.wait(10)
    assert (stream.reply.text, stream.reply.complete, stream.reply.ended) == (
        "some words",
        False,
        "not read to its end",
    )
    assert session.last is stream.reply
    with pytest.raises(IncompleteReply) as caught:
        stream.result()
    assert caught.value.reply is stream.reply


def test_an_exception_in_the_block_stops_the_model(faults, session):
    faults.play(ENDLESS)
    with pytest.raises(ZeroDivisionError), session.open("hi") as stream:
        next(iter(stream))
        raise ZeroDivisionError
    assert faults.seen[0].gone.wait(10)


def test_an_interrupt_keeps_what_was_read(faults, session):
    faults.play(ENDLESS)
    with session.open("hi") as stream:
        for event in stream:
            if isinstance(event, TextDelta):
                reply = stream.partial("interrupted")
                break
    assert (reply.text, reply.ended, reply.complete) == ("some words", "interrupted", False)
    assert session.last is reply is stream.reply
    assert faults.seen[0].gone.wait(10)
    assert session.chats["default"].turns == []


def test_what_came_but_was_not_read_is_kept_too(faults, session):
    """A reader that rests, or was interrupted before it read, loses nothing."""
    faults.play(ENDLESS)
    with session.open("hi") as stream:
        while not (stream._lanes._feed._queue.qsize() >= 4):
            time.sleep(0.01)
        assert stream.partial("interrupted").text == "some words"
    faults.play(good("a whole", " answer"))
    with session.open("hi") as stream:
        stream.lane._future.result(10)
        reply = stream.partial("interrupted")
    assert (reply.text, reply.complete) == ("a whole answer", True), "the first end is the end"


def test_a_fault_of_this_package_ends_the_question_and_says_so(make):
    def broken():
        raise ImportError("no module named httpx")

    session = make({"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}, transport=broken)
    with pytest.raises(XiantongError, match="no module named httpx") as caught:
        ask(session)
    assert "reinstalling" in caught.value.hint


def test_stopping_from_another_thread_ends_the_reader(faults, session):
    faults.play(ENDLESS)
    with session.open("hi") as stream:
        threading.Timer(0.1, stream.stop).start()
        with pytest.raises(IncompleteReply, match="stopped"):
            stream.result()
    assert session.last.text == "some words"
    assert faults.seen[0].gone.wait(10)


def test_stopping_at_once_and_twice_and_after_the_end(faults, session):
    faults.play(good("x"))
    with session.open("hi") as stream:
        stream.stop()
        stream.stop()
        with pytest.raises(IncompleteReply):
            stream.result()
    with session.open("hi") as stream:
        reply = stream.result()
        stream.stop()
        assert stream.partial("late") is reply
        assert stream.result() is reply
    assert reply.complete


def test_stopping_while_it_waits_for_another_attempt(faults, session):
    faults.play(failure(429, {}, retry_after="50"))
    with session.open("hi") as stream:
        for event in stream:
            if isinstance(event, Waiting):
                assert event.seconds == 50
                stream.partial("interrupted")
                break
    assert len(faults.seen) == 1


def test_a_complete_answer_that_nobody_asked_the_result_of_is_kept(faults, session):
    faults.play(good("x"))
    with session.open("hi") as stream:
        events = list(stream)
    assert isinstance(events[-1], Finished)
    assert [type(e) for e in events].count(Started) == 1
    assert session.last.complete
    assert len(session.chats["default"].turns) == 1


def test_a_stream_goes_out_once_and_only_in_its_block(faults, session):
    faults.play(good("x"))
    stream = session.open("hi")
    for wrong in (stream.result, lambda: next(iter(stream))):
        with pytest.raises(UsageError, match="has not gone out"):
            wrong()
    assert faults.seen == []
    with stream:
        stream.result()
    with pytest.raises(UsageError, match="gone out already"), stream:
        pass
    assert len(faults.seen) == 1


def test_an_answer_that_breaks_off_raises_with_what_came(faults, session):
    faults.play(CUT)
    with pytest.raises(IncompleteReply) as caught:
        ask(session)
    assert caught.value.reply.text == "some words"
    assert caught.value.reply.complete is False
    assert caught.value.hint
    assert session.last is caught.value.reply
    assert session.chats["default"].turns == []


def test_a_failure_with_nothing_said_raises_the_endpoints_error_and_keeps_no_reply(faults, session):
    faults.play(good("before"), failure(401, {"error": {"message": f"bad {KEY}"}}))
    before = ask(session)
    with pytest.raises(KeyRefused) as caught:
        ask(session)
    assert session.last is before
    error = caught.value
    assert "ANTHROPIC_API_KEY" in error.message
    everything = "".join(traceback.format_exception(error))
    assert "CANARY" not in everything
    assert "exchange.py" not in everything
    assert "transport.py" not in everything
    assert error.__context__ is None


def test_a_retry_is_seen_and_then_the_answer(faults, session):
    faults.play(BUSY, good("now"))
    with session.open("hi") as stream:
        events = list(stream)
        reply = stream.result()
    assert [e.reason for e in events if isinstance(e, Waiting)] == ["anthropic is overloaded for now (529)."]
    assert (reply.text, reply.complete) == ("now", True)


def test_a_busy_endpoint_gives_up_after_three(faults, session):
    faults.play(BUSY)
    with pytest.raises(Busy):
        ask(session)
    assert len(faults.seen) == 3


# chats


def test_a_spelling_that_was_taken_is_the_first_one_next_time(faults, make):
    refused = {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}
    session = make({})
    for slug, model in (("gw", "m"), ("gw2", "m")):
        session.here[slug] = Connection(slug, PRESETS["custom"], f"{faults.url}/v1", model, wire="openai-completions")
    faults.play(failure(400, refused), Chat().good("yes"))
    for _ in range(3):
        assert ask(session, target="gw", max_tokens=5).text == "yes"
    assert ask(session, target="gw").text == "yes"
    spelt = [[name for name in seen.json if "tokens" in name] for seen in faults.seen]
    assert spelt == [["max_tokens"], *[["max_completion_tokens"]] * 3, []]
    faults.play(failure(400, refused), Chat().good("yes"))
    ask(session, target="gw:other", max_tokens=5)
    ask(session, target="gw2", max_tokens=5)
    asked = [next(name for name in seen.json if "tokens" in name) for seen in faults.seen[5:]]
    assert asked == ["max_tokens", "max_completion_tokens", "max_tokens"], "another model, another endpoint may differ"


def test_a_spelling_that_is_refused_later_is_changed_back(faults, make):
    session = make({})
    session.here["gw"] = Connection("gw", PRESETS["custom"], f"{faults.url}/v1", "m", wire="openai-completions")
    new, old = ({"error": {"message": f"Unknown: {name}"}} for name in ("max_tokens", "max_completion_tokens"))
    yes = Chat().good("yes")
    faults.play(failure(400, new), yes, failure(400, old), yes, yes)
    for _ in range(3):
        assert ask(session, target="gw", max_tokens=5).text == "yes"
    asked = [next(name for name in seen.json if "tokens" in name) for seen in faults.seen]
    assert asked == ["max_tokens", *["max_completion_tokens"] * 2, *["max_tokens"] * 2]


def test_a_chat_goes_on(faults, session):
    faults.play(good("One"), good("Two"))
    ask(session, "first")
    reply = ask(session, "second")
    assert roles(faults.seen[1]) == [("user", "first"), ("assistant", "One"), ("user", "second")]
    assert reply.notes == ("chat default, 1 turn, about 2 tokens",)


def test_other_chats_new_chats_and_none(faults, session):
    faults.play(good("x"))
    ask(session, "first")
    ask(session, "other", chat="b")
    ask(session, "alone", alone=True)
    ask(session, "more")
    ask(session, "afresh", new=True)
    assert [len(roles(s)) for s in faults.seen] == [1, 1, 1, 3, 1]
    assert {name: len(c.turns) for name, c in session.chats.items()} == {"default": 1, "b": 1}


def test_running_a_cell_again_replaces_its_turn(faults, session):
    faults.play(good("x"))
    for cell, run, prompt in (("a", 1, "one"), ("b", 2, "two"), ("c", 3, "three")):
        ask(session, prompt, cell=cell, run=run)
    reply = ask(session, "two, better", cell="b", run=4)
    assert "re-run: dropped 2 turns" in reply.notes
    assert [content for role, content in roles(faults.seen[3]) if role == "user"] == ["one", "two, better"]
    ask(session, "and", cell="d", run=5)
    ask(session, "again", cell="d", run=5)
    assert len(roles(faults.seen[5])) == 7


def test_a_failed_or_broken_turn_is_not_sent_again(faults, session):
    faults.play(CUT, failure(400, {}), good("x"))
    for _ in range(2):
        with pytest.raises(XiantongError):
            ask(session, "lost")
    ask(session, "kept")
    assert roles(faults.seen[2]) == [("user", "kept")]


def test_reasoning_goes_back_signed_and_to_its_own_model_alone(faults, session):
    thought = sse(
        START,
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "SIG"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "So"}},
        {"type": "message_stop"},
    )
    faults.play([head() + thought, CLOSE])
    assert Thinking("Hm", "SIG") in ask(session, "think").blocks
    ask(session, "on")
    ask(session, "on", "anthropic:other")
    signed = {"type": "thinking", "thinking": "Hm", "signature": "SIG"}
    assert faults.seen[1].json["messages"][1]["content"] == [signed, {"type": "text", "text": "So"}]
    assert faults.seen[2].json["messages"][1]["content"] == "So"
    assert faults.seen[2].json["messages"][3]["content"] == "So"


# targets


def test_the_target_in_use(faults, session):
    faults.play(good("x"))
    assert str(session.default()) == "anthropic:m"
    assert str(session.use("anthropic:n")) == "anthropic:n"
    ask(session)
    ask(session, target="o")
    assert [s.json["model"] for s in faults.seen] == ["n", "o"]
    assert str(session.default()) == "anthropic:n"


def test_a_key_is_read_at_each_question(faults, make):
    environment = {"ANTHROPIC_API_KEY": "sk-first-0123456789", "ANTHROPIC_BASE_URL": faults.url}
    session = make(environment)
    faults.play(good("x"))
    session.use("anthropic:m")
    ask(session)
    environment["ANTHROPIC_API_KEY"] = "sk-second-0123456789"
    ask(session)
    assert [s.header("x-api-key") for s in faults.seen] == ["sk-first-0123456789", "sk-second-0123456789"]
    del environment["ANTHROPIC_API_KEY"], environment["ANTHROPIC_BASE_URL"]
    with pytest.raises(NotConnected, match="ANTHROPIC_API_KEY"):
        ask(session)
    with pytest.raises(UsageError):
        session.default()


def test_a_server_on_this_machine_is_asked_without_a_key(faults, make):
    faults.play(good("x"))
    ask(make({"ANTHROPIC_BASE_URL": faults.url}), target="anthropic:llama3.2:8b")
    (seen,) = faults.seen
    assert seen.json["model"] == "llama3.2:8b"
    assert seen.header("x-api-key") is None
    assert seen.header("authorization") is None


def test_the_engine_is_found_when_it_is_asked_and_not_before(faults, make):
    started = []

    def url() -> str:
        started.append(1)
        return faults.url

    session = make({}, engine_url=url)
    assert session.default() is None
    session.use("demo")
    assert started == []
    faults.play(good("x"))
    reply = ask(session)
    assert (reply.connection, reply.cost, reply.cost_source) == ("demo", 0.0, "a toy, free")
    assert len(started) == 1


@pytest.mark.parametrize(
    "options", [{"max_tokens": 0}, {"max_tokens": -1}, {"temperature": 3.0}, {"temperature": -0.1}, {"chat": ""}]
)
def test_impossible_options_are_refused_before_anything_is_sent(options):
    with pytest.raises(UsageError):
        Options(**options)


@pytest.mark.parametrize("prompt", ["", "  \n\t "])
def test_an_empty_question_is_refused(session, prompt):
    with pytest.raises(UsageError, match="empty"):
        session.open(prompt)


def test_a_question_that_can_not_be_written_is_refused(faults, session):
    with pytest.raises(UsageError, match="half a character"):
        ask(session, "\ud800")
    assert faults.accepted == 0


def test_nothing_connected():
    with pytest.raises(NotConnected, match="demo"):
        Session(folder=NOWHERE, environment={}).open("hi")


# threads and processes


def test_many_threads_at_once(faults, session):
    faults.play(good("x"))
    replies: list = []
    threads = [
        threading.Thread(target=lambda n=n: replies.append(ask(session, f"q{n}", chat=f"c{n}"))) for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [r.complete for r in replies] == [True] * 16
    assert len(faults.seen) == 16
    assert {len(roles(s)) for s in faults.seen} == {1}


def test_one_connection_serves_one_question_after_the_other(faults, session):
    body = whole("x")
    faults.play([head(length=len(body)) + body])
    for _ in range(3):
        ask(session)
    assert (len(faults.seen), faults.accepted) == (3, 1)


def test_closing_lets_go_of_the_connections_and_asking_makes_new_ones(faults, session):
    body = whole("x")
    faults.play([head(length=len(body)) + body])
    ask(session)
    session.close()
    session.close()
    assert ask(session).complete
    assert faults.accepted == 2


def test_nothing_is_left_open_by_many_interrupts(faults, session):
    faults.play(ENDLESS)
    ended = []
    for _ in range(20):
        with session.open("hi") as stream:
            for event in stream:
                if isinstance(event, TextDelta):
                    break
        ended.append(faults.seen[-1].gone.wait(10))
    assert ended == [True] * 20
    before = threading.active_count()
    with session.open("hi") as stream:
        next(iter(stream))
    assert faults.seen[-1].gone.wait(10)
    assert threading.active_count() <= before + 1  # the fault server's own


SCRIPT = """
import os, sys
from xiantong_nb import ask
assert ask("hi").text == "yes"
{more}
"""
FORK = """
child = os.fork()
if child == 0:
    try:
        os._exit(0 if ask("hi").text == "yes" else 1)
    except BaseException:
        os._exit(2)
assert ask("hi").text == "yes"
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run(script: str, url: str, *flags: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_MODEL": "m"}
    return subprocess.run(
        [sys.executable, *flags, "-c", script], env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_asks_over_connections_of_its_own(faults):
    body = whole("yes")
    faults.play([head(length=len(body)) + body])
    # Python 3.12 and newer warn of any fork beside threads, ours included
    done = run(SCRIPT.format(more=FORK), faults.url, "-W", "ignore::DeprecationWarning")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(faults.seen) == 3
    assert faults.accepted == 2


def test_a_program_that_asked_ends_quietly(faults):
    body = whole("yes")
    faults.play([head(length=len(body)) + body])
    done = run(SCRIPT.format(more=""), faults.url, "-W", "default")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_key_stays_in_what_a_debugger_sees_of_a_stream(faults, session):
    """IPython keeps the frames of failed cells, and Verbose mode prints what is in them."""
    faults.play(good("x"))
    with session.open("hi") as stream:
        stream.result()
    held = "".join(repr(value) for part in (stream, stream.lane, stream._lanes) for value in vars(part).values())
    assert "wxyz" in held, "the masked key is among it"
    assert "CANARY" not in held


def test_an_endpoint_that_is_not_there_can_be_left_while_it_is_tried_again(make):
    with make({"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}).open("hi") as stream:
        for event in stream:
            if isinstance(event, Waiting):
                break
    with pytest.raises(IncompleteReply, match="not read to its end"):
        stream.result()
