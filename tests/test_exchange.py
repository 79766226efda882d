"""One question over the wire: sent again where that helps and nothing was shown; never silently complete."""

from __future__ import annotations

import asyncio
import email.utils
import time

import pytest

from tests.fault_server import (
    BLOCK,
    BLOCK_END,
    CLOSE,
    END,
    RESET,
    START,
    chunked,
    failure,
    good,
    head,
    sse,
    text,
    whole,
)
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
from xiantong_nb.reply import Fold
from xiantong_nb.request import HttpCall
from xiantong_nb.secret import Secret
from xiantong_nb.transport import Limits, Transport

KEY = "sk-CANARY-0123456789-wxyz"
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


class Conversation:
    """What a question to a base URL brought: its events, its sleeps."""

    def __init__(self, base: str, *, chance: float = 0.0, limits: Limits | None = None) -> None:
        self.events: list = []
        self.slept: list[float] = []
        url = f"{base}/v1/messages"
        call = HttpCall("POST", url, {"x-api-key": KEY}, b"{}")

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        async def work() -> None:
            transport = Transport(limits)
            place = Place("custom", "m", url, "SOME_KEY", Secret(KEY))
            await converse(call, place, transport, self.events.append, sleep=sleep, chance=lambda: chance)
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


def test_a_good_answer(faults):
    faults.play(good("Hel", "lo"))
    said = Conversation(faults.url)
    assert (said.text, said.complete, said.error, said.slept) == ("Hello", True, None, [])
    assert [type(e) for e in said.events[:2]] == [Answered, Started]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_a_busy_endpoint_is_asked_three_times(faults, chance):
    """H5: the delays are the official SDK's."""
    faults.play(failure(529, OVERLOADED))
    said = Conversation(faults.url, chance=chance)
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
def test_these_are_tried_again(faults, status):
    faults.play(failure(status, {}), good("now"))
    said = Conversation(faults.url)
    assert (said.text, said.complete, len(faults.seen)) == ("now", True, 2)


@pytest.mark.parametrize("status", [300, 307, 400, 401, 402, 403, 404, 405, 413, 418, 422])
def test_these_are_not(faults, status):
    faults.play(failure(status, {}), good("now"))
    said = Conversation(faults.url)
    assert (said.complete, len(faults.seen), said.slept) == (False, 1, [])


SPENT = {
    "type": "error",
    "error": {"type": "rate_limit_error", "message": "x", "details": {"error_code": "enforced_spend_limit_reached"}},
}


def test_a_spend_limit_is_not_waited_for(faults):
    faults.play(failure(429, SPENT), good("now"))
    said = Conversation(faults.url)
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
def test_the_wait_asked_for_is_kept(faults, headers, slept):
    faults.play(failure(429, {}, **headers), good("now"))
    said = Conversation(faults.url)
    assert said.slept == slept
    assert said.complete is bool(slept)
    assert len(faults.seen) == 1 + len(slept)


def test_a_date_is_waited_for(faults):
    faults.play(failure(503, {}, retry_after=email.utils.formatdate(time.time() + 30, usegmt=True)), good("now"))
    (slept,) = Conversation(faults.url).slept
    assert 20 < slept <= 30


def test_an_overload_told_in_the_stream_is_tried_again_before_any_text(faults):
    faults.play([head() + sse(START, OVERLOADED), CLOSE], good("now"))
    said = Conversation(faults.url)
    assert (said.text, said.complete, len(faults.seen)) == ("now", True, 2)


def test_what_came_of_a_failed_attempt_does_not_stay(faults):
    signed = {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "old"}}
    faults.play([head() + sse(START, signed, OVERLOADED), CLOSE], good("now"))
    fold = Fold()
    for event in Conversation(faults.url).events:
        fold.add(event)
    assert [type(b).__name__ for b in fold.reply().blocks] == ["Text"]


