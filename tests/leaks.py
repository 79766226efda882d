"""Looking for a key where keys must not be: in files, messages and processes, in any of the forms it could take."""

from __future__ import annotations

import base64
import bz2
import contextlib
import functools
import gzip
import io
import lzma
import os
import re
import tarfile
import urllib.parse
import zipfile
import zlib
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKERS = ("CANARY-0123456789-wxyz", "MARKER-q7Zt93-LmPx41-8842")
"""One of them stands in each key that tests use; `keys_without` finds one that has none."""
UNUSED = {"test_secret.py": "what has the shape of a key, and what has not: it is judged, and given to nothing"}
"""Where what looks like a key is none, and why."""
_LIKE_A_KEY = re.compile(r"(?<![\w-])(?:sk-[\w-]{8,}|[A-Za-z][A-Za-z-]*-\d{6,}[\w-]*)")
TYPED: set[str] = set()
"""IPython folders of kernels in which a test typed a key into a cell, as people do, too: their history holds it."""
ALLOWED: dict[str, str] = {
    "test_every_kind_of_file_is_sea*/*": "planted, to prove the search",
    "test_the_same_search_finds_a_k*/*": "planted, to prove the search",
    "test_what_a_run_leaves_is_sear*/*": "planted, to prove the search",
    "dist*/*.tar.gz": "the sources of these tests, as they are packed",
    "one-row*/tests/*": "the sources of these tests, as they are copied",
    "test_the_pages_are_rendered_an*/CONTRIBUTING.html": "a stand-in's key, as the guide has it",
    "test_a_file_that_holds_a_store*/notes.txt": "a person's own file, which is not let go along",
}
"""Where else a run may leave a key, by its path below the folder of the run, and why."""
_BETWEEN = b" \t\r\n\"'\\,+"
"""What stands between the pieces of a text that was wrapped, quoted, added up or listed."""


def parts(key: str) -> tuple[str, str, str]:
    """The key and its halves, so that it is found where it was broken in two, too."""
    half = len(key) // 2
    return key, key[:half], key[half:]


@functools.cache
def forms(key: str) -> dict[str, bytes]:
    """The key as it stands and as common encodings leave it, long enough to be no accident."""
    plain = key.encode()
    found = {
        "plain": plain,
        "reversed": plain[::-1],
        "hex": plain.hex().encode(),
        "hex, large": plain.hex().upper().encode(),
        "percent": urllib.parse.quote(key, safe="").encode(),
        "percent, all": "".join(f"%{byte:02X}" for byte in plain).encode(),
        "percent, all, small": "".join(f"%{byte:02x}" for byte in plain).encode(),
        "escapes": "".join(f"\\u{byte:04x}" for byte in plain).encode(),
        "escapes, large": "".join(f"\\u{byte:04X}" for byte in plain).encode(),
        "entities": "".join(f"&#{byte};" for byte in plain).encode(),
        "entities, hex": "".join(f"&#x{byte:x};" for byte in plain).encode(),
        "entities, hex, large": "".join(f"&#x{byte:X};" for byte in plain).encode(),
        "utf-16": key.encode("utf-16-le"),
        "utf-16, big": key.encode("utf-16-be"),
    }
    for shift in range(3):  # in base64 the same bytes look different at each of three places
        for name, text in (("base64", plain), ("base64, reversed", plain[::-1])):
            encoded = base64.b64encode(b"\0" * shift + text)[(0, 2, 3)[shift] : -4]
            found[f"{name} at {shift}"] = encoded
            found[f"{name} for URLs at {shift}"] = encoded.translate(bytes.maketrans(b"+/", b"-_"))
    return {name: form for name, form in found.items() if form != plain or name == "plain"}


def in_bytes(data: bytes, *keys: str) -> list[str]:
    """The forms of the keys in these bytes, whole or with something between their characters; the plainest of each."""
    joined = _joined(data)
    found = []
    for key in keys:
        whole = [name for name, form in forms(key).items() if form in data]
        pieces = [f"{name}, in pieces" for name, form in _joined_forms(key).items() if form in joined]
        found += (whole if "plain" not in whole else ["plain"]) or pieces[:1]
    return found


