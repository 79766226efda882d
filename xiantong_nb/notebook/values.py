"""
A value of the notebook as a model can read it: compact text with its shape and a stated cut, or an image.

Kinds are told by the names of their classes, so that nothing is imported that the notebook has not.
"""

from __future__ import annotations

import csv
import inspect
import io
import itertools
import math
import reprlib
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from xiantong_nb.errors import UsageError
from xiantong_nb.pictures import picture
from xiantong_nb.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from xiantong_nb.request import Image

MOST_TEXT = 100_000
"""Characters of one text that go in; the rest is cut off, and said to be."""
MOST_OTHER = 20_000
"""Characters of anything else, such as a table, an array or a dict."""

_ROWS, _LAST, _COLUMNS, _CELL = 20, 10, 40, 200  # of a table: first and last rows, columns, characters of a cell
_ITEMS, _EDGE = 400, 4  # of an array: as many whole, else so many at each end of each axis
_CUT = "…"


class Unshown(Exception):  # it says what a value is, which is no failure
    """A value does not go into a prompt; the text says why."""


def shown(value: Any) -> tuple[str | Image, str]:
    """
    Return a value as it goes into a prompt, and in a few words what it was: its shape, and the cut, if there is one.

    Raises `Unshown` for what no text stands for, `UsageError` for a figure that can't be made an image.
    """
    show = _way(value)
    try:
        return show(value)
    except (Unshown, UsageError):
        raise
    except Exception as error:  # noqa: BLE001  # whatever a person's own __str__ raises, or a table's cell
        raise Unshown(f"its text can't be had ({type(error).__name__}).") from None


def _way(value: Any) -> Callable[[Any], tuple[str | Image, str]]:
    """Return how a value of this kind is shown."""
    if isinstance(value, str):
        return _text
    if isinstance(value, Reply):
        return lambda reply: _text(reply.text)
    for kind, show in _KINDS.items():
        if any((c.__module__.partition(".")[0], c.__name__) == kind for c in type(value).__mro__):
            return show
    if hasattr(type(value), "savefig"):  # a figure, or a grid of them
        return _image
    if inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value):
        return _source
    if isinstance(value, dict | list | tuple | set | frozenset | bytes | bytearray):
        return _collection
    return lambda other: clipped(str(other), MOST_OTHER)


def clipped(text: str, most: int) -> tuple[str, str]:
    """Return a text of at most `most` characters and a statement of the cut, and that statement; "" without one."""
    if len(text) <= most:
        return text, ""
    told = f"the first {most:,} of {len(text):,} characters"
    return f"{text[:most]}\n[{_CUT} cut: {told}]", told


def _text(text: str) -> tuple[str, str]:
    return clipped(text, MOST_TEXT)


def _image(value: Any) -> tuple[Image, str]:
    return picture(value, name="a figure of the prompt"), "image"


def _axes(value: Any) -> tuple[Image, str]:
    return _image(value.get_figure())


def _displayed(value: Any) -> tuple[Image, str]:
    return _image(value.data if isinstance(value.data, bytes) else value)


def _source(value: Any) -> tuple[str, str]:
    """Return the code of a function or class that was written here; a module's name stands for no value."""
    if inspect.ismodule(value):
        raise Unshown("it is a module.")
    try:
        return clipped(textwrap.dedent(inspect.getsource(value)).strip("\n"), MOST_OTHER)[0], "source"
    except (OSError, TypeError):
        kind = "class" if inspect.isclass(value) else "function"
        raise Unshown(f"it is a {kind} whose source can't be found.") from None


class _Brief(reprlib.Repr):
    """Writes collections as Python does, with limits on every level; a dict keeps its order."""

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0 and x:
            return f"{{{self.fillvalue}}}"
        some = itertools.islice(x.items(), self.maxdict)
        parts = [f"{self.repr1(name, level - 1)}: {self.repr1(value, level - 1)}" for name, value in some]
        return f"{{{', '.join(parts + [self.fillvalue] * (len(x) > self.maxdict))}}}"


