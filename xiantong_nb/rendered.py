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
    from markdown_it.rules_inline import StateInline

_OWN = re.compile(OWN)
_MATH = re.compile(rf"\$\$[^$`]+\$\$|\\\\\([^`]+?\\\\\)|\\\\\[[^`]+?\\\\\]|{INLINE_MATH.pattern}")


def html(filtered: str) -> str:
    """Return text that `safe.markdown` has given as HTML."""
    return str(_renderer().render(filtered))


@functools.cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    made.inline.ruler.before("escape", "math", _math)
    made.inline.ruler.before("escape", "own", _own)
    return made


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
        state.append_pending(f"{kept[1:-3]}{kept[-2:]}" if kept[0] == "\\" else kept)
    state.pos = found.end()
    return True
