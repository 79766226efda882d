"""
Filtered Markdown as HTML, for outputs that no front end renders Markdown in.

No HTML passes but what `safe` itself writes, and no image. Math is left as it was typed, so that a page's own MathJax
finds it: read as Markdown, its underscores would be emphasis.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from xiantong_nb.defused import OWN
from xiantong_nb.inert import INLINE_MATH

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

_CODE = "margin: 0 0 1em; padding: 4px 8px; background-color: rgba(128, 128, 128, 0.1)"
_OWN = re.compile(OWN)
_BLOCK = re.compile(r"<pre>.*</pre>[ \t]*")
# What is opened anew is not looked into: a line of openers stays linear.
_MATH = re.compile(
    r"\$\$[^$`]+\$\$|\\\\\((?:(?!\\\\[()])[^`])+\\\\\)|\\\\\[(?:(?!\\\\[\[\]])[^`])+\\\\\]"
    rf"|\\begin\{{([A-Za-z]{{1,30}}\*?)\}}(?:(?!\\begin)[^`])*?\\end\{{\1\}}|{INLINE_MATH.pattern}"
)


def html(filtered: str) -> str:
    """Return text that `safe.markdown` has given as HTML."""
    return str(_renderer().render(filtered)).replace("<pre><code", f'<pre style="{_CODE}"><code')


@functools.cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    made.inline.ruler.before("escape", "math", _math)
    made.inline.ruler.before("escape", "own", _own)
    made.block.ruler.before("html_block", "own", _own_block, {"alt": ["paragraph", "reference", "blockquote"]})
    return made


def _own_block(state: StateBlock, line: int, _end: int, silent: bool) -> bool:
    """Let code of our own be a block where it is all of a line."""
    text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
    if not (_BLOCK.fullmatch(text) and _OWN.fullmatch(text.rstrip())):
        return False
    if not silent:
        state.line = line + 1
        token = state.push("html_block", "", 0)
        token.content, token.map = f"{text}\n", [line, state.line]
    return True


def _own(state: StateInline, silent: bool) -> bool:
    """Let HTML of our own pass."""
    found = _OWN.match(state.src, state.pos) if state.src[state.pos] == "<" else None
    if found is None:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _math(state: StateInline, silent: bool) -> bool:
    r"""Leave math as it is, but for the second backslash of `\\(`, which is Markdown's."""
    found = _MATH.match(state.src, state.pos) if state.src[state.pos] in "$\\" else None
    if found is None:
        return False
    if not silent:
        kept = found[0]
        kept = f"{kept[1:-3]}{kept[-2:]}" if kept.startswith("\\\\") else kept
        state.pending += kept  # append_pending is newer than 4.1
    state.pos = found.end()
    return True