def _collection(value: Any) -> tuple[str, str]:
    brief = _Brief()
    brief.maxlevel, brief.maxlong, brief.maxstring, brief.maxother = 8, 80, 1000, 1000
    brief.maxdict = brief.maxlist = brief.maxtuple = brief.maxset = brief.maxfrozenset = 200
    brief.fillvalue = "\ufffc"  # a sign that stands for what is not there, and so in no repr
    text = brief.repr(value)
    cut = brief.fillvalue in text
    text, told = clipped(text.replace(brief.fillvalue, _CUT), MOST_OTHER)
    size = f"{type(value).__name__} of {len(value):,}"
    if cut:
        return f"[{size}, cut where it says {_CUT}]\n{text}", told or f"{size}, cut"
    return text, told or size


def _array(value: Any) -> tuple[str, str]:
    numpy = sys.modules["numpy"]
    cut = value.size > _ITEMS
    size = f"{_by(value.shape) or 'one value'}, {value.dtype}"
    text = numpy.array2string(value, threshold=_ITEMS, edgeitems=_EDGE, separator=", ", max_line_width=120)
    text, told = clipped(text.replace("...", _CUT) if cut else text, MOST_OTHER)
    ends = f", cut to {_EDGE} at each end" if cut else ""
    return f"[array, {size}{ends}]\n{text}", told or f"array {size}{ends and ', cut'}"


def _pandas(value: Any) -> tuple[str, str]:
    index = value.index
    numbered = type(index).__name__ == "RangeIndex" and index.name is None
    names = [str(n) for n in value.columns[:_COLUMNS]]
    types = [str(t) for t in value.dtypes[:_COLUMNS]]
    if not numbered:
        names = ["" if n is None else str(n) for n in index.names] + names
        types = [*(["index"] * index.nlevels), *types]

    def rows(part: Any) -> Iterable[Sequence[Any]]:
        for row in part.iloc[:, :_COLUMNS].itertuples(index=not numbered, name=None):
            first = row[0] if not numbered and isinstance(row[0], tuple) and index.nlevels > 1 else row[:1]
            yield (*first, *row[1:])

    return _table(value, names, types, lambda first, last: rows(value.iloc[first:last]), "DataFrame")


def _polars(value: Any) -> tuple[str, str]:
    types = [str(t) for t in value.dtypes[:_COLUMNS]]
    return _table(value, value.columns[:_COLUMNS], types, lambda a, b: value[a:b, :_COLUMNS].iter_rows(), "DataFrame")


def _series(value: Any) -> tuple[str, str]:
    frame = value.to_frame()
    show = _pandas if hasattr(frame, "iloc") else _polars
    text, told = show(frame)
    return text.replace("DataFrame", "Series", 1), told.replace("DataFrame", "Series", 1)


def _table(
    value: Any, names: Sequence[str], types: Sequence[str], rows: Callable[[int, int], Iterable[Any]], kind: str
) -> tuple[str, str]:
    """Write a table as CSV with its shape and its types in front."""
    height, width = value.shape
    size, cuts = f"{kind}, {_by((height, width))}", []
    whole = height <= _ROWS + _LAST
    if not whole:
        cuts.append(f"the first {_ROWS} and the last {_LAST} rows")
    if width > _COLUMNS:
        cuts.append(f"the first {_COLUMNS} columns")
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(names)
    for row in rows(0, height if whole else _ROWS):
        write(map(_cell, row))
    if not whole:
        file.write(f"{_CUT}\n")
        for row in rows(height - _LAST, height):
            write(map(_cell, row))
    text, told = clipped(file.getvalue().rstrip("\n"), MOST_OTHER)
    cut = f", cut: {' and '.join(cuts)}" if cuts else ""
    columns = ", ".join(f"{n} ({t})" if n else t for n, t in itertools.zip_longest(names, types, fillvalue=""))
    return f"[{size}{cut}]\n[columns: {columns}]\n{text}", f"{size}{', cut' if cuts or told else ''}"


def _cell(value: Any) -> str:
    text = "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)
    return text if len(text) <= _CELL else text[:_CELL] + _CUT


def _by(shape: Iterable[int]) -> str:
    return " x ".join(f"{n:,}" for n in shape)


_KINDS: dict[tuple[str, str], Callable[[Any], tuple[str | Image, str]]] = {
    ("pandas", "DataFrame"): _pandas,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): lambda value: _series(value.to_series(index=range(len(value)))),
    ("polars", "DataFrame"): _polars,
    ("polars", "Series"): _series,
    ("numpy", "ndarray"): _array,
    ("matplotlib", "Axes"): _axes,
    ("PIL", "Image"): _image,
    ("IPython", "Image"): _displayed,
}
