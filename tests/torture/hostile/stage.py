"""Where the places of S2 stand: two servers, a browser that lets pages reach nobody else, apps and notebooks."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.browser.apps import CHROMIUM, App, Book
from tests.torture.hostile.replies import named
from tests.torture.hostile.servers import Canary, Parrot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

ROOT = Path(__file__).parents[3]
KINDS = ("scripts", "fetches", "links", "live", "controls")
TEMPLATES = ("https://cdnjs.cloudflare.com/ajax/libs/", "https://unpkg.com/@jupyter-widgets/html-manager@")
"""What the pages of nbconvert ask for, whatever they show: RequireJS, MathJax, mermaid, widgets. They don't get it."""
CELLS = 23
"""Cells of a notebook that places share."""
LOADS = """\
%load_ext xiantong_nb
from tests.torture.hostile import inside
inside.connect()"""
_LIMIT = 900.0
"""Seconds: a page with several hundred hostile outputs takes minutes to come up beside other work."""
_SHUT_DOWN = "async () => { await window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown(); }"


@dataclass
class Seen:
    """What acted in one place, or could have, by kind."""

    scripts: set[str] = field(default_factory=set)
    fetches: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    controls: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    """The tags that could be read: what was not shown can't be said to be harmless."""
    drawn: set[str] = field(default_factory=set)
    """Whether this package's own widget drew anything."""

    def add(self, other: Seen) -> None:
        """Count what another page of the same place has seen."""
        for name in (*KINDS, "shown", "drawn"):
            getattr(self, name).update(getattr(other, name))

    @property
    def all(self) -> list[str]:
        return [f"{kind}: {each}" for kind in KINDS for each in sorted(getattr(self, kind))]

    @property
    def counts(self) -> dict[str, int]:
        return {kind: len(getattr(self, kind)) for kind in KINDS}

    @property
    def names(self) -> set[str]:
        """The replies that acted, as far as what was seen names them."""
        return {named(each) for each in self.all} - {""}


class Stage:
    """All that the places share; a context manager."""

    def __init__(self, root: Path, *, frames: int) -> None:
        self.root = root
        self.frames = frames
        """How often a reply is painted while it comes."""
        self.kept: dict[str, str] = {}
        """Notebooks by the place that filled them, as they were saved."""
        self._ends = ExitStack()
        self._apps: dict[str, App] = {}
        self._books: dict[str, Book] = {}
        self._browser: Browser | None = None
        self._strangers: list[str] = []

    def __enter__(self) -> Self:
        self.parrot, self.canary = Parrot(), Canary()
        self._ends.callback(self.parrot.close)
        self._ends.callback(self.canary.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    @property
    def env(self) -> dict[str, str]:
        """What kernels and terminals need to ask the endpoint."""
        return {
            "ANTHROPIC_BASE_URL": self.parrot.url,
            "ANTHROPIC_API_KEY": "sk-ant-CANARY-0123456789-wxyz",
            "PYTHONPATH": str(ROOT),
        }

    def app(self, kind: str) -> App:
        """Return JupyterLab or Notebook 7, started when it is first asked for."""
        if kind not in self._apps:
            self._apps[kind] = App.start(kind, self.root / kind, self.env)
            self._ends.callback(self._apps[kind].stop)
        return self._apps[kind]

    def book(self, kind: str) -> Book:
        """Return a notebook that is loaded and has empty cells, one for all places of an application."""
        if kind not in self._books:
            self._books[kind] = book = self.open(kind, [LOADS, *[""] * CELLS])
            book.run(0)
        return self._books[kind]

    def open(self, kind: str, cells: list[str], *, name: str = "") -> Book:
        """Open a notebook in a page that is scanned."""
        app = self.app(kind)
        gate = _Gate(self, f"127.0.0.1:{app.port}")
        return app.open(gate, cells, name=name, limit=_LIMIT)  # type: ignore[arg-type]

    def gate(self, host: str = "") -> _Gate:
        """Return what makes pages that are scanned; they may reach one host."""
        return _Gate(self, host)

    def page(self, url: str, host: str = "") -> Page:
        """Open a page that is no notebook."""
        page = self.gate(host).new_page()
        page.goto(url)
        return page

    @property
    def browser(self) -> Browser:
        if self._browser is None:
            from playwright.sync_api import sync_playwright

            path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
            playwright = self._ends.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM), headless=True)
            self._ends.callback(self._browser.close)
        return self._browser

    def seen(self, page: Page, place: str) -> Seen:
        """Return what a page has seen of a place, once."""
        page.wait_for_timeout(500)  # what was set off a moment ago may still be on its way
        seen = Seen()
        kinds = {
            "drawn": seen.drawn,
            "script": seen.scripts,
            "link": seen.links,
            "control": seen.controls,
            "shown": seen.shown,
        }
        for line in page.evaluate("scanned.take()"):
            kind, _, what = line.partition(" ")
            kinds.get(kind, seen.live).add(what)
        seen.scripts = {tag for tag in seen.scripts if tag.startswith(f"ran{place}N")}
        seen.fetches = {path for path in self.canary.heard if path.startswith(f"/ran{place}N")}
        seen.fetches |= {url for url in self._strangers if not url.startswith(TEMPLATES)}
        self._strangers.clear()
        return seen

    def closed(self, page: Page, place: str) -> Seen:
        """Return what a page has seen of a place, and close it, with its kernel if it has one."""
        seen = self.seen(page, place)
        page.evaluate(_SHUT_DOWN)
        page.close()
        return seen


class _Gate:
    """Makes pages that are scanned, and that reach their own server and the canary alone."""

    def __init__(self, stage: Stage, host: str) -> None:
        self._stage, self._host = stage, host

    def new_page(self, **options: Any) -> Page:
        context = self._stage.browser.new_context(**options)
        context.add_init_script(path=Path(__file__).with_name("scanner.js"))
        own = "|".join(re.escape(host) for host in (self._host, self._stage.canary.url.partition("//")[2]) if host)
        context.route(re.compile(rf"^(?!(?:https?|wss?)://(?:{own})/|data:|blob:|about:|file:)"), self._stranger)
        context.route(f"{self._stage.canary.url}/**", self._canary)
        return context.new_page()

    def _stranger(self, route: Route) -> None:
        self._stage._strangers.append(route.request.url)
        route.abort()

    def _canary(self, route: Route) -> None:
        request: Request = route.request
        if request.is_navigation_request() and request.frame.parent_frame is None:
            # the page would be gone, and with it what else there is to see
            self._stage.canary.heard.append(request.url.removeprefix(self._stage.canary.url))
            route.fulfill(status=204)
        else:
            route.continue_()
