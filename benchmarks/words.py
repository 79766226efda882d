"""P2, P3, P7: from the server's first word to the reader's, in a notebook, over a kept connection, in a terminal."""

from __future__ import annotations

import os
import re
import select
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import pexpect

from benchmarks.figure import Figure
from benchmarks.setting import ask, asking, fresh, kernel, synthetic, wanted
from tests.conftest import kernel_env
from tests.test_tls import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

STAMP = re.compile(r"(\d+\.\d{6}) ")
"""The server's clock at its first word, which stands in that word; both processes share it."""

REUSE = """
import json, statistics, time
from pathlib import Path
from xiantong_nb.options import Options
from xiantong_nb.session import Session

def first_text(session):
    begun = time.perf_counter()
    with session.open(WANTED, "", Options(alone=True)) as stream:
        next(event for event in stream if type(event).__name__ == "TextDelta")
        waited = time.perf_counter() - begun
        stream.result()
    return 1000 * waited

first_text(Session(folder=Path("/nonexistent"), environment=dict(GIVEN)))  # imports
session = Session(folder=Path("/nonexistent"), environment=dict(GIVEN))
print([first_text(session), statistics.median(first_text(session) for _ in range(9))])
"""


def figures(trials: int = 15) -> Iterator[Figure]:
    with synthetic() as url, kernel(**asking(url)) as made:
        waits = []
        for _ in range(trials + 1):
            taken, _ = ask(made, wanted(5, 20))
            at, _, message = next(t for t in taken if t[2]["msg_type"] == "display_data")
            waits.append(1000 * (at - float(STAMP.match(message["content"]["data"]["text/markdown"])[1])))
    first, *warm = waits
    yield Figure.of("P2", "first text on iopub, warm", warm, 10, "ms")
    yield Figure.of("P2 first ask", "first text of a kernel's first ask; imports are before it", [first], 60, "ms")
    yield from reused()
    yield from terminal(trials)


def reused(trials: int = 5) -> Iterator[Figure]:
    """P3: a second question against the first, over TLS, with as many authorities as everybody believes."""
    with tempfile.TemporaryDirectory() as folder:
        authority, believed = Authority(Path(folder)), Path(folder) / "believed.pem"
        believed.write_bytes(Path(certifi.where()).read_bytes() + authority.path.read_bytes())
        with synthetic(authority.certificate()) as url:
            script = f"WANTED, GIVEN = {wanted(5)!r}, {asking(url)!r}\n{REUSE}"
            pairs = [fresh(script, SSL_CERT_FILE=str(believed)) for _ in range(trials)]
    ratios = [again / first for first, again in pairs]
    firsts, again = (statistics.median(each) for each in zip(*pairs, strict=True))
    note = f"{firsts:.1f} ms, then {again:.2f} ms to the first text over TLS"
    yield Figure.of("P3", "second ask against the first", ratios, 0.1, "x", note)


def terminal(trials: int) -> Iterator[Figure]:
    """P7: an IPython of a terminal, of which every byte is read."""
    with synthetic() as url, tempfile.TemporaryDirectory() as home:
        child = pexpect.spawn(
            sys.executable, ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
            env={**kernel_env(Path(home)), **asking(url), "TERM": "xterm"}, cwd=home, encoding="utf-8", timeout=60,
            echo=False,
        )  # fmt: skip
        try:
            child.expect(r"In \[\d+\]: ")
            child.sendline("%load_ext xiantong_nb")
            child.expect(r"In \[\d+\]: ")
            taken = [_read(child, wanted(200, 100)) for _ in range(trials + 1)]
        finally:
            child.close(force=True)
    waits = [1000 * wait for wait, _ in taken]
    reply = 200 * 4 + len("123456.123456 ")
    yield Figure.of("P7", "first text in a terminal, warm", waits[1:], 10, "ms")
    yield Figure.of("P7 first ask", "first text of a terminal's first ask", waits[:1], 60, "ms")
    shown = [size / reply for _, size in taken]
    yield Figure.of("P7 bytes", f"written for a reply of {reply} B, its footer included", shown, 1.5, "x")


def _read(child: pexpect.spawn, question: str) -> tuple[float, int]:
    """Ask; return the seconds to the first word, and the bytes written until the next prompt."""
    child.sendline(f"%ask --alone {question}")
    text, came = "", 0.0
    deadline = time.monotonic() + 60
    while not re.search(r"In \[\d+\]: $", text) and time.monotonic() < deadline:
        if select.select([child.child_fd], [], [], 1)[0]:
            text += os.read(child.child_fd, 65536).decode()
            came = came or (time.monotonic() if STAMP.search(text) else 0.0)
    return came - float(STAMP.search(text)[1]), len(text)
