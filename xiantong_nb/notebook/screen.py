"""Where commands write and ask: plain lines in a terminal, Markdown in a notebook, prompts in both, forms in a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xiantong_nb import bundle, keyboard, safe
from xiantong_nb.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from xiantong_nb.draft import Draft
    from xiantong_nb.reply import Reply
    from xiantong_nb.streaming import Stream


def unseen(stream: Stream) -> Reply:
    """Wait for an answer that nobody watches."""
    with stream:
        return stream.result()


def fenced(text: str, language: str) -> str:
    """Return lines as Markdown code, in a fence that none of them ends."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", text))])
    return f"{fence}{language}\n{text}\n{fence}"


class Screen:
    """
    What one command shows to, and asks of, the person who gave it.

    `program` is how they call the commands, if that is not by magics; texts are worded for magics. `forms` says that
    there is a page which may show a form, and somebody in front of it.
    """

    def __init__(
        self,
        *,
        terminal: bool,
        interactive: bool = True,
        program: str = "",
        watch: Callable[[Stream], Reply] = unseen,
        forms: bool = False,
    ) -> None:
        self.program = program or "%xiantong"
        self.lasts = not program
        """Whether what is kept in memory is there for the next command."""
        self.watch = watch
        """Shows an answer while it comes, as `%%ask` does."""
        self.forms = forms
        self._terminal = terminal
        self._interactive = interactive

    def say(self, text: str) -> None:
        """Write one paragraph."""
        text = self.worded(text)
        self._put(safe.terminal(text), bundle.entities(text))

    def block(self, text: str) -> None:
        """Write lines as they are."""
        plain = safe.terminal(text)
        self._put(plain, fenced(plain, "text"))

    def say_all(self, notes: Iterable[str]) -> None:
        """Write each note as a sentence of its own."""
        for note in notes:
            self.say(f"{note[:1].upper()}{note[1:]}" + ("" if note.endswith(".") else "."))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table; cells are plain text, and a column without any is left out."""
        worded = Table(tuple(map(self.worded, head)), tuple(tuple(map(self.worded, row)) for row in rows))
        self._put(worded.plain, worded.markdown)

    def ask(self, question: str, *, unseen: bool = False, missing: str) -> str:
        """Ask for one line; raises `UsageError` with `missing` as its hint where nobody can answer."""
        if not self._interactive:
            raise keyboard.nobody(missing)
        return keyboard.ask(question, unseen=unseen, missing=missing).strip()

    def show_form(self, start: str, draft: Draft | None = None, *, slug: str = "", default: bool = False) -> None:
        """Show the picker, or the form or the settings that it leads to; the page does the rest."""
        from IPython.display import display

        from xiantong_nb.notebook.panel import Picker

        display(Picker(start, draft=draft, slug=slug, default=default))

    def worded(self, text: str) -> str:
        """Return a text with its commands as this person calls them."""
        if self.program == "%xiantong":
            return text
        return text.replace("%xiantong", self.program).replace("%%ask", f"{self.program} ask --target")

    def _put(self, plain: str, markdown: str) -> None:
        if self._terminal:
            print(plain)  # noqa: T201  # the terminal is the display
            return
        from IPython.display import display

        display({"text/markdown": markdown, "text/plain": plain}, raw=True)