@functools.cache
def _joined_forms(key: str) -> dict[str, bytes]:
    return {name: _joined(form) for name, form in forms(key).items()}


def _joined(data: bytes) -> bytes:
    for end in (b"\\n", b"\\r", b"\\t"):
        data = data.replace(end, b"")
    return data.translate(None, _BETWEEN)


def unpacked(data: bytes, *, deep: int = 3) -> Iterator[bytes]:
    """The data, and what is packed in it."""
    yield data
    inner: list[bytes] = []
    with contextlib.suppress(OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, tarfile.TarError, KeyError):
        if data[:2] == b"\x1f\x8b":
            inner.append(gzip.decompress(data))
        elif data[:3] == b"BZh":
            inner.append(bz2.decompress(data))
        elif data[:6] == b"\xfd7zXZ\0":
            inner.append(lzma.decompress(data))
        elif data[:1] == b"x" and data[1:2] in b"\x01\x5e\x9c\xda":
            inner.append(zlib.decompress(data))
        elif zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                inner += [packed.read(name) for name in packed.namelist()]
        elif data[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(data)) as packed:
                inner += [file.read() for member in packed if (file := packed.extractfile(member))]
    for each in inner if deep else ():
        yield from unpacked(each, deep=deep - 1)


def in_folder(folder: Path, *keys: str) -> list[str]:
    """Every file below a folder that holds a key, or has it for a name; raw bytes, so a database's free pages count."""
    found = []
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *files)):
            found += [f"{path}: {form}, in its name" for form in in_bytes(os.fsencode(path.name), *keys)]
            if path.is_file() and not path.is_symlink():
                found += [f"{path}: {form}" for form in _in_file(path, keys)]
    return found


def left(folder: Path) -> list[str]:
    """Every place in what a run has left behind that holds a key of the tests or half of one, and is not allowed to."""
    found = []
    for line in dict.fromkeys(in_folder(folder, *(part for key in MARKERS for part in parts(key)))):
        path = Path(line.rpartition(": ")[0])
        typed = any(path.is_relative_to(each) for each in TYPED if each) and path.name == "history.sqlite"
        if not typed and not any(fnmatch(str(path.relative_to(folder)), pattern) for pattern in ALLOWED):
            found.append(line)
    return found


def keys_without(source: str) -> list[str]:
    """What looks like a key in the source of a test, and has no marker in it by which it would be found."""
    return [each for each in _LIKE_A_KEY.findall(source) if not any(marker in each for marker in MARKERS)]


def _in_file(path: Path, keys: tuple[str, ...]) -> list[str]:
    try:
        data = _read(path)
    except OSError:  # it has gone, or nobody may read it
        return []
    return [form for each in unpacked(data) for form in in_bytes(each, *keys)]


def _read(path: Path) -> bytes:
    """What a file holds, without the holes that some tests leave in one of gigabytes."""
    if not hasattr(os, "SEEK_DATA"):
        return path.read_bytes()
    parts = []
    with path.open("rb", buffering=0) as file:
        at, size = 0, path.stat().st_size
        while at < size:
            try:
                at = file.seek(at, os.SEEK_DATA)
            except OSError:  # nothing but a hole
                break
            end = file.seek(at, os.SEEK_HOLE)
            file.seek(at)
            parts.append(file.read(end - at))
            at = end
    return b"".join(parts)


def in_processes(pid: int, *keys: str) -> list[str]:
    """Every environment and command line that holds a key, of a process and all below it."""
    found = []
    for each in [pid, *below(pid)]:
        for name in ("environ", "cmdline"):
            try:
                data = Path(f"/proc/{each}/{name}").read_bytes()
            except OSError:  # it has ended meanwhile
                continue
            found += [f"/proc/{each}/{name}: {form}" for form in in_bytes(data, *keys)]
    return found


def below(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *below(child)]
    return found
