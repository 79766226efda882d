"""
Play a notebook in a real kernel and tell what its front end is sent, as it is sent.

    python notebooks/play.py notebooks/01_first_answer.ipynb

For every answer it shows each paint with its time and size, and beside them the moment at which the engine's
own log says that the request ended, of several at once the first: that is how streaming can be seen without a screen.
Exits 1 when a cell fails, or when no answer was painted at least three times before the engine had finished it.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import start_new_kernel

ENOUGH_PAINTS = 3
MORE_TRIES = (8_000, 16_000, 32_000)  # tokens: what is written in half a second, a busy machine may paint twice only
CELL_LIMIT = 120  # seconds
LOG_PATH = "str(__import__('xiantong_nb.engine').engine.shared().log_path)"
ENDED = re.compile(r"^(?P<at>\d+\.\d+).*request \d+: POST /v1/messages .*: finished", re.MULTILINE)


@dataclass
class Paint:
    """One display message: when, which output, and the size of its Markdown."""

    at: float
    display_id: str
    size: int


@dataclass
class Shown:
    """What one cell made a front end show."""

    paints: list[Paint] = field(default_factory=list)
    final: str = ""
    text: str = ""
    error: str = ""


def main(path: str) -> int:
    """Play the notebook at `path`, in a folder of its own: what it keeps would be there when it is played again."""
    with tempfile.TemporaryDirectory(prefix="xiantong-play-", ignore_cleanup_errors=True) as folder:
        return play(path, folder)


def play(path: str, folder: str) -> int:
    """Play the notebook at `path` in `folder`; return the process's exit code."""
    book = nbformat.read(path, as_version=4)
    print(f"Playing {path} in a real kernel. The models are toys: scripted, run by llama.cpp on this machine.\n")
    proofs, answers, failed = 0, 0, False
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--log-level=ERROR"], cwd=folder)
    try:
        for cell in book.cells:
            if cell.cell_type != "code":
                continue
            print("\n".join(f"  In: {line}" for line in cell.source.splitlines()))
            begun = time.time()
            shown = run(client, cell.source)
            tell(shown, begun)
            if shown.paints and cell.source.startswith("%%ask"):
                proofs += compare(shown.paints, engine_log(client), begun)
                answers += 1
            print()
            if shown.error:
                failed = True
                break
        for tokens in MORE_TRIES:
            if proofs or failed or not answers:
                break
            print(f"The machine was too busy to paint in time; a longer answer, of {tokens:,} tokens.")
            begun = time.time()
            shown = run(client, f"%%ask demo:toy-1 --alone --max-tokens {tokens}\nAn endless answer, please.")
            proofs += compare(shown.paints, engine_log(client), begun)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    if failed:
        print("FAILED: a cell raised an error.")
        return 1
    if not proofs:
        print(f"FAILED: no answer was painted {ENOUGH_PAINTS} times before the engine had finished it.")
        return 1
    print(f"Done: {proofs} answer(s) grew on screen while the engine was still writing. Next: make lab, make test.")
    return 0


def run(client: Any, source: str) -> Shown:
    """Execute a cell and gather what it shows."""
    shown = Shown()

    def take(message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind in ("display_data", "update_display_data"):
            data = content["data"]
            display_id = content.get("transient", {}).get("display_id", "")
            painted = message["header"]["date"].timestamp()  # by the kernel's clock: this process may be late
            shown.paints.append(Paint(painted, display_id, len(data.get("text/markdown", ""))))
            shown.final = data.get("text/plain", shown.final)
            if not display_id:
                shown.text += data.get("text/plain", "") + "\n"
        elif kind == "execute_result":
            shown.text += content["data"]["text/plain"] + "\n"
        elif kind == "stream":
            shown.text += content["text"]
        elif kind == "error":
            shown.error = "\n".join(content["traceback"])

    client.execute_interactive(source, timeout=CELL_LIMIT, output_hook=take, allow_stdin=False)
    shown.paints = [paint for paint in shown.paints if paint.display_id]
    return shown


def tell(shown: Shown, begun: float) -> None:
    """Print what a cell showed."""
    for number, paint in enumerate(shown.paints, 1):
        print(f"  paint {number:3}  +{paint.at - begun:6.3f} s  {paint.size:6} characters")
    answer = shown.final if shown.paints else shown.text
    lines = (shown.error or answer).rstrip().splitlines()
    if len(lines) > 24:  # noqa: PLR2004  # a screenful: the long answer's middle says nothing new
        lines = [*lines[:10], f"... {len(lines) - 20} more lines ...", *lines[-10:]]
    print("\n".join(f"  Out: {line}" for line in lines))


def engine_log(client: Any) -> str:
    """Return the engine's log, whose path the kernel knows."""
    reply = client.execute("", silent=True, user_expressions={"path": LOG_PATH}, reply=True, timeout=CELL_LIMIT)
    told = reply["content"]["user_expressions"]["path"]["data"]["text/plain"]
    return Path(ast.literal_eval(told)).read_text(errors="replace")


def compare(paints: list[Paint], log: str, begun: float) -> int:
    """Say how many paints grew before the engine's log shows the end; return 1 when that is enough."""
    ends = [at for m in ENDED.finditer(log) if (at := float(m["at"])) >= begun]
    if not ends:
        return 0
    grown, size = 0, 0
    for paint in paints:
        if paint.at < ends[0] and paint.size > size:
            grown, size = grown + 1, paint.size
    first = f"the first of {len(ends)} answers" if len(ends) > 1 else "finished"
    print(f"  engine log: {first} at +{ends[0] - begun:.3f} s; {grown} growing paints before that")
    return int(grown >= ENOUGH_PAINTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
