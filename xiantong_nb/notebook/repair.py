"""
An unfinished last line, made presentable for a live paint.

A reply stops anywhere: within bold, a link, a table row. Shown as it is, a reader sees asterisks, a wrong address
or a dash that turns the line above into a heading, and all of it jumps a moment later. So what isn't readable yet
is held back and what is only unclosed is closed, in the last block; what is above has been finished.

The text has passed `safe` before. Nothing is taken out of the middle of it, and only closing marks are added.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"^(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_NESTED = re.compile(r"[ \t>]*(?:`{3,}|~{3,})[ \t]*\Z|.*<pre><code>")
_MARKS_ONLY = re.compile(r"[ \t>]*(?:[-=#*>+_~`|: \t]*|\d{1,3}[.)]?)[ \t]*\Z")
_STARTS = re.compile(r"[ \t>]*(?:[-+*][ \t]|\d{1,9}[.)][ \t]|#|\||>|`{3}|~{3})")
_FENCED = re.compile(r"[ \t>*+\-\d.)]*(?:`{3}|~{3})")
_LINK = re.compile(r"\[([^\[\]]*)\](?:\(|&#40;)(?:[^()\s]|\([^()\s]*\))*(?:\([^()\s]*|[ \t]+[\"'][^\n]*)?\Z")
_TOKEN = re.compile(
    r"<code>[^<]*</code>|`+|\\[(\[]|\\begin(?:\{|&#123;)|&#36;&#36;|\\\\&#91;|\\[^\n]|\$\$?|\*{1,3}|_{1,3}|~~"
)
_DEEPEST = 8  # more open marks than that are not emphasis
_MATH_CLOSES = {"$$": "$$", "$": "$", "&#36;&#36;": "&#36;&#36;", "\\(": "\\)", "\\[": "\\]", "\\begin{": "\\end{"}


def repair(markdown: str) -> str:
    """Give the text as it can be shown now, when more is to come."""
    fence = ""
    for match in _FENCE.finditer(markdown):
        if not fence:
            fence = match[1] if match[1][0] == "~" or "`" not in match[2] else ""
        elif match[1].startswith(fence) and not match[2].strip():
            fence = ""
            if match.end() >= len(markdown) - 1:
                return _without_half_fence(markdown, match)
    if fence:
        return f"{markdown.removesuffix(chr(10))}\n{fence}"
    start = max(markdown.rfind("\n\n") + 2, 0) if "\n\n" in markdown else 0
    return markdown[:start] + _last_block(markdown[start:])


def _without_half_fence(markdown: str, closing: re.Match[str]) -> str:
    """Hold back the first characters of the line that will end a fence; its real end was added by the filter."""
    above = markdown[: closing.start() - 1]
    line = above.rpartition("\n")[2]
    if line and len(line) < len(closing[1]) and closing[1].startswith(line):
        return above[: -len(line)] + markdown[closing.start() :]
    return markdown


def _last_block(block: str) -> str:
    """Repair lines without a blank one between them."""
    lines = block.split("\n")
    unfinished = lines[-1]
    if _NESTED.match(unfinished) or (not unfinished and len(lines) > 1 and _NESTED.match(lines[-2])):
        return block
    if unfinished and (_MARKS_ONLY.match(unfinished) or unfinished.lstrip().startswith("|")):
        lines[-1] = ""
    rows = [line for line in lines if line.lstrip().startswith("|")]
    # A table is one from its delimiter row on; until then its header would show as text.
    if rows and rows[-1:] == [line for line in lines if line][-1:]:
        if len(rows) == 1:
            lines = [*lines[: lines.index(rows[0])], ""]
        return "\n".join(lines)
    last = max((at + bool(_FENCED.match(line)) for at, line in enumerate(lines) if _STARTS.match(line)), default=0)
    above = "".join(f"{line}\n" for line in lines[:last])
    return above + _closed("\n".join(lines[last:]))


class _Marks:
    """The emphasis open at some point of a text."""

    def __init__(self) -> None:
        self._open: list[tuple[str, int]] = []
        self._settled = 0

    def take(self, text: str, token: re.Match[str]) -> None:
        """Open or close emphasis, by the characters beside the mark."""
        mark, at = token[0], token.end()
        before, after = text[max(token.start() - 1, 0) : token.start()], text[at : at + 1]
        same = [index for index, (other, _) in enumerate(self._open) if other == mark]
        if before.strip() and same:
            del self._open[same[-1] :]
            self._settled = at
        elif after.strip() and not (mark[0] == "_" and before.isalnum()) and len(self._open) < _DEEPEST:
            self._open.append((mark, at))
            self._settled = at

    def close(self, text: str) -> str:
        """Close what is open, innermost first; marks at the very end are half of one, or open nothing yet."""
        settled = min(self._settled, len(text))
        text = text[:settled] + text[settled:].rstrip("*_~ ")
        while self._open and self._open[-1][1] >= len(text):
            mark, at = self._open.pop()
            text = text[: at - len(mark)].rstrip()
        return text + "".join(mark for mark, _ in reversed(self._open))


def _closed(text: str) -> str:
    """Close or hold back what is open in one paragraph, item or heading."""
    shown = text.rstrip()
    space = text[len(shown) :]
    marks = _Marks()
    position = 0
    while token := _TOKEN.search(shown, position):
        mark, position = token[0], token.end()
        if mark[0] == "`":
            closing = re.compile(rf"(?<!`){mark}(?!`)").search(shown, position)
            if not closing:
                return marks.close(_closed_code(shown, token)) + space
            position = closing.end()
        elif closer := _math_closer(mark):
            at = shown.find(closer, position)
            if at >= 0:
                position = at + len(closer)
            elif mark != "$" or not shown[position : position + 1].isdigit():  # a price stands for itself
                shown, space = shown[: token.start()].rstrip(), ""
                break
        elif mark[0] in "*_~":
            marks.take(shown, token)
    return marks.close(_LINK.sub(r"\1", shown)) + space


def _math_closer(mark: str) -> str | None:
    if mark.startswith("\\begin"):
        return "\\end{"
    return "\\\\]" if mark == "\\\\&#91;" else _MATH_CLOSES.get(mark)


def _closed_code(shown: str, token: re.Match[str]) -> str:
    """Close a code span; one with entities in it was filtered as text and would show them."""
    inside = shown[token.end() :].rstrip("`")
    if not inside.strip() or "&" in inside:
        return shown[: token.start()].rstrip()
    return f"{shown[: token.end()]}{inside}{token[0]}"
