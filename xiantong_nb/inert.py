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

if TYPE_CHECKING:
    from collections.abc import Iterator

# What may stand before a block inside containers: quotes, list and definition markers, task boxes, footnotes.
_MARKERS = r"[ \t>]|[-+*:](?=[ \t])|\d{1,10}[.)](?=[ \t])|\[[ xX]\](?=[ \t])"
CONTAINERS = rf"(?:{_MARKERS}|\[\^[^\]\s]{{1,99}}\]:)*"
# nbconvert goes on in the middle of a line as at its start once display math is cut out.
_AFTER_MATH = r"(?:\$\$|\\\]|\\end\{[A-Za-z]*\*?\})[ \t]*"

# An address every renderer ends at the same character, with at most one level of brackets, as in Wikipedia.
_ADDRESS_CHARACTER = r"[^\x00-\x20\x7f\s<>\"`\\()\[\]{}|^]"
_ADDRESS = rf"(?i:https?://|mailto:)(?>(?:{_ADDRESS_CHARACTER}|\({_ADDRESS_CHARACTER}*\))+)"
_TITLE = r"""(?:"[^"\\$@&<>`\n\[\]]*"|'[^'"\\$@&<>`\n\[\]]*')"""
_EMAIL = r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}"
_ENTITIES = r"(?>(?:[A-Za-z0-9 \t.,;'+=?%\x80-\U0010ffff-]|&\#?[A-Za-z0-9]{1,31};)*)"
_COMMANDS = (
    "action bbox catcode class csname cssId data DeclareMathOperator DeclarePairedDelimiter def edef futurelet "
    "gdef global href html[A-Za-z]* include includegraphics input let long mathtip mmlToken newcommand "
    "newenvironment Newextarrow openout outer providecommand renewcommand renewenvironment require special style "
    "texttip toggle unicode url write xdef"
).replace(" ", "|")

_RULES = re.compile(
    rf"""
    (?P<own> <pre><code>{_ENTITIES}</code></pre> | <code>{_ENTITIES}</code> | <[bB][rR][ ]?/?> )
  | (?P<bangs>(?<!!)!*+) <(?P<auto> (?i:https?://){_ADDRESS_CHARACTER}+ | (?i:mailto:)?{_EMAIL} )>
  | (?P<slashes>(?<!\\)\\*+) <(?=[A-Za-z/!?])
  | \[!\[ (?P<badge>[^\[\]\n]*) \]\({_ADDRESS_CHARACTER}*\)(?=\]\({_ADDRESS}\))
  | (?P<escaped>(?<!\\)(?:\\\\)*\\)? (?P<image>(?<!!)!++)\[(?P<empty>\])?
  | (?P<link>\])\([ \t]* (?:<(?P<angle>{_ADDRESS})>|(?P<to>{_ADDRESS})) (?P<title>[ \t]+{_TITLE})?[ \t]*\)(?P<more>\{{)?
  | (?P<broken>\]\()
  | \]:(?P<gap>[ \t]*\n?[ \t]*)<(?P<defined>{_ADDRESS})>
  | (?P<command>\\|&\#0*92;|&\#[xX]0*5[cC];|&bsol;)(?P<name>{_COMMANDS})(?![A-Za-z])(?P<argument>\s*[{{\[\\*])?
    """,
    re.VERBOSE,
)
_SUSPECT = re.compile(r"[<!\]\\&]")
# A letter written as a number, for which Markdown has no use but a hidden TeX command has.
_LETTER = re.compile(r"&#(?:[xX]0*([46][1-9a-fA-F]|[57][0-9aA])|0*(6[5-9]|[78]\d|90|9[7-9]|1[01]\d|12[0-2]));")
_RUN_STARTS = re.compile(r"https?://|ftp://|www\.|mailto:", re.IGNORECASE)
_RUN = re.compile(rf"(?:{_RUN_STARTS.pattern})[^\s<]*", re.IGNORECASE)
_IN_RUN = re.compile(r"\$|\\(?=begin|\\)|@(?=[@\\&])")
_LABEL = re.compile(
    rf"(?:^(?:(?:{_MARKERS})*|[^A-Za-z`\n]*?)|(?<=\]:)[ \t]*|{_AFTER_MATH})(?P<label>\[(?:[^\[\]\\]|\\.){{1,999}}\]):",
    re.MULTILINE | re.DOTALL,
)
_DEFINES = re.compile(
    rf"[ \t]*\n?[ \t]*{_ADDRESS}(?:[ \t]*\n?[ \t]*{_TITLE})?[ \t]*(?:\Z|\n(?![ \t]*[\"'(]))", re.IGNORECASE
)
# Two plain words: no renderer takes that for an address and its title.
_PROSE = re.compile(r"[ \t]*(?:\n[ \t]+)?[^\s$\\@<\"'(]+[ \t]+[^\s$\\@<\"'(]")
_DIRECTIVE = re.compile(rf"^({CONTAINERS}):(?=::)", re.MULTILINE)
# A fence no line of a paragraph should show: rewriting the code span after it can make one.
_FENCE_MADE = re.compile(
    rf"(?P<before>^{CONTAINERS}(?=~~~|`+[^`\n]*$)|{_AFTER_MATH})(?P<run>`{{3,}}|~{{3,}})", re.MULTILINE
)
_ROLE = re.compile(r"(\{[\w:.+-]{1,99})\}\Z")
# As nbconvert searches for them, over anything.
_DISPLAY = re.compile(r"(?<!\\)\$\$|\\\\\[|\\begin\{([a-z]*\*?)\}")
_DISPLAY_OPENS = re.compile(r"\$\$|\\\\\[|\\begin\{")
_DOLLARS = re.compile(r"(?<!\\)\$\$")
_OPENS = re.compile(r"\$\$|\\\\\[|\\begin\{")
_OPENS = re.compile(r"`+|\$\$?|\\\\?[(\[]|\\begin\{([A-Za-z]{1,30}\*?)\}|\\[^\n]")
_CLOSES = {"$$": "$$", "\\(": "\\)", "\\[": "\\]", "\\\\(": "\\\\)", "\\\\[": "\\\\]"}
_INLINE_MATH = re.compile(r"\$(?=[^\s$])(?>[^$\\`\n]|\\[^\n]|\n(?!\n)){1,1000}(?<!\s)\$(?!\d)")
_ENCODED = re.compile(r"[^A-Za-z0-9 \t.,;'+=?%\x80-\U0010ffff-]|(?<=[wW])\.")
_ALONE = re.compile(r"[ \t]*#|[^|\n]*\||[-=*_+:~ \t]+$")
_STARTS = re.compile(r"[ \t]*(?:[>\[]|[-+*:](?:[ \t]|$)|\d{1,10}[.)](?:[ \t]|$))")


