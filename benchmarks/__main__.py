"""
Measure, and print each figure as `P1: value (goal)`.

Ratios and counts of one run, medians, with the number of trials and the spread (max - min over median), since
machines are noisy. The same figures go to benchmarks/results/latest.json.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import xiantong_nb
from tests.browser.apps import CHROMIUM, App, chromium
from tests.conftest import kernel_env
from tests.kernels import Kernel
from tests.sheets import Page

RESULTS = Path(__file__).parent / "results" / "latest.json"
LOAD = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
begun = time.process_time()
{}
print(time.process_time() - begun)
"""
results: dict[str, dict[str, object]] = {}


def say(name: str, value: float, goal: float, unit: str, values: list[float], note: str = "") -> None:
    """Print one figure and keep it."""
    middle = statistics.median(values)
    noise = 100 * (max(values) - min(values)) / middle if middle else 0.0
    met = "" if value <= goal else "   MISSED"
    more = f", {note}" if note else ""
    print(f"{name}: {value:.3g} {unit} (<= {goal:g})   n={len(values)}, noise {noise:.0f} %{more}{met}")
    results[name] = {"value": value, "goal": goal, "unit": unit, "n": len(values), "noise_percent": noise, "note": note}


def load_cost(trials: int = 9) -> None:
    """P1: CPU of %load_ext against CPU of `import httpx`, each in a fresh IPython."""

    def cpu(statement: str) -> float:
        code = LOAD.format(statement)
        return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)

    pairs = [(cpu('shell.run_line_magic("load_ext", "xiantong_nb")'), cpu("import httpx")) for _ in range(trials)]
    ours, theirs = zip(*pairs, strict=True)
    value = statistics.median(ours) / statistics.median(theirs)
    say("P1", value, 0.5, "x import httpx", list(ours), f"{1000 * statistics.median(ours):.1f} ms CPU")


@contextlib.contextmanager
def synthetic():
    """Run the synthetic endpoint; give its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)


@contextlib.contextmanager
def kernel(**env: str):
    """Run a kernel with the extension loaded."""
    with tempfile.TemporaryDirectory() as home:
        made = Kernel({**kernel_env(Path(home)), **env})
        try:
            made.run("%load_ext xiantong_nb")
            yield made
        finally:
            made.stop()


def ask(made: Kernel, events: int, rate: float, size: int = 4) -> tuple[list[tuple[float, int, dict]], float]:
    """Ask the synthetic endpoint; return (time, bytes, message) of each iopub message, and the wall time."""
    wanted = json.dumps({"events": events, "rate": rate, "size": size})
    begun = time.monotonic()
    request = made.send(f"%%ask --alone\n{wanted}")
    taken = []
    session, socket = made.client.session, made.client.iopub_channel.socket
    while time.monotonic() < begun + 120:
        frames = socket.recv_multipart()
        message = session.deserialize(session.feed_identities(frames)[1])
        if message["parent_header"].get("msg_id") != request:
            continue
        taken.append((time.monotonic(), sum(map(len, frames)), message))
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            break
    return taken, time.monotonic() - begun


def first_text(trials: int = 15) -> None:
    """P2: from the server's sending of the first word to its arrival at the front end."""
    with synthetic() as url, kernel(ANTHROPIC_BASE_URL=url) as made:
        waits = []
        for _ in range(trials + 1):
            taken, _ = ask(made, 5, 20)
            at, _, message = next(t for t in taken if t[2]["msg_type"] == "display_data")
            waits.append(1000 * (at - float(message["content"]["data"]["text/markdown"].split()[0])))
        first, *warm = waits
        say("P2", statistics.median(warm), 10, "ms to the first text, warm", warm)
        say("P2 first ask", first, 60, "ms to the first text, first ask of a kernel", [first], "imports are before it")


