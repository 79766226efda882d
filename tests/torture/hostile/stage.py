"""Where the places of S2 stand: two servers, a browser that lets pages reach nobody else, applications and notebooks."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.browser.apps import CHROMIUM, App, Book
from tests.torture.hostile.replies import ATTACKS, Said, written
from tests.torture.hostile.servers import Canary, Parrot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

SCANNER = Path(__file__).with_name("scanner.js")
HERE = Path(__file__).parents[3]
_TAG = re.compile(r"ran_([a-z0-9]+)_(\d+)_")
AT_ONCE = 40
"""Outputs of one cell: JupyterLab shows the first 50 and folds away the rest."""


@dataclass
class Seen:
    """What acted in one place, or could have, by kind."""

    scripts: set[str] = field(default_factory=set)
    fetches: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    controls: set[str] = field(default_factory=set)

    KINDS = ("scripts", "fetches", "links", "live", "controls")

    @property
    def all(self) -> list[str]:
        return [f"{kind}: {each}" for kind in self.KINDS for each in sorted(getattr(self, kind))]

    @property
    def counts(self) -> str:
        return ", ".join(f"{len(getattr(self, kind))} {kind}" for kind in self.KINDS)

    @property
    def names(self) -> set[str]:
        """The replies that acted, as far as what was seen names them."""
        return {list(ATTACKS)[int(tag[2])] for each in self.all if (tag := _TAG.search(each))}


class Stage:
    """All that the places share; a context manager."""

    def __init__(self, root: Path, *, frames: int) -> None:
        self.root = root
        self.frames = frames
        """How often a reply is painted while it comes."""
        self.known: dict[str, frozenset[str]] = {}
        """What a template asks for whatever it shows."""
        self.kept: dict[str, str] = {}
        """Notebooks by name, as they were saved."""
        self._ends = ExitStack()
        self._apps: dict[str, App] = {}
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
            "PYTHONPATH": str(HERE),
        }

    def app(self, kind: str) -> App:
        """Return JupyterLab or Notebook 7, started when it is first asked for."""
        if kind not in self._apps:
            self._apps[kind] = App.start(kind, self.root / kind, self.env)
            self._ends.callback(self._apps[kind].stop)
        return self._apps[kind]

    def open(self, kind: str, cells: list[str], *, name: str = "") -> Book:
        """Open a notebook in a page that is scanned."""
        app = self.app(kind)
        return app.open(_Gate(self, f"127.0.0.1:{app.port}"), cells, name=name)  # type: ignore[arg-type]

    def page(self, url: str, host: str = "") -> Page:
        """Open a page that is no notebook; it may reach its own host."""
        page = _Gate(self, host).new_page()
        page.goto(url)
        return page

    def put(self, kind: str, name: str, said: list[Said]) -> None:
        """Leave replies where the kernels of an application run."""
        (self.app(kind).root / "work" / name).write_text(written(said))

    @property
    def browser(self) -> Browser:
        if self._browser is None:
            from playwright.sync_api import sync_playwright

            path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
            playwright = self._ends.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM), headless=True)
            self._ends.callback(self._browser.close)
        return self._browser

    def closed(self, page: Page, place: str, known: frozenset[str] = frozenset()) -> Seen:
        """Return what a page has seen of a place, and close it; `known` are strangers that are no reply's doing."""
        page.wait_for_timeout(500)  # what was set off a moment ago may still be on its way
        seen = Seen()
        kinds = {"script": seen.scripts, "link": seen.links, "control": seen.controls}
        for line in page.evaluate("scanned.take()"):
            kind, _, what = line.partition(" ")
            kinds.get(kind, seen.live).add(what)
        page.close()
        seen.scripts = {tag for tag in seen.scripts if tag.startswith(f"ran_{place}_")}
        seen.fetches = {path for path in self.canary.heard if path.startswith(f"/ran_{place}_")}
        self.canary.heard.clear()
        seen.fetches |= self.strangers() - known
        return seen

    def strangers(self) -> frozenset[str]:
        """Return what pages asked of others since this was last asked."""
        strangers = frozenset(self._strangers)
        self._strangers.clear()
        return strangers


class _Gate:
    """Makes pages that are scanned, and that reach their own server and the canary alone."""

    def __init__(self, stage: Stage, host: str) -> None:
        self._stage, self._host = stage, host

    def new_page(self, **options: Any) -> Page:
        context = self._stage.browser.new_context(**options)
        context.add_init_script(path=SCANNER)
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
