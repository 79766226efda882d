"""The bundle of the live view on a bare page, with the models of its widgets played by this test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser

BUNDLE = Path(__file__).parents[2] / "xiantong_nb" / "static"
LOAD = """
async ([bundle, css]) => {
  const style = document.head.appendChild(document.createElement("style"));
  style.textContent = css;
  const { default: made } = await import(URL.createObjectURL(new Blob([bundle], { type: "text/javascript" })));
  const fake = (state, sent) => {
    const hearing = new Set();
    return {
      get: (name) => state[name],
      send: (message) => sent.push(message),
      on: (name, f) => hearing.add(f),
      off: (name, f) => hearing.delete(f),
      hear: (message) => { for (const f of [...hearing]) f(message); },
    };
  };
  window.told = [];
  window.ear = fake({ _anywidget_id: "ear" }, window.told);
  const drawing = await made().initialize({ model: window.ear, signal: new AbortController().signal });
  let gone = new AbortController();
  window.begin = (labels, heard) => {
    gone.abort();
    gone = new AbortController();
    window.told.length = 0;
    window.sheet = fake({ _anywidget_id: "sheet", number: 7, labels }, []);
    const el = document.createElement("div");
    document.body.replaceChildren(el);
    drawing.show({ model: window.sheet, el, signal: gone.signal, heard });
    window.length = 0;
  };
  window.more = (pieces) => {
    for (const d of pieces) {
      window.sheet.hear({ lanes: { 0: { t: [window.length, d] } } });
      window.length += [...d].length;
    }
  };
}
"""
# What is read: the text nodes, with a blank where a block, a cell or a line begins or ends.
READ = """
() => {
  const apart = new Set("P LI TR TD TH PRE H1 H2 H3 H4 BLOCKQUOTE BR HR UL OL".split(" "));
  const read = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    const inner = [...node.childNodes].map(read).join("");
    return apart.has(node.tagName) ? ` ${inner} ` : inner;
  };
  return [...document.querySelectorAll(".xt-live-text")].map(read).join("").trim();
}
"""
ELEMENTS = """
() => [...document.querySelectorAll(".xt-live-text *")].map((el) =>
  [el.tagName, Object.fromEntries([...el.attributes].map((a) => [a.name, a.value]))])
"""


class LivePage:
    """One page; texts are drawn on a sheet of one lane, unless it was begun with others."""

    def __init__(self, browser: Browser) -> None:
        self.page = browser.new_page()
        self.said: list[str] = []
        self._asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._asked.append(request.url))
        self.page.evaluate(LOAD, [(BUNDLE / "live.js").read_text("utf-8"), (BUNDLE / "live.css").read_text("utf-8")])

    def begin(self, labels: Sequence[str], heard: Sequence[dict[str, Any]] = ({"lanes": {}, "first": True},)) -> None:
        """Lay out a sheet that has heard this much."""
        self.page.evaluate("([labels, heard]) => window.begin(labels, heard)", [list(labels), list(heard)])

    def draw(self, pieces: list[str]) -> None:
        """Draw a text on a sheet of its own."""
        self.begin(["demo:a"])
        self.more_of(pieces)

    def more(self, piece: str) -> None:
        self.more_of([piece])

    def more_of(self, pieces: list[str]) -> None:
        self.page.evaluate("(pieces) => window.more(pieces)", pieces)

    def text(self, pieces: list[str]) -> str:
        """Draw a text and its end; return what is read."""
        self.draw([*pieces, "\n" * 4])
        return self.drawn()

    def drawn(self) -> str:
        return self.page.evaluate(READ)

    def html(self) -> str:
        """Return the elements of what is drawn."""
        return self.page.evaluate("() => [...document.querySelectorAll('.xt-live-text')].at(-1).innerHTML")

    def elements(self) -> list[tuple[str, dict[str, str]]]:
        return self.page.evaluate(ELEMENTS)

    def hear(self, message: dict[str, Any]) -> None:
        """Have the sheet hear a message as it is."""
        self.page.evaluate("(message) => window.sheet.hear(message)", message)

    def answer(self, message: dict[str, Any]) -> None:
        """Have the ear hear an answer."""
        self.page.evaluate("(message) => window.ear.hear(message)", message)

    def told(self) -> list[dict[str, Any]]:
        """What the page has told the kernel since the sheet was begun."""
        return self.page.evaluate("() => window.told")

    def wait_said(self, message: dict[str, Any]) -> None:
        """Wait until the page has told the kernel this."""
        wanted = "(wanted) => window.told.some((one) => JSON.stringify(one) === JSON.stringify(wanted))"
        self.page.wait_for_function(wanted, arg=message)

    def strangers(self) -> list[str]:
        """What was fetched of anybody."""
        return [url for url in self._asked if not url.startswith(("blob:", "about:"))]

    def close(self) -> None:
        self.page.close()
