"""P10, Tab: from a cell's run to a form that can be used in JupyterLab's page, and from Tab to the models on offer."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import xiantong_nb
from benchmarks.figure import Figure
from tests.browser.apps import CHROMIUM, App, chromium
from tests.conftest import kernel_env
from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

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

BARE = """\
class Bare(__import__("anywidget").AnyWidget):
    _esm = '''export default { render({ el }) {
        el.innerHTML = '<div class="xt-panel"><fieldset><button>none</button></fieldset></div>'; } }'''
Bare()"""
"""As little of a widget as there can be: what it takes is the host's."""


def figures(trials: int = 25) -> Iterator[Figure]:
    yield from usable_form(trials)
    yield from tabs(trials)


def usable_form(trials: int) -> Iterator[Figure]:
    """P10; without Chromium only what the bundle weighs."""
    built = Path(xiantong_nb.__file__).parent / "static" / "panel.js"
    yield Figure.of("P10 size", "panel.js", [built.stat().st_size / 1000], 30, "kB")
    path = chromium()
    if path is None:
        print("P10: no Chromium is installed here, so no page was measured")
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = App.start("lab", Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM), headless=True)
            book = app.open(browser, ("%load_ext xiantong_nb", "%xiantong connect", BARE))
            book.run(0)
            waits: dict[int, list[float]] = {1: [], 2: []}
            for _ in range(trials + 1):
                for cell, taken in waits.items():
                    taken.append(book.page.evaluate(FORM, cell))
                    book.wait_idle()
            browser.close()
        finally:
            app.stop()
    first, *warm = waits[1]
    note = f"a widget of one button takes {statistics.median(waits[2][1:]):.0f} ms"
    yield Figure.of("P10", "a cell's run to a form that can be used", warm, 150, "ms", note)
    yield Figure.of("P10 first form", "the first form of a kernel, imports included", [first], None, "ms")


def tabs(trials: int) -> Iterator[Figure]:
    """Tab, with 500 models in the last list of the endpoint in use."""
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
    yield Figure.of("Tab", "111 of 500 models", warm, 50, "ms")
    yield Figure.of("Tab first", "the first Tab of a kernel, imports included", [first], 300, "ms")