def painting_bytes() -> None:
    """P6: what painting by display id sends per second of streaming, beyond two copies of the reply."""
    with synthetic() as url, kernel(ANTHROPIC_BASE_URL=url) as made:
        seconds, rate = 20, 100
        taken, _ = ask(made, seconds * rate, rate, 4)
        paints = [(size, m) for _, size, m in taken if m["msg_type"] in ("display_data", "update_display_data")]
        reply = seconds * rate * 4
        value = (sum(size for size, _ in paints) - 2 * reply) / seconds / 1000
        say("P6", value, 28, "kB/s of painting, 8 kB reply in 20 s", [value], f"{len(paints)} paints")
        say("P6 paints", len(paints) / seconds, 10.5, "paints per second", [len(paints) / seconds])


def page_bytes() -> None:
    """P5: what a page with widgets is sent, for a reply and one ten times as long in the same seconds."""
    with synthetic() as url, kernel(ANTHROPIC_BASE_URL=url) as made:
        page, seconds, rate, sent = Page(made), 20, 100, []
        while not page.answers:  # until the kernel has heard it, answers are painted as P6 says
            page.run(f"%%ask --alone\n{json.dumps({'events': 20, 'rate': 40, 'size': 4})}")
        for size in (4, 40):
            page.messages.clear()
            page.weight = 0
            page.run(f"%%ask --alone\n{json.dumps({'events': seconds * rate, 'rate': rate, 'size': size})}")
            reply, messages = seconds * rate * size, len(page.messages)
            sent.append(page.weight)
            # the output that stays is the reply twice, as Markdown and as plain text: the goal counts it once
            value = (page.weight - reply) / (2.05 * reply + 640 * messages)
            told = f"{page.weight / 1000:.0f} kB in {messages} messages for {reply / 1000:.0f} kB"
            say(f"P5 {reply // 1000} kB", value, 1, "x 2.05 replies and 640 B a message", [value], told)
            say(f"P5 {reply // 1000} kB messages", messages, 10 * seconds + 8, "messages in 20 s", [messages])
        say("P5 growth", sent[1] / sent[0], 10, "x the bytes for ten times the text", [sent[1] / sent[0]])


def interrupts(trials: int = 15) -> None:
    """P12: from the interrupt to the idle kernel, while the demo engine streams without end."""
    with kernel() as made:
        made.run("%%ask demo --alone\nhello")
        waits = []
        for _ in range(trials):
            request = made.send("%%ask demo --alone --max-tokens 8000\nAn endless answer, please.")
            begun = made.wait(request, until=lambda ran: len(ran.paints()) > 1)
            at = time.monotonic()
            made.interrupt()
            ran = made.wait(request, ran=begun)
            waits.append(1000 * (time.monotonic() - at))
            assert ran.status == "error", ran.text
        say("P12", statistics.median(waits), 100, "ms from interrupt to idle, median", waits)
        say("P12 worst", max(waits), 250, "ms from interrupt to idle, worst", waits)


FORM = """async (number) => {
  const { content } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = number;
  const cell = content.widgets[number].node;
  cell.querySelector(".xt-panel")?.remove();
  const begun = performance.now();
  window.jupyterapp.commands.execute("notebook:run-cell");
  const usable = () => cell.querySelector(".xt-panel fieldset:enabled button");
  await new Promise((resolve) => {
    const look = () => (usable() ? resolve() : requestAnimationFrame(look));
    look();
  });
  return performance.now() - begun;
}"""


def usable_form(trials: int = 25) -> None:
    """P10: from running a cell to a form that can be used, in JupyterLab's page; and the size of its bundle."""
    built = Path(xiantong_nb.__file__).parent / "static" / "panel.js"
    say("P10 size", built.stat().st_size / 1000, 30, "kB of panel.js", [1.0])
    path = chromium()
    if path is None:
        print("P10: skipped, no Chromium is installed here")
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = App.start("lab", Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM), headless=True)
            book = app.open(browser, ("%load_ext xiantong_nb", "%xiantong connect"))
            book.run(0)
            waits = []
            for _ in range(trials + 1):
                waits.append(book.page.evaluate(FORM, 1))
                book.wait_idle()
            first, *warm = waits
            say("P10", statistics.median(warm), 150, "ms from a cell's run to a form that can be used", warm)
            say("P10 first form", first, 1000, "ms to the first form of a kernel", [first], "imports are in it")
            browser.close()
        finally:
            app.stop()


