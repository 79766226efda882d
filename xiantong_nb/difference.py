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
_MOST = 500 * 500  # pairs of words: where one comes again and again, time goes by the cube, 0.9 s at the worst here


@dataclass(frozen=True, slots=True, repr=False)
class Difference:
    """
    Two texts by their labels; words of `old` alone are shown as removed, those of `new` alone as added.

    Words are what stands between blanks: a text that was only wrapped or indented otherwise is the same. What both
    begin or end with is the same however long it is. Where more than about 500 words of each are left between, those
    that make up over a hundredth of the text count as the same only next to others that are.
    """

    old_label: str
    new_label: str
    old: str
    new: str

    @property
    def ratio(self) -> float:
        """How alike the texts are by their words, from 0 to 1."""
        old, new = self._words()
        words = len(old) + len(new)
        return 2 * sum(size for _, _, size in _same(old, new)) / words if words else 1.0

    def pieces(self) -> Iterator[tuple[str, str]]:
        """Give the texts as (`=`, `-` or `+`, words with the blanks behind them), in the order of reading."""
        old, new = self._words()
        at_old = at_new = 0  # where the change in hand began
        for a, b, size in _same(old, new):
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


def _same(old: list[str], new: list[str]) -> list[tuple[int, int, int]]:
    """Return what is the same, in its order, as (place in `old`, place in `new`, words), and last the end."""
    a, b = ([word.strip() for word in words] for words in (old, new))
    start = _alike(a, b)
    a, b = a[start:], b[start:]
    end = _alike(a[::-1], b[::-1])
    a, b = a[: len(a) - end], b[: len(b) - end]
    between = difflib.SequenceMatcher(None, a, b, autojunk=len(a) * len(b) > _MOST).get_matching_blocks()
    return [
        (0, 0, start),
        *((start + at_old, start + at_new, size) for at_old, at_new, size in between[:-1]),
        (len(old) - end, len(new) - end, end),
        (len(old), len(new), 0),
    ]


def _alike(a: list[str], b: list[str]) -> int:
    """Return how many words both begin with."""
    return next((at for at, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))
