"""One question over the wire: sent again where that helps and nothing was shown; never silently complete."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import json
import time
import zlib

import pytest

from tests.fault_server import CLOSE, RESET, START, chunked, failure, head, sse
from tests.speech import SPEECHES, Chat, Messages, Speech
from xiantong_nb.errors import (
    BadReply,
    Busy,
    IncompleteReply,
    KeyRefused,
    OutOfCredit,
    RequestRefused,
    Unreachable,
    XiantongError,
)
from xiantong_nb.events import Answered, Finished, Started, TextDelta, Waiting
from xiantong_nb.exchange import converse
from xiantong_nb.failures import Place
from xiantong_nb.patience import Limits
from xiantong_nb.reply import Fold
from xiantong_nb.request import HttpCall
from xiantong_nb.secret import Secret
from xiantong_nb.transport import Transport
from xiantong_nb.wires import WIRES

KEY = "sk-CANARY-0123456789-wxyz"
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.fixture(params=SPEECHES, ids=lambda s: s.wire)
def speech(request):
    """Each wire in turn."""
    return request.param


class Conversation:
    """What a question to a base URL brought: its events, its sleeps."""

    def __init__(
        self,
        base: str,
        speech: Speech = SPEECHES[0],
        *,
        chance: float = 0.0,
        limits: Limits | None = None,
        body: bytes = b"{}",
    ) -> None:
        self.events: list = []
        self.slept: list[float] = []
        url = base + speech.path
        call = HttpCall("POST", url, {"x-api-key": KEY}, body)

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        async def work() -> None:
            transport = Transport(limits)
            place = Place("custom", "m", url, "SOME_KEY", Secret(KEY))
            emit, wire = self.events.append, WIRES[speech.wire]
            await converse(call, place, transport, emit, wire=wire, sleep=sleep, chance=lambda: chance)
            await transport.aclose()

        asyncio.run(work())
        assert [type(e) for e in self.events].count(Finished) == 1
        assert isinstance(self.events[-1], Finished)

    @property
    def error(self) -> XiantongError | None:
        return self.events[-1].error

    @property
    def text(self) -> str:
        fold = Fold()
        for event in self.events:
            fold.add(event)
        return fold.reply().text

    @property
    def complete(self) -> bool:
        return self.events[-1].complete


def test_a_good_answer(faults, speech):
    faults.play(speech.good("Hel", "lo"))
    said = Conversation(faults.url, speech)
    assert (said.text, said.complete, said.error, said.slept) == ("Hello", True, None, [])
    assert [type(e) for e in said.events[:2]] == [Answered, Started]


def test_a_key_that_comes_back_as_an_answer_is_masked(faults, speech):
    """Some gateways say which key they refuse with a 200, as if a model had written it."""
    faults.play(speech.good("Invalid token: ", f"{KEY}!"), failure(200, speech.one_piece(f"Invalid token: {KEY}!")))
    for _ in range(2):
        said = Conversation(faults.url, speech)
        assert said.text == "Invalid token: …wxyz!"
        assert "CANARY" not in repr(said.events)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_a_busy_endpoint_is_asked_three_times(faults, speech, chance):
    """H5: the delays are the official SDK's."""
    faults.play(failure(529, OVERLOADED))
    said = Conversation(faults.url, speech, chance=chance)
    assert isinstance(said.error, Busy)
    assert len(faults.seen) == 3
    first, second = said.slept
    assert 0.375 <= first <= 0.5
    assert 0.75 <= second <= 1.0
    waits = [e for e in said.events if isinstance(e, Waiting)]
    assert [w.seconds for w in waits] == said.slept
    assert [w.attempt for w in waits] == [1, 2]
    assert all("overloaded" in w.reason for w in waits)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 524, 529])
def test_these_are_tried_again(faults, speech, status):
    faults.play(failure(status, {}), speech.good("now"))
    said = Conversation(faults.url, speech)
    assert (said.text, said.complete, len(faults.seen)) == ("now", True, 2)


@pytest.mark.parametrize("status", [300, 307, 400, 401, 402, 403, 404, 405, 413, 418, 422])
def test_these_are_not(faults, speech, status):
    faults.play(failure(status, {}), speech.good("now"))
    said = Conversation(faults.url, speech)
    assert (said.complete, len(faults.seen), said.slept) == (False, 1, [])


