"""What the figures are taken in: a synthetic endpoint, kernels, fresh processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import kernel_env
from tests.kernels import Kernel
from tests.sheets import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-ant-bench-key-0123456789"
_LONGEST = 120.0  # seconds for one cell
Message = tuple[float, int, dict[str, Any]]
"""When it came, in seconds; its bytes with the envelope; the message."""


@contextlib.contextmanager
def synthetic(certificate: Path | None = None) -> Iterator[str]:
    """Run the synthetic endpoint in a process of its own, over TLS with a certificate; give its base URL."""
    command = [sys.executable, "-m", "benchmarks.server", *([str(certificate)] if certificate else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


@contextlib.contextmanager
def kernel(load: str = "%load_ext xiantong_nb", *, python: str = sys.executable, **env: str) -> Iterator[Kernel]:
    """Run a kernel with the extension loaded, ours or another of another environment."""
    with tempfile.TemporaryDirectory() as home:
        made = Kernel({**kernel_env(Path(home)), **env}, python=python)
        try:
            made.run(load)
            yield made
        finally:
            made.stop()


def asking(url: str) -> dict[str, str]:
    """Return the environment in which `anthropic` is that endpoint, with a model, so that no list is asked for."""
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_MODEL": "m"}


def wanted(events: int, rate: float = 0, size: int = 4) -> str:
    """Return the question that the endpoint answers so: deltas, so many a second (0: flat out), characters in each."""
    return json.dumps({"events": events, "rate": rate, "size": size})


def ask(made: Kernel, question: str, magic: str = "%%ask --alone") -> tuple[list[Message], float]:
    """Ask; return each message on iopub, and the seconds it took."""
    begun = time.monotonic()
    request = made.send(f"{magic}\n{question}")
    taken: list[Message] = []
    session, socket = made.client.session, made.client.iopub_channel.socket
    while time.monotonic() < begun + _LONGEST:
        frames = socket.recv_multipart()
        message = session.deserialize(session.feed_identities(frames)[1])
        if message["parent_header"].get("msg_id") != request:
            continue
        taken.append((time.monotonic(), sum(map(len, frames)), message))
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            break
    return taken, time.monotonic() - begun


def heard(made: Kernel) -> Page:
    """Return a page that shows widgets and that the kernel has heard: before it, answers are painted by id."""
    page = Page(made)
    for _ in range(20):
        page.run(f"%%ask --alone\n{wanted(20, 40)}")
        if page.answers:
            return page
    raise TimeoutError("the page was never heard")


def painted(taken: list[Message]) -> list[Message]:
    """Return those that show something: with status and the echo of the cell, every message is heard."""
    return [each for each in taken if each[2]["msg_type"] not in ("status", "execute_input")]


def fresh(script: str, *, python: str = sys.executable, **env: str) -> Any:
    """Run a script in a fresh process that prints one line of JSON; return what it holds."""
    with tempfile.TemporaryDirectory() as home:
        given = {**kernel_env(Path(home)), **env, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, env=given, check=False)
    if done.returncode:
        raise RuntimeError(f"{script}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def cores() -> str:
    """Return what the figures were taken on, in a few words."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
