"""The shell's last exception: what it says, and the person's own code that it passed through."""

from __future__ import annotations

import inspect
import linecache
import re
import sys
import sysconfig
import tokenize
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

ABOUT = "_xiantong_about"
"""On an exception that ended an attempt to mend another one: that other one, which stays the last."""

_LINKS = 4  # exceptions that led to each other
_MEMBERS = 5  # exceptions of a group
_PLACES = 6  # the first two, where it began, and the last, where it ended
_LINES, _CHARACTERS = 120, 12_000  # of one place
_AROUND = 12  # lines before and after one that stands in no function
_SAID = 4_000  # characters of what one exception says
_OURS = Path(__file__).parents[1]
_LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
_INSTALLED = {"site-packages", "dist-packages"}
_PLACE = re.compile(r'\A *File ".*", line \d+\n')  # where a syntax error is: told with the code, without folders
_EMPTY_FIRST = re.compile(r"\A(?:[ \t]*\n)+")


@dataclass(slots=True)
class Piece:
    """
    Some of the person's code: a cell, a function of a file, or lines around one.

    Lines count from 1, within the cell or the file; `failed` are those that the exception passed. `frames` hold the
    variables, the last of each code that ran.
    """

    filename: str
    name: str
    first: int
    lines: list[str]
    whole: bool = False
    failed: list[int] = field(default_factory=list)
    frames: dict[CodeType, FrameType] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The number of its last line."""
        return self.first + len(self.lines) - 1

    def __str__(self) -> str:
        if self.whole:
            return f"{self.name} ({len(self.lines)} line{'s' if len(self.lines) > 1 else ''})"
        return f"{self.name}, line{f's {self.first} to' if self.first < self.last else ''} {self.last}"


def last() -> BaseException | None:
    """Return the shell's last exception, None where nothing has failed yet."""
    error = getattr(sys, "last_value", None)  # which IPython sets, as Python's own prompt does
    return getattr(error, ABOUT, error)


def chain(error: BaseException) -> list[BaseException]:
    """Return an exception and those that led to it, the first that was raised first."""
    found: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and not any(link is each for each in found) and len(found) < _LINKS:
        found.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return found[::-1]


def said(error: BaseException) -> str:
    """Return what an exception says, with its notes, the members of its group, and those that led to it."""
    told = []
    for link in chain(error):
        text = _PLACE.sub("", "".join(traceback.format_exception_only(link))).strip()
        for member in _members(link):
            text += f"\n- {type(member).__name__}: {member}"
        told.append(text if len(text) <= _SAID else f"{text[:_SAID]} … (cut)")
    return "\n\nwhich led to\n\n".join(told)


def raised_in(error: BaseException) -> str:
    """Name the installed package that raised it, with its version and the line; nothing where none did."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames or isinstance(error, SyntaxError):
        return ""
    frame, number = frames[-1]
    path = Path(frame.f_code.co_filename)
    if not path.is_file() or not _INSTALLED & set(path.parts):
        return ""
    module = str(frame.f_globals.get("__name__", path.stem))
    package = module.partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", "")
    return f"{package} {version}, {module}.{frame.f_code.co_name}: {linecache.getline(str(path), number).strip()}"


def pieces(error: BaseException, shell: Any) -> tuple[list[Piece], int]:
    """Return the person's code that an exception passed, in the order in which it ran, and how many were left out."""
    found: list[Piece] = []
    for filename, number, frame in _places(error):
        there = (p for p in found if p.filename == filename and p.first <= number <= p.last)
        piece = next(there, None) or _piece(filename, number, frame.f_code if frame else None, shell)
        if piece is None:
            continue
        if piece not in found:
            found.append(piece)
        if number not in piece.failed:
            piece.failed.append(number)
        if frame is not None:
            piece.frames[frame.f_code] = frame
    kept = found if len(found) <= _PLACES else [*found[:2], *found[2 - _PLACES :]]
    return kept, len(found) - len(kept)


def _members(error: BaseException) -> tuple[BaseException, ...]:
    return error.exceptions[:_MEMBERS] if isinstance(error, BaseExceptionGroup) else ()


def _places(error: BaseException) -> Iterator[tuple[str, int, FrameType | None]]:
    """Give (file, line, frame) of each place an exception passed; last, what could not be read as Python."""
    for link in chain(error):
        for frame, number in traceback.walk_tb(link.__traceback__):
            yield frame.f_code.co_filename, number, frame
        if isinstance(link, SyntaxError) and link.filename and link.lineno:
            yield link.filename, link.lineno, None
        for member in _members(link):
            yield from _places(member)


def _piece(filename: str, number: int, code: CodeType | None, shell: Any) -> Piece | None:
    """Return the code around a line; None where it is not the person's."""
    if cell := shell.compile.format_code_name(filename):
        every, first, name = _typed(filename, cell[1], shell).splitlines(), 1, cell[1]
    elif _is_own(filename):
        lines = [line.rstrip("\n") for line in linecache.getlines(filename)]
        (every, first), name = _function(lines, number, code), _shown(Path(filename))
    else:
        return None
    kept, start = _around(every, number - first)
    whole = bool(cell) and len(kept) == len(every)
    return Piece(filename, name, first + start, kept, whole) if kept else None


def _typed(filename: str, name: str, shell: Any) -> str:
    """Return a cell as it was typed, or, where that is not sure, as IPython compiled it, without its magics' signs."""
    compiled = "".join(linecache.getlines(filename))
    count = int("".join(filter(str.isdigit, name)) or 0)
    inputs = shell.history_manager.input_hist_raw
    typed = _EMPTY_FIRST.sub("", inputs[count]) if count < len(inputs) else ""
    try:
        same = shell.transform_cell(typed).strip() == compiled.strip()
    except SyntaxError:
        same = False
    return typed if same else compiled


def _function(lines: list[str], number: int, code: CodeType | None) -> tuple[list[str], int]:
    """Return the lines of the function or class that a line stands in, else those around it, and the first's number."""
    if code is not None and not code.co_name.startswith("<"):
        first = code.co_firstlineno
        try:
            block = inspect.getblock([f"{line}\n" for line in lines[first - 1 :]])
        except (SyntaxError, tokenize.TokenError):  # the file was changed since
            block = []
        if first <= number < first + len(block):
            return lines[first - 1 : first - 1 + len(block)], first
    first = max(number - _AROUND, 1)
    return lines[first - 1 : number + _AROUND], first


def _around(lines: list[str], at: int) -> tuple[list[str], int]:
    """Return as many lines around one as a model needs, and how many come before them."""
    size = min(len(lines), _LINES)
    while True:
        start = min(max(at - size // 2, 0), len(lines) - size)
        kept = lines[start : start + size]
        if sum(map(len, kept)) <= _CHARACTERS:
            return kept, start
        if size == 1:
            return [kept[0][:_CHARACTERS]], start
        size //= 2


def _is_own(filename: str) -> bool:
    """Say whether a file is the person's: none of Python's, of an installed package, or of this one."""
    path = Path(filename)
    if not path.is_file() or _INSTALLED & set(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in (*_LIBRARIES, _OURS))


def _shown(path: Path) -> str:
    """Return a file's name for others: within this folder, or without the folders above its own."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else f"{path.parent.name}/{path.name}"