SPENT = {
    "type": "error",
    "error": {"type": "rate_limit_error", "message": "x", "details": {"error_code": "enforced_spend_limit_reached"}},
}


def test_a_spend_limit_is_not_waited_for(faults, speech):
    faults.play(failure(429, SPENT), speech.good("now"))
    said = Conversation(faults.url, speech)
    assert isinstance(said.error, OutOfCredit)
    assert len(faults.seen) == 1


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({"retry_after": "7"}, [7.0]),
        ({"retry_after_ms": "1500"}, [1.5]),
        ({"retry_after": "60"}, [60.0]),
        ({"retry_after": "-3"}, [0.5]),
        ({"retry_after": "soon"}, [0.5]),
        ({"retry_after": "0"}, [0.5]),
        ({"retry_after": "1000000000"}, []),
        ({"retry_after": "61"}, []),
    ],
)
def test_the_wait_asked_for_is_kept(faults, speech, headers, slept):
    faults.play(failure(429, {}, **headers), speech.good("now"))
    said = Conversation(faults.url, speech)
    assert said.slept == slept
    assert said.complete is bool(slept)
    assert len(faults.seen) == 1 + len(slept)


def test_a_date_is_waited_for(faults, speech):
    faults.play(failure(503, {}, retry_after=email.utils.formatdate(time.time() + 30, usegmt=True)), speech.good("now"))
    (slept,) = Conversation(faults.url, speech).slept
    assert 20 < slept <= 30


def test_an_overload_told_in_the_stream_is_tried_again_before_any_text(faults, speech):
    faults.play([head() + speech.usage + speech.error("overloaded_error"), CLOSE], speech.good("now"))
    said = Conversation(faults.url, speech)
    assert (said.text, said.complete, len(faults.seen)) == ("now", True, 2)


def test_what_came_of_a_failed_attempt_does_not_stay(faults, speech):
    signed = {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "old"}}
    faults.play([head() + sse(START, signed, OVERLOADED), CLOSE], speech.good("now"))
    fold = Fold()
    for event in Conversation(faults.url, speech).events:
        fold.add(event)
    assert [type(b).__name__ for b in fold.reply().blocks] == ["Text"]


OPAQUE = {"type": "content_block_start", "index": 0, "content_block": {"type": "web_search_tool_result", "content": []}}


@pytest.mark.parametrize("shown", ["text", "thought", "tool", "opaque"])
@pytest.mark.parametrize("end", ["error", "cut", "bad"])
def test_after_something_was_shown_nothing_is_sent_again(faults, speech, shown, end):
    speech = Messages() if shown == "opaque" else speech  # the other wire has no such blocks
    shown = {"text": speech.begun("a"), "opaque": sse(START, OPAQUE)}.get(shown) or getattr(speech, shown)
    end = {"error": speech.error("overloaded_error"), "cut": b"", "bad": b"data: {bad\n\n"}[end]
    faults.play([head() + shown + end, CLOSE], speech.good("again"))
    said = Conversation(faults.url, speech)
    assert (said.complete, len(faults.seen), said.slept) == (False, 1, [])
    assert said.error is not None


def test_a_lost_connection_is_tried_again_before_any_text(faults, speech):
    faults.play([CLOSE], [RESET], speech.good("now"))
    said = Conversation(faults.url, speech)
    assert (said.text, said.complete, len(faults.seen)) == ("now", True, 3)


def test_a_silent_endpoint_is_not_asked_again(faults, speech):
    faults.play([5.0])
    said = Conversation(faults.url, speech, limits=Limits(first_byte_local=0.2))
    assert (said.error.kind, len(faults.seen)) == ("silent", 1)


