"""`python -m xiantong_nb`: the commands and questions in a plain terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from xiantong_nb import safe
from xiantong_nb.api import session
from xiantong_nb.errors import UsageError, XiantongError
from xiantong_nb.notebook import commands, display
from xiantong_nb.notebook import line as lines
from xiantong_nb.notebook.edge import offering
from xiantong_nb.notebook.screen import Screen
from xiantong_nb.notebook.watching import watch
from xiantong_nb.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "python -m xiantong_nb"
HERE = ("connect", "list", "test", "models", "edit", "rename", "remove", "doctor", "restore", "import", "version")
"""The commands that mean something outside a kernel."""

_OPTIONS = (
    lines.Option("--target", "connection, connection:model, or a model of the default connection", metavar="T"),
    *(row for row in lines.OPTIONS if row.flag in ("--system", "--max-tokens", "--temperature", "--stop")),
)
_WRONG_CALL, _INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns what to exit with: 0, 1 for a failure, 2 for a wrong call, 130 after Ctrl-C."""
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["help"]
    screen = Screen(terminal=True, interactive=sys.stdin.isatty(), program=PROGRAM)
    try:
        with offering():
            _run(name, rest, screen)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except XiantongError as error:
        sys.stderr.write(safe.terminal(screen.worded(str(error))) + "\n")
        return _WRONG_CALL if isinstance(error, UsageError) else 1
    finally:
        session().close()
    return 0


def _run(name: str, rest: list[str], screen: Screen) -> None:
    if name in ("-h", "--help", "help"):
        _help(screen)
    elif name == "ask":
        _ask(rest)
    elif name in HERE:
        commands.run_words([name, *rest], screen)
    else:
        raise UsageError(f"There is no command {name!r} here.", hint=f"{PROGRAM} help lists them.")


def _help(screen: Screen) -> None:
    rows = [("ask", "Ask a model; the answer streams in."), *((name, commands.COMMANDS[name].help) for name in HERE)]
    screen.table(("command", "does"), rows)
    screen.say(f"{PROGRAM} COMMAND -h says more of one.")


def _ask(words: list[str]) -> None:
    """Ask once; the question is what is left of the line, or comes from a pipe."""
    places = [("QUESTION", "*", "the question; nothing takes it from standard input")]
    parser = lines.parser(f"{PROGRAM} ask", "Ask a model; the answer streams in.", _OPTIONS, places)
    lines.refuse_keys(" ".join(words))
    try:
        asked = parser.parse_args(words)
    except lines.HelpShown:
        return
    question = " ".join(asked.question) or sys.stdin.read()
    options = Options(asked.system or "", asked.max_tokens, asked.temperature, tuple(asked.stop), alone=True)
    watch(session().open(question, asked.target or "", options), display.TerminalPainter())


if __name__ == "__main__":
    sys.exit(main())
