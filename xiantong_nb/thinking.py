"""Reasoning that a server leaves in the text, between `<think>` and `</think>`, told apart as the text comes."""

from __future__ import annotations

from xiantong_nb.events import TextDelta, ThinkingDelta

_OPEN, _CLOSE = "<think>", "</think>"
_Piece = tuple[type[TextDelta | ThinkingDelta], str]


class Splitter:
    r"""
    Feed it text in pieces of any size.

    Only a text that begins with the mark holds reasoning: one that speaks of the mark further on is left alone.

        may begin --<think>--> thinking --</think>--> gap --anything but space--> text
            \------anything else-------------------------------------------------^
    """

    def __init__(self) -> None:
        self._state = "may begin"
        self._held = ""
        self._thought = False

    def off(self) -> None:
        """Leave the text as it is from now on: the server tells reasoning apart itself."""
        if self._state == "may begin" and not self._held:
            self._state = "text"

    def feed(self, text: str) -> list[_Piece]:
        """Return the pieces that are certain by now."""
        if self._state == "text":
            return [(TextDelta, text)]
        self._held += text
        found: list[_Piece] = []
        if self._state == "may begin":
            begun = self._held.lstrip()
            if _OPEN.startswith(begun):  # too early to tell, or just the mark
                if begun == _OPEN:
                    self._state, self._held = "thinking", ""
                return found
            if not begun.startswith(_OPEN):
                return self._text()
            self._state, self._held = "thinking", begun.removeprefix(_OPEN)
        if self._state == "thinking":
            thought, mark, rest = self._held.partition(_CLOSE)
            if not self._thought:
                thought = thought.lstrip()
            if not mark:
                sure = thought[: len(thought) - _uncertain(thought)]
                self._held = thought[len(sure) :]
            else:
                sure = thought.rstrip()
                self._state, self._held = "gap", rest
            if sure:
                self._thought = True
                found.append((ThinkingDelta, sure))
        if self._state == "gap":
            self._held = self._held.lstrip()
            if self._held:
                found += self._text()
        return found

    def end(self) -> list[_Piece]:
        """Return what is still held back; it is nothing once more."""
        held, self._held = self._held, ""
        if not held or self._state == "gap":
            return []
        return [(ThinkingDelta if self._state == "thinking" else TextDelta, held)]

    def _text(self) -> list[_Piece]:
        held, self._held, self._state = self._held, "", "text"
        return [(TextDelta, held)]


def _uncertain(thought: str) -> int:
    """Return how many characters at the end may be the closing mark's beginning, or space before it."""
    mark = next((n for n in range(len(_CLOSE) - 1, 0, -1) if thought.endswith(_CLOSE[:n])), 0)
    return mark + len(thought[: len(thought) - mark]) - len(thought[: len(thought) - mark].rstrip())
