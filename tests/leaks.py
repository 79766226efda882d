"""Looking for a key where keys must not be: in files, messages and processes, in any of the forms it could take."""

from __future__ import annotations

import base64
import gzip
import urllib.parse
from pathlib import Path


def forms(key: str) -> dict[str, bytes]:
    """The key as it stands and as common encodings leave it, long enough to be no accident."""
    plain = key.encode()
    found = {
        "plain": plain,
        "reversed": plain[::-1],
        "hex": plain.hex().encode(),
        "percent": urllib.parse.quote(key, safe="").encode(),
        "percent, all": "".join(f"%{byte:02X}" for byte in plain).encode(),
        "utf-16": key.encode("utf-16-le"),
    }
    for shift in range(3):  # in base64 the same bytes look different at each of three places
        encoded = base64.b64encode(b"\0" * shift + plain)
        found[f"base64 at {shift}"] = encoded[(0, 2, 3)[shift] : -4]
    return found


def in_bytes(data: bytes, key: str) -> list[str]:
    """The forms of the key in these bytes."""
    return [name for name, form in forms(key).items() if form in data]


def in_folder(folder: Path, key: str) -> list[str]:
    """Every file below a folder that holds the key; raw bytes, so that a database's free pages count, and gzip."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data += gzip.decompress(data)
        found += [f"{path}: {form}" for form in in_bytes(data, key)]
    return found


def in_processes(pid: int, key: str) -> list[str]:
    """Every environment and command line that holds the key, of a process and all below it."""
    found = []
    for each in [pid, *below(pid)]:
        for name in ("environ", "cmdline"):
            try:
                data = Path(f"/proc/{each}/{name}").read_bytes()
            except OSError:  # it has ended meanwhile
                continue
            found += [f"/proc/{each}/{name}: {form}" for form in in_bytes(data, key)]
    return found


def below(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *below(child)]
    return found
