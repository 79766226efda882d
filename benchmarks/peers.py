"""
What somebody would pick instead, on the same work, beside us: the official SDK, and the magics of others.

    python -m benchmarks.peers .venv-peers/bin/python     (`make bench-peers` makes that environment)

They go to benchmarks/results/peers.json, and are printed as the tables that `python -m benchmarks.table` makes of them.
Nobody's telemetry, price list or tokenizer is fetched meanwhile: all of it runs in a network namespace that has nothing
but loopback, where the machine can make one; what was so is told with the results.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.display import RATE, SECONDS
from benchmarks.figure import Figure
from benchmarks.flat_out import against_sdk
from benchmarks.loading import load
from benchmarks.setting import ask, asking, cores, fresh, heard, kernel, painted, synthetic, wanted
from benchmarks.table import peers_table
from benchmarks.words import STAMP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.setting import Message
    from tests.kernels import Kernel
    from tests.sheets import Page

RESULTS = Path(__file__).parent / "results" / "peers.json"
REPLY = SECONDS * RATE * 4
"""Bytes of the reply, but for the clock in its first word."""
NETWORK = "XIANTONG_BENCH_NETWORK"
ONLY_LOOPBACK = "loopback only"
TRIALS = 5


@dataclass(frozen=True, slots=True)
class Peer:
    """A notebook magic: its package, what loads it, what asks, and how often it reads each brace of a question."""

    package: str
    extension: str
    magic: str
    braces: int


PEERS = (
    Peer("jupyter_ai_magics", "jupyter_ai_magics", "%%ai openai-chat:gpt-4o", 4),
    Peer("jupyter-ai-magic-commands", "jupyter_ai_magic_commands", "%%ai openai/gpt-4o", 2),
    Peer("cellmage", "cellmage", "%%llm", 1),
)
"""All are asked over chat completions, the one wire that all of them have; ours over Messages, which is longer."""

QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
}


def given(url: str) -> dict[str, str]:
    """Return the environment in which they ask that endpoint, and fetch nothing else."""
    base = f"{url}/v1"
    openai = {"OPENAI_API_BASE": base, "OPENAI_BASE_URL": base, "OPENAI_API_KEY": "sk-bench"}
    return QUIET | openai | {"CELLMAGE_API_BASE": base, "CELLMAGE_API_KEY": "sk-bench"}


def loads(python: str) -> dict[str, dict[str, float]]:
    """Return for each package the CPU ms of loading it, and how many times that of `import httpx` it is."""
    load_ext = 'shell.run_line_magic("load_ext", "{}")'.format
    ours = {"httpx": "import httpx", "xiantong-nb": load_ext("xiantong_nb")}
    others = {"anthropic": "import anthropic"} | {peer.package: load_ext(peer.extension) for peer in PEERS}
    taken: dict[str, list[float]] = {name: [] for name in (*ours, *others)}
    for _ in range(TRIALS):  # in turn, so that other work on the machine disturbs all alike
        for name, statement in ours.items():
            taken[name].append(load(statement)[0])
        for name, statement in others.items():
            taken[name].append(load(statement, python=python, **given("http://127.0.0.1:9"))[0])
    medians = {name: statistics.median(each) for name, each in taken.items()}
    return {name: {"load_ms": ms, "load_x": ms / medians["httpx"]} for name, ms in medians.items()}


def seen(messages: Sequence[Message], cpu: float) -> dict[str, Any]:
    """Return what a front end was sent for the reply, in messages that show something, and when it could be read."""
    stamped = ((at, STAMP.search(json.dumps(message["content"]))) for at, _, message in messages)
    first = next((at - float(found[1]) for at, found in stamped if found), None)
    size = sum(each[1] for each in messages)
    if first is None or size < REPLY:
        raise RuntimeError(f"the reply did not come: {[message['content'] for _, _, message in messages][-3:]}")
    return {
        "streams": first < SECONDS / 2,
        "messages": len(messages),
        "bytes": size,
        "x_reply": size / REPLY,
        "first_text_s": first,
        "cpu_ms": cpu,
    }


def spent(made: Kernel) -> float:
    """Return the CPU seconds of the kernel so far."""
    return made.value("__import__('time').process_time()")


def of_peer(peer: Peer, python: str, url: str) -> dict[str, Any]:
    """Ask it in a kernel of its environment; a short answer first brings what it imports late."""
    with kernel(f"%load_ext {peer.extension}", python=python, **given(url)) as made:
        for events in (10, SECONDS * RATE):
            asked = wanted(events, RATE).replace("{", "{" * peer.braces).replace("}", "}" * peer.braces)
            before = spent(made)
            taken, _ = ask(made, asked, peer.magic)
        return seen(painted(taken), 1000 * (spent(made) - before))


def by_display_id(url: str) -> dict[str, Any]:
    """Ask ours where no page answers."""
    with kernel(**asking(url)) as made:
        for events in (10, SECONDS * RATE):
            before = spent(made)
            taken, _ = ask(made, wanted(events, RATE))
        return seen(painted(taken), 1000 * (spent(made) - before))


def in_a_page(url: str) -> dict[str, Any]:
    """Ask ours where the page shows widgets."""
    with kernel(**asking(url)) as made:
        page, taken = heard(made), []

        def note(page: Page) -> None:
            for message in page.messages[len(taken) :]:
                taken.append((time.monotonic(), page.weight - sum(each[1] for each in taken), message))

        before = spent(made)
        page.messages.clear()
        page.weight = 0
        page.run(f"%%ask --alone\n{wanted(SECONDS * RATE, RATE)}", note)
        note(page)
        return seen(taken, 1000 * (spent(made) - before))


def rows(python: str) -> Iterator[dict[str, Any]]:
    """Measure each: ours in both ways, the official SDK, the magics."""
    names = ["anthropic", *(peer.package for peer in PEERS), "httpx"]
    script = f"import json\nfrom importlib.metadata import version\nprint(json.dumps([*map(version, {names!r})]))"
    versions = dict(zip(names, fresh(script, python=python), strict=True))
    cost = loads(python)
    ours = cost["xiantong-nb"]
    with synthetic() as url:
        yield {"name": "xiantong-nb, drawn by its widget", **ours, **in_a_page(url)}
        yield {"name": "xiantong-nb, no widgets", **ours, **by_display_id(url)}
        for peer in PEERS:
            told = {"name": f"{peer.package} {versions[peer.package]}", **cost[peer.package]}
            yield told | of_peer(peer, python, url)
    yield {"name": f"anthropic {versions['anthropic']}, the SDK", **cost["anthropic"]}


def alone(arguments: list[str]) -> None:
    """Begin anew where only loopback is, if the machine can make such a place."""
    if NETWORK in os.environ:
        return
    up = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    can = shutil.which("unshare") and subprocess.run([*up, "true"], capture_output=True, check=False).returncode == 0
    os.environ[NETWORK] = ONLY_LOOPBACK if can else "the machine's own: what these packages fetch was not kept away"
    if can:
        os.execvp("unshare", [*up, sys.executable, "-m", "benchmarks.peers", *arguments])


def main(arguments: list[str]) -> int:
    """Measure with the environment of the peers, whose interpreter is given."""
    (python,) = arguments
    alone(arguments)
    told = {
        "on": cores(),
        "processor": platform.machine(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "network": os.environ[NETWORK],
        "reply": REPLY,
        "seconds": SECONDS,
        "trials": TRIALS,
    }
    measured = []
    for row in rows(str(Path(python).absolute())):
        print(json.dumps(row), file=sys.stderr, flush=True)
        measured.append(row)
    ours, theirs = against_sdk(str(Path(python).absolute()))
    note = f"{ours:.1f} us an event, the SDK {theirs:.1f}"
    sdk = Figure.of("P4 SDK", "against the official SDK's create(stream=True)", [ours / theirs], 0.5, "x", note)
    results = told | {"rows": measured, "figures": {sdk.name: sdk.row()}}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(f"{sdk}\n\n{peers_table(results)}")
    return 0 if sdk.met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
