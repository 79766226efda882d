"""Many processes, and processes killed at any moment: nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from xiantong_nb import disk
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

PROCESSES, SAVES, TRIALS = 8, 100, 500
WRITER = """
import sys
from pathlib import Path
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault
folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
vault = Vault(folder)
for n in range(count):
    vault.put(f"{name}-{n}", Secret(f"key-{name}-{n}"), "https://gw.example")
"""


@pytest.fixture
def folder(tmp_path):
    """A folder in memory where there is one: the disk's own speed is not what is tested."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path / "xiantong"
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="xiantong-test-") as made:
        yield Path(made) / "xiantong"


def test_no_save_of_many_processes_is_lost(folder):
    script = [sys.executable, "-c", WRITER, str(folder)]
    writers = [subprocess.Popen([*script, f"p{n}", str(SAVES)]) for n in range(PROCESSES)]
    try:
        assert [writer.wait(100) for writer in writers] == [0] * PROCESSES
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    kept = Vault(folder).keys()
    wanted = {f"p{p}-{n}": Secret(f"key-p{p}-{n}") for p in range(PROCESSES) for n in range(SAVES)}
    print(f"kept: {len(kept)} of {len(wanted)}")
    assert {slug: stored.key for slug, stored in kept.items()} == wanted
    assert not list(folder.glob("*.tmp"))
    assert not list(folder.glob(".*.tmp"))


def test_no_acknowledged_key_is_lost_to_kill_9(folder):
    """
    Each trial forks a writer that saves the same slug under growing numbers, and kills it after a random moment.

    A number that was acknowledged over the pipe, or a later one, must be what is read afterwards. The fork
    comes after the file's key was derived, so that trials cost no derivation.
    """
    vault = Vault(folder)
    vault.put("k", Secret("key-0"), "https://gw.example")
    chance = random.Random(20261123)  # so that a failure can be run again
    number = lost = unreadable = in_window = 0
    for _ in range(TRIALS):
        acknowledged = _killed_while_saving(vault, number, chance.uniform(0.0005, 0.012))
        in_window += bool(list(folder.glob(".*.tmp")))
        try:
            found = int(vault.keys()["k"].key.reveal().removeprefix("key-"))
        except Exception:  # noqa: BLE001  # whatever it is, it counts
            unreadable += 1
            break
        lost += found < acknowledged
        number = found
        for temp in folder.glob(".*.tmp"):  # as an hour later
            disk.discard(temp)
    print(f"kill -9: {lost} lost, {unreadable} unreadable of {TRIALS}; {in_window} hit the save itself")
    assert (lost, unreadable) == (0, 0)
    assert in_window > 0
    assert number > 0


def _killed_while_saving(vault: Vault, number: int, after: float) -> int:
    """The last number that a writer acknowledged before it was killed."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:  # nothing of pytest may run here
        try:
            os.close(read_end)
            for n in range(number + 1, number + 1000):
                vault.put("k", Secret(f"key-{n}"), "https://gw.example")
                os.write(write_end, f"{n}\n".encode())
        finally:
            os._exit(1)
    os.close(write_end)
    try:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(os.dup(read_end)) as acknowledged:
            return max((int(line) for line in acknowledged), default=number)
    finally:
        os.close(read_end)
