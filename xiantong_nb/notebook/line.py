"""The magic line: from what a person types to targets and options."""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import dataclass
from typing import Any, NoReturn

from xiantong_nb.errors import UsageError

AS = ("md", "text", "code", "json", "raw")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of `%%ask`: a row for the parser, the help and the documentation."""

    flag: str
    help: str
    kind: type = str
    metavar: str = ""
    choices: tuple[str, ...] | None = None
    repeated: bool = False

    @property
    def takes_value(self) -> bool:
        """Whether a value follows."""
        return self.kind is not bool


OPTIONS = (
    Option("--system", "system prompt; @VAR takes it from a variable", metavar="TEXT"),
    Option("--max-tokens", "most tokens the answer may have", int, "N"),
    Option("--temperature", "0 to 2; sent only when given, since some models refuse it", float, "T"),
    Option("--stop", "text that ends the answer; may be given several times", metavar="TEXT", repeated=True),
    Option("--chat", "the conversation to continue (default: default)", metavar="NAME"),
    Option("--new", "forget that conversation first", bool),
    Option("--alone", "neither read nor keep a conversation", bool),
    Option("--to", "bind the reply to this name as well", metavar="VAR"),
    Option(
        "--as",
        "how the answer is shown: md, text, code (its first block goes to the next cell), json, raw",
        metavar="FORM",
        choices=AS,
    ),
    Option("--quiet", "show nothing", bool),
)


class HelpShown(Exception):  # not a failure: the line asked for help and got it
    """The line was `-h`; there is nothing to ask."""


class _Parser(argparse.ArgumentParser):
    """argparse without its exits: errors are ours, help is printed."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", hint="%%ask -h lists the options.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002  # argparse's signature
        raise HelpShown


def parser() -> argparse.ArgumentParser:
    """Return the parser of the `%%ask` line."""
    made = _Parser(
        prog="%%ask",
        description="Ask the model in the cell's text; the answer streams in below.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="TARGET is connection, connection:model, or a model of the connection in use.\n"
        "One line: %ask [options] the question",
        allow_abbrev=False,
    )
    made.add_argument("targets", metavar="TARGET", nargs="*", help="what to ask; nothing is the target in use")
    for row in OPTIONS:
        more: dict[str, Any] = {"action": "store_true"}
        if row.takes_value:
            more = {"type": row.kind, "metavar": row.metavar, "choices": row.choices}
            if row.repeated:
                more |= {"action": "append", "default": []}
        if row.flag == "--as":
            more |= {"dest": "as_", "default": "md"}  # `as` is a keyword
        made.add_argument(row.flag, help=row.help.replace("%", "%%"), **more)
    return made


def parse(line: str) -> argparse.Namespace:
    """Read the line of a cell magic. Raises `UsageError`, or `HelpShown` after `-h`."""
    return parser().parse_args(words(line))


def words(line: str) -> list[str]:
    """Cut a line as a shell would. Raises `UsageError` for quotes that don't close."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"The line can't be read: {error}.", hint="Close the quotes.") from None


_WORD = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|\S)+)""")


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
