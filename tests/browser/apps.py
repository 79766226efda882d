"""
A Jupyter server with all its folders in one place, and notebooks of it open in a browser.

    App.start("lab", root) --open(cells)--> Book: the page, its cells, its kernel, what is saved
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nbformat

from tests.conftest import kernel_env

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

LIMIT = 90.0  # seconds for anything at all: a guard, not a measure
CHROMIUM = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
"""Options without which Chromium looks for the world outside, or will not run as root."""


def chromium() -> str | None:
    """Return the Chromium that is installed, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


MODULES = {"lab": ("jupyterlab", "LabApp"), "notebook": ("notebook", "JupyterNotebookApp")}
PATHS = {"lab": "lab/tree", "notebook": "notebooks"}
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # else an output out of sight may not exist
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
}
# What is known of other people's code, and no fault of ours.
NOISE = re.compile(r"reading 'schema'|favicon|Failed to load resource|WebSocket|willReadFrequently", re.IGNORECASE)


@dataclass
class App:
    """One server: JupyterLab or Notebook 7. `home` is the home folder of its kernels."""

    kind: str
    root: Path
    port: int
    token: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, kind: str, root: Path, env: dict[str, str] | None = None) -> App:
        """Start a server and wait until it answers; `env` is for its kernels, too."""
        for folder in ("work", "home"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for plugin, values in SETTINGS.items():
            path = root / "settings" / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        module, app = MODULES[kind]
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        token = secrets.token_hex(16)
        command = [
            sys.executable, "-m", module, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
            "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root / 'work'}",
            f"--{app}.expose_app_in_browser=True",
            # a page that draws hundreds of outputs beside other work says nothing for longer than a server would wait
            '--ServerApp.tornado_settings={"ws_ping_interval": 0}',
        ]  # fmt: skip
        folders = {
            "JUPYTER_DATA_DIR": str(root / "data"),
            "JUPYTERLAB_SETTINGS_DIR": str(root / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces"),
        }
        with (root / "server.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=root / "work", stdout=log, stderr=log, start_new_session=True,
                env=kernel_env(root / "home") | folders | (env or {}),
            )  # fmt: skip
        made = cls(kind, root, port, token, process)
        made._wait()
        return made

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def log(self) -> str:
        """What the server has written."""
        return (self.root / "server.log").read_text(errors="replace")

    def open(
        self,
        browser: Browser,
        cells: Sequence[str],
        *,
        width: int = 1100,
        name: str = "",
        limit: float = LIMIT,
        before: str = "",
    ) -> Book:
        """
        Write a notebook, open it in a page of its own, and wait for its kernel; `limit` (s) is for each wait.

        `before` is run in the page before anything else.
        """
        name = name or f"book-{secrets.token_hex(3)}.ipynb"
        path = self.root / "work" / name
        if not path.exists():
            spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
            made = nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(source) for source in cells], metadata={"kernelspec": spec}
            )
            nbformat.write(made, path)
        page = browser.new_page(viewport={"width": width, "height": 900}, locale="en-US")
        page.set_default_timeout(limit * 1000)
        page.add_init_script(before)
        book = Book(self, page, path)
        page.on("console", lambda message: book.hear(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: book.hear(f"pageerror: {error}"))
        page.on("request", lambda request: book.asked.append(request.url))
        more = "&reset=1" if self.kind == "lab" else ""
        page.goto(f"http://127.0.0.1:{self.port}/{PATHS[self.kind]}/{name}?token={self.token}{more}")
        page.wait_for_selector(".jp-Notebook")
        book.wait_idle()
        return book

    def stop(self) -> None:
        """End the server, which ends its kernels."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)

    def _wait(self) -> None:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(self.log[-3000:])
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/status?token={self.token}", timeout=5)
                return
            time.sleep(0.1)
        self.stop()
        raise TimeoutError(self.log[-3000:])


@dataclass
class Book:
    """A notebook open in a page; cells are numbered from 0. `said` is the page's console, `asked` what it fetched."""

    app: App
    page: Page
    path: Path
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def hear(self, error: str) -> None:
        """Keep an error of the page."""
        if not NOISE.search(error):
            self.said.append(error)

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(f"() => ({SESSION})?.session?.kernel?.status === 'idle'")

    def run_all(self) -> None:
        """Start running all cells, one after the other; waits for none of them."""
        self.command("notebook:run-all-cells")

    def run(self, number: int, *, wait: bool = True) -> None:
        """Run one cell, and wait for its end unless told not to."""
        self.page.evaluate("(n) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = n; }", number)
        before = self.count(number)
        self.command("notebook:run-cell")
        if wait:
            self.wait_ran(number, before)

    def write(self, number: int, source: str) -> None:
        """Replace what a cell says."""
        self.page.evaluate(f"([n, source]) => ({CELLS})[n].model.sharedModel.setSource(source)", [number, source])

    def count(self, number: int) -> int:
        """Return the execution count of a cell, 0 before its first end."""
        return self.page.evaluate(f"(n) => ({CELLS})[n].model.sharedModel.execution_count ?? 0", number)

    def wait_ran(self, number: int, before: int = 0) -> None:
        """Wait until a cell has ended after the run that gave it the count `before`."""
        self.page.wait_for_function(
            f"""([n, before]) => {{ const cell = ({CELLS})[n];
            return (cell.model.sharedModel.execution_count ?? 0) > before && cell.prompt !== '*'
              && cell.model.executionState !== 'running'; }}""",
            arg=[number, before],
        )

    def outputs(self, number: int) -> Locator:
        """Return the part of the page where a cell's outputs are."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-OutputArea").first

    def ask(self, code: str) -> str:
        """Run code in the kernel, beside the cells, and return what it prints."""
        return self.page.evaluate(ASK, code)

    def interrupt(self) -> None:
        """Interrupt the kernel, as ■ does."""
        self.page.evaluate(f"() => ({SESSION}).session.kernel.interrupt()")

    def save(self) -> str:
        """Save, and return the text of the file."""
        self.page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
        return self.path.read_text()

    def theme(self, name: str) -> None:
        """Switch to the `light` or the `dark` theme."""
        self.command("apputils:change-theme", {"theme": f"JupyterLab {name.title()}"})
        self.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light", arg=str(name == "light").lower()
        )
        self.page.wait_for_timeout(400)  # the style sheet of the theme is still coming

    def command(self, name: str, args: dict[str, Any] | None = None) -> None:
        """Give one of the application's own commands; those that take long are not waited for."""
        self.page.evaluate("([name, args]) => { window.jupyterapp.commands.execute(name, args); }", [name, args or {}])

    def strangers(self) -> list[str]:
        """Return what the page asked of anybody but its own server."""
        own = re.compile(rf"(https?|wss?)://127\.0\.0\.1:{self.app.port}/|data:|blob:|about:")
        return [url for url in self.asked if not own.match(url)]

    def close(self) -> None:
        """Close the page; its kernel goes on until the server ends."""
        self.page.close()


SLOW = """{ const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (ms) => timeout(ms === 2000 ? 0 : ms);
addEventListener("unhandledrejection", (event) => /initialize model/.test(event.reason) && event.preventDefault()); }"""
"""A page in which every widget takes longer to load than anywidget waits for it."""
SESSION = "window.jupyterapp?.shell.currentWidget?.sessionContext"
CELLS = "window.jupyterapp.shell.currentWidget.content.widgets"
ASK = f"""async (code) => {{
  const future = ({SESSION}).session.kernel.requestExecute({{ code, store_history: false }});
  let said = "";
  future.onIOPub = ({{ header, content }}) => {{
    if (header.msg_type === "stream") said += content.text;
    if (header.msg_type === "error") said += content.traceback.join("\\n");
  }};
  await future.done;
  return said;
}}"""
