"""
The built panel in a bare page, in the colours of JupyterLab's themes, with a scripted model where the kernel would be.

    PanelPage.show(browser, state) --> page, what it has sent, and what it is answered
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupyterlab
import pytest

from tests.browser.panel_words import CHECKED, LISTED, kernel

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "xiantong_nb" / "static"
AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = Path(jupyterlab.__file__).parents[4] / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
LIMIT = 30_000  # ms: a guard

# Answers hello, check and models by itself, with what it is given; everything else waits for the test to answer.
MODEL = """
({traits, answers}) => {
  const heard = new Map();
  const model = {
    sent: [], answers, deaf: false,
    get: (name) => traits[name],
    on: (name, hear) => heard.set(name, [...(heard.get(name) ?? []), hear]),
    off: (name, hear) => heard.set(name, (heard.get(name) ?? []).filter((each) => each !== hear)),
    say: (message, name = "msg:custom") => { for (const hear of heard.get(name) ?? []) hear(message, []); },
    send(message) {
      if (model.deaf) return;
      model.sent.push(structuredClone(message));
      const answer = model.answers[message.type];
      if (answer) setTimeout(() => model.say({ v: 1, re: message.id, ...answer }));
    },
  };
  return model;
}
"""
SHOW = f"""
async ({{script, traits, answers, deaf}}) => {{
  const panel = (await import(URL.createObjectURL(new Blob([script], {{type: "text/javascript"}})))).default;
  const model = window.model = ({MODEL.strip()})({{traits, answers}});
  model.deaf = deaf;
  const end = new AbortController();
  window.end = () => end.abort();
  window.el = document.querySelector("#cell");
  await panel.render({{ model, el: window.el, signal: end.signal }});
}}
"""


def themes() -> dict[str, str]:
    """Return the style sheets of JupyterLab's own two themes: all the variables that the panel stands on."""
    return {name: (THEMES / f"theme-{name}-extension" / "index.css").read_text() for name in ("light", "dark")}


@dataclass
class PanelPage:
    """A page with the panel in it. `asked` is what it fetched, `said` the errors of the page."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @classmethod
    def show(
        cls,
        browser: Browser,
        state: dict[str, Any] | None = None,
        *,
        width: int = 700,
        deaf: bool = False,
        rtl: bool = False,
        answers: dict[str, Any] | None = None,
        script: str = "",
        **traits: Any,
    ) -> PanelPage:
        """
        Show it; `deaf` is a kernel that never answers, `answers` what it says by itself, by type of request.

        `script` is another panel than the built one.
        """
        page = browser.new_page(viewport={"width": width, "height": 800}, locale="en-US", reduced_motion="reduce")
        page.set_default_timeout(LIMIT)
        shown = cls(page)
        page.on("request", lambda request: shown.asked.append(request.url))
        page.on("pageerror", lambda error: shown.said.append(str(error)))
        page.set_content(
            f"<!doctype html><html lang=en dir={'rtl' if rtl else 'ltr'}><head><title>Panel</title>"
            "<style id=theme></style><style>body{margin:8px;background:var(--jp-layout-color1)}</style>"
            f"<style>{(STATIC / 'panel.css').read_text()}</style></head><body><div id=cell></div></body></html>"
        )
        shown.theme("light")
        replies = {
            "hello": {"type": "hello_ok", "instance": "i1", "kernel": "k1", "state": state or kernel()},
            "check": CHECKED,
            "models": LISTED,
            "cancel": {"type": "cancelled"},
        }
        page.evaluate(
            SHOW,
            {
                "script": script or (STATIC / "panel.js").read_text(),
                "traits": {"start": "form", "draft": {}, "default": False, "target": "", **traits},
                "answers": replies | (answers or {}),
                "deaf": deaf,
            },
        )
        if not deaf:
            page.locator("h3").wait_for()
        return shown

    def theme(self, name: str) -> None:
        """Put on JupyterLab's own `light` or `dark` theme: all the variables that the panel stands on."""
        css = (THEMES / f"theme-{name}-extension" / "index.css").read_text()
        self.page.evaluate("(css) => { document.getElementById('theme').textContent = css; }", css)

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Return what the page has sent of one kind."""
        return self.page.evaluate("(kind) => window.model.sent.filter(({type}) => type === kind)", kind)

    def wait_sent(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait for a request, and return it."""
        self.page.wait_for_function(
            "([kind, count]) => window.model.sent.filter(({type}) => type === kind).length >= count", arg=[kind, count]
        )
        return self.sent(kind)[count - 1]

    def answer(self, request: dict[str, Any], answer: dict[str, Any]) -> None:
        """Answer a request."""
        self.say({"v": 1, "re": request["id"], **answer})

    def say(self, message: dict[str, Any] | None, name: str = "msg:custom") -> None:
        """Say something to the page: a message, or what a model says of itself."""
        self.page.evaluate("([message, name]) => window.model.say(message, name)", [message, name])

    def at(self, name: str) -> Locator:
        """Return the element of a name of this view."""
        return self.page.locator(f"[id^=xt][id$='-{name}']")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def focused(self) -> str:
        """The name of the element that has the focus, or its tag where it has none."""
        found = self.page.evaluate("() => document.activeElement.id || document.activeElement.tagName")
        return re.sub(r"^xt[a-z0-9]+-", "", found)

    def axe(self) -> tuple[list[str], int]:
        """Return what axe-core finds wrong with the panel, and how many of its rules passed."""
        if not AXE.exists():
            told = "axe-core is not installed: it comes with Node, by `make js`"
            if os.environ.get("CI"):
                pytest.fail(told)
            pytest.skip(told)
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("() => axe.run(document.querySelector('#cell'))")
        wrong = [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]
        return wrong, len(found["passes"])

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return self.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
