"""The commands of `%xiantong`, one function each; its docstring's first line is its help."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xiantong_nb import __version__, nearby
from xiantong_nb.api import session
from xiantong_nb.chats import counted
from xiantong_nb.connection import is_elsewhere
from xiantong_nb.draft import savable
from xiantong_nb.errors import UsageError
from xiantong_nb.notebook import connecting, fixing, looking, mending
from xiantong_nb.notebook import line as lines
from xiantong_nb.upkeep import choose, noted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from xiantong_nb.connection import Connection
    from xiantong_nb.notebook.screen import Screen
    from xiantong_nb.reply import Reply

Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Command:
    """
    A command: what it does, what stands after it, which options it takes, what holds while it is read and run.

    `examples` are what may stand behind its name.
    """

    does: Callable[[Screen, argparse.Namespace], Reply | None]
    places: tuple[Place, ...] = ()
    options: tuple[lines.Option, ...] = ()
    within: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
    examples: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """The first line of what it says of itself."""
        return (self.does.__doc__ or "").strip().partition("\n")[0]


def run(line: str, screen: Screen) -> Reply | None:
    """
    Run one command line, and return the answer of one that asks a model.

    Raises `UsageError` for a command that does not exist, or a line with a key in it.
    """
    lines.refuse_keys(line)
    return run_words(lines.words(line) or ["help"], screen)


def run_words(words: list[str], screen: Screen) -> Reply | None:
    """Run one command, cut into words."""
    lines.refuse_keys(" ".join(words))
    name, *arguments = words
    name = {"-h": "help", "--help": "help", "--version": "version"}.get(name, name)
    if name not in COMMANDS:
        raise UsageError(f"There is no command {name!r}.", hint=f"%xiantong help lists them: {', '.join(COMMANDS)}.")
    command = COMMANDS[name]
    program = f"{screen.program} {name}"
    more = "\n".join(["for example:", *(f"  {program} {words}".rstrip() for words in command.examples or ("",))])
    parser = lines.parser(program, command.help, command.options, command.places, more)
    with command.within():
        try:
            asked = parser.parse_args(arguments)
        except lines.HelpShown:
            return None
        return command.does(screen, asked)


def overview() -> str:
    """Return the commands, one a line, as `%xiantong?` shows them."""
    return "\n".join(f"{name:8}  {command.help}" for name, command in COMMANDS.items())


def test(screen: Screen, asked: argparse.Namespace) -> None:
    """Test a target with a tiny real question: reached, authenticated, model answered, first token, finished."""
    from xiantong_nb import probe

    target = session().target(asked.target or "")
    outcome = connecting.show_test(screen, probe.test(session(), target))
    screen.say_all(target.notes)
    if outcome.error is not None:
        raise outcome.error
    screen.say_all(noted(session(), target.connection))


def list_(screen: Screen, asked: argparse.Namespace) -> None:
    """List what can be asked, what is in use (→), and everyone's default (*)."""
    del asked
    try:
        current, fault = session().default(), ""
    except UsageError as error:
        current, fault = None, error.message
    connections = session().connections()
    default = session().store.default()
    used = {current.connection.slug: current.model} if current else {}
    rows = [
        (
            ("→" if c.slug in used else "") + ("*" if c.saved and c.slug == default else ""),
            c.slug,
            "" if c.name in (c.slug, c.preset.name) or c.base_url.endswith(f"//{c.name}") else c.name,
            _model(c, used.get(c.slug, c.default_model)),
            c.preset.name,
            c.base_url or ("embedded, started by the first question" if c.preset.embedded else ""),
            _key(c),
            _day(c.last_used),
        )
        for c in connections.values()
    ]
    screen.table(("", "connection", "name", "model", "provider", "URL", "key", "last good test"), rows)
    if fault:
        screen.say(f"What is in use can't be asked: {fault}")
    elif current is None:
        screen.say(f"Nothing is in use yet. {nearby.ways(session())}")


def use(screen: Screen, asked: argparse.Namespace) -> None:
    """Ask this target from now on, in this kernel or with --default everywhere."""
    target = choose(session(), asked.target, everyone=asked.default)
    screen.say(f"{'Everyone' if asked.default else 'This kernel'} now asks {target}.")
    screen.say_all(target.notes)


def picker(screen: Screen, asked: argparse.Namespace) -> None:
    """Choose connection and model by mouse or keyboard, see their health, add and change connections."""
    if screen.forms:
        screen.show_form("list")
        return
    list_(screen, asked)
    screen.say("%xiantong use TARGET chooses. The picker itself is for notebooks.")


def env(screen: Screen, asked: argparse.Namespace) -> None:
    """Let programs started from here ask a connection: sets ANTHROPIC_BASE_URL, a key and a model for them."""
    from xiantong_nb.handover import shown

    if asked.unset:
        done = session().handover.undo()
        screen.say("What stood there before is back." if done else "Nothing was set.")
        return
    target, wanted = session().hand_over(asked.target or "")
    if not asked.print:
        session().handover.put(wanted)
    rows = [(name, value or "(empty)") for name, value in shown(target.connection, wanted).items()]
    screen.table(("variable", "value"), rows)
    screen.say_all(target.notes)
    if asked.print:
        screen.say("Nothing was set; without --print it is, for this kernel and what it starts.")
        return
    screen.say(
        f"Claude Code, the Claude Agent SDK and other programs started from this kernel now ask {target}. %env would "
        "show the key; %xiantong env --unset takes it out again."
    )


