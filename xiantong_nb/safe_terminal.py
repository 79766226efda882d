"""Model text made safe to show in a terminal, and what both filters think of single characters."""

from __future__ import annotations

import re

# Line ends Markdown doesn't know but JavaScript or old mistune do, controls, direction overrides, surrogates.
UNCLEAN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u2424\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_ENDS = "\r\u2028\u2029\u2424"
_LONGEST_SEQUENCE = 256
# JupyterLab makes a link of every address that has a scheme and `://` in plain text, of this one, too (read in 4.6).
_SCRIPT = re.compile(r"((?:java|vb)script:/)(/)", re.IGNORECASE)
_SCRIPT_LENGTH = len("javascript://")


def terminal(text: str) -> str:
    """Filter a whole text for a terminal."""
    whole = TerminalFilter()
    return whole.feed(text) + whole.end()


class TerminalFilter:
    """
    Text in pieces to text a terminal only shows: no controls but tab and line feed, no escape sequence.

    A sequence that doesn't end is dropped up to the end of its line or its 256th character, and text goes on.
    """

    def __init__(self) -> None:
        self._state = ""  # "", or the character that says which kind of sequence this is in
        self._length = 0
        self._after_return = False
        self._shown = ""  # the last of what was shown, where an address may have begun

    def feed(self, delta: str) -> str:
        """Take the next piece; returns what it shows."""
        shown: list[str] = []
        position = 0
        while position < len(delta):
            if self._state:
                position += self._in_sequence(delta[position])
                continue
            if self._after_return:
                self._after_return = False
                position += delta[position] == "\n"
            special = UNCLEAN.search(delta, position)
            end = special.start() if special else len(delta)
            shown.append(delta[position:end])
            if special:
                shown.append(self._special(special[0]))
            position = end + 1
        return self._apart("".join(shown))

    def end(self) -> str:
        """Return the rest: nothing, for what is still open is a sequence."""
        self._state = ""
        return ""

    def _apart(self, shown: str) -> str:
        """Put a blank into the address of a script, just before what would make it one."""
        before = self._shown
        self._shown = (before + shown)[-_SCRIPT_LENGTH:]
        whole = before + shown
        if "/" not in shown or not _SCRIPT.search(whole):
            return shown
        return _SCRIPT.sub(lambda at: f"{at[1]} /" if at.start(2) >= len(before) else at[0], whole)[len(before) :]

    def _special(self, character: str) -> str:
        """Take a character that isn't plain text, outside sequences."""
        self._after_return = character == "\r"
        if character in "\x1b\x90\x98\x9b\x9d\x9e\x9f":
            self._state, self._length = _KINDS.get(character, character), 0
        return visible(character)

    def _in_sequence(self, character: str) -> int:
        """Take one character of a sequence; 0 when it is outside already and must be looked at again."""
        kind, self._length = self._state, self._length + 1
        if character in "\r\n" or self._length > _LONGEST_SEQUENCE:
            self._state = ""
            return 0
        if character == "\x1b":
            self._state = "\x1b"
        elif kind == "]":  # a string: title, clipboard, link
            self._state = "" if character in "\x07\x9c\x18\x1a" else kind
        elif kind == "[":  # parameters, then one letter
            self._state = kind if " " <= character <= "?" else ""
            return int(" " <= character <= "~")
        elif character in "[]PX^_":
            self._state = "[" if character == "[" else "]"
        else:
            self._state = kind if " " <= character <= "/" else ""
            return int(" " <= character <= "~")
        return 1


_KINDS = {"\x9b": "[", "\x90": "]", "\x98": "]", "\x9d": "]", "\x9e": "]", "\x9f": "]"}


def visible(character: str) -> str:
    """Replace a character that isn't shown as it is: by a name if it would reorder the text around it."""
    if character in _LINE_ENDS:
        return "\n"
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return f"⟨U+{ord(character):04X}⟩" if character > "\u2029" else ""