@pytest.mark.parametrize(
    "shown",
    [
        text("a"),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "a"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "i", "name": "f"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "web_search_tool_result", "content": []}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", [sse(OVERLOADED), b"", b"data: {bad\n\n"])
def test_after_something_was_shown_nothing_is_sent_again(faults, shown, end):
    faults.play([head() + sse(START, shown) + end, CLOSE], good("again"))
    said = Conversation(faults.url)
    assert (said.complete, len(faults.seen), said.slept) == (False, 1, [])
    assert said.error is not None


def test_a_lost_connection_is_tried_again_before_any_text(faults):
    faults.play([CLOSE], [RESET], good("now"))
    said = Conversation(faults.url)
    assert (said.text, said.complete, len(faults.seen)) == ("now", True, 3)


def test_a_silent_endpoint_is_not_asked_again(faults):
    faults.play([5.0])
    said = Conversation(faults.url, limits=Limits(first_byte_local=0.2))
    assert (said.error.kind, len(faults.seen)) == ("silent", 1)


def test_a_header_that_can_not_be_sent_is_not_tried_again():
    assert Conversation("ftp://h").slept == []


MESSAGE = {
    "type": "message", "id": "i", "model": "m", "role": "assistant", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": 1, "output_tokens": 2},
}  # fmt: skip


def test_one_piece_of_json_in_the_place_of_a_stream(faults):
    faults.play(failure(200, MESSAGE))
    said = Conversation(faults.url)
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
        ([head(kind="text/plain") + b"<html>", CLOSE], IncompleteReply),
        (
            [head() + sse(START, BLOCK, {"type": "error", "error": {"type": "invalid_request_error"}}), CLOSE],
            RequestRefused,
        ),
        (
            [head() + sse(START, BLOCK, text("x")) + b'data: {"error":{"code":401,"message":"x"}}\n\n', CLOSE],
            KeyRefused,
        ),
        ([head() + b"data: " + b"x" * 9_000_000, CLOSE], BadReply),
    ],
)
def test_two_hundred_without_a_reply_is_a_failure(faults, answer, kind):
    faults.play(answer)
    said = Conversation(faults.url)
    assert type(said.error) is kind
    assert not said.complete


def test_errors_hold_no_frames_no_causes_and_no_key(faults):
    faults.play(failure(401, {"error": {"message": KEY}}))
    for said in (Conversation(faults.url), Conversation("http://127.0.0.1:1"), Conversation("http://[")):
        error = said.error
        assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)
        assert "CANARY" not in f"{error}{error!r}{vars(error)}"


def test_a_fault_of_this_package_ends_the_stream_too():
    class Broken:
        def send(self, *_):
            raise ZeroDivisionError("with a secret")

    events = []
    asyncio.run(converse(HttpCall("POST", "u", {}, b""), Place("c", "m", "u"), Broken(), events.append))
    assert "ZeroDivisionError" in events[-1].error.message
    assert "secret" not in str(events[-1].error)


BODY = whole("Hello ", "wörld")
CUTS = sorted({*range(0, len(BODY), 23), BODY.index(b"Hello") + 12, BODY.index(b"w\xc3") + 2, len(BODY) - 1, len(BODY)})
FORMS = {
    "close": lambda data: [head() + data, CLOSE],
    "rst": lambda data: [head() + data, 0.002, RESET],
    "chunked": lambda data: [head(transfer_encoding="chunked") + (chunked(data, end=False) if data else b""), CLOSE],
    "length": lambda data: [head(length=len(BODY) + 1) + data, CLOSE],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_cut_after_any_byte_is_never_complete_and_never_sent_again_after_text(faults, form):
    """H2 on sockets: the decoder's test takes every byte, this one every way to cut."""
    for cut in CUTS:
        faults.seen.clear()
        faults.play(FORMS[form](BODY[:cut]))
        said = Conversation(faults.url)
        assert said.complete is (cut == len(BODY)), cut
        assert (said.error is None) is said.complete
        assert len(faults.seen) == (1 if any(isinstance(e, TextDelta) for e in said.events) else 3)
        assert "Hello wörld".startswith(said.text)


def test_any_segments_say_the_same(faults):
    """H3 on sockets."""
    for size in (1, 7, 64):
        pieces = [BODY[at : at + size] for at in range(0, len(BODY), size)]
        faults.play([head(), *pieces, CLOSE])
        assert Conversation(faults.url).text == "Hello wörld"


def test_a_chunked_answer_leaves_its_connection_for_the_next(faults):
    """The body's end comes behind the last event, and is read too."""
    start = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n"
    faults.play(
        [start + chunked(*(sse(e) for e in (START, BLOCK, text("a"), BLOCK_END, *END)), end=False), 0.01, b"0\r\n\r\n"]
    )
    url = f"{faults.url}/v1/messages"

    async def twice() -> list:
        events: list = []
        transport = Transport()
        for _ in range(2):
            await converse(HttpCall("POST", url, {}, b"{}"), Place("c", "m", url), transport, events.append)
        await transport.aclose()
        return events

    events = asyncio.run(twice())
    assert [e.complete for e in events if isinstance(e, Finished)] == [True, True]
    assert (len(faults.seen), faults.accepted) == (2, 1)


def test_nothing_after_the_end_delays_it(faults):
    faults.play([head() + whole("a"), 30.0])
    begun = time.monotonic()
    said = Conversation(faults.url)
    assert said.complete
    assert time.monotonic() - begun < 10


def test_unreachable_is_told_after_three_attempts():
    said = Conversation("http://127.0.0.1:1")
    assert isinstance(said.error, Unreachable)
    assert len(said.slept) == 2