def tabs(trials: int = 25) -> None:
    """Tab: from the request to the offers, with 500 models in the last list of the endpoint in use."""
    from xiantong_nb.connection import Connection
    from xiantong_nb.models import Model
    from xiantong_nb.presets import PRESETS
    from xiantong_nb.session import Session
    from xiantong_nb.shelf import Shelf

    with tempfile.TemporaryDirectory() as home:
        session = Session(folder=Path(home) / ".xiantong", environment={})
        connection = Connection("gw", PRESETS["custom"], "http://127.0.0.1:9", "a/model-0", name="gw")
        session.store.put(connection)
        Shelf(lambda: session.store.folder).keep(connection, tuple(Model(f"a/model-{number}") for number in range(500)))
        made = Kernel(kernel_env(Path(home)))
        try:
            made.run("%load_ext xiantong_nb")
            waits = []
            for _ in range(trials + 1):
                begun = time.monotonic()
                offered = made.tab("%%ask gw:a/model-4").offered
                waits.append(1000 * (time.monotonic() - begun))
                assert len(offered) == 111, offered
        finally:
            made.stop()
        first, *warm = waits
        say("Tab", statistics.median(warm), 50, "ms from Tab to 111 of 500 models", warm)
        say("Tab first", first, 300, "ms, the first Tab of a kernel", [first], "with its imports")


LANES = """
import json, time
from xiantong_nb.api import session
from xiantong_nb.chats import Origin
from xiantong_nb.comparing import Comparing
from xiantong_nb.notebook.live import Output
from xiantong_nb.notebook.side_by_side import DisplayLanes
from xiantong_nb.notebook.watching import watch
from xiantong_nb.options import Options
from xiantong_nb.question import Question

def figures(lanes, prompt):
    options, targets = Options(alone=True), ["anthropic:m"] * min(lanes, 8)
    made = [lane for _ in range(0, lanes, 8) for lane in session().compare(prompt, targets, options).lanes]
    comparing = Comparing(Question(prompt, options, Origin(), {}), made, [""] * len(made), lambda _: None)
    wall, cpu = time.monotonic(), time.process_time()
    made = watch(comparing, DisplayLanes(comparing.lanes, Output()))
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    assert made.complete, made.errors
    return wall, cpu
"""


def lanes(trials: int = 3, count: int = 16, rate: int = 50, seconds: int = 10) -> None:
    """P8: many lanes at once, painted in a kernel, against one of them alone; more of them than a line may name."""
    wanted = json.dumps({"events": rate * seconds, "rate": rate, "size": 4})
    with synthetic() as url, kernel(ANTHROPIC_BASE_URL=url) as made:

        def figures(count: int, prompt: str = wanted) -> tuple[float, float]:
            made.run(f"taken = figures({count}, {prompt!r})")
            return made.value("taken")

        made.run(LANES)
        figures(count, json.dumps({"events": 5, "rate": 0, "size": 4}))  # imports, and connections to keep warm
        alone = [figures(1)[0] for _ in range(trials)]
        taken = [figures(count) for _ in range(trials)]
        walls = [wall / statistics.median(alone) for wall, _ in taken]
        cores = [100 * cpu / wall for wall, cpu in taken]
        say("P8", statistics.median(walls), 1.05, f"x one lane alone, for {count} lanes at {rate} events/s", walls)
        say("P8 core", statistics.median(cores), 35, "% of a core, painting included", cores)


def main() -> None:
    """Measure everything."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    load_cost()
    first_text()
    page_bytes()
    painting_bytes()
    lanes()
    interrupts()
    tabs()
    usable_form()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