def block(text: str) -> str:
    """Lines without a blank one between them, with code spans and math told apart from text."""
    return _whole("".join(_spans(segment) for segment in _segments(text)))


def unchanged(text: str) -> bool:
    """Whether text can stand as it is wherever it is read: nothing believed to be code, nothing left to change."""
    return not _DISPLAY_OPENS.search(text) and _whole(_replace(text)) == text


def entities(code: str) -> str:
    """Code as HTML text that starts nothing in Markdown, math or a table."""
    return _ENCODED.sub(lambda match: f"&#{ord(match[0])};", code)


def _whole(text: str) -> str:
    """The rules that look over the seams between text, code and math."""
    if "]:" in text:
        text = _LABEL.sub(_definition, text)
    if _RUN_STARTS.search(text):
        text = _RUN.sub(lambda run: _IN_RUN.sub(lambda match: f"&#{ord(match[0])};", run[0]), text)
    if "```" in text or "~~~" in text:
        text = _FENCE_MADE.sub(lambda match: match["before"] + entities(match["run"]), text)
    return _DIRECTIVE.sub(r"\1&#58;", text) if ":::" in text else text


def _definition(match: re.Match[str]) -> str:
    """A link definition with a harmless destination, a footnote, or else the same text defining nothing."""
    footnote = match["label"].startswith("[^")
    if _DEFINES.match(match.string, match.end()) or (footnote and _PROSE.match(match.string, match.end())):
        return match[0]
    return match[0][:-1] + "&#58;"


def _segments(text: str) -> Iterator[str]:
    """Runs of lines a code span or an equation may stretch over: paragraphs, and list items as far as indented."""
    held: list[str] = []
    plain = False
    for line in text.splitlines(keepends=True):
        alone = _ALONE.match(line)
        starts = alone or _STARTS.match(line)
        if held and (starts or not (plain or line.startswith(("  ", "\t")))):
            yield "".join(held)
            held = []
        held.append(line)
        plain = not starts
        if alone:
            yield line
            held = []
            plain = True
    yield "".join(held)


def _spans(segment: str) -> str:
    """One segment, cut into code spans, math and the text between."""
    if not _OPENS.search(segment):
        return _displayed(_replace(segment))
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
            inline = _INLINE_MATH.match(segment, start)
            end = inline.end() if inline else 0
        elif (closer := _CLOSES.get(opener) or (found[1] and f"\\end{{{found[1]}}}")) and closer not in nowhere:
            at = segment.find(closer, position)
            if at < 0:
                nowhere.add(closer)  # and not looked for again: a line of a million openers stays linear
            elif "`" not in segment[position:at]:
                end = at + len(closer)
        if not end:
            continue
        before = _replace(segment[done:start])
        if opener[0] == "`":
            parts += [_ROLE.sub(r"\1&#125;", before), _code(segment[start:end], len(opener), before, row=row)]
        else:
            parts += [before, _replace(segment[start:end], math=True)]
        done = position = end
    parts.append(_replace(segment[done:]))
    return _displayed("".join(parts))


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
    """A code span as typed, or as entities when some reader could find more than code in it."""
    inside = span[ticks:-ticks]
    if unchanged(inside) and not _in_address(before):
        return span
    inside = re.sub(r"[ \t]*\n[ \t]*", " ", inside)
    if inside[:1] == inside[-1:] == " " and inside.strip():
        inside = inside[1:-1]
    if row:
        inside = inside.replace(r"\|", "|")
    return f"<code>{entities(inside)}</code>"


