"""The lines of magics: from what a person types to targets, names and options."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, get_args

from xiantong_nb.errors import UsageError
from xiantong_nb.options import EFFORTS
from xiantong_nb.presets import AuthHeader, Wire
from xiantong_nb.secret import looks_like_key

if TYPE_CHECKING:
    from collections.abc import Sequence

AS = ("md", "text", "code", "json", "raw")


@dataclass(frozen=True, slots=True)
class Option:
    """
    One option: a row for the parser, the help and the documentation.

    An `optional_value` is what stands for a value that is left out.
    """

    flag: str
    help: str
    kind: type = str
    metavar: str = ""
    choices: tuple[str, ...] | None = None
    repeated: bool = False
    optional_value: str = ""

    @property
    def takes_value(self) -> bool:
        """Whether a value follows."""
        return self.kind is not bool

    @property
    def usage(self) -> str:
        """The help, with the values that there are where it does not name them."""
        unsaid = [value for value in self.choices or () if value not in self.help]
        return f"{self.help}: {', '.join(unsaid)}" if unsaid and not self.optional_value else self.help


OPTIONS = (
    Option("--system", "system prompt; @VAR takes it from a variable", metavar="TEXT"),
    Option("--max-tokens", "most tokens the answer may have", int, "N"),
    Option("--temperature", "0 to 2; sent only when given, since some models refuse it", float, "T"),
    Option("--stop", "text that ends the answer; may be given several times", metavar="TEXT", repeated=True),
    Option(
        "--image",
        "an image: a path, a URL, or a variable with a Pillow image, a figure, an array or bytes; may be repeated",
        metavar="EXPR",
        repeated=True,
    ),
    Option(
        "--file",
        "a file to go along: text, PDF where the endpoint reads it, a notebook's cells; may be repeated",
        metavar="PATH",
        repeated=True,
    ),
    Option("--cells", "the last N cells that ran go along, with what they printed", int, "N"),
    Option(
        "--schema",
        "the schema of the answer, read into .data: a pydantic model, a JSON schema as a dict, a dataclass",
        metavar="EXPR",
    ),
    Option("--effort", "how hard the model tries; sent only when given", metavar="LEVEL", choices=EFFORTS),
    Option("--reuse", "show the stored reply if the request is unchanged, store it otherwise", bool),
    Option("--dry-run", "show what would be sent, and how many tokens that is; ask no model", bool),
    Option("--no-expand", "leave names in braces as they are typed", bool),
    Option("--budget", "refuse, before sending, what all targets together could exceed", float, "USD"),
    Option("--chat", "the chat to continue (default: default)", metavar="NAME"),
    Option("--new", "forget that chat first", bool),
    Option("--alone", "neither read nor keep a chat", bool),
    Option("--to", "bind the reply, or the comparison, to this name as well", metavar="VAR"),
    Option(
        "--as",
        "how the answer is shown: md, text, code (its first block goes to the next cell), json, raw",
        metavar="HOW",
        choices=AS,
    ),
    Option("--quiet", "show nothing", bool),
)


EDIT = (
    Option("--base-url", "where the endpoint is; `/v1` and the like are taken off", metavar="URL"),
    Option("--model", "the model to ask when none is named", metavar="M"),
    Option("--api", "the wire to ask it by; unless said, Anthropic's", metavar="WIRE", choices=get_args(Wire)),
    Option(
        "--images",
        "switch image input on for that model, for `all` of the endpoint, or off with `none`",
        metavar="all|none",
        choices=("model", "all", "none"),
        optional_value="model",
    ),
    Option("--key-env", "the variable that holds the key; only its name is saved", metavar="VAR"),
    Option("--auth-header", "the one header that carries the key", metavar="HEADER", choices=get_args(AuthHeader)),
    Option("--ask-key", "ask for a key where none would be needed, or for another one", bool),
    Option("--no-key", "ask without a key where one would be needed", bool),
    Option("--allow-http", "let the key cross the network by http:// to another machine", bool),
    Option("--text", "ask by prompts, not by the wizard", bool),
    Option("--no-test", "save without a test", bool),
    Option("--default", "make it everyone's default connection", bool),
)
CONNECT = (
    Option("--name", "the name that is shown; its slug is made from it", metavar="N"),
    *EDIT,
    Option("--unsaved", "for this kernel only: write nothing", bool),
)
DOCTOR = (Option("--no-test", "do not ask the endpoints", bool),)
MODELS = (Option("--refresh", "ask the endpoint again, however new its last list is", bool),)
ENV = (
    Option("--print", "show what would be set, the key masked, and set nothing", bool),
    Option("--unset", "put back what stood there before", bool),
)
FIX = (
    Option("--locals", "send the values of simple variables, too; never one that could be a key", bool),
    Option("--dry-run", "show what would be sent, and send nothing", bool),
)
IMPORT = (Option("--yes", "do it without asking", bool),)
RESTORE = (Option("--accept", "keep what another program left of the key instead", bool),)
REPLIES = (Option("--clear", "remove them all", bool),)
USE = (Option("--default", "for every kernel and the desktop app, not this kernel alone", bool),)


class HelpShown(Exception):  # not a failure: the line asked for help and got it
    """The line was `-h`; there is nothing to do."""


class _Parser(argparse.ArgumentParser):
    """argparse without its exits: errors are ours, help is printed."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", hint=f"{self.prog} -h says how it is called.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002  # argparse's signature
        raise HelpShown


