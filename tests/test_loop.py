"""The background loop and the hand-over to the thread that asked."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time

import pytest

from xiantong_nb import loop


def test_work_runs_on_one_loop_whoever_asks():
    async def where() -> tuple[int, int]:
        return id(asyncio.get_running_loop()), threading.get_ident()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _: loop.submit(where()).result(10), range(32)))
    assert len(places) == 1
    assert threading.get_ident() not in {thread for _, thread in places}


def test_a_future_can_be_cancelled_from_here():
    stopped = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    future = loop.submit(wait())
    time.sleep(0.05)
    future.cancel()
    assert stopped.wait(10)
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(1)


def test_a_feed_gives_everything_in_order():
    feed: loop.Feed[int] = loop.Feed()
    writer = threading.Thread(target=lambda: [feed.put(n) for n in range(5000)])
    writer.start()
    got: list[int] = []
    while len(got) < 5000:
        feed.wait(10)
        got += feed.get()
    writer.join()
    assert got == list(range(5000))
    feed.wait(0)
    feed.wait(0.01)
    assert feed.get() == []


def test_a_rest_can_be_ended_from_another_thread():
    feed: loop.Feed[int] = loop.Feed()
    feed.put(1)
    threading.Timer(0.05, feed.wake).start()
    begun = time.monotonic()
    feed.rest(60)
    feed.rest(60)
    assert time.monotonic() - begun < 30
    assert feed.get() == [1]


def test_what_a_scope_has_going_and_still_starts_is_cancelled():
    stopped, started = threading.Event(), threading.Event()
    scope, outcomes = loop.Scope(), []

    async def wait() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    def work() -> None:
        with scope:
            for _ in range(3):
                try:
                    loop.result(wait())
                except concurrent.futures.CancelledError:
                    outcomes.append("cancelled")
        outcomes.append(loop.result(asyncio.sleep(0, "outside")))

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(10)
    other = loop.submit(asyncio.sleep(0.2, "untouched"))
    scope.cancel()
    scope.cancel()
    thread.join(10)
    assert stopped.is_set()
    assert outcomes == ["cancelled"] * 3 + ["outside"]
    assert other.result(10) == "untouched"
