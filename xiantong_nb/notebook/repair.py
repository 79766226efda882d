"""
An unfinished last line, made presentable for a live paint.

A reply stops anywhere: within bold, a link, a table row. Shown as it is, a reader sees asterisks, a wrong address
or a dash that turns the line above into a heading, and all of it jumps a moment later. So what isn't readable yet
is held back and what is only unclosed is closed, in the last block; what is above has been finished.

It is the model's own text that is repaired, before it is filtered: what a live paint shows is what the filter makes of
a whole text. A mark taken out of filtered text, or put into it, could wake what the filter had broken there.
"""

from __future__ import annotations

import re

_MARKS_ONLY = re.compile(r"[ \t>]*(?:[-=#*>+_~`|: \t]*|\d{1,3}[.)]?)[ \t]*\Z")
_STARTS = re.compile(r"[ \t>]*(?:[-+*][ \t]|\d{1,9}[.)][ \t]|#|\||>|`{3}|~{3})")
_FENCED = re.compile(r"[ \t>*+\-\d.)]*(?:`{3}|~{3})")
_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\([^()\s]*|[ \t]+[\"'][^\n]*)?\Z")
_TOKEN = re.compile(r"`+|\\\\\[|\\[(\[]|\\begin\{|\\[^\n]|\$\$?|\*{1,3}|_{1,3}|~~")
_DEEPEST = 8  # more open marks than that are not emphasis
_MATH_CLOSES = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]", "\\\\[": "\\\\]", "\\begin{": "\\end{"}


def repair(block: str) -> str:
    """Give the lines of an unfinished block, none of them blank or in a fence, as they can be shown now."""
    lines = block.split("\n")
    unfinished = lines[-1]
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
        elif closer := _MATH_CLOSES.get(mark):
            at = shown.find(closer, position)
            if at >= 0:
                position = at + len(closer)
            elif mark != "$" or not shown[position : position + 1].isdigit():  # a price stands for itself
                shown, space = shown[: token.start()].rstrip(), ""
                break
        elif mark[0] in "*_~":
            marks.take(shown, token)
    return marks.close(_LINK.sub(_label, shown)) + space


def _label(link: re.Match[str]) -> str:
    """Show of a link what is complete; an image is to be a link to it."""
    return f"{'image: ' if link[1] else ''}{link[2]}"


def _closed_code(shown: str, token: re.Match[str]) -> str:
    """Close a code span, which shows from its first character on."""
    inside = shown[token.end() :].rstrip("`")
    if not inside.strip():
        return shown[: token.start()].rstrip()
    return f"{shown[: token.end()]}{inside}{token[0]}"
