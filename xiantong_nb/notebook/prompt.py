"""
Names in braces give way to what they stand for; everything else in a prompt stays as typed.

    {name}  {name.attr}  {name[0]}  {name["key"]}    replaced, where there is such a name
    {{name}}                                         literal: it stays as it is, with both braces
    dict literals, sets, JSON, CSS, Jinja ...        stay as they are

What is code stays code: fenced blocks, code spans, f-strings and `.format`, `${...}`, JavaScript's
imports, LaTeX's arguments and formulas.
A value can be fenced all the same: alone on its line of a block, or alone in a span, a name is replaced. There is one
pass: what a value holds is never searched for names.
"""

from __future__ import annotations

import difflib
import keyword
import re
from ast import literal_eval
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xiantong_nb.notebook.values import Unshown, shown
from xiantong_nb.request import Image, Prompt, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = r"[^\W\d]\w*"
_STEP = rf"""\.{_NAME}|\[(?:-?\d+|'[^'\\\n]*'|"[^"\\\n]*")\]"""
_PATH = rf"(?P<path>(?P<root>{_NAME})(?P<steps>(?:{_STEP})*))"
_FIELD = rf"(?<!\{{)\{{{_PATH}\}}(?!\}})"
# what str.format takes and this does not: conversions, format specs, computed keys
_REST = r"(?:[!=][^{}\n]*|:[^\s{}]+|[\[.(][^{}\n]*)"
_ALONE = re.compile(rf"^{_FIELD}[ \t]*$", re.MULTILINE)
_WHOLE = re.compile(_FIELD)
_MEANT = re.compile(rf"\{{(?P<root>{_NAME})(?:(?:{_STEP})*|{_REST})\}}")
"""What may have been meant for a field, where none is read."""