def parser(
    prog: str,
    description: str,
    rows: Sequence[Option] = (),
    places: Sequence[tuple[str, str, str]] = (),
    more: str = "",
) -> argparse.ArgumentParser:
    """Return the parser of a line: option rows, places as (name, how many in argparse's sign, help), a last word."""
    made = _Parser(
        prog=prog,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=more,
        allow_abbrev=False,
    )
    for name, count, told in places:
        counted: dict[str, Any] = {"nargs": count} if count else {}
        made.add_argument(name.lower(), metavar=name, help=told, **counted)
    for row in rows:
        options: dict[str, Any] = {"action": "store_true"}
        if row.takes_value:
            options = {"type": row.kind, "metavar": row.metavar, "choices": row.choices}
            if row.repeated:
                options |= {"action": "append", "default": []}
            if row.optional_value:
                options |= {"nargs": "?", "const": row.optional_value}
        if row.flag == "--as":
            options |= {"dest": "as_", "default": "md"}  # `as` is a keyword
        made.add_argument(row.flag, help=row.usage.replace("%", "%%"), **options)
    return made


def parse(line: str) -> argparse.Namespace:
    """Read the line of a cell magic. Raises `UsageError`, or `HelpShown` after `-h`."""
    return asking().parse_args(words(line))


def asking() -> argparse.ArgumentParser:
    """Return the parser of `%%ask`, whose `format_help()` is what `-h` prints."""
    return parser(
        "%%ask",
        "Ask the model in the cell's text; the answer streams in below.",
        OPTIONS,
        [("TARGETS", "*", "what to ask; several, up to eight, answer side by side; nothing is the target in use")],
        "A target is connection, connection:model, or a model of the connection in use.\n"
        "One line: %ask [options] the question",
    )


def refuse_keys(line: str) -> None:
    """Raise `UsageError` for a line that holds something shaped like a key, without repeating it."""
    if looks_like_key(line):
        raise UsageError(
            "This line holds what looks like a key: lines stand in the notebook and the history, so it was not run.",
            hint="Delete it here, clear the history with %xiantong purge, and enter the key where it is asked for.",
        )


_WORD = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|\S)+)""")


def words(line: str, *, windows: bool = os.name == "nt") -> list[str]:
    """
    Cut a line as a shell would, without the comment that a `#` of its own begins.

    So a line of the documentation runs as it is copied. On `windows` a backslash stands in paths and changes nothing
    else. Raises `UsageError` for quotes that don't close.
    """
    comment = next((word.start() for word in _WORD.finditer(line) if word[1] == "#"), len(line))
    cut = shlex.shlex(line[:comment], posix=True)
    cut.whitespace_split, cut.commenters, cut.escape = True, "", "" if windows else cut.escape
    try:
        return list(cut)
    except ValueError as error:
        raise UsageError(f"The line can't be read: {error}.", hint="Close the quotes.") from None


def split_options(line: str) -> tuple[str, str]:
    """
    Cut a one-line question into its leading options and the question, which is kept as typed.

    The question may hold quotes and apostrophes that no shell grammar would accept.
    """
    valued = {row.flag for row in OPTIONS if row.takes_value}
    at = 0
    while (word := _WORD.match(line, at)) and re.match(r"--[a-z]|-h$", word[1]):
        at = word.end()
        if word[1] in valued and (value := _WORD.match(line, at)):
            at = value.end()
    return line[:at], line[at:].strip()
