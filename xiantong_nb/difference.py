"""What changed from one text to another, word by word, as a value that shows itself."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xiantong_nb import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WORD = re.compile(r"\S+\s*|\s+")
_ISLAND = 2  # words: fewer that are the same between two changes only make both hard to read


@dataclass(frozen=True, slots=True, repr=False)
class Difference:
    """
    Two texts by their labels; words of `old` alone are shown as removed, those of `new` alone as added.

    Words are what stands between blanks: a text that was only wrapped or indented otherwise is the same.
    """

    old_label: str
    new_label: str
    old: str
    new: str

    @property
    def ratio(self) -> float:
        """How alike the texts are by their words, from 0 to 1."""
        return _matcher(*self._words()).ratio()

    def pieces(self) -> Iterator[tuple[str, str]]:
        """Give the texts as (`=`, `-` or `+`, words with the blanks behind them), in the order of reading."""
        old, new = self._words()
        at_old = at_new = 0  # where the change in hand began
        for a, b, size in _matcher(old, new).get_matching_blocks():
            last = a + size == len(old) and b + size == len(new)
            if 0 < size < _ISLAND and not last and (a > at_old or b > at_new):
                continue
            yield from ((kind, "".join(words)) for kind, words in (("-", old[at_old:a]), ("+", new[at_new:b])) if words)
            at_old, at_new = a + size, b + size
            if size:
                same = "".join(new[b:at_new])
                blanks = old[at_old - 1][len(old[at_old - 1].rstrip()) :]  # of a word the new text ends with
                yield "=", same if same[-1].isspace() else same + blanks

    def __repr__(self) -> str:
        head = safe.terminal(f"[-{self.old_label}-] {{+{self.new_label}+}}")
        return f"{head}\n\n{self._shown({'=': '{}', '-': '[-{}-]', '+': '{{+{}+}}'}, str)}"

    def _words(self) -> tuple[list[str], list[str]]:
        return _WORD.findall(safe.terminal(self.old)), _WORD.findall(safe.terminal(self.new))

    def _shown(self, marks: dict[str, str], written: Callable[[str], str]) -> str:
        """Mark each piece, without the blanks behind it."""
        parts = []
        for kind, words in self.pieces():
            bare = words.rstrip()
            parts += [marks[kind].format(written(bare)) if bare else "", words[len(bare) :]]
        return "".join(parts)

    def _html(self) -> str:
        """
        Return the texts as one preformatted block of entities, the same in HTML and in Markdown.

        Nothing looks for Markdown or math in it. What is removed and what is added differ by more than colour.
        """
        marks = {"=": "{}", "-": _mark("del", "255, 80, 80"), "+": _mark("ins", "60, 180, 90")}
        old, new = (safe.entities(safe.terminal(label)) for label in (self.old_label, self.new_label))
        head = f"{marks['-'].format(old)} {marks['+'].format(new)}"
        shown = self._shown(marks, lambda text: "\n".join(map(safe.entities, text.split("\n"))))
        return f'<pre style="white-space: pre-wrap">{head}\n\n{shown}</pre>'

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        html = self._html()
        return {"text/html": html, "text/markdown": html, "text/plain": repr(self)}


def _mark(tag: str, colour: str) -> str:
    return f'<{tag} style="background-color: rgba({colour}, 0.25)">{{}}</{tag}>'


def _matcher(old: list[str], new: list[str]) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, [word.strip() for word in old], [word.strip() for word in new])
