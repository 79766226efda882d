"""The turns of a connection: so many at once, half as many after it was busy, more again with its answers."""

from __future__ import annotations

import asyncio

from xiantong_nb.gate import Gate


async def settled():
    """Let everything that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


class Crowd:
    """Tasks that enter a gate and stay until they are told to leave."""

    def __init__(self, gate):
        self.gate = gate
        self.inside = []
        self.entered = asyncio.Event()
        self.tasks = []

    async def come(self, count):
        for number in range(len(self.tasks), len(self.tasks) + count):
            self.tasks.append(asyncio.create_task(self._stay(number)))
        await settled()

    async def _stay(self, number):
        async with self.gate:
            leave = asyncio.Event()
            self.inside.append((number, leave))
            self.entered.set()
            await leave.wait()

    async def leaves(self):
        _, leave = self.inside.pop(0)
        leave.set()
        await settled()

    @property
    def who(self):
        return [number for number, _ in self.inside]

    async def scatter(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def test_as_many_as_it_bears_in_their_order():
    async def story():
        crowd = Crowd(Gate(2))
        await crowd.come(5)
        assert crowd.who == [0, 1]
        await crowd.leaves()
        assert crowd.who == [1, 2]
        crowd.tasks[3].cancel()
        await crowd.leaves()
        assert crowd.who == [2, 4], "one that gave up waiting keeps nobody out"
        await crowd.scatter()

    asyncio.run(story())


def test_busy_halves_once_for_one_moment_and_answers_bring_it_back():
    async def story():
        gate = Gate(8)
        crowd = Crowd(gate)
        gate.busy(0)
        assert gate.width == 4
        gate.busy(3600)
        assert gate.width == 2
        gate.busy(1)
        gate.busy(1)
        assert gate.width == 2, "they were sent before the endpoint had said so"
        await crowd.come(1)
        assert crowd.who == [], "nobody enters until it wants to be asked again"
        other = Gate(8)
        for _ in range(5):
            other.busy(0)
        assert other.width == 1, "one always goes"
        for answers, width in ((1, 2), (3, 3), (100, 8)):
            for _ in range(answers):
                other.answered()
            assert other.width == width
        await crowd.scatter()

    asyncio.run(story())


def test_the_wait_ends_by_itself_and_a_closed_gate_never_opens():
    async def story():
        gate = Gate(2)
        gate.busy(0.01)
        crowd = Crowd(gate)
        await crowd.come(1)
        async with asyncio.timeout(30):
            await crowd.entered.wait()
        gate.close()
        await crowd.come(1)
        await crowd.leaves()
        assert crowd.who == []
        await crowd.scatter()

    asyncio.run(story())
