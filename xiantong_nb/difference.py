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
        for kind, a, b, c, d in _matcher(old, new).get_opcodes():
            if kind == "equal":
                yield "=", "".join(new[c:d])
                continue
            if a < b:
                yield "-", "".join(old[a:b])
            if c < d:
                yield "+", "".join(new[c:d])

    def __repr__(self) -> str:
        marks = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
        head = safe.terminal(f"[-{self.old_label}-] {{+{self.new_label}+}}")
        return self._shown(f"{head}\n\n", marks, lambda text: text)

    def _words(self) -> tuple[list[str], list[str]]:
        return _WORD.findall(safe.terminal(self.old)), _WORD.findall(safe.terminal(self.new))

    def _shown(self, head: str, marks: dict[str, str], written: Callable[[str], str]) -> str:
        """Mark each piece, without the blanks behind it."""
        parts = [head]
        for kind, words in self.pieces():
            bare = words.rstrip()
            parts += [marks[kind].format(written(bare)) if bare else "", words[len(bare) :]]
        return "".join(parts)

    def _html(self) -> str:
        """
        Return the texts as one preformatted block of entities, the same in HTML and in Markdown.

        Nothing looks for Markdown or math in it. `del` and `ins` differ by more than colour.
        """
        marks = {"=": "{}", "-": "<del>{}</del>", "+": "<ins>{}</ins>"}
        head = f"<del>{safe.entities(self.old_label)}</del> <ins>{safe.entities(self.new_label)}</ins>\n\n"
        shown = self._shown(head, marks, lambda text: "\n".join(map(safe.entities, text.split("\n"))))
        return f'<pre style="white-space: pre-wrap">{shown}</pre>'

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        html = self._html()
        return {"text/html": html, "text/markdown": html, "text/plain": repr(self)}


def _matcher(old: list[str], new: list[str]) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, [word.strip() for word in old], [word.strip() for word in new])
