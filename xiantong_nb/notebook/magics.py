"""`%%ask`, `%%xiantong`, `%ask` and `%xiantong`: read the line, call the session, show the outcome."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from xiantong_nb.notebook.edge import plain_errors

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from xiantong_nb.chats import Origin
    from xiantong_nb.comparison import Comparison
    from xiantong_nb.events import Event
    from xiantong_nb.lane import Lane
    from xiantong_nb.notebook.live import Output
    from xiantong_nb.notebook.page import Page
    from xiantong_nb.notebook.watching import Answer, Asking, Item, Painter
    from xiantong_nb.options import Options
    from xiantong_nb.reply import Reply
    from xiantong_nb.request import Image


@magics_class
class AskMagics(Magics):
    """Questions from cells. `%%ask -h` lists the options, `%xiantong help` the commands."""

    shell: Any

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._cell = ""
        self._shown: tuple[int, object] | None = None
        self._page: Page | None = None

    @no_var_expand
    @line_cell_magic
    def ask(self, line: str, cell: str | None = None) -> Reply | Comparison | None:
        """
        Ask a model; the answer streams in below and is the value of the cell.

            %%ask [TARGET ...] [options]   the cell's text is the question; several targets answer side by side
            %ask [options] the question    in one line, to the target in use

        TARGET is `connection`, `connection:model` or a model of the connection in use. `%%ask -h` lists the
        options. `_` and `Out[n]` are the Reply: .text .thinking .code .usage .cost .complete .model .seconds
        Of several targets they are a Comparison: _[0] _["sonnet"] .errors .table() .diff(0, 1) .continue_with(0)
        """
        with plain_errors():
            return self._ask(line, cell)

    @no_var_expand
    @line_cell_magic
    def xiantong(self, line: str, cell: str | None = None) -> Any:
        """
        Connect and look around; `%%xiantong` is `%%ask`.

            %xiantong connect         asks what is needed, tests it and saves it
            %xiantong list            what can be asked
            %xiantong help            lists the commands; %xiantong COMMAND? says more of one
        """
        with plain_errors():
            if cell is not None:
                return self._ask(line, cell)
            from xiantong_nb.notebook import commands
            from xiantong_nb.notebook.screen import Screen

            commands.run(line, Screen(terminal=self._in_terminal))
            return None

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
        if self._in_terminal:
            print(repr(answer))  # noqa: T201  # a terminal has written "Out[n]: " before it asks

    def close(self) -> None:
        """Leave nothing in the page."""
        if self._page is not None:
            self._page.close()

    @property
    def _in_terminal(self) -> bool:
        return getattr(self.shell, "kernel", None) is None

    def _ask(self, line: str, cell: str | None) -> Reply | Comparison | None:
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

        options, origin = self._options(asked), self._origin()
        if len(asked.targets) > 1:
            several = session().compare(question, asked.targets, options, origin)
            return self._watch(several, self._lanes_painter(asked, several.lanes), asked)
        stream = session().open(question, "".join(asked.targets), options, origin)
        reply = self._watch(stream, self._painter(asked, stream.lane), asked)
        if asked.as_ == "code" and reply.code:
            self.shell.set_next_input(reply.code)
        return reply

    def _watch(self, asking: Asking[Item, Answer], painter: Painter[Item, Answer], asked: argparse.Namespace) -> Answer:
        """Paint what comes; it will not be shown a second time in this cell, and is kept under `--to` too."""
        from xiantong_nb.notebook.watching import watch

        def keep(answer: Answer) -> None:
            if asked.to:
                self.shell.push({asked.to: answer})
            self._shown = (self.shell.execution_count, answer)

        return watch(asking, painter, keep)

    def _painter(self, asked: argparse.Namespace, lane: Lane) -> Painter[Event, Reply]:
        from xiantong_nb.notebook import display, watching
        from xiantong_nb.notebook.live import Output

        if asked.quiet:
            return watching.NoPainter()
        if self._in_terminal:
            return display.TerminalPainter(form=asked.as_)
        output = Output()
        painter = display.DisplayPainter(output, form=asked.as_, asked=str(lane.target))
        return self._in_page(painter, output, (lane,), lambda events: [(lane, event) for event in events], asked)

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
        if self._in_terminal:
            return side_by_side.TerminalLanes(lanes, form=asked.as_)
        output = Output()
        painter = side_by_side.DisplayLanes(lanes, output, form=asked.as_)
        return self._in_page(painter, output, lanes, lambda batch: batch, asked)

    def _in_page(
        self,
        painter: Painter[Item, Answer],
        output: Output,
        lanes: Sequence[Lane],
        pairs: Callable[[list[Item]], list[tuple[Lane, Event]]],
        asked: argparse.Namespace,
    ) -> Painter[Item, Answer]:
        """
        Have it painted by a widget where somebody may look at one.

        What executes notebooks for nobody (nbclient, papermill) takes no input either, and would save the widgets.
        """
        from xiantong_nb.notebook.in_page import PagePainter
        from xiantong_nb.notebook.page import Page

        if asked.as_ not in ("md", "code") or not getattr(self.shell.kernel, "_allow_stdin", False):
            return painter
        if self._page is None:
            self._page = Page()
        return PagePainter(painter, output, self._page, lanes, pairs)

    def _options(self, asked: argparse.Namespace) -> Options:
        from xiantong_nb.errors import UsageError
        from xiantong_nb.options import Options

        system = asked.system or ""
        if system.startswith("@"):
            name = system[1:]
            if name not in self.shell.user_ns:
                raise UsageError(f"--system {system}: there is no variable {name!r}.")
            system = str(self.shell.user_ns[name])
        if asked.to is not None and (not asked.to.isidentifier() or keyword.iskeyword(asked.to)):
            raise UsageError(f"--to {asked.to}: that is not a variable's name.")
        return Options(
            system=system,
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            stop=tuple(asked.stop),
            images=tuple(self._image(text) for text in asked.image),
            budget=asked.budget,
            chat="default" if asked.chat is None else asked.chat,
            new=asked.new,
            alone=asked.alone,
        )

    def _image(self, text: str) -> Image:
        """Read what `--image` names: a URL, a file, or an expression of the notebook."""
        from pathlib import Path

        from xiantong_nb.errors import UsageError
        from xiantong_nb.pictures import named, picture

        value: Any = text
        if not named(text) and not Path(text).expanduser().is_file():
            try:
                value = self.shell.ev(text)
            except Exception as error:  # noqa: BLE001  # whatever a person's expression raises
                msg = f"--image {text} is no file, no URL and no value here ({type(error).__name__})."
                raise UsageError(msg, hint="Give a path, a URL, or a variable.") from None
        return picture(value, name=f"--image {text}")

    def _origin(self) -> Origin:
        from xiantong_nb.chats import Origin

        return Origin(self._cell, self.shell.execution_count)
