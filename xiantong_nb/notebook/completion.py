"""Where the cursor stands in the line of a magic or in a question, and so what Tab offers there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from xiantong_nb.notebook import line as lines
from xiantong_nb.notebook import offers
from xiantong_nb.notebook.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from xiantong_nb.notebook.commands import Place
    from xiantong_nb.notebook.offers import Offer

_LINE = re.compile(r"[ \t]*(?:[\w.\[\]'\", ]+=[ \t]*)?(?P<magic>%%?ask|%{0,2}xiantong)[ \t](?P<rest>.*)\Z")
_QUESTION = re.compile(r"\s*%%(?:ask|xiantong)\b(?P<line>.*)\n(?:.*\n)*(?P<last>.*)\Z")
_WORD = re.compile(r"""(?:"[^"]*"?|'[^']*'?|[^\s"'])+""")
_NAME = re.compile(r"(?<!\{)\{(?:(?P<owner>[^\W\d][\w.]*)\.)?(?P<part>\w*)\Z")
_PROVIDER = re.compile(r"(^|:)[^:/]+/")
_ASKED: tuple[Place, ...] = (("TARGETS", "*", ""),)


def answer(context: CompletionContext, names: Mapping[str, Any]) -> SimpleMatcherResult:
    """
    Answer IPython's Tab, where there is something to say; then what others would offer is left out.

    `names` are the user's variables. Nothing is asked over a network, started or changed.
    """
    from IPython.core.completer import SimpleCompletion

    above = context.full_text.split("\n")[: context.cursor_line]
    fragment, found = complete("\n".join([*above, context.text_until_cursor]), names)
    completions = [SimpleCompletion(text, type=kind) for text, kind in fitting(found, fragment)]
    if not completions:
        return {"completions": []}
    return {"completions": completions, "matched_fragment": fragment, "suppress": True, "ordered": True}


def complete(before: str, names: Mapping[str, Any]) -> tuple[str, Sequence[Offer]]:
    """
    Return what of the text before the cursor is being completed, and all that may stand there.

    Nothing where IPython knows more: files, and expressions on a line.
    """
    if question := _QUESTION.match(before):
        return ("", ()) if "--no-expand" in question["line"] else _in_question(question["last"], names)
    found = _LINE.match(before.rpartition("\n")[2])
    if not found:
        return "", ()
    words, fragment = _cut(found["rest"])
    rows: Sequence[lines.Option] = lines.OPTIONS
    places = () if found["magic"] == "%ask" else _ASKED
    if found["magic"] in ("%xiantong", "xiantong"):
        if not words:
            return fragment, offers.commands()
        command = COMMANDS.get(words.pop(0))
        if command is None:
            return "", ()
        rows, places = command.options, command.places
    waiting, plain = _read(words, rows)
    if found["magic"] == "%ask" and (plain or not (waiting or fragment.startswith("-") or not fragment)):
        return _in_question(found["rest"], names)
    flag, assigned, value = fragment.partition("=")
    if assigned and (row := _row(flag, rows)):
        return value, offers.values(row, plain, names)
    if waiting and not (waiting.optional_value and fragment.startswith("-")):
        return fragment, offers.values(waiting, plain, names)
    flags = offers.flags(rows, given=words)
    if fragment.startswith("-"):
        return fragment, flags
    return fragment, [*offers.at_place(places, plain, fragment), *(() if fragment else flags)]


def fitting(found: Sequence[Offer], fragment: str) -> list[Offer]:
    """Return the offers that begin so, in any case; where none does, models whose name without its provider does."""
    begun = fragment.lower()
    begins = [offer for offer in found if offer.text.lower().startswith(begun)]
    return begins or [offer for offer in found if _PROVIDER.sub(r"\1", offer.text).lower().startswith(begun)]


def _in_question(last: str, names: Mapping[str, Any]) -> tuple[str, Sequence[Offer]]:
    """Offer the user's variables after a brace, and after a dot what the variable before it has."""
    found = _NAME.search(last)
    return (found["part"], offers.of_user(found["owner"] or "", names)) if found else ("", ())


def _cut(rest: str) -> tuple[list[str], str]:
    """Return the whole words of a line, and the one that the cursor stands at, perhaps in open quotes."""
    found = list(_WORD.finditer(rest))
    words = [match[0] for match in found]
    return (words[:-1], words[-1]) if found and found[-1].end() == len(rest) else (words, "")


def _read(words: Sequence[str], rows: Sequence[lines.Option]) -> tuple[lines.Option | None, list[str]]:
    """Return the option that a value is awaited for, if there is one, and the words that are neither."""
    waiting, plain = None, []
    for word in words:
        if waiting is not None and not (waiting.optional_value and word.startswith("-")):
            waiting = None
        elif word.startswith("--"):
            row = _row(word, rows)
            waiting = row if row and row.takes_value else None
        else:
            plain.append(word)
    return waiting, plain


def _row(flag: str, rows: Sequence[lines.Option]) -> lines.Option | None:
    return next((row for row in rows if row.flag == flag), None)
