"""R3: many processes save into the same files at once; every save is there, and none waited too long for the lock."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.torture.figure import Figure, file_system, in_memory
from xiantong_nb.errors import StoreBusy
from xiantong_nb.sealed import with_credential
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

PLACE, KEYS, COUNTER = "https://gw.example", 20, "test_counter::all"
LONGEST_WAIT = 10.0  # seconds


def figure(*, processes: int, updates: int) -> Figure:
    """Each process saves its own keys in turn, and adds one to a number that all share."""
    with in_memory() as folder:
        kind = file_system(folder.parent)
        Vault(folder).put("first", Secret("key-0"), PLACE)
        command = [sys.executable, "-m", "tests.torture.stress", str(folder)]
        workers = [
            subprocess.Popen([*command, str(n), str(updates)], stdout=subprocess.PIPE, text=True)
            for n in range(processes)
        ]
        try:
            said = [worker.communicate(timeout=900)[0].split() for worker in workers]
        finally:
            for worker in workers:
                worker.kill()
        vault = Vault(folder)
        keys = vault.keys()
        counted = vault.file.read().payload["credentials"][COUNTER]["value"]
        left = [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]
    total = processes * updates
    missing = sum(
        keys.get(f"p{p}-{n % KEYS}") is None or keys[f"p{p}-{n % KEYS}"].key != Secret(f"key-{p}-{n}")
        for p in range(processes)
        for n in range(max(0, updates - KEYS), updates)
    )
    busy, wait = sum(int(words[0]) for words in said), max(float(words[1]) for words in said)
    met = counted == total and not missing and not busy and wait <= LONGEST_WAIT and not left
    notes = (f"{processes} x {updates} on {kind}", f"{busy} gave up on the lock", f"{len(left)} temps left")
    value = f"{total - counted} updates and {missing} keys lost of {total:,}, longest save {wait:.1f} s"
    return Figure(value, f"0, 0, {LONGEST_WAIT:.0f} s", met, notes)


def work(folder: Path, process: int, updates: int) -> None:
    """Save and count; print how often the lock was given up on, and the longest save in seconds."""
    vault, busy, longest = Vault(folder), 0, 0.0

    def counted(opened):
        value = opened.payload["credentials"].get(COUNTER, {"value": 0})["value"]
        return with_credential(opened, COUNTER, {"value": value + 1})

    for n in range(updates):
        begun = time.monotonic()
        try:
            vault.put(f"p{process}-{n % KEYS}", Secret(f"key-{process}-{n}"), PLACE)
        except StoreBusy:
            busy += 1
        longest, begun = max(longest, time.monotonic() - begun), time.monotonic()
        try:
            vault.file.update(counted)
        except StoreBusy:
            busy += 1
        longest = max(longest, time.monotonic() - begun)
    print(busy, longest)


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
