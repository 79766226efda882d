"""Texts to put through the filter, renderers to put the result through, and what must not come out of them."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune

CORPUS = Path(__file__).parent
HOSTILE: list[str] = json.loads((CORPUS / "hostile.json").read_text(encoding="utf-8"))
ORDINARY, REWRITTEN, ANSWERS = (
    (CORPUS / name).read_text(encoding="utf-8").removesuffix("\n").split("\n%%%%%\n")
    for name in ("ordinary.md", "rewritten.md", "answers.md")
)

_COMMONMARK = MarkdownIt("commonmark", {"html": True})
_GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
RENDERERS = {"commonmark": _COMMONMARK.render, "github": _GITHUB.render, "nbconvert": markdown2html_mistune}

TAGS = {
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "a",
    "em",
    "strong",
    "del",
    "s",
    "ul",
    "ol",
    "li",
    "blockquote",
    "pre",
    "code",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "hr",
    "br",
    "input",
    "div",
    "span",
    "dl",
    "dt",
    "dd",
}
_ATTRIBUTES = {"href", "title", "class", "id", "align", "style", "start", "type", "checked", "disabled"}


class Audit(HTMLParser):
    """Finds in HTML what is more than some tags and some styles, and gathers the text that is shown."""

    def __init__(self, tags=frozenset(), styles="") -> None:
        super().__init__(convert_charrefs=True)
        self._tags, self._styles = tags or TAGS, re.compile(rf"text-align: ?\w+;?|{styles or '(?!)'}")
        self.found: list[str] = []
        self.text: list[str] = []
        self._code = 0

    def handle_starttag(self, tag, attrs) -> None:
        self._code += tag in {"code", "pre"}
        if tag not in self._tags:
            self.found.append(f"<{tag}>")
        for name, given in attrs:
            value = given or ""
            inner = name == "href" and value.startswith("#") and ("class", "anchor-link") in attrs
            if name not in _ATTRIBUTES or (name == "class" and "mermaid" in value.lower()):
                self.found.append(f"{tag} {name}={value}")
            if name == "href" and not inner and not re.match("(?i)https?://|mailto:", value):
                self.found.append(f"href={value}")
            if name == "style" and not self._styles.fullmatch(value):
                self.found.append(f"style={value}")

    def handle_endtag(self, tag) -> None:
        self._code -= tag in {"code", "pre"}

    def handle_data(self, data) -> None:
        self.text.append(data)
        if not self._code and re.search(r"\\(href|def|gdef|require|htmlData|mmlToken|includegraphics)\s*[{\\\[]", data):
            self.found.append(data)

    def handle_comment(self, data) -> None:
        self.found.append(f"<!--{data}")

    def handle_decl(self, decl) -> None:
        self.found.append(f"<!{decl}")

    def unknown_decl(self, data) -> None:
        self.found.append(f"<![{data}")

    def handle_pi(self, data) -> None:
        self.found.append(f"<?{data}")


def active(filtered: str) -> list[str]:
    """What any renderer makes of a text beyond what Markdown makes."""
    found = []
    for name, render in RENDERERS.items():
        audit = Audit()
        audit.feed(render(filtered))
        audit.close()
        found += [f"{name}: {one}" for one in audit.found]
    return found


def shown(markdown: str) -> str:
    """What a reader reads."""
    audit = Audit()
    audit.feed(_GITHUB.render(markdown))
    audit.close()
    return " ".join(html.unescape("".join(audit.text)).split())


def structure(markdown: str) -> list[str]:
    """The elements a renderer makes, in order; what marks code is one."""
    return re.findall(r"<(/?(?!code|pre)[a-z0-9]+)", _GITHUB.render(markdown))
