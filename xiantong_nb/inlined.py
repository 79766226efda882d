"""
Files that go along with a question: text with its name, a notebook as its cells, a PDF as a document.

What is none of these is refused with the reason; what is too long is cut, and says so in its text.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
import stat
from pathlib import Path
from typing import Any

from xiantong_nb.errors import UsageError
from xiantong_nb.request import Document, Text
from xiantong_nb.secret import looks_like_key

MOST_TEXT = 200_000
"""Characters of one file that go in."""
MOST_OUTPUT = 4_000
"""Characters of one cell's output that go in."""
_LARGEST_TEXT = 64 * 1024 * 1024  # bytes, before it is read
_LARGEST_PDF = 20 * 1024 * 1024  # bytes: as base64 in a request of 32 MB, Anthropic's limit
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def inlined(path: str | Path) -> tuple[Text | Document, str]:
    """
    Return a file as it goes into a question, and a note with its name, its size and the cut.

    Raises `UsageError` for what can't be read, is no text, or holds something in the shape of a key.
    """
    path = Path(path).expanduser()
    data, name = _read(path), path.name
    if data.startswith(b"%PDF-"):
        if len(data) > _LARGEST_PDF:
            raise UsageError(f"{path} is too large for a PDF: {_size(data)}, of 20 MB at most.", hint="Split it.")
        return Document(name, "application/pdf", base64.b64encode(data).decode()), f"{name} ({_size(data)})"
    if data.startswith(_IMAGES):
        raise UsageError(f"{path} is an image, not text.", hint=f"--image {path} sends it.")
    text, coding = _decoded(data, path)
    if looks_like_key(text):
        raise UsageError(f"{path} holds what looks like a key, so it was not sent.", hint="Take it out first.")
    if path.suffix.lower() == ".ipynb":
        text = _notebook(text, path)
    whole = len(text)
    text = cut(text, MOST_TEXT)
    told = f"{_size(data)}{coding}" + (f", cut to {MOST_TEXT:,} characters" if whole > MOST_TEXT else "")
    return Text(f'<file name="{name}">\n{text}\n</file>'), f"{name} ({told})"


def cell(number: object, code: str, output: str = "") -> str:
    """Return a cell as text: its number, its code, what it put out."""
    parts = [f'<cell number="{number}">\n{code}\n</cell>']
    if output := _ANSI.sub("", output).strip("\n"):
        parts.append(f"<output>\n{cut(output, MOST_OUTPUT)}\n</output>")
    return "\n".join(parts)


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` characters, and the statement of the cut."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[… cut: the first {most:,} of {len(text):,} characters]"


def text_of(output: dict[str, Any]) -> str:
    """Return the readable text of one output of a cell, as notebooks store it; nothing of an image."""
    match output.get("output_type"):
        case "stream":
            return _joined(output.get("text"))
        case "error":
            return f"{output.get('ename')}: {output.get('evalue')}"
    data = output.get("data")
    if not isinstance(data, dict):
        return ""
    return _joined(data.get("text/plain") or data.get("text/markdown"))


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no ordinary file"
            raise UsageError(f"{path} is {kind}.", hint="Name a file; --file may be repeated.")
        if found.st_size > _LARGEST_TEXT:
            raise UsageError(f"{path} is larger than 64 MiB.", hint="Give the part of it that matters.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(f"{path} can't be read: {reason}.", hint="Paths count from the notebook's folder.") from None


def _decoded(data: bytes, path: Path) -> tuple[str, str]:
    """Return a file's text, and how it was read if not as UTF-8."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text, coding = data.decode("utf-16" if wide else "utf-8-sig"), ", read as UTF-16" if wide else ""
    except UnicodeDecodeError:
        text, coding = data.decode("cp1252", "replace"), ", read as Windows-1252"  # what older spreadsheets write
    if odd := _BINARY.search(text):
        what = f"it holds the byte {ord(odd[0]):#04x}"
        raise UsageError(f"{path} is not text: {what}.", hint="Text, PDF and notebooks can go along.")
    return text, coding


def _notebook(text: str, path: Path) -> str:
    """Return a notebook's cells as text: prose as it is, code with its text outputs (nbformat 4)."""
    try:
        cells = json.loads(text)["cells"]
        return "\n\n".join(_stored_cell(each) for each in cells)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{path} is no notebook that can be read.", hint="It must be JSON of nbformat 4.") from None


def _stored_cell(stored: dict[str, Any]) -> str:
    source = _joined(stored["source"])
    if stored["cell_type"] != "code":
        return source
    output = "\n".join(filter(None, map(text_of, stored.get("outputs", ()))))
    return cell(stored.get("execution_count") or "", source, output)


def _joined(text: Any) -> str:
    """Return a text that may be stored as a list of its lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")


def _size(data: bytes) -> str:
    for size, unit in ((1_000_000, "MB"), (1_000, "kB")):
        if len(data) >= size:
            return f"{len(data) / size:.1f} {unit}"
    return f"{len(data)} bytes"