def test_a_header_that_can_not_be_sent_is_not_tried_again():
    assert Conversation("ftp://h").slept == []


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "text/event-stream"])
def test_one_piece_of_json_in_the_place_of_a_stream(faults, speech, kind):
    body = json.dumps(speech.one_piece("Hi")).encode()
    faults.play([head(kind=kind, length=len(body)) + body])
    said = Conversation(faults.url, speech)
    assert (said.text, said.complete, said.events[-1].stop_reason) == ("Hi", True, "end_turn")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failure(200, {"error": {"code": 402, "message": "x"}}), OutOfCredit),
        (failure(200, {"type": "error", "error": {"type": "authentication_error", "message": "x"}}), KeyRefused),
        (failure(200, {"nothing": "known"}), BadReply),
        (failure(200, b"<html><title>Log in</title>"), BadReply),
        ([head(200, kind="application/json", length=0)], BadReply),
        ([head(204, length=0)], IncompleteReply),
        ([head(kind="text/plain") + b"<html>", CLOSE], BadReply),
        ([head() + b"\xef\xbb\xbf \n<!doctype html>", CLOSE], BadReply),
        ([head() + Messages().begun() + Messages().error("invalid_request_error"), CLOSE], RequestRefused),
        ([head() + Messages().begun("x") + b'data: {"error":{"code":401,"message":"x"}}\n\n', CLOSE], KeyRefused),
        ([head() + b"data: " + b"x" * 9_000_000, CLOSE], BadReply),
    ],
)
def test_two_hundred_without_a_reply_is_a_failure(faults, speech, answer, kind):
    faults.play(answer)
    said = Conversation(faults.url, speech)
    assert type(said.error) is kind
    assert not said.complete


def test_errors_hold_no_frames_no_causes_and_no_key(faults, speech):
    faults.play(failure(401, {"error": {"message": KEY}}))
    for said in (Conversation(faults.url, speech), Conversation("http://127.0.0.1:1"), Conversation("http://[")):
        error = said.error
        assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)
        assert "CANARY" not in f"{error}{error!r}{vars(error)}"


def test_a_fault_of_this_package_ends_the_stream_too():
    class Broken:
        def send(self, *_):
            raise ZeroDivisionError("with a secret")

    events = []
    call, place = HttpCall("POST", "u", {}, b""), Place("c", "m", "u")
    asyncio.run(converse(call, place, Broken(), events.append, wire=WIRES["anthropic-messages"]))
    assert "ZeroDivisionError" in events[-1].error.message
    assert "secret" not in str(events[-1].error)


