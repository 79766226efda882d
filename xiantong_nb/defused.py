"""Constructs of Markdown and TeX that could act, broken in the middle: by entities in text, by spaces in math."""

from __future__ import annotations

import re

# An address every renderer ends at the same character, with at most one level of brackets, as in Wikipedia.
_ADDRESS_CHARACTER = r"[^\x00-\x20\x7f\s<>\"`\\()\[\]{}|^]"
ADDRESS = rf"(?i:https?://|mailto:)(?>(?:{_ADDRESS_CHARACTER}|\({_ADDRESS_CHARACTER}*\))+)"
TITLE = r"""(?:"[^"\\$@&<>`\n\[\]]*"|'[^'"\\$@&<>`\n\[\]]*')"""
_EMAIL = r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}"
_ENTITIES = r"(?>(?:[A-Za-z0-9 \t.,;'+=?%\x80-\U0010ffff-]|&\#?[A-Za-z0-9]{1,31};)*)"
OWN = rf"<pre><code>{_ENTITIES}</code></pre>|<code>{_ENTITIES}</code>|<[bB][rR][ ]?/?>"
"""All the HTML that a filtered text may hold: code as entities, and line breaks."""
# Commands that define, whatever follows, and such as load, link, style or run when an argument does.
_DEFINING = "def edef gdef xdef let futurelet newcommand renewcommand providecommand newenvironment renewenvironment"
_ACTING = (
    "action bbox catcode class csname cssId data DeclareMathOperator DeclarePairedDelimiter href html[A-Za-z]* "
    "include includegraphics input mathtip mmlToken Newextarrow openout require special style texttip toggle "
    "unicode url write"
)
_COMMANDS = f"{_DEFINING} {_ACTING}".replace(" ", "|")

_RULES = re.compile(
    rf"""
    (?P<own> {OWN} )
  | (?P<bangs>(?<!!)!*+) <(?P<auto> (?i:https?://){_ADDRESS_CHARACTER}+ | (?i:mailto:)?{_EMAIL} )>
  | (?P<slashes>(?<!\\)\\*+) (?: <(?=[A-Za-z/!?]) | (?<=\\)(?P<at>@) )
  | \[!\[ (?P<badge>[^\[\]\n]*) \]\({_ADDRESS_CHARACTER}*\)(?=\]\({ADDRESS}\))
  | (?P<escaped>(?<!\\)(?:\\\\)*\\)? (?P<image>(?<!!)!++)\[(?P<empty>(?=\]))?
  | (?P<link>\])\([ \t]* (?:<(?P<angle>{ADDRESS})>|(?P<to>{ADDRESS})) (?P<title>[ \t]+{TITLE})?[ \t]*\)(?P<more>\{{)?
  | (?P<broken>\]\()
  | \]:(?P<gap>[ \t]*\n?[ \t]*)<(?P<defined>{ADDRESS})>
  | (?P<command>\\|&\#0*92;|&\#[xX]0*5[cC];|&bsol;)(?P<name>{_COMMANDS})(?![A-Za-z])(?P<argument>\*?\s*[{{\[])?
    """,
    re.VERBOSE,
)
_SUSPECT = re.compile(r"[<!\]\\&]")
# A letter written as a number, for which Markdown has no use but a hidden TeX command has.
_LETTER = re.compile(r"&#(?:[xX]0*([46][1-9a-fA-F]|[57][0-9aA])|0*(6[5-9]|[78]\d|90|9[7-9]|1[01]\d|12[0-2]));")
# A control, or a character that turns text round, written as a number: no answer means one.
_UNSEEN = re.compile(
    r"&(?=#(?:[xX]0*(?:[1-8bcefBCEF]|1[0-9a-fA-F]|7[fF]|202[a-eA-E]|206[6-9])"
    r"|0*(?:[1-8]|1[124-9]|2\d|3[01]|127|823[4-8]|829[4-7]));)"
)
_ENCODED = re.compile(r"[^A-Za-z0-9 \t.,;'+=?%\x80-\U0010ffff-]|(?<=[wW])\.")


def defused(text: str, *, math: bool = False) -> str:
    """Text with each construct that could act broken in its middle."""
    if not _SUSPECT.search(text):
        return text
    if "&#" in text:
        text = _LETTER.sub(lambda match: chr(int(match[1], 16) if match[1] else int(match[2])), text)
        text = _UNSEEN.sub("&#38;", text)
    return _RULES.sub(_in_math if math else _in_text, text)


def _in_math(match: re.Match[str]) -> str:
    """Break a construct with a space, which TeX doesn't mind."""
    found = match[0]
    if match["command"]:
        return f"{match['command']} {match['name']}{match['argument'] or ''}"
    if match["slashes"] is not None:
        return found if match["at"] else f"{found} "
    # The match of one rule can hold what is another's.
    for opener, broken in (("](", "] ("), ("![", "! ["), ("]:", "] :")):
        found = found.replace(opener, broken)
    return re.sub(r"<(?=[A-Za-z/!?])", "< ", found)


def _in_text(match: re.Match[str]) -> str:
    """Break or rewrite one construct in text."""
    if match["own"] is not None:
        return match[0]
    if match["auto"] is not None:
        return _autolink(match["auto"], match["bangs"])
    if match["slashes"] is not None:
        return match["slashes"][: len(match["slashes"]) // 2 * 2] + ("&#64;" if match["at"] else "&lt;")
    if match["badge"] is not None:
        return f"[image: {defused(match['badge'])}"
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
    """Make an image a link to it; a bang that would make one of the result is written as a number."""
    if match["escaped"]:
        return f"{match['escaped'][:-1]}{match['image'][:-1]}&#33;["
    bangs = f"{match['image'][:-2]}&#33;" if len(match["image"]) > 1 else ""
    return f"{bangs}[image" if match["empty"] is not None else f"{bangs}[image: "


def _command(match: re.Match[str]) -> str:
    """Break a TeX command off its backslash; without an argument it is a word of prose, or part of a path."""
    if match["argument"] is None and match["name"] not in _DEFINING.split():
        return match[0]
    return f"{match['command']} {match['name']}{match['argument'] or ''}"


def _autolink(target: str, bangs: str) -> str:
    """Make `<https://...>` a link in the other notation: as it is, an HTML parser may see a tag with attributes."""
    shown = re.sub(r"[*_~$&]", lambda match: f"&#{ord(match[0])};", target)
    if "@" in target and "://" not in target and not target.lower().startswith("mailto:"):
        target = f"mailto:{target}"
    bangs = f"{bangs[:-1]}&#33;" if bangs else ""
    return f"{bangs}[{shown}]({_address(target)})"


def _address(target: str) -> str:
    """Encode in a destination what math or a second look at entities could use."""
    target = re.sub(r"&(?=#|commat;|dollar;)", "%26", target.replace("$", "%24"))
    first, at, rest = target.partition("@")
    return first + at + rest.replace("@", "%40")


def entities(code: str) -> str:
    """Code as HTML text that starts nothing in Markdown, math or a table."""
    return _ENCODED.sub(lambda match: f"&#{ord(match[0])};", code)
