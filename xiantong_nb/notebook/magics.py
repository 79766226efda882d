"""`%%ask`, `%%xiantong`, `%ask` and `%xiantong`: read the line, call the session, show the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from xiantong_nb.notebook.edge import one_interrupt, plain_errors

if TYPE_CHECKING:
    import argparse

    from xiantong_nb.chats import Origin
    from xiantong_nb.notebook.display import Painter
    from xiantong_nb.notebook.preferences import Xiantong
    from xiantong_nb.options import Options
    from xiantong_nb.rehearsal import Rehearsal
    from xiantong_nb.reply import Reply
    from xiantong_nb.request import Prompt
    from xiantong_nb.streaming import Stream


@magics_class
class AskMagics(Magics):
    """Questions from cells. `%%ask -h` lists the options, `%xiantong help` the commands."""

    shell: Any

    def __init__(self, shell: Any, preferences: Xiantong) -> None:
        super().__init__(shell)
        self._preferences = preferences
        self._cell = ""
        self._shown: tuple[int, Reply] | None = None

    @no_var_expand
    @line_cell_magic
    def ask(self, line: str, cell: str | None = None) -> Reply | Rehearsal | None:
        """
        Ask a model; the answer streams in below and is the value of the cell.

            %%ask [TARGET] [options]       the cell's text is the question
            %ask [options] the question    in one line, to the target in use

        TARGET is `connection`, `connection:model` or a model of the connection in use. `%%ask -h` lists the
        options. `_` and `Out[n]` are the Reply: .text .thinking .code .data .usage .cost .complete .model
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

            return commands.run(line, Screen(terminal=self._in_terminal, watch=self._watched))

    def cell_begins(self, info: Any) -> None:
        """Remember which cell runs: the front end's id for it, where it gives one."""
        self._cell = getattr(info, "cell_id", None) or ""

    def shown_already(self, reply: Reply) -> None:
        """
        Keep a reply from being shown a second time in the cell that asked for it.

        IPython calls this for every Reply it is about to display: returning means "it is done", the
        exception means "display it as usual", which is right for `_`, `Out[n]` and `reply` later on.
        """
        if self._shown is None or self._shown[0] != self.shell.execution_count or self._shown[1] is not reply:
            raise NotImplementedError
        self._shown = None
        if self._in_terminal:
            print(repr(reply))  # noqa: T201  # a terminal has written "Out[n]: " before it asks

    def shown_later(self, reply: Reply) -> tuple[dict[str, str], dict[str, Any]]:
        """Show a reply that is named again with the parts that are wanted now."""
        from xiantong_nb import bundle

        return bundle.bundle(reply, self._preferences.parts())

    @property
    def _in_terminal(self) -> bool:
        return getattr(self.shell, "kernel", None) is None

    def _ask(self, line: str, cell: str | None) -> Reply | Rehearsal | None:
        from xiantong_nb.notebook import line as lines

        lines.refuse_keys(line)
        question = cell
        if question is None:
            line, question = lines.split_options(line)
        try:
            asked = lines.parse(line)
        except lines.HelpShown:
            return None
        if len(asked.targets) > 1:
            from xiantong_nb.errors import UsageError

            raise UsageError(
                f"{len(asked.targets)} targets on one line: this version asks one at a time.",
                hint="Ask each in a cell of its own.",
            )
        from xiantong_nb.api import session
        from xiantong_nb.notebook import gather

        target = asked.targets[0] if asked.targets else ""
        options = gather.options(asked, self.shell)
        prompt = gather.question(question, asked, self.shell)
        if asked.dry_run:
            return self._rehearse(prompt, target, options, asked.to)
        stream = session().open(prompt, target, options, self._origin())
        reply = self._watch(stream, asked)
        if asked.as_ == "code" and reply.code:
            self.shell.set_next_input(reply.code)
        return reply

    def _rehearse(self, prompt: str | Prompt, target: str, options: Options, to: str | None) -> Rehearsal:
        """Return what would be sent, which shows itself as the value of the cell."""
        from xiantong_nb import rehearsal
        from xiantong_nb.api import session

        found = rehearsal.rehearse(session(), prompt, target, options, self._origin())
        if to:
            self.shell.push({to: found})
        return found

    def _watch(self, stream: Stream, asked: argparse.Namespace) -> Reply:
        """Paint the answer as it comes; whatever ends it, what came stays, under `--to` too."""
        painter = self._painter(asked, str(stream.target))
        with one_interrupt(), stream:
            try:
                for batch in stream.batches(painter.rest):
                    painter.take(batch)
                return stream.result()
            except KeyboardInterrupt as stop:
                stop.add_note("What came is in xiantong_nb.last().")
                raise
            finally:
                reply = stream.partial("interrupted")  # which changes nothing when it has ended
                if stream.only_failed:
                    painter.withdraw()
                else:
                    self._keep(reply, painter, asked)

    def _watched(self, stream: Stream) -> Reply:
        """Show an answer as `%%ask` does when its line says nothing."""
        from xiantong_nb.notebook import line as lines

        return self._watch(stream, lines.parse(""))

    def _keep(self, reply: Reply, painter: Painter, asked: argparse.Namespace) -> None:
        if asked.to:
            self.shell.push({asked.to: reply})
        painter.finish(reply)
        self._shown = (self.shell.execution_count, reply)

    def _painter(self, asked: argparse.Namespace, target: str) -> Painter:
        from xiantong_nb.notebook import display

        if asked.quiet:
            return display.NoPainter()
        parts = self._preferences.parts()
        if self._in_terminal:
            return display.TerminalPainter(form=asked.as_, parts=parts)
        return display.DisplayPainter(form=asked.as_, asked=target, parts=parts, rate=self._preferences.rate)

    def _origin(self) -> Origin:
        from xiantong_nb.chats import Origin

        return Origin(self._cell, self.shell.execution_count)