FORMS = {
    "close": lambda data, _: [head() + data, CLOSE],
    "rst": lambda data, _: [head() + data, 0.002, RESET],
    "chunked": lambda data, _: [
        head(transfer_encoding="chunked") + (chunked(data, end=False) if data else b""),
        CLOSE,
    ],
    "length": lambda data, size: [head(length=size + 1) + data, CLOSE],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_cut_after_any_byte_is_complete_only_after_the_end_and_never_sent_again_after_text(faults, speech, form):
    """H2 on sockets: the decoder's test takes every byte, this one every way to cut."""
    body = speech.whole("Hello ", "wörld")
    ends = len(body) - len(speech.done)
    places = {body.index(b"Hello") + 12, body.index(b"w\xc3") + 2, ends - 1, ends, len(body) - 1, len(body)}
    for cut in sorted({*range(0, len(body), 23), *places}):
        faults.seen.clear()
        faults.play(FORMS[form](body[:cut], len(body)))
        said = Conversation(faults.url, speech)
        assert said.complete is (cut >= ends), cut
        assert (said.error is None) is said.complete
        assert len(faults.seen) == (1 if any(isinstance(e, TextDelta) for e in said.events) else 3)
        assert "Hello wörld".startswith(said.text)


def test_any_segments_say_the_same(faults, speech):
    """H3 on sockets."""
    body = speech.whole("Hello ", "wörld")
    for size in (1, 7, 64):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        faults.play([head(), *pieces, CLOSE])
        assert Conversation(faults.url, speech).text == "Hello wörld"


def test_a_chunked_answer_leaves_its_connection_for_the_next(faults, speech):
    """The body's end comes behind the last event, and is read too."""
    start = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n"
    faults.play([start + chunked(speech.begun("a"), speech.end(), speech.done or b"\n", end=False), 0.01, b"0\r\n\r\n"])
    url = faults.url + speech.path
    call, place = HttpCall("POST", url, {}, b"{}"), Place("c", "m", url)

    async def twice() -> list:
        events: list = []
        transport = Transport()
        for _ in range(2):
            await converse(call, place, transport, events.append, wire=WIRES[speech.wire])
        await transport.aclose()
        return events

    events = asyncio.run(twice())
    assert [e.complete for e in events if isinstance(e, Finished)] == [True, True]
    assert (len(faults.seen), faults.accepted) == (2, 1)


def test_nothing_after_the_end_delays_it(faults, speech):
    faults.play([head() + speech.whole("a"), 30.0])
    begun = time.monotonic()
    said = Conversation(faults.url, speech)
    assert said.complete
    assert time.monotonic() - begun < 10


def test_unreachable_is_told_after_three_attempts():
    said = Conversation("http://127.0.0.1:1")
    assert isinstance(said.error, Unreachable)
    assert len(said.slept) == 2


def test_an_end_without_its_last_word_is_not_waited_for_long(faults):
    """Some servers tell why they finished, never say `[DONE]`, and leave the connection open."""
    faults.play([head() + Chat().begun("a") + Chat().end(), 30.0])
    begun = time.monotonic()
    said = Conversation(faults.url, Chat(), limits=Limits(tail=0.2))
    assert (said.text, said.complete) == ("a", True)
    assert time.monotonic() - begun < 10


def test_signs_of_life_alone_are_not_waited_for_for_ever(faults, speech):
    faults.play([head() + speech.begun("a"), *[speech.ping, 0.05] * 200])
    limits = Limits(quiet=0.4, first_byte_local=0.4)
    said = Conversation(faults.url, speech, limits=limits)
    assert (said.text, said.complete, said.error.kind) == ("a", False, "silent")
    assert "signs of life and nothing else for 0.4 s" in said.error.message


def test_a_long_answer_is_no_silence(faults, speech):
    faults.play([head(), *[speech.begun("word "), 0.05] * 20, speech.end() + speech.done, CLOSE])
    said = Conversation(faults.url, speech, limits=Limits(quiet=0.5, first_byte_local=0.5))
    assert said.complete


REFUSED = {"error": {"message": "Unsupported parameter: 'max_tokens'.", "param": "max_tokens"}}
UNKNOWN = {"detail": "stream_options: extra fields not permitted"}


def test_a_spelling_that_is_refused_is_changed_at_once(faults):
    faults.play(failure(400, REFUSED), Chat().good("now"))
    said = Conversation(faults.url, Chat(), body=b'{"max_tokens":5}')
    assert (said.text, said.complete, said.slept) == ("now", True, [])
    assert [s.json for s in faults.seen] == [{"max_tokens": 5}, {"max_completion_tokens": 5}]
    assert not any(isinstance(e, Waiting) for e in said.events)


def test_where_no_spelling_helps_the_first_refusal_is_told(faults):
    faults.play(failure(400, REFUSED), failure(400, {"error": "max_completion_tokens? never heard of it"}))
    said = Conversation(faults.url, Chat(), body=b'{"max_tokens":5}')
    assert "Unsupported parameter" in said.error.message
    assert len(faults.seen) == 2


def test_a_busy_endpoint_does_not_forget_the_spelling(faults):
    faults.play(failure(400, UNKNOWN), failure(503, {}), Chat().good("now"))
    said = Conversation(faults.url, Chat(), body=b'{"stream_options":{}}')
    assert (said.complete, [s.json for s in faults.seen]) == (True, [{"stream_options": {}}, {}, {}])


def packed(body: bytes, coding: str) -> bytes:
    return gzip.compress(body) if coding == "gzip" else zlib.compress(body)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_answer_that_was_compressed_all_the_same_is_read(faults, speech, coding):
    data = packed(speech.whole("Hel", "lo"), coding)
    faults.play([head(content_encoding=coding), data[:20], data[20:], CLOSE])
    assert Conversation(faults.url, speech).text == "Hello"


@pytest.mark.parametrize(("coding", "data"), [("gzip", b"not gzip at all"), ("br", b"x"), ("zstd", b"x")])
def test_what_can_not_be_unpacked_is_said(faults, speech, coding, data):
    faults.play([head(content_encoding=coding) + data, CLOSE])
    assert "compressed its answer in a way that can't be read" in Conversation(faults.url, speech).error.message
