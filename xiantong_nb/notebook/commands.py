"""The commands of `%xiantong`, one function each; its docstring's first line is its help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xiantong_nb import __version__, bundle, safe
from xiantong_nb.api import session
from xiantong_nb.errors import UsageError
from xiantong_nb.notebook.line import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xiantong_nb.connection import Connection
    from xiantong_nb.probe import Outcome


class _Screen:
    """Where commands write: plain lines in a terminal, Markdown in a notebook."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal

    def say(self, text: str) -> None:
        """Write one paragraph."""
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

    def _put(self, plain: str, markdown: str) -> None:
        if self._terminal:
            print(plain)  # noqa: T201  # the terminal is the display
            return
        from IPython.display import display

        display({"text/markdown": markdown, "text/plain": plain}, raw=True)


def run(line: str, *, terminal: bool) -> Any:
    """Run one command line. Raises `UsageError` for a command that does not exist."""
    name, *arguments = words(line) or ["help"]
    name = {"-h": "help", "--help": "help", "--version": "version"}.get(name, name)
    if name not in COMMANDS:
        raise UsageError(f"There is no command {name!r}.", hint=f"%xiantong help lists them: {', '.join(COMMANDS)}.")
    COMMANDS[name](_Screen(terminal=terminal), arguments)


def connect(screen: _Screen, arguments: list[str]) -> None:
    """Start the toy engine, test it and ask it from now on: connect demo."""
    if arguments != ["demo"]:
        from xiantong_nb.connection import ways_to_connect

        raise UsageError("This version connects demo, and what the environment holds.", hint=ways_to_connect())
    outcome = _test(screen, "demo")
    session().use("demo")
    screen.say(
        f"This kernel now asks {outcome.target}: a scripted toy model on this machine, not a language model. "
        "It is saved nowhere and ends with the kernel."
    )


def test(screen: _Screen, arguments: list[str]) -> None:
    """Test a target with a tiny real question: test [TARGET]."""
    _test(screen, _one(arguments, "test"))


def list_(screen: _Screen, arguments: list[str]) -> None:
    """List what can be asked, and which of it is in use."""
    _none(arguments, "list")
    try:
        current, fault = session().default(), ""
    except UsageError as error:
        current, fault = None, error.message
    used = {current.connection.slug: current.model} if current else {}
    rows = [
        (
            "→" if c.slug in used else "",
            c.slug,
            used.get(c.slug, c.default_model),
            c.preset.name,
            c.base_url or "embedded, started by the first question",
            _key(c),
        )
        for c in session().connections().values()
    ]
    screen.table(("", "name", "model", "provider", "URL", "key"), rows)
    if fault:
        screen.say(f"What is in use can't be asked: {fault}")
    elif current is None:
        from xiantong_nb.connection import ways_to_connect

        screen.say(f"Nothing is in use yet. {ways_to_connect()}")


def use(screen: _Screen, arguments: list[str]) -> None:
    """Ask this target from now on in this kernel: use TARGET."""
    target = session().use(_one(arguments, "use", needed=True))
    screen.say(f"This kernel now asks {target}.")
    for note in target.notes:
        screen.say(note)


def chats(screen: _Screen, arguments: list[str]) -> None:
    """List the conversations of this kernel."""
    _none(arguments, "chats")
    rows = [
        (name, str(len(chat.turns)), f"{chat.about_tokens():,}", chat.turns[-1].target)
        for name, chat in session().chats.items()
        if chat.turns
    ]
    if rows:
        screen.table(("chat", "turns", "about tokens", "last asked"), rows)
    else:
        screen.say("No conversation yet.")


def reset(screen: _Screen, arguments: list[str]) -> None:
    """Forget a conversation: reset [NAME]."""
    name = _one(arguments, "reset") or "default"
    chat = session().chats.pop(name, None)
    turns = len(chat.turns) if chat else 0
    screen.say(f"Chat {name} is forgotten ({turns} turns)." if turns else f"Chat {name} was empty.")


def version(screen: _Screen, arguments: list[str]) -> None:
    """Show the version."""
    _none(arguments, "version")
    screen.say(f"xiantong-nb {__version__}")


def help_(screen: _Screen, arguments: list[str]) -> None:
    """List the commands."""
    del arguments
    screen.table(("command", "does"), [(name, (f.__doc__ or "").strip()) for name, f in COMMANDS.items()])
    screen.say("Ask with %%ask in a cell, or %ask in one line; %%ask -h lists the options.")


COMMANDS: dict[str, Callable[[_Screen, list[str]], None]] = {
    "connect": connect,
    "list": list_,
    "use": use,
    "test": test,
    "chats": chats,
    "reset": reset,
    "version": version,
    "help": help_,
}


def _test(screen: _Screen, target: str) -> Outcome:
    from xiantong_nb import probe

    outcome = probe.test(session(), target)
    rows = [(stage.name, f"{stage.seconds * 1000:.0f} ms", stage.said) for stage in outcome.stages]
    if outcome.error is not None:
        rows.append((outcome.failed_at, "failed", ""))
    screen.say(f"Test of {outcome.target} at {outcome.url}")
    screen.table(("stage", "after", ""), rows)
    if outcome.error is not None:
        raise outcome.error
    return outcome


def _key(connection: Connection) -> str:
    if connection.fault is not None:
        return connection.fault.message
    if connection.key is None:
        return "none needed"
    return f"{connection.key} from {connection.key_from}".replace("Secret", "")


def _one(arguments: list[str], command: str, *, needed: bool = False) -> str:
    if len(arguments) > 1 or (needed and not arguments):
        raise UsageError(f"%xiantong {command} takes one name.", hint="%xiantong help shows the commands.")
    return arguments[0] if arguments else ""


def _none(arguments: list[str], command: str) -> None:
    if arguments:
        raise UsageError(f"%xiantong {command} takes nothing after it.")
