"""Where commands write and ask: plain lines in a terminal, Markdown in a notebook, prompts in both."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from xiantong_nb import bundle, safe
from xiantong_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Screen:
    """What one command shows to, and asks of, the person who gave it; `program` is how they call the commands."""

    def __init__(self, *, terminal: bool, interactive: bool = True, program: str = "%xiantong") -> None:
        self.program = program
        self._terminal = terminal
        self._interactive = interactive

    def say(self, text: str) -> None:
        """Write one paragraph."""
        text = text.replace("%xiantong", self.program)
        self._put(safe.terminal(text), bundle.entities(text))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table; cells are plain text."""
        lines = [tuple(head), *(tuple(row) for row in rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        plain = "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
        ruled = [lines[0], ("---",) * len(head), *lines[1:]]
        marked = "\n".join(
            "| " + " | ".join(c if n == 1 else bundle.entities(c) for c in line) + " |" for n, line in enumerate(ruled)
        )
        self._put(safe.terminal(plain), marked)

    def ask(self, question: str, *, secret: bool = False, missing: str) -> str:
        """
        Ask for one line, unseen if `secret`.

        Raises `UsageError` with `missing` as its hint where no one can answer: a notebook that is run
        without a front end, a script.
        """
        if self._interactive:
            try:
                # a kernel puts its own in place of both: the front end shows a field, and no reply gets into history
                return getpass.getpass(question) if secret else input(question)
            except EOFError:
                pass
            except RuntimeError as error:
                if type(error).__name__ != "StdinNotImplementedError":  # ipykernel's, without importing it
                    raise
        raise UsageError("Something is missing, and nobody can be asked for it here.", hint=missing)

    def _put(self, plain: str, markdown: str) -> None:
        if self._terminal:
            print(plain)  # noqa: T201  # the terminal is the display
            return
        from IPython.display import display

        display({"text/markdown": markdown, "text/plain": plain}, raw=True)
