"""
T1: a table is made by a process that is killed half-way, and made again: every cell once.

The engine's own log counts the requests. What was kept is not asked again; what was under way at the kill is, and no
more than a connection has at once, with those that wait behind them.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.torture.figure import Figure, in_memory, on_disk
from xiantong_nb.engine import Engine
from xiantong_nb.gathering import AT_ONCE

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = ("demo:toy-1", "demo:toy-2")
UNDER_WAY = 2 * AT_ONCE
STARTED = re.compile(r"request \d+: POST /v1/messages \S+: started")
LIMIT = 900.0  # seconds, a guard
MAKE = """
import json, sys
from xiantong_nb.options import Options
from xiantong_nb.prompts import prompts_in
from xiantong_nb.session import Session
from xiantong_nb.tabling import Tabling, Terms
url, path, count, *targets = sys.argv[1:]
prompts = prompts_in([f"This is question {n}" for n in range(int(count))])
session = Session(engine_url=lambda: url)
made = Tabling(session, prompts, targets, Options(alone=True), Terms(keep=path, progress=False)).run()
print(json.dumps([[cell.row, cell.target, cell.state, len(cell.reply.text)] for cell in made]))
"""


def figure(*, prompts: int) -> Figure:
    """`prompts` by two toys; one kill half-way, at each of two kinds of file system."""
    wrong, notes = 0, []
    for place in (in_memory, on_disk):
        with place() as folder, Engine.start() as engine:
            folder.mkdir()
            bad, note = _killed_and_made_again(engine, folder / "kept.jsonl", prompts)
        wrong += bad
        notes.append(note)
    return Figure(f"{wrong} cells lost, asked again or twice, of {4 * prompts:,}", "0", not wrong, tuple(notes))


def _killed_and_made_again(engine: Engine, path: Path, prompts: int) -> tuple[int, str]:
    """Returns how many cells are not as they should be, and what was counted."""
    cells = prompts * len(TARGETS)
    command = [sys.executable, "-c", MAKE, engine.base_url, str(path), str(prompts), *TARGETS]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as making:
        until = time.monotonic() + LIMIT
        while len(_kept(path)) < cells // 2 and making.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        making.send_signal(signal.SIGKILL)
    kept, before = _kept(path), _asked(engine)
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True)
    made, asked = json.loads(done.stdout), _asked(engine) - before
    whole = Counter((row, target) for row, target, state, length in made if state == "complete" and length)
    wrong = abs(cells - len(whole)) + sum(count - 1 for count in whole.values())
    wrong += abs(asked - (cells - len(kept)))  # what was kept was asked again, or what was not was not
    wrong += max(before - len(kept) - UNDER_WAY, 0)  # more were lost by the kill than can be under way
    wrong += abs(len(_kept(path)) - cells)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=LIMIT, check=True)
    wrong += _asked(engine) - before - asked != 1  # so an answer that is lost would be seen
    missed = len(kept) == cells  # the kill came too late to show anything
    lost = before - len(kept)
    return wrong + missed, f"killed with {len(kept)} of {cells} kept, {lost} under way asked again, {asked} asked then"


def _kept(path: Path) -> set[str]:
    """The keys of the whole lines in a file of kept answers; one that stands there twice is an error."""
    lines = path.read_bytes().split(b"\n")[1:-1] if path.exists() else []
    keys = [json.loads(line)["key"] for line in lines]
    if len(set(keys)) < len(keys):
        raise ValueError("an answer was kept twice")
    return set(keys)


def _asked(engine: Engine) -> int:
    """How many questions the engine's log shows."""
    return len(STARTED.findall(engine.log_path.read_text(errors="replace")))
