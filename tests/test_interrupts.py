"""Interrupts, as signals that really come: which are one, which wait, and what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fault_server import ENDLESS, good
from xiantong_nb.connection import Connection, Target
from xiantong_nb.events import Finished, TextDelta
from xiantong_nb.gathering import Gathering, Job
from xiantong_nb.interrupts import held, one_interrupt
from xiantong_nb.lane import Lane
from xiantong_nb.notebook.watching import NoPainter, watch
from xiantong_nb.options import Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.request import Message, Request, Text
from xiantong_nb.session import Session
from xiantong_nb.streaming import Stream

if TYPE_CHECKING:
    from collections.abc import Callable


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.001)


@pytest.fixture(autouse=True)
def as_it_was():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # another test's may be deaf for a moment
    yield
    signal.signal(signal.SIGINT, before)


def test_those_in_haste_are_one():
    after = []
    with pytest.raises(KeyboardInterrupt), one_interrupt():
        try:
            interrupt()
        finally:
            interrupt()
            after.append("done")
    assert after == ["done"]


def test_a_later_one_is_heard_again():
    with pytest.raises(KeyboardInterrupt), one_interrupt():
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        time.sleep(0.35)
        interrupt()


def test_one_that_is_held_comes_at_the_end_of_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt), held():
        interrupt()
        done.append("all of it")
    assert done == ["all of it"]


def test_one_that_is_held_comes_though_the_block_fails():
    with pytest.raises(KeyboardInterrupt) as caught, held():
        interrupt()
        1 / 0  # noqa: B018
    assert isinstance(caught.value.__context__, ZeroDivisionError)


@pytest.fixture
def make():
    made = []

    def session(faults) -> Session:
        variables = {"ANTHROPIC_BASE_URL": faults.url, "ANTHROPIC_API_KEY": "sk-ant-x", "ANTHROPIC_MODEL": "m"}
        made.append(Session(environment=variables))
        return made[-1]

    yield session
    for each in made:
        each.close()


class Finalized:
    """Is interrupted while it is finalized, where Python drops whatever is raised."""

    def __del__(self):
        interrupt()


class Dropping(NoPainter):
    """Drops something with the first batch that has text."""

    def take(self, batch):
        if any(isinstance(event, TextDelta) for event in batch):
            Finalized()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_python_dropped_is_heard_all_the_same(faults, make):
    faults.play(ENDLESS)
    kept = []
    with pytest.raises(KeyboardInterrupt):
        watch(make(faults).open("hi", options=Options(alone=True)), Dropping(), kept.append)
    assert (kept[0].text, kept[0].ended) == ("some words", "interrupted")


class Interrupted(NoPainter):
    """Is interrupted while it leaves what stays, and says whether it got to its end."""

    def __init__(self) -> None:
        self.left: list[object] = []

    def finish(self, answer):
        interrupt()
        self.left.append(answer)


@pytest.mark.parametrize(("played", "complete"), [(good("yes"), True), (ENDLESS, False)], ids=["whole", "cut"])
def test_what_stays_is_painted_whole_before_an_interrupt_is_heard(faults, make, played, complete):
    faults.play(played)
    session = make(faults)
    painter, kept = Interrupted(), []
    if not complete:
        painter.take = lambda batch: interrupt() if batch else None
    with pytest.raises(KeyboardInterrupt) as caught:
        watch(session.open("hi", options=Options(alone=True)), painter, kept.append)
    assert painter.left == kept == [session.last]
    assert session.last.complete is complete
    assert caught.value.__notes__ == ["What came is in xiantong_nb.last()."]


WORDS = ("one ", "two")
READ = ("interrupts", "loop", "streaming", "lane", "reply", "gathering")


def whole_lane() -> tuple[Lane, threading.Event]:
    """Return a lane whose answer is there at once, and what is set when all of it has come."""
    told = threading.Event()

    async def tell(_request, _send, emit):
        for word in WORDS:
            emit(TextDelta(0, word))
        emit(Finished(complete=True))
        told.set()

    target = Target(Connection("gw", PRESETS["custom"], "http://127.0.0.1:9", "m"), "m")
    request = Request("m", (Message("user", (Text("hi"),)),))
    return Lane(target, request, transport=lambda: None, asking=tell), told


def interrupted_at(line: int, read: Callable[[], object]) -> bool:
    """Read, and interrupt at this line of what reads, counted as they are run; return whether it has so many."""
    files = {f"{part}.py" for part in READ}
    left = line

    def at_line(_frame, event, _):
        nonlocal left
        left -= event == "line"
        if event == "line" and not left:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
        return at_line

    def begin(frame, _event, _):
        return at_line if Path(frame.f_code.co_filename).name in files else None

    before = sys.gettrace()
    sys.settrace(begin)
    try:
        read()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_at_whatever_line_an_interrupt_comes_no_event_is_lost():
    line = 1
    reached = True
    while reached:
        lane, told = whole_lane()
        with Stream(lane) as stream:
            assert told.wait(10)
            reached = interrupted_at(line, lambda stream=stream: list(stream.batches()))
        assert (lane.reply.text, lane.reply.complete) == ("one two", True), f"at line {line}"
        line += 1
    assert line > 50, "it was interrupted at all"


def test_at_whatever_line_an_interrupt_comes_a_table_has_each_answer_once():
    line = 1
    reached = True
    while reached:
        lane, told = whole_lane()
        gathering, ended = Gathering(lambda _, lane=lane: lane), []
        gathering.begin([Job(0, "gw:m", "hi")])
        assert told.wait(10)

        def read(gathering=gathering, ended=ended):
            while gathering.busy:
                ended.extend(gathering.ended())

        reached = interrupted_at(line, read)
        ended.extend(gathering.stop("interrupted"))
        assert [(one.reply.text, one.reply.complete) for one in ended] == [("one two", True)], f"at line {line}"
        line += 1
    assert line > 50


STARTLESS = """
import asyncio, threading
from xiantong_nb import loop
start = threading.Thread.start
def refused(self): raise RuntimeError("can't start new thread")
threading.Thread.start = refused
try:
    loop.running()
except RuntimeError:
    threading.Thread.start = start
print(loop.result(asyncio.sleep(0, "it runs")))
"""


def test_where_no_thread_could_be_started_the_next_question_tries_again():
    made = subprocess.run([sys.executable, "-c", STARTLESS], capture_output=True, text=True, timeout=60, check=True)
    assert made.stdout == "it runs\n"