def _in_address(before: str) -> bool:
    """Whether a bare address may run on over what comes next; the `<` of a tag would end it."""
    if not before or before[-1].isspace():
        return False
    return _RUN_STARTS.search(before.rsplit(None, 1)[-1].rpartition("<")[2]) is not None


def _displayed(segment: str) -> str:
    r"""The segment, where `$$`, `\\[` and `\begin{x}` are shown unless each has its partner."""
    if not _DISPLAY_OPENS.search(segment) or _paired(segment):
        return segment
    return _DISPLAY_OPENS.sub(lambda match: match[0][:-1].replace("$", "&#36;") + f"&#{ord(match[0][-1])};", segment)


def _paired(segment: str) -> bool:
    """Whether nbconvert would find an end here for all display math it finds here."""
    position = 0
    while opens := _DISPLAY.search(segment, position):
        if opens[0] == "$$":
            closes = _DOLLARS.search(segment, opens.end())
            position = closes.end() if closes else 0
        else:
            position = segment.find(r"\\]" if opens[1] is None else f"\\end{{{opens[1]}}}", opens.end()) + 1
        if not position:
            return False
    return True


def _replace(text: str, *, math: bool = False) -> str:
    """Text with each construct that could act broken in its middle."""
    if not _SUSPECT.search(text):
        return text
    if "&#" in text:
        text = _LETTER.sub(lambda match: chr(int(match[1], 16) if match[1] else int(match[2])), text)
    return _RULES.sub(_in_math if math else _in_text, text)


def _in_math(match: re.Match[str]) -> str:
    """Break a construct with a space, which TeX doesn't mind."""
    found = match[0]
    if match["command"]:
        return f"{match['command']} {match['name']}{match['argument'] or ''}"
    if match["slashes"] is not None:
        return f"{found} "
    # The match of one rule can hold what is another's.
    for opener, broken in (("](", "] ("), ("![", "! ["), ("]:", "] :")):
        found = found.replace(opener, broken)
    return re.sub(r"<(?=[A-Za-z/!?])", "< ", found)


def _in_text(match: re.Match[str]) -> str:  # noqa: C901, PLR0911 - one arm for each rule of the pattern above
    """Break or rewrite one construct in text."""
    if match["own"] is not None:
        return match[0]
    if match["auto"] is not None:
        return _autolink(match["auto"], match["bangs"])
    if match["slashes"] is not None:
        return match["slashes"][: len(match["slashes"]) // 2 * 2] + "&lt;"
    if match["badge"] is not None:
        return f"[image: {_replace(match['badge'])}"
    if match["image"] is not None:
        return _image(match)
    if match["link"] is not None:
        more = "&#123;" if match["more"] else ""
        return f"]({_address(match['angle'] or match['to'])}{match['title'] or ''}){more}"
    if match["broken"] is not None:
        return "]&#40;"
    if match["defined"] is not None:
        return f"]:{match['gap']}{_address(match['defined'])}"
    return _command(match)


def _image(match: re.Match[str]) -> str:
    """An image as a link to it; a bang that would make one of the result is written as a number."""
    if match["escaped"]:
        return f"{match['escaped'][:-1]}{match['image'][:-1]}&#33;[{match['empty'] or ''}"
    bangs = f"{match['image'][:-2]}&#33;" if len(match["image"]) > 1 else ""
    return f"{bangs}[image]" if match["empty"] else f"{bangs}[image: "


def _command(match: re.Match[str]) -> str:
    """Break a TeX command off its backslash; without an argument it is a word of prose, or part of a path."""
    if match["argument"] is None:
        return match[0]
    return f"{match['command']} {match['name']}{match['argument']}"


def _autolink(target: str, bangs: str) -> str:
    """Make `<https://...>` a link in the other notation: as it is, an HTML parser may see a tag with attributes."""
    shown = re.sub(r"[*_~$&]", lambda match: f"&#{ord(match[0])};", target)
    if "@" in target and "://" not in target and not target.lower().startswith("mailto:"):
        target = f"mailto:{target}"
    bangs = f"{bangs[:-1]}&#33;" if bangs else ""
    return f"{bangs}[{shown}]({_address(target)})"


def _address(target: str) -> str:
    """A destination without what math or a second look at entities could make something of."""
    target = re.sub(r"&(?=#|commat;|dollar;)", "%26", target.replace("$", "%24"))
    first, at, rest = target.partition("@")
    return first + at + rest.replace("@", "%40")