# atomic, as whatever could be tried in many ways below: a prompt of nothing but braces must not take a minute
_STRING = r"""(?>\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_PARTS = re.compile(
    rf"""
      (?P<fence>^\ {{0,3}}(?P<mark>`{{3,}}|~{{3,}})[^\n]*\n.*?(?:^\ {{0,3}}(?P=mark)[`~]*[ \t]*$|\Z))
    | (?P<span>(?<!`)(?P<ticks>`+)(?!`)(?P<inner>(?:(?!\n[ \t]*\n).)+?)(?<!`)(?P=ticks)(?!`))
    | (?P<string>(?<!\w)(?:[fFtT][rR]?|[rR][fFtT]){_STRING}|{_STRING}(?=\.format(?:_map)?\())
    | (?P<script>\$\{{[^{{}}\n]*\}}|\b(?:import|export|const|let|var)[ \t]+\{{[^{{}}\n]*\}})
    | (?P<formula>\$\$.+?\$\$|\\\[.{{1,999}}?\\\]|\\\(.{{1,999}}?\\\)
        |\\begin\{{(?P<what>[^{{}}\n]+)\}}.{{1,2999}}?\\end\{{(?P=what)\}}
        |(?<![\\$\w])\$(?![\s$])(?:[^$\n\\]|\\.)+?(?<!\s)\$(?![\d{{]))      # as Pandoc tells a formula from two prices
    | (?P<latex>\\[A-Za-z]+\*?(?=[\[{{])|\^(?=\{{)|(?:(?<![^\W_])[^\W\d_]|\\[A-Za-z]+|[)\]}}|])_(?=\{{))
    | (?P<double>(?<!\{{)\{{\{{++[^{{}}]*+\}}\}}++)
    | (?P<field>{_FIELD})
    | (?P<meant>\{{{_NAME}(?:(?:{_STEP})*|{_REST})\}})
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
"""Where something else than prose begins; the first form that fits at a place counts."""

_BRACES = re.compile(r"[{}\[\]]")
_PAIRS = {"{": "{}", "[": "[]"}
_NEAR = 400  # characters
_GROUP = re.compile(r"[_^]?(?=\{)|(?=\[)")
_SHORT = 40


def expand(text: str, names: Mapping[str, Any]) -> Prompt:
    """
    Return the prompt with the values of `names` in it, images in their places.

    Its `notes` say what was put in, with shape and cut, and what of code may have been meant for a name; its `warnings`
    name what is not there, and so was left as typed. Raises `UsageError` for a figure that can't be made an image.
    """
    made, at = _Expansion(names), 0
    while found := _PARTS.search(text, at):
        made.keep(text[at : found.start()])
        at = _take(found, text, made)
    made.keep(text[at:])
    return made.prompt()


def _take(found: re.Match[str], text: str, made: _Expansion) -> int:
    """Take one part of the prompt, and return where what follows begins."""
    end = found.end()
    match found.lastgroup:
        case "field":
            made.put(found)
        case "fence":
            made.code(found[0], fields=_ALONE)
        case "span" if _WHOLE.fullmatch(found["inner"].strip()):
            made.code(found[0], fields=_WHOLE)
        case "latex":
            end = _arguments(text, end)
            made.keep(text[found.start() : end])
        case "formula" | "double":
            made.keep(found[0])
        case _:
            made.code(found[0])
    return end


@dataclass(slots=True)
class _Expansion:
    """What has become of a prompt so far."""

    names: Mapping[str, Any]
    blocks: list[Text | Image] = field(default_factory=list)
    put_in: dict[str, str] = field(default_factory=dict)
    left: dict[str, None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    def keep(self, text: str) -> None:
        """Add text as it is."""
        if text and self.blocks and isinstance(self.blocks[-1], Text):
            self.blocks[-1] = Text(self.blocks[-1].text + text)
        elif text:
            self.blocks.append(Text(text))

    def put(self, found: re.Match[str]) -> None:
        """Put in what a field names; where that can't be, keep it as typed and remember why."""
        if keyword.iskeyword(found["root"]):
            self.keep(found[0])
            return
        try:
            value = self._value(found["root"], found["steps"])
            content, told = shown(value)
        except Unshown as reason:
            self.missing[f"{found[0]} is sent as typed: {reason}"] = None
            self.keep(found[0])
            return
        self.put_in[found["path"]] = told
        if isinstance(content, Image):
            self.blocks.append(content)
        elif isinstance(value, str) or "\n" not in content:
            self.keep(content)
        else:  # a table has its lines for itself
            before, after = found.string[: found.start()], found.string[found.end() :]
            begins, ends = not before or before.endswith("\n"), not after or after.startswith("\n")
            self.keep(("" if begins else "\n") + content + ("" if ends else "\n"))

    def code(self, text: str, *, fields: re.Pattern[str] | None = None) -> None:
        """Keep a piece of code, but for `fields` in it, and remember what else in it names something."""
        at = 0
        for found in fields.finditer(text) if fields else ():
            self._code(text[at : found.start()])
            self.put(found)
            at = found.end()
        self._code(text[at:])

    def prompt(self) -> Prompt:
        put = [f"{path} ({told})" if told else path for path, told in self.put_in.items()]
        notes = [f"with {', '.join(put)}"] if put else []
        if self.left:
            short = (each if len(each) <= _SHORT else f"{each[:_SHORT]} …" for each in self.left)
            notes.append(f"left as typed: {', '.join(short)}")
        # endpoints refuse blank text beside something else
        whole = len(self.blocks) == 1
        blocks = tuple(b for b in self.blocks if whole or isinstance(b, Image) or b.text.strip())
        return Prompt(blocks, tuple(notes), tuple(self.missing))

    def _code(self, text: str) -> None:
        self.keep(text)
        self.left |= {found[0]: None for found in _MEANT.finditer(text) if found["root"] in self.names}

    def _value(self, root: str, steps: str) -> Any:
        """Follow a path by attributes and indices alone: nothing is called by name."""
        if root not in self.names:
            near = difflib.get_close_matches(root, [n for n in self.names if n[:1] != "_"], n=1, cutoff=0.7)
            raise Unshown(f"there is no {root}" + (f"; did you mean {near[0]}?" if near else "."))
        value = self.names[root]
        for step in re.findall(_STEP, steps):
            try:
                value = getattr(value, step[1:]) if step[0] == "." else value[literal_eval(step[1:-1])]
            except Exception as error:  # noqa: BLE001  # properties and indices raise what they like
                raise Unshown(f"{root}{step} can't be read ({type(error).__name__}).") from None
        return value


def _arguments(text: str, at: int) -> int:
    """Return where the braced and bracketed arguments of a LaTeX command end, sub- and superscripts with them."""
    while (group := _GROUP.match(text, at)) and (end := _closed(text, group.end())):
        at = end
    return at


def _closed(text: str, at: int) -> int:
    """Return where a brace or bracket that opens at a place is closed, in the next few lines; 0 if nowhere."""
    opening, depth = text[at], 0
    for found in _BRACES.finditer(text, at, at + _NEAR):
        if found[0] in _PAIRS[opening]:
            depth += 1 if found[0] == opening else -1
            if not depth:
                return found.end()
    return 0
