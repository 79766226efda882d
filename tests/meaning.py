"""
What a text means to its reader: the elements, addresses and words that a renderer makes of it.

The reference renders what the model wrote with HTML switched off, which is what the filter is for; `<br>`, which the
filter keeps, is a break in both.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

Part = tuple[str, str]
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_TOLD = {"href", "title", "start"}
_VOID = {"br", "hr", "img", "input"}


def _break(state, silent: bool) -> bool:
    found = _BREAK.match(state.src, state.pos)
    if found and not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end() if found else state.pos
    return found is not None


REFERENCE = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
REFERENCE.inline.ruler.before("html_inline", "break", _break)
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""What filtered text is put through: it holds no HTML but the filter's own."""


def of_html(html: str, *, math: bool = False) -> list[Part]:
    """
    Return elements and text in their order. White space counts in code only.

    With `math`, backslashes don't count: the renderer leaves math to a page's MathJax, and the reference knows no math.
    """
    dom = _Dom()
    dom.feed(html)
    dom.close()
    parts = [(kind, text if kind != "text" else text.strip()) for kind, text in dom.parts]
    # In math the filter puts a blank behind `<`, which TeX doesn't mind.
    parts = [(kind, re.sub(r"<\s+", "<", text) if kind == "text" else text) for kind, text in parts]
    if math:
        parts = [(kind, text.replace("\\", "") if kind == "text" else text) for kind, text in parts]
    return [part for part in parts if part != ("text", "")]


class _Dom(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[Part] = []
        self._pre = 0

    def handle_starttag(self, tag, attrs) -> None:
        self._pre += tag == "pre"
        told = "".join(f" {name}={value}" for name, value in attrs if name in _TOLD)
        self.parts.append(("element", f"{tag}{told}"))

    def handle_endtag(self, tag) -> None:
        self._pre -= tag == "pre"
        if tag not in _VOID:
            self.parts.append(("element", f"/{tag}"))

    def handle_data(self, data) -> None:
        data = data if self._pre else re.sub(r"\s+", " ", data)
        if self.parts and self.parts[-1][0] == "text":
            data = self.parts.pop()[1] + data
        self.parts.append(("text", data))
