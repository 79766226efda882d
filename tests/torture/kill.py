"""R1: a process that saves is killed at any moment; what it acknowledged is read afterwards, or something later."""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from typing import TYPE_CHECKING

from tests.torture.figure import Figure, file_system, in_memory, on_disk
from xiantong_nb import disk
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "https://gw.example"
LEAST_IN_WINDOW = {"tmpfs": 0.10, "ext4": 0.30}
SEED = 20261123  # so that a failure can be run again


def figure(*, memory: int, on_a_disk: int) -> Figure:
    """`memory` and `on_a_disk` are how many processes are killed on each kind of file system."""
    lost = unreadable = 0
    met, notes = True, []
    for count, place in ((memory, in_memory), (on_a_disk, on_disk)):
        with place() as folder:
            kind = file_system(folder.parent)
            gone, broken, hits = _trials(folder, count)
        lost, unreadable = lost + gone, unreadable + broken
        share, least = hits / count, LEAST_IN_WINDOW.get(kind, 0)
        met &= share >= least
        notes.append(f"{kind}: {count:,} kills, {100 * share:.0f} % hit the save itself (at least {100 * least:.0f} %)")
    value = f"{lost} lost, {unreadable} unreadable of {memory + on_a_disk:,}"
    return Figure(value, "0, 0", met and not lost and not unreadable, tuple(notes))


def _trials(folder: Path, count: int) -> tuple[int, int, int]:
    """Kill `count` writers; returns how many saves were lost, how often nothing could be read, how many hit a save."""
    vault = Vault(folder)
    vault.put("k", Secret("key-0"), PLACE)  # derives the file's key, so that no fork has to
    took = []
    for n in range(20):
        begun = time.perf_counter()
        vault.put("k", Secret(f"warm-{n}"), PLACE)
        took.append(time.perf_counter() - begun)
    vault.put("k", Secret("key-0"), PLACE)
    chance = random.Random(SEED)
    number = lost = unreadable = hits = 0
    for _ in range(count):
        acknowledged = _killed_while_saving(vault, number, chance.uniform(0, 3 * statistics.median(took)))
        left = [*folder.glob(".*.tmp")]
        hits += bool(left)
        try:
            stored = vault.keys()["k"]
            found = int(stored.key.reveal().removeprefix("key-"))
            kept = vault.kept.read().payload["credentials"]["llm_api_key::k"]["value"]
        except Exception:  # noqa: BLE001  # whatever it is, it counts
            unreadable += 1
            break
        lost += found < acknowledged or int(kept.removeprefix("key-")) < found
        if stored.lost:  # killed between the two places: the user may take the interrupted save for done
            vault.restore("k")
        number = found + 1
        for temp in left:  # as an hour later
            disk.discard(temp)
    return lost, unreadable, hits


def _killed_while_saving(vault: Vault, number: int, after: float) -> int:
    """The last number that a writer acknowledged, over a pipe, before it was killed."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read_end)
            os.write(write_end, b"0\n")
            for n in range(number + 1, number + 1000):
                vault.put("k", Secret(f"key-{n}"), PLACE)
                os.write(write_end, f"{n}\n".encode())
        finally:
            os._exit(1)
    os.close(write_end)
    try:
        os.read(read_end, 2)  # it has begun
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(os.dup(read_end)) as acknowledged:
            return max((int(line) for line in acknowledged), default=0)
    finally:
        os.close(read_end)
