r"""
One block of Markdown made inert: no HTML, image, foreign link, directive or active TeX survives in any reading.

Renderers disagree on what is code, math or a table cell, so a rule that asks "is this code?" is a hole
wherever two of them differ. Here every rule holds for the characters themselves:

- text        is changed only where it could act, with an entity or a space in the middle of the construct
- code spans  stay as typed when the text rules would change nothing in them, else become `<code>` of entities,
              which is code where HTML is read and harmless text elsewhere
- math        gets a space instead of an entity: Jupyter escapes math again, and TeX doesn't mind the space

Two facts of Jupyter's math pass shape the rest. It cuts `$...$` out before Markdown is parsed and puts it back
into the finished HTML with quotes unescaped: a `$` inside a link would write attributes, so no destination,
title or bare address may hold one. And nbconvert lets `$$`, `\\[` and `\begin{x}` run on over blank lines
and fences until they find a partner: one without a partner in its own paragraph is shown, not kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xiantong_nb.defused import ADDRESS, TITLE, defused, entities

if TYPE_CHECKING:
    from collections.abc import Iterator

# What may stand before a block inside containers: quotes, list and definition markers, task boxes, footnotes.
_MARKERS = r"[ \t>]|[-+*](?=\s|\Z)|\d{1,10}[.)](?=\s|\Z)|\[[ xX]\](?=\s)"
_FOOTNOTE = r"\[\^[^\]\s]{1,99}\]:"
CONTAINERS = rf"(?:{_MARKERS}|:(?=\s|\Z)|{_FOOTNOTE})*"
# nbconvert goes on in the middle of a line as at its start once display math is cut out.
_AFTER_MATH = r"(?:\$\$|\\\]|\\end\{[A-Za-z]*\*?\})[ \t]*"

_RUN_STARTS = re.compile(r"https?://|ftp://|www\.|mailto:", re.IGNORECASE)
_RUN = re.compile(rf"(?:{_RUN_STARTS.pattern})[^\s<]*", re.IGNORECASE)
_IN_RUN = re.compile(r"\$|\\(?=begin|\\)|@(?=[@\\&])|(?<=[fF][tT][pP]):(?=//)")
_BEFORE_LABEL = rf"(?:^(?:(?:{_MARKERS})*|[^A-Za-z`\\\n]*?)|(?:(?<=\]:)[ \t]*|{_AFTER_MATH})(?:{_MARKERS})*)"
_LABEL = re.compile(rf"{_BEFORE_LABEL}(?P<label>\[(?:[^\[\]\\]|\\.)*\]):", re.MULTILINE | re.DOTALL)
# Where a label may start, generously: at the margin, or behind what lets a line begin anew.
_MARGIN = re.compile(rf"^(?:{_MARKERS})*[^A-Za-z`\\\n]*", re.MULTILINE)
_ANEW = re.compile(rf"(?:\]:|{_AFTER_MATH}|\A[ \t]{{60}})(?:{_MARKERS})*\Z")
_MATH_OPENS = re.compile(r"\$|\\\\[\[(]|\\begin")
_BRACKETS = re.compile(r"\\.|[\[\]]", re.DOTALL)
_DEFINES = re.compile(
    rf"[ \t]*\n?[ \t]*{ADDRESS}(?:[ \t]*\n?[ \t]*{TITLE})?[ \t]*(?:\Z|\n(?![ \t]*[\"'(]))", re.IGNORECASE
)
# Two plain words: no renderer takes that for an address and its title.
_PROSE = re.compile(r"[ \t]{0,9}(?:\n[ \t]{1,9})?[^\s$\\@<\"'(]{1,99}[ \t]+[^\s$\\@<\"'(]")
# Colon fences; and definitions, after which markdown-it looks for the next term in a fence too.
_COLON = re.compile(rf"^((?:{_MARKERS}|{_FOOTNOTE})*)([:~])(?=\s|::)", re.MULTILINE)
# A fence no line of a paragraph should show: a rewritten code span, or math cut out of the line, can make one
# of backticks that don't end on their line.
_FENCES_MADE = (
    re.compile(rf"({_AFTER_MATH}{CONTAINERS})(`{{3,}}|~{{3,}})", re.MULTILINE),
    re.compile(rf"^({CONTAINERS})(~{{3,}}|(`{{3,}}+)(?![^\n]*?[^`\n]\3(?!`)))", re.MULTILINE),
)
_ROLE = re.compile(r"(\{[\w:.+-]{1,99})\}\Z")
# As nbconvert searches for them, over anything.
_DISPLAY = re.compile(r"(?<!\\)\$\$|\\\\\[|\\begin\{([a-z]*\*?)\}")
_DISPLAY_OPENS = re.compile(r"\$\$|\\\\[\[(]|\\begin\{")
_DOLLARS = re.compile(r"(?<!\\)\$\$")
_OPENS = re.compile(r"\$\$|\\\\\[|\\begin\{")
_OPENS = re.compile(r"`+|\$\$?|\\\\?[(\[]|\\begin\{([A-Za-z]{1,30}\*?)\}|\\[^\n]")
_CLOSES = {"$$": "$$", "\\(": "\\)", "\\[": "\\]", "\\\\(": "\\\\)", "\\\\[": "\\\\]"}
INLINE_MATH = re.compile(r"\$(?=[^\s$])(?>[^$\\`\n]|\\[^\n]|\n(?!\n)){1,1000}(?<!\s)\$(?!\d)")
_CONTAINED = re.compile(CONTAINERS)
_ALONE = re.compile(r"[ \t]*#|[^|\n]*\||[-=*_+:~ \t]*$")
_STARTS = re.compile(r"[ \t]*(?:[>\[]|[-+*:](?:[ \t]|$)|\d{1,10}[.)](?:[ \t]|$))")


def block(text: str) -> str:
    """Lines without a blank one between them, with code spans and math told apart from text."""
    return _whole("".join([_spans(segment) for segment in _segments(_without_lazy_lines(text))]))


def unchanged(text: str) -> bool:
    """Whether text can stand as it is wherever it is read: nothing believed to be code, nothing left to change."""
    return not _DISPLAY_OPENS.search(text) and _whole(_addressed(defused(text))) == text


def _whole(text: str) -> str:
    """Apply the rules that look over the seams between text, code and math."""
    if "[" in text:
        text = _without_open_labels(text)
    if "]:" in text:
        text = _LABEL.sub(_definition, text)
    if "```" in text or "~~~" in text:
        for made in _FENCES_MADE:
            text = made.sub(lambda match: match[1] + entities(match[2]), text)
    return _COLON.sub(lambda match: match[1] + entities(match[2]), text)


def _without_open_labels(text: str) -> str:
    """
    Break labels left open, which marked and mistune would close in a later paragraph, or inside a fence.

    One with math in it may be open too: Jupyter can cut its end out with the math.
    """
    margins = [match.span() for match in _MARGIN.finditer(text)]
    math = [match.start() for match in _MATH_OPENS.finditer(text)]
    broken: list[int] = []
    until = nearest = len(text) + 1  # the next bracket that counts, and the next math, right of this one
    for bracket in reversed([match for match in _BRACKETS.finditer(text) if match[0] in "[]"]):
        at = bracket.start()
        while math and math[-1] > at:
            nearest = math.pop()
        while margins[-1][0] > at:
            margins.pop()
        opens = bracket[0] == "[" and (until > len(text) or nearest < until)
        if opens and (at <= margins[-1][1] or _ANEW.search(text[max(0, at - 60) : at])):
            broken.append(at)
        else:
            until = at
    pieces = []
    end = len(text)
    for at in broken:
        pieces.append(text[at + 1 : end])
        end = at
    return "&#91;".join([text[:end], *reversed(pieces)])


def _definition(match: re.Match[str]) -> str:
    """Keep a link definition with a harmless destination, and a footnote; let others define nothing."""
    footnote = match["label"].startswith("[^")
    if _DEFINES.match(match.string, match.end()) or (footnote and _PROSE.match(match.string, match.end())):
        return match[0]
    return match[0][:-1] + "&#58;"


def _squares(segment: str, start: int, end: int) -> bool:
    """
    Whether two `$$` are a pair for a reader that looks for the first only where a line starts, too.

    That one takes the second for the first if it starts a line, unless the first did so in the same column.
    """
    above, below = (segment[segment.rfind("\n", 0, at) + 1 : at].expandtabs(4) for at in (start, end))
    if "\n" not in segment[start:end]:
        return True
    return _CONTAINED.fullmatch(above) is not None and (bool(below.strip()) or len(above) == len(below))


def _without_lazy_lines(text: str) -> str:
    """
    End a quote that holds a list or a quote with a blank line.

    marked miscounts such quotes and skips the first characters of what follows: of a fence, if it comes to that.
    """
    if ">" not in text:
        return text
    lines: list[str] = []
    stacked = False
    for line in text.splitlines(keepends=True):
        margin = _CONTAINED.match(line)
        left, quote, right = margin[0].partition(">") if margin else ("", "", "")
        quoted = bool(quote) and not left.startswith("    ")
        if stacked and not quoted:
            lines.append("\n")
        stacked = quoted and (stacked or bool(right.strip()))
        lines.append(line)
    return "".join(lines)


def _segments(text: str) -> Iterator[str]:
    """Cut where no code span or equation may stretch over: at all but paragraphs and what is indented under items."""
    held: list[str] = []
    plain = False
    for line in text.splitlines(keepends=True):
        alone = _ALONE.match(line)
        starts = alone or _STARTS.match(line)
        if held and (starts or not (plain or line.startswith(("  ", "\t")))):
            yield "".join(held)
            held = []
        plain = plain if held else not starts
        held.append(line)
        if alone:
            yield line
            held = []
            plain = True
    yield "".join(held)


def _spans(segment: str) -> str:
    """One segment, cut into code spans, math and the text between."""
    if not _OPENS.search(segment):
        return _displayed(_addressed(defused(segment)))
    closing = _closing_runs(segment)
    row = segment.lstrip()[:1] == "|"
    nowhere: set[str] = set()
    parts: list[str] = []
    done = position = 0
    while found := _OPENS.search(segment, position):
        start, opener = found.start(), found[0]
        end, position = 0, found.end()
        if opener[0] == "`":
            end = closing.get(start, 0)
        elif opener == "$":
            inline = INLINE_MATH.match(segment, start)
            end = inline.end() if inline else 0
        elif (closer := _CLOSES.get(opener) or (found[1] and f"\\end{{{found[1]}}}")) and closer not in nowhere:
            at = segment.find(closer, position)
            if at < 0:
                nowhere.add(closer)  # and not looked for again: a line of a million openers stays linear
            # A bracket that closes math may as well close the text of a link: that is for the rules of text.
            elif "`" not in segment[position:at] and not segment.startswith(("](", "]["), at + len(closer) - 1):
                end = at + len(closer)
        if not end:
            continue
        before = defused(segment[done:start])
        if opener[0] == "`":
            parts += [_ROLE.sub(r"\1&#125;", before), _code(segment[start:end], len(opener), before, row=row)]
        else:
            parts += [before, defused(segment[start:end], math=True)]
        done = position = end
    parts.append(defused(segment[done:]))
    return _displayed(_addressed("".join(parts)))


def _closing_runs(segment: str) -> dict[int, int]:
    """Where the code span opened by a run of backticks ends, for each run with a later run as long."""
    runs = [(match.start(), match.end()) for match in re.finditer("`+", segment)]
    later: dict[int, int] = {}
    ends: dict[int, int] = {}
    for start, end in reversed(runs):
        # A backslash takes the first backtick of an opening run away, never of a closing one.
        if end - start in later:
            ends[start] = later[end - start]
        if end - start - 1 in later:
            ends[start + 1] = later[end - start - 1]
        later[end - start] = end
    return ends


def _code(span: str, ticks: int, before: str, *, row: bool) -> str:
    """Keep a code span as typed, or give it as entities when some reader could find more than code in it."""
    inside = span[ticks:-ticks]
    if unchanged(inside) and not _in_address(before):
        return span
    inside = re.sub(r"[ \t]*\n[ \t]*", " ", inside)
    if inside[:1] == inside[-1:] == " " and inside.strip():
        inside = inside[1:-1]
    if row:
        inside = inside.replace(r"\|", "|")
    return f"<code>{entities(inside)}</code>"


def _addressed(text: str) -> str:
    """Encode in bare addresses what Jupyter's math pass would cut out, and what makes links of other schemes."""
    if not _RUN_STARTS.search(text):
        return text
    return _RUN.sub(lambda run: _IN_RUN.sub(lambda match: f"&#{ord(match[0])};", run[0]), text)


def _in_address(before: str) -> bool:
    """Whether a bare address may run on over what comes next; the `<` of a tag would end it."""
    if not before or before[-1].isspace():
        return False
    return _RUN_STARTS.search(before.rsplit(None, 1)[-1].rpartition("<")[2]) is not None


def _displayed(segment: str) -> str:
    r"""Show `$$`, `\\[` and `\begin{x}` as typed unless each has its partner."""
    if not _DISPLAY_OPENS.search(segment) or _paired(segment):
        return segment
    return _DISPLAY_OPENS.sub(lambda match: match[0][:-1].replace("$", "&#36;") + f"&#{ord(match[0][-1])};", segment)


def _paired(segment: str) -> bool:
    """Whether nbconvert would find an end here for all display math it finds here."""
    position = 0
    while opens := _DISPLAY.search(segment, position):
        if opens[0] == "$$":
            closes = _DOLLARS.search(segment, opens.end())
            position = closes.end() if closes and _squares(segment, opens.start(), closes.start()) else 0
        else:
            position = segment.find(r"\\]" if opens[1] is None else f"\\end{{{opens[1]}}}", opens.end()) + 1
        if not position:
            return False
    return True
