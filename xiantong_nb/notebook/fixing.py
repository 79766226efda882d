"""
`%xiantong fix`: a failure and the code that it passed become a question, the cell in its answer the next one.

What is sent is the person's own code, by where its files lie, and it is said. A key or a password in it stops the
question, one among values is left out. An attempt that fails leaves the failure to the next one.
"""

from __future__ import annotations

import contextlib
import platform
from typing import TYPE_CHECKING, Any

from xiantong_nb import safe
from xiantong_nb.api import session
from xiantong_nb.errors import StoreError, UsageError, XiantongError
from xiantong_nb.notebook import raised, variables
from xiantong_nb.notebook.screen import fenced
from xiantong_nb.options import Options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from xiantong_nb.notebook.raised import Piece
    from xiantong_nb.notebook.screen import Screen
    from xiantong_nb.reply import Reply

SYSTEM = """\
You help a person whose Python code in a notebook has failed. Answer in this order.
1. What went wrong and why, in one to three plain sentences.
2. One fenced python block: the cell that has to change, whole and corrected, ready to run in its place. Keep what \
need not change as it is, and use no names that nothing shown defines.
3. Only if a file or a second cell has to change, too: what, in a block of its own after the first.
If no cell has to change, give no python block, and say what else has to be done. If what you were shown is not enough \
to be sure, say what is missing."""

_PYTHON = {"", "python", "py", "python3", "ipython", "ipython3"}


def fix(screen: Screen, asked: argparse.Namespace) -> Reply | None:
    """Explain the last exception with the code that raised it, and propose the corrected cell as the next one."""
    from IPython import get_ipython

    shell, error = get_ipython(), raised.last()
    if error is None:
        screen.say("Nothing has failed here yet.")
    elif isinstance(error, XiantongError):
        screen.say(f"The last failure is of this extension itself, and says what to do: {' '.join(str(error).split())}")
    elif isinstance(error, KeyboardInterrupt):
        screen.say("The last cell was interrupted, so there is nothing to mend.")
    else:
        question, holds = _question(error, shell, with_values=asked.locals)
        if asked.dry_run:
            screen.block(f"{SYSTEM}\n\n{question}")
            screen.say(f"Nothing was sent. It holds {holds}.")
            return None
        stream = session().open(question, asked.target or "", Options(system=SYSTEM, alone=True))
        screen.say(f"Sent to {stream.target}: {holds}.")
        reply = screen.watch(stream)
        code = next((code for language, code in reply.code_blocks if language.lower() in _PYTHON), "")
        if code:
            shell.set_next_input(safe.terminal(code))  # an editor might obey, or hide, what is in it
        return reply
    return None


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Let a failure stay the last one where the attempt to mend it fails: the next attempt is about it, too."""
    error = raised.last()
    try:
        yield
    except (XiantongError, KeyboardInterrupt) as stop:
        if error is not None:
            setattr(stop, raised.ABOUT, error)
        raise


def _question(error: BaseException, shell: Any, *, with_values: bool) -> tuple[str, str]:
    """
    Return the question about a failure, and in one line what it holds.

    Raises `UsageError` where the failure or the code has something like a key in it.
    """
    pieces, left_out = raised.pieces(error, shell)
    is_secret = _known_secrets()
    parts = {"what the exception says": raised.said(error)}
    if library := raised.raised_in(error):
        parts["the library's line"] = f"It was raised in {library}"
    holds = [type(error).__name__]
    for piece in pieces:
        parts[str(piece)] = _shown(piece)
        holds.append(str(piece))
    for name, text in parts.items():
        if variables.has_key(text) or is_secret(text):
            raise UsageError(
                f"There is what looks like a key or a password in {name}, so nothing was sent.",
                hint="Keep keys in variables of the environment, read them there, and run the cell again.",
            )
    if left_out:
        parts[""] = f"{left_out} more places between these were left out."
    if with_values:
        told, kept_back = _values(pieces, is_secret)
        parts["values"] = told
        holds.append(f"values, without {', '.join(kept_back)}" if kept_back else "values")
    else:
        holds.append("no values")
    versions = f"Python {platform.python_version()}, IPython {_version()}"
    return "\n\n".join([f"This code failed in a notebook ({versions}).", *parts.values()]), "; ".join(holds)


def _shown(piece: Piece) -> str:
    """Return a piece of code in a fence that nothing in it ends, headed by where it is and where it failed."""
    failed = "; ".join(f"line {number}: {piece.lines[number - piece.first].strip()}" for number in piece.failed)
    code = fenced("\n".join(piece.lines), "python")
    return f"{piece}. It failed in {failed}\n{code}"


def _values(pieces: list[Piece], is_secret: Callable[[str], bool]) -> tuple[str, list[str]]:
    """Return the values of variables by piece, as text, and the names of those that were kept back."""
    lines: list[str] = []
    kept_back: list[str] = []
    for piece in pieces:
        for code, frame in piece.frames.items():
            told, without = variables.values("\n".join(piece.lines), frame.f_locals, is_secret)
            where = piece.name if code.co_name == "<module>" else f"{piece.name}, {code.co_name}"
            lines += [f"Values in {where}:", *(f"- {name} = {text}" for name, text in told.items())] if told else []
            kept_back += without
    return "\n".join(lines) or "No variable here has a simple value.", list(dict.fromkeys(kept_back))


def _known_secrets() -> Callable[[str], bool]:
    """Return what says whether a text holds a saved key, or a password that the environment holds."""
    here = session()
    try:
        known = here.connections()
    except StoreError:
        known = here.unsaved()
    keys = [key for _, key in here.keys(known)]
    others = variables.secrets_of(here.variables)
    return lambda text: any(key.is_in(text) for key in keys) or any(other in text for other in others)


def _version() -> str:
    import IPython

    return IPython.__version__
