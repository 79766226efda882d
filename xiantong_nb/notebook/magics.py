"""`%%ask`, `%%xiantong`, `%ask` and `%xiantong`: read the line, call the session, show the outcome."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from xiantong_nb.notebook.audience import Audience, in_front
from xiantong_nb.notebook.edge import offering, plain_errors

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from xiantong_nb.chats import Origin
    from xiantong_nb.comparison import Comparison
    from xiantong_nb.events import Event
    from xiantong_nb.lane import Lane
    from xiantong_nb.notebook.live import Output
    from xiantong_nb.notebook.page import Page
    from xiantong_nb.notebook.preferences import Xiantong
    from xiantong_nb.notebook.watching import Answer, Asking, Item, Painter
    from xiantong_nb.options import Options
    from xiantong_nb.rehearsal import Rehearsal, Rehearsals
    from xiantong_nb.reply import Reply
    from xiantong_nb.request import Prompt
    from xiantong_nb.streaming import Stream


def _in_full(more: Callable[[], str]) -> Callable[[Any], Any]:
    """Have `?` show a docstring and `more`, which is made only then: IPython asks what it documents for `getdoc`."""

    def give(magic: Any) -> Any:
        magic.getdoc = lambda: f"{inspect.cleandoc(magic.__doc__)}\n\n{more()}"
        return magic

    return give


def _options() -> str:
    from xiantong_nb.notebook import line as lines

    return lines.asking().format_help()


def _commands() -> str:
    from xiantong_nb.notebook import commands

    return commands.overview()


@magics_class
class AskMagics(Magics):
    """Questions from cells. `%%ask -h` lists the options, `%xiantong help` the commands."""

    shell: Any

    def __init__(self, shell: Any, preferences: Xiantong) -> None:
        super().__init__(shell)
        self._preferences = preferences
        self._cell = ""
        self._shown: tuple[int, object] | None = None
        self._page: Page | None = None

    @no_var_expand
    @line_cell_magic
    @_in_full(_options)
    def ask(self, line: str, cell: str | None = None) -> Any:
        """
        Ask a model; the answer streams in below and is the value of the cell.

            %%ask [TARGET ...] [options]   the cell's text is the question; several targets answer side by side
            %ask [options] the question    in one line, to the target in use

        TARGET is `connection`, `connection:model` or a model of the connection in use. `_` and `Out[n]` are the
        Reply: .text .thinking .code .data .usage .cost .complete .model .seconds .first_token_seconds
        Of several targets they are a Comparison: _[0] _["sonnet"] .errors .table() .diff(0, 1) .continue_with(0)
        """
        with plain_errors(), offering():
            return self._ask(line, cell)

    @no_var_expand
    @line_cell_magic
    @_in_full(_commands)
    def xiantong(self, line: str, cell: str | None = None) -> Any:
        """
        Connect and look around; `%%xiantong` is `%%ask`.

            %xiantong COMMAND ...     runs a command
            %xiantong COMMAND?        says how it is called, with an example
        """
        with plain_errors(), offering():
            if cell is not None:
                return self._ask(line, cell)
            from xiantong_nb.notebook import commands
            from xiantong_nb.notebook.screen import Screen

            before = self._audience
            screen = Screen(terminal=before.reads_lines, watch=self._watched, forms=before is Audience.PAGE)
            return commands.run(line, screen)

    def cell_begins(self, info: Any) -> None:
        """Remember which cell runs: the front end's id for it, where it gives one."""
        self._cell = getattr(info, "cell_id", None) or ""

    def shown_already(self, answer: Reply | Comparison) -> None:
        """
        Keep an answer from being shown a second time in the cell that asked for it.

        IPython calls this for every Reply and Comparison it is about to display: returning means "it is done", the
        exception means "display it as usual", which is right for `_`, `Out[n]` and `reply` later on.
        """
        if self._shown is None or self._shown[0] != self.shell.execution_count or self._shown[1] is not answer:
            raise NotImplementedError
        self._shown = None
        if self._audience is Audience.TERMINAL:
            print(repr(answer))  # noqa: T201  # a terminal has written "Out[n]: " before it asks

    def close(self) -> None:
        """Leave nothing in the page."""
        if self._page is not None:
            self._page.close()

    def shown_later(self, answer: Reply | Comparison) -> tuple[dict[str, str], dict[str, Any]]:
        """Show an answer that is named again with the parts that are wanted now."""
        from xiantong_nb import bundle, grid
        from xiantong_nb.reply import Reply

        parts = self._preferences.parts()
        return bundle.bundle(answer, parts) if isinstance(answer, Reply) else grid.bundle(answer, parts)

    @property
    def _audience(self) -> Audience:
        kernel = getattr(self.shell, "kernel", None)
        return in_front(None if kernel is None else self.shell.get_parent() or {}, os.environ)

    def _ask(self, line: str, cell: str | None) -> Reply | Comparison | Rehearsal | Rehearsals | None:
        from xiantong_nb.notebook import line as lines

        lines.refuse_keys(line)
        question = cell
        if question is None:
            line, question = lines.split_options(line)
        try:
            asked = lines.parse(line)
        except lines.HelpShown:
            return None
        from xiantong_nb.api import session
        from xiantong_nb.notebook import gather

        options, origin = gather.options(asked, self.shell), self._origin()
        prompt = gather.question(question, asked, self.shell)
        if asked.dry_run:
            return self._rehearsed(prompt, asked, options)
        if len(asked.targets) > 1:
            several = session().compare(prompt, asked.targets, options, origin)
            return self._watch(several, self._lanes_painter(asked, several.lanes), asked)
        stream = session().open(prompt, "".join(asked.targets), options, origin)
        reply = self._watch(stream, self._painter(asked, stream.lane), asked)
        if asked.as_ == "code" and reply.code:
            from xiantong_nb import safe

            self.shell.set_next_input(safe.terminal(reply.code))  # an editor might obey, or hide, what is in it
        return reply

    def _rehearsed(self, prompt: str | Prompt, asked: argparse.Namespace, options: Options) -> Rehearsal | Rehearsals:
        """Return what would be sent, which shows itself as the value of the cell."""
        from xiantong_nb import rehearsal
        from xiantong_nb.api import session

        found = [
            rehearsal.rehearse(session(), prompt, target, options, self._origin()) for target in asked.targets or [""]
        ]
        value = found[0] if len(found) == 1 else rehearsal.Rehearsals(found)
        if asked.to:
            self.shell.push({asked.to: value})
        return value

    def _watch(self, asking: Asking[Item, Answer], painter: Painter[Item, Answer], asked: argparse.Namespace) -> Answer:
        """Paint what comes; it will not be shown a second time in this cell, and is kept under `--to` too."""
        from xiantong_nb.notebook.watching import watch

        def keep(answer: Answer) -> None:
            if asked.to:
                self.shell.push({asked.to: answer})
            self._shown = (self.shell.execution_count, answer)

        return watch(asking, painter, keep)

    def _watched(self, stream: Stream) -> Reply:
        """Show an answer as `%%ask` does when its line says nothing."""
        from xiantong_nb.notebook import line as lines

        asked = lines.parse("")
        return self._watch(stream, self._painter(asked, stream.lane), asked)

    def _painter(self, asked: argparse.Namespace, lane: Lane) -> Painter[Event, Reply]:
        from xiantong_nb.notebook import display, watching
        from xiantong_nb.notebook.live import Output

        if asked.quiet:
            return watching.NoPainter()
        parts = self._preferences.parts()
        if self._audience.reads_lines:
            return display.TerminalPainter(form=asked.as_, parts=parts)
        output = Output(self._preferences.rate)
        painter = display.DisplayPainter(output, form=asked.as_, asked=str(lane.target), parts=parts)
        return self._drawn(painter, output, (lane,), lambda events: [(lane, event) for event in events], asked)

    def _lanes_painter(
        self, asked: argparse.Namespace, lanes: Sequence[Lane]
    ) -> Painter[tuple[Lane, Event], Comparison]:
        from xiantong_nb.errors import UsageError
        from xiantong_nb.notebook import side_by_side, watching
        from xiantong_nb.notebook.live import Output

        if asked.as_ == "code":
            msg = "--as code puts one answer's code into the next cell, and there are several."
            raise UsageError(msg, hint="Ask one target, or take it from the comparison: _[0].code")
        if asked.quiet:
            return watching.NoPainter()
        parts = self._preferences.parts()
        if self._audience.reads_lines:
            return side_by_side.TerminalLanes(lanes, form=asked.as_, parts=parts)
        output = Output(self._preferences.rate)
        painter = side_by_side.DisplayLanes(lanes, output, form=asked.as_, parts=parts)
        return self._drawn(painter, output, lanes, lambda batch: batch, asked)

    def _drawn(
        self,
        painter: Painter[Item, Answer],
        output: Output,
        lanes: Sequence[Lane],
        pairs: Callable[[list[Item]], list[tuple[Lane, Event]]],
        asked: argparse.Namespace,
    ) -> Painter[Item, Answer]:
        """Have it painted by a widget where somebody may look at one; what runs notebooks for nobody would save it."""
        from xiantong_nb.notebook.in_page import PagePainter
        from xiantong_nb.notebook.page import Page

        if asked.as_ not in ("md", "code") or self._audience is not Audience.PAGE:
            return painter
        if self._page is None:
            self._page = Page()
        return PagePainter(painter, output, self._page, lanes, pairs, self._preferences.parts())

    def _origin(self) -> Origin:
        from xiantong_nb.chats import Origin

        return Origin(self._cell, self.shell.execution_count)