def chats(screen: Screen, asked: argparse.Namespace) -> None:
    """List the chats of this kernel."""
    del asked
    rows = [
        (name, str(len(chat.turns)), f"{chat.about_tokens():,}", chat.turns[-1].target)
        for name, chat in session().chats.items()
        if chat.turns
    ]
    if rows:
        screen.table(("chat", "turns", "about tokens", "last asked"), rows)
    else:
        screen.say("No chat yet.")


def reset(screen: Screen, asked: argparse.Namespace) -> None:
    """Forget a chat of this kernel."""
    name = asked.chat or "default"
    chat = session().chats.pop(name, None)
    turns = len(chat.turns) if chat else 0
    screen.say(f"Chat {name} is forgotten ({counted(turns)})." if turns else f"Chat {name} was empty.")


def purge(screen: Screen, asked: argparse.Namespace) -> None:
    """Take lines that held a key out of IPython's history, in this kernel and on the disk."""
    del asked
    from IPython import get_ipython

    from xiantong_nb.notebook import purge as history

    count = history.purge(get_ipython())
    screen.say(f"Taken out of the history: {count}." if count else "No line in the history looks like it held a key.")
    if count:
        screen.say("Delete it from the cell, too, and save. A key that others may have seen is best made anew.")


def version(screen: Screen, asked: argparse.Namespace) -> None:
    """Show the version."""
    del asked
    screen.say(f"xiantong-nb {__version__}")


def help_(screen: Screen, asked: argparse.Namespace) -> None:
    """List the commands, or say how one is called."""
    if asked.command:
        run_words([asked.command, "-h"], screen)
        return
    screen.table(("command", "does"), [(name, command.help) for name, command in COMMANDS.items()])
    screen.say("%xiantong COMMAND? says more of one. Ask with %%ask in a cell, or %ask in one line; %%ask -h.")


_TARGET = "connection, connection:model, or a model of the connection in use"
_IN_USE: Place = ("TARGET", "?", f"{_TARGET}; nothing is the target in use")
_SAVED: Place = ("CONNECTION", "", "a saved connection, as %%xiantong list names it")
_PRESET: Place = ("PRESET", "?", f"{', '.join(savable())}, a URL; or demo, for this kernel only")

COMMANDS: dict[str, Command] = {
    "connect": Command(
        connecting.connect,
        (_PRESET,),
        lines.CONNECT,
        examples=("", "anthropic", "ollama --model llama3.2", "http://localhost:8080 --model qwen3 --images"),
    ),
    "list": Command(list_),
    "use": Command(use, (("TARGET", "", _TARGET),), lines.USE, examples=("sonnet", "ollama:llama3.2 --default")),
    "test": Command(test, (_IN_USE,), examples=("", "openrouter:openai/gpt-4o")),
    "models": Command(
        looking.models,
        (("NAME", "*", "a connection (nothing: the one in use), and words to look for"),),
        lines.MODELS,
        examples=("", "openrouter claude", "openrouter --refresh"),
    ),
    "picker": Command(picker),
    "edit": Command(
        connecting.edit, (_SAVED,), lines.EDIT, examples=("openrouter", "openrouter --model openai/gpt-4o")
    ),
    "rename": Command(
        connecting.rename, (_SAVED, ("TEXT", "+", "the new name")), examples=("openrouter Work account",)
    ),
    "remove": Command(connecting.remove, (_SAVED,), examples=("openrouter",)),
    "env": Command(env, (_IN_USE,), lines.ENV, examples=("openrouter", "openrouter --print", "--unset")),
    "fix": Command(fixing.fix, (_IN_USE,), lines.FIX, fixing.lasting, examples=("", "sonnet --locals", "--dry-run")),
    "usage": Command(looking.usage),
    "replies": Command(looking.replies, (), lines.REPLIES, examples=("", "--clear")),
    "chats": Command(chats),
    "reset": Command(reset, (("CHAT", "?", "a chat (default: default)"),), examples=("", "plans")),
    "doctor": Command(mending.doctor, (), lines.DOCTOR, examples=("", "--no-test")),
    "restore": Command(
        mending.restore,
        (("WHAT", "?", "a connection whose key was lost, or one of the files; nothing lists them"),),
        lines.RESTORE,
        examples=("", "openrouter", "credentials.enc"),
    ),
    "import": Command(
        mending.import_,
        (("PATH", "?", "the original's folder (default: ~/.craft-agent)"),),
        lines.IMPORT,
        examples=("", "~/backup/.craft-agent --yes"),
    ),
    "purge": Command(purge),
    "version": Command(version),
    "help": Command(help_, (("COMMAND", "?", "one of the commands"),), examples=("", "connect")),
}


def _model(connection: Connection, model: str) -> str:
    return f"{model} (not local)" if is_elsewhere(connection, model) else model


def _key(connection: Connection) -> str:
    if connection.fault is not None:
        return str(connection.fault.args[0])
    only_here = ", this kernel only" if connection.slug in session().here else ""
    if connection.key is None:
        return f"none needed{only_here}"
    return f"{connection.key.shown} from {connection.key_from}{only_here}"


def _day(milliseconds: int | None) -> str:
    return f"{dt.datetime.fromtimestamp(milliseconds / 1000).astimezone():%Y-%m-%d %H:%M}" if milliseconds else ""
