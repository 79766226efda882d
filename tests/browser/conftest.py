"""One browser and one server of each kind for all of these tests, and a page for each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.apps import CHROMIUM, MODULES, App, chromium

SHOTS = Path(__file__).parents[2] / "shots"
LOOKED_AT = ("form", "refused", "list", "lost")
WIDTHS = {"wide": (1200, 1100), "narrow": (360, 1900)}
"""Widths of the page and heights that any panel fits into, in pixels."""


@pytest.fixture(scope="package", name="browser")  # while it lives, the main thread has a running event loop
def browser_of_all():
    """A Chromium without a screen. Where there is none, these tests are skipped, but never in CI."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        told = "no Chromium is installed: `apt install chromium`, or whatever this system calls it"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM), headless=True)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """Each kind of server, started when it is first asked for."""
    running: dict[str, App] = {}

    def get(kind: str) -> App:
        if kind not in running:
            running[kind] = App.start(kind, tmp_path_factory.mktemp(kind))
        return running[kind]

    yield get
    for app in running.values():
        app.stop()


@pytest.fixture(params=list(MODULES))
def app(request, servers):
    """JupyterLab, then Notebook 7."""
    return servers(request.param)


@pytest.fixture
def lab(servers):
    """JupyterLab alone, where one application is enough."""
    return servers("lab")


@pytest.fixture
def opened(browser):
    """Open notebooks: `opened(app, cells)`; they are closed afterwards, and asked nothing of the outside."""
    books = []

    def open_(app, cells, **more):
        books.append(app.open(browser, cells, **more))
        return books[-1]

    yield open_
    strangers = [url for book in books for url in book.strangers()]
    said = [line for book in books for line in book.said]
    for book in books:
        book.close()
    assert not strangers
    assert not said


@pytest.fixture
def shot(request):
    """Keep a picture where XIANTONG_SHOTS is set, as `make shots` does: `shot(locator or page, name)`."""

    def take(what, name):
        if os.environ.get("XIANTONG_SHOTS"):
            SHOTS.mkdir(exist_ok=True)
            what.screenshot(path=str(SHOTS / f"{name}.png"))

    return take


@pytest.fixture
def look(shot):
    """
    Look at a panel in both themes: `look(panel, name)`.

    At each state, and narrow, too, where pictures are wanted; else at those that differ most, since the bare panel is
    looked at in all.
    """

    def at(panel, name):
        if name not in LOOKED_AT and not os.environ.get("XIANTONG_SHOTS"):
            return
        for theme in ("dark", "light"):
            panel.book.theme(theme)
            for width, (pixels, height) in WIDTHS.items():
                if width == "narrow" and not os.environ.get("XIANTONG_SHOTS"):
                    continue
                panel.page.set_viewport_size({"width": pixels, "height": height})
                found = panel.axe()
                assert found["violations"] == [], (name, theme, width)
                assert found["passes"] > 0
                assert panel.root.evaluate("(element) => element.scrollWidth <= element.clientWidth"), (name, width)
                shot(panel.root, f"panel-{name}-{width}-{theme}")
        panel.page.set_viewport_size({"width": WIDTHS["wide"][0], "height": WIDTHS["wide"][1]})

    return at
