"""Interrupts, as signals that really come: which are one, which wait, and what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.fault_server import ENDLESS, good
from xiantong_nb.interrupts import held, one_interrupt
from xiantong_nb.notebook.watching import NoPainter, watch
from xiantong_nb.options import Options
from xiantong_nb.session import Session


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.001)


@pytest.fixture(autouse=True)
def as_it_was():
    before = signal.getsignal(signal.SIGINT)
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


class Interrupted(NoPainter):
    """Is interrupted while it leaves what stays, and says whether it got to its end."""

    def __init__(self) -> None:
        self.left: list[object] = []

    def finish(self, answer):
        interrupt()
        self.left.append(answer)


@pytest.mark.parametrize(("played", "complete"), [(good("yes"), True), (ENDLESS, False)], ids=["whole", "cut"])
def test_what_stays_is_painted_whole_before_an_interrupt_is_heard(faults, played, complete):
    faults.play(played)
    session = Session(
        environment={"ANTHROPIC_BASE_URL": faults.url, "ANTHROPIC_API_KEY": "sk-ant-x", "ANTHROPIC_MODEL": "m"}
    )
    painter, kept = Interrupted(), []
    if not complete:
        painter.take = lambda batch: interrupt() if batch else None
    with pytest.raises(KeyboardInterrupt) as caught:
        watch(session.open("hi", options=Options(alone=True)), painter, kept.append)
    session.close()
    assert painter.left == kept == [session.last]
    assert session.last.complete is complete
    assert caught.value.__notes__ == ["What came is in xiantong_nb.last()."]


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
