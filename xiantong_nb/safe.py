r"""
Model text made safe to show: as Markdown in a notebook, as text in a terminal.

Both filters take a stream in pieces of any size and give back what no later piece can change; joined, that
is what the whole text gives at once. Lines are settled at the end of their paragraph, because a code span or
a link definition may reach over several; the lines of a fence outside lists and quotes are settled at once.

What a paragraph may hold is decided in `inert`. Here text is cut into blocks:

    paragraph      lines up to a blank one, with all lists, quotes, headings and tables in them
    fence          at the margin: rewritten so that every renderer finds the same first and last line
                   (a blank line around it, no indentation, a language without side effects, always closed)
    nested fence   in a list or quote, where renderers differ on where it ends: kept when its lines would be
                   harmless as text too, else one line of `<pre><code>` and entities
    indented code  kept when harmless as text, else rewritten as a fence
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from xiantong_nb import inert
from xiantong_nb.defused import entities
from xiantong_nb.safe_terminal import UNCLEAN, TerminalFilter, terminal, visible

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CleanFilter", "MarkdownFilter", "TerminalFilter", "entities", "markdown", "terminal"]

_FENCE = re.compile(rf"(?P<prefix>{inert.CONTAINERS})(?P<run>`{{3,}}|~{{3,}})(?P<info>.*)\Z")
_CLOSING = re.compile(r" {0,3}([`~]{3,})[ \t]*\Z")
_ITEM = re.compile(r"[ \t]*(?:[-+*]|\d{1,9}[.)])(?:[ \t]{1,4}(?=\S)|(?=[ \t]|\Z))")
_QUOTE = re.compile(r"[ \t]*> ?")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]+")
# Languages some viewer draws instead of showing; of the first, nbconvert looks no further than the beginning.
_DRAWN = re.compile(r"mermaid.*|(?:geojson|topojson|stl|math|plantuml|vega|vega-lite|graphviz|kroki)\Z", re.IGNORECASE)
_CODE_INDENT = 4


def markdown(text: str) -> str:
    """Filter a whole Markdown text."""
    whole = MarkdownFilter()
    return whole.feed(text) + whole.end()


class CleanFilter:
    """Text in pieces to text with one kind of line end and no controls, whatever is made of it."""

    def __init__(self) -> None:
        self._after_return = False

    def feed(self, delta: str) -> str:
        """Take the next piece; a return and its line feed may come in two."""
        text = delta
        if self._after_return and text:
            text = text.removeprefix("\n")
            self._after_return = False
        self._after_return = self._after_return or text.endswith("\r")
        if not UNCLEAN.search(text):
            return text
        return UNCLEAN.sub(lambda match: visible(match[0]), text.replace("\r\n", "\n"))


class MarkdownFilter:
    """Markdown in pieces to safe Markdown in pieces."""

    def __init__(self) -> None:
        self._line: list[str] = []
        self._block: list[str] = []
        self._code_so_far = False
        self._fence = ""
        self._outdent = 0
        self._nested: _NestedFence | None = None
        self._items: list[int] = []
        self._items_above: list[int] = []
        self._clean = CleanFilter()
        self._after_blank = True
        self._owes_blank = False

    def feed(self, delta: str) -> str:
        """Take the next piece; returns the text that is settled by it."""
        text = self._clean.feed(delta)
        if "\n" not in text:
            self._line.append(text)
            return ""
        *lines, last = ("".join(self._line) + text).split("\n")
        self._line = [last]
        return "".join([self._next(line) for line in lines])

    def end(self) -> str:
        """Return the rest."""
        last = "".join(self._line)
        self._line = []
        rest = self._next(last) if last else ""
        rest += self._end_nested() + self._settle()
        if self._fence:
            rest += f"{self._fence}\n"
        return rest[:-1] if last and rest.endswith("\n") else rest

    def peek(self, repair: Callable[[str], str] | None = None) -> str:
        """
        Return the rest as if the text ended here, or as if `repair` had ended it.

        That is given the lines of the last paragraph; the first half of a line that ends a fence is held back.
        """
        twin = copy.copy(self)
        if self._fence or self._nested:
            twin._items, twin._nested = self._items.copy(), copy.deepcopy(self._nested)  # noqa: SLF001 - its own class
            if repair and self._fence.startswith("".join(self._line).strip() or " "):
                twin._line = []  # noqa: SLF001
            return twin.end()
        twin._clean, twin._block, twin._line = CleanFilter(), [], []  # noqa: SLF001
        twin._items = (self._items_above if self._block else self._items).copy()  # noqa: SLF001
        lines = "".join([*self._block, *self._line])
        return twin.feed(repair(lines) if repair else lines) + twin.end()

    def _next(self, line: str) -> str:
        """Take one line without its end."""
        if self._fence:
            return self._in_fence(line)
        if self._nested:
            return self._in_nested(line)
        if not line.strip(" \t"):
            settled = self._settle()
            self._after_blank, self._owes_blank = True, False
            return f"{settled}{line}\n"
        if not self._block:
            self._items_above = self._items.copy()
        self._track_items(line)
        found = _FENCE.match(line)
        if not found or (found["run"][0] == "`" and "`" in found["info"]) or self._is_code(line):
            self._code_so_far = self._is_code(line)
            self._block.append(f"{line}\n")
            return ""
        settled = self._settle()
        prefix = found["prefix"]
        if prefix.strip(" ") or self._items or len(prefix) >= _CODE_INDENT:
            sure = settled == "" and (self._after_blank or self._owes_blank)
            self._nested = _NestedFence(found, self._items[-1] if self._items else 0, sure=sure)
            return settled
        self._fence, self._outdent = found["run"], len(prefix)
        return f"{settled}{self._blank()}{self._fence}{_language(found['info'])}\n"

    def _in_fence(self, line: str) -> str:
        """One line of a fence; what might end it for any renderer ends it for all."""
        line = line[min(self._outdent, len(line) - len(line.lstrip(" "))) :]
        closing = _CLOSING.match(line)
        if not closing or not closing[1].startswith(self._fence):
            return f"{line}\n"
        line, self._fence, self._owes_blank = self._fence, "", True
        return f"{line}\n"

    def _in_nested(self, line: str) -> str:
        """One line while a nested fence is open, perhaps the one after it."""
        if self._nested is None or self._nested.takes(line):
            return self._end_nested() if self._nested and self._nested.closed else ""
        return self._end_nested() + self._next(line)

    def _end_nested(self) -> str:
        if self._nested is None:
            return ""
        text, apart, self._nested = self._nested.text(), self._nested.apart, None
        if not apart:
            return self._put(text)
        before = self._blank()
        self._owes_blank = True
        return before + text

    def _settle(self) -> str:
        """End the block in hand."""
        lines, self._block = self._block, []
        code = 0
        apart = (self._after_blank or self._owes_blank) and not self._items
        while apart and code < len(lines) and _indent(lines[code]) >= _CODE_INDENT:
            code += 1
        settled = self._indented_code(lines[:code]) if code else ""
        return settled + (self._put(inert.block("".join(lines[code:]))) if lines[code:] else "")

    def _indented_code(self, lines: list[str]) -> str:
        text = "".join(lines)
        if inert.unchanged(text) and not any(_FENCE.match(line) for line in lines):
            return self._put(text)
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
        inside = "".join(_outdented(line, _CODE_INDENT) for line in lines)
        settled = f"{self._blank()}{fence}\n{inside}{fence}\n"
        self._owes_blank = True
        return settled

    def _is_code(self, line: str) -> bool:
        """Whether a line, with a fence in it or not, is one more line of indented code."""
        if self._items or _indent(line) < _CODE_INDENT or not (self._after_blank or self._owes_blank):
            return False
        return self._code_so_far or not self._block

    def _track_items(self, line: str) -> None:
        """Keep the columns where the text of each open list item starts."""
        indent = _indent(line)
        item = _ITEM.match(line)
        # A line right below others may belong to the last item however little it is indented; a fence may not.
        if item or not self._block or _FENCE.match(line):
            while self._items and indent < self._items[-1]:
                self._items.pop()
        if item:
            self._items.append(len(item[0].expandtabs(4)) + (not item[0][-1].isspace()))

    def _blank(self) -> str:
        """Give the blank line due before what starts now, if one is missing."""
        missing = "" if self._after_blank else "\n"
        self._after_blank = self._owes_blank = False
        return missing

    def _put(self, text: str) -> str:
        """Text that needs a blank line above only where a fence ended."""
        due = "\n" if self._owes_blank else ""
        self._after_blank = self._owes_blank = False
        return due + text


class _NestedFence:
    """A fence inside containers, gathered line by line."""

    def __init__(self, opening: re.Match[str], item: int, *, sure: bool) -> None:
        self._prefix, self._run, info = opening.group("prefix", "run", "info")
        self._opening = f"{self._prefix}{self._run}{_language(info)}"
        self._beside = re.sub(r"[^\s>]", " ", self._prefix)
        self._quotes = self._prefix.count(">")
        self._item = 0 if self._quotes else item
        self._width = len(self._beside.rpartition(">")[2].removeprefix(" " if self._quotes else "").expandtabs(4))
        self._kept: list[str] = []
        self._code: list[str] = []
        # Renderers count tabs, task boxes and footnotes differently, and below text a marker may not be one.
        self._same_for_all = not re.search(r"[\t\[:]" if sure else r"[^ >]", self._prefix)
        self.closed = False
        self.apart = False  # whether blank lines must part it from text: Jupyter could cut math out over its ends

    def takes(self, line: str) -> bool:
        """Take a line, unless it lies outside."""
        rest = line
        for _ in range(self._quotes):
            quote = _QUOTE.match(rest)
            if not quote:
                return False
            rest = rest[quote.end() :]
        indent = _indent(rest)
        if rest.strip() and indent < self._item:
            return False
        rest = _outdented(rest, min(indent, self._width))
        closing = _CLOSING.match(rest)
        if closing and closing[1].startswith(self._run):
            self.closed = True
            return True
        beside = line.startswith(self._beside) or line.strip() in ("", self._beside.strip())
        self._same_for_all = self._same_for_all and beside and not _FENCE.match(rest)
        self._kept.append(line)
        self._code.append(rest)
        return True

    def text(self) -> str:
        """Return the fence as it was, closed, or as one line of entities."""
        after = 0
        while not self.closed and not self._quotes and self._kept and not self._kept[-1].strip():
            self._kept.pop()
            self._code.pop()
            after += 1
        code = "\n".join(self._code)
        math = "$" in code or r"\\(" in code
        if self._same_for_all and not (math and self._quotes) and inert.unchanged(code):
            self.apart = math
            lines = [self._opening, *self._kept, self._beside + self._run]
        else:
            # The definition a footnote may be taken for would have this line for its destination.
            before = self._prefix.replace(":", "&#58;")
            lines = [f"{before}<pre><code>{entities(code)}</code></pre>"]
        return "\n".join([*lines, *[""] * (after + 1)])


def _language(info: str) -> str:
    """Name the language of a fence; `text` for what is drawn, run or not a name."""
    info = info.strip()
    name = _LANGUAGE.match(info)
    if not info or (name and not _DRAWN.match(name[0])):
        return name[0] if name else ""
    return "text"


def _outdented(line: str, columns: int) -> str:
    """Take columns away from the blanks a line begins with; other tabs are the code's own."""
    code = line.lstrip(" \t") if columns else line
    return line[: len(line) - len(code)].expandtabs(4)[columns:] + code


def _indent(line: str) -> int:
    """Count up to the column of the first character that isn't blank."""
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip(" "))
