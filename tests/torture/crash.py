"""R2: every state in which a power cut can leave the disk, by the system calls that a save really made."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.torture.figure import Figure, in_memory
from xiantong_nb.files import Damaged
from xiantong_nb.identity import Identity
from xiantong_nb.sealed import Envelope
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACE = "https://gw.example"
CALLS = "openat,open,write,fsync,fdatasync,close,rename,renameat,renameat2,unlink,unlinkat"
HERE = Identity({"HOME": "/home/x"}, ())

# what a save leaves out in a variant, to see that this test would find it
VARIANTS = {
    "": "",
    "no fsync": "disk.sync = lambda handle: None",
    "no fsync of the folder": "disk.sync_folder = lambda folder: None",
}
SAVE = """
import os, sys
from pathlib import Path
from xiantong_nb import disk
from xiantong_nb.identity import Identity
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault
{}
vault = Vault(Path(sys.argv[1]), Identity({{"HOME": "/home/x"}}, ()))
vault.keys()
os.write(1, b"begin")
vault.put("k", Secret("new-key"), "https://gw.example")
os.write(1, b"acknowledged")
"""


@dataclass(slots=True)
class Inode:
    """A file's content, and whether it is on the disk."""

    data: bytes = b""
    synced: bool = True


@dataclass(slots=True)
class Folder:
    """Names as they are in memory, as they are on the disk, and the changes in between, in their order."""

    names: dict[str, Inode]
    durable: dict[str, Inode] = field(default_factory=dict)
    pending: list[tuple[str, str, Inode | None]] = field(default_factory=list)


def figure() -> Figure:
    """Each variant is traced and enumerated."""
    if shutil.which("strace") is None:
        return Figure("not run", "0 bad states", met=False, notes=("strace is not installed",))
    counts = {variant: _bad_states(change) for variant, change in VARIANTS.items()}
    states, bad, old = counts[""]
    notes = [f"{states:,} states"]
    notes += [
        f"with {variant}: {counts[variant][1]:,} unreadable, {counts[variant][2]:,} acknowledged but old"
        for variant in ("no fsync", "no fsync of the folder")
    ]
    met = bad == old == 0 and states > 100 and counts["no fsync"][1] > 0 and counts["no fsync of the folder"][2] > 0
    return Figure(f"{bad} unreadable, {old} acknowledged but old", "0, 0; both variants found bad", met, tuple(notes))


def _bad_states(change: str) -> tuple[int, int, int]:
    """Trace one save; returns how many states, unreadable ones, and such as lost what was said saved."""
    with in_memory() as folder:
        vault = Vault(folder, HERE)
        for text in ("older-key", "old-key"):
            vault.put("k", Secret(text), PLACE)
        before = {path.name: Inode(path.read_bytes()) for path in folder.iterdir()}
        calls = _traced(folder, SAVE.format(change))
    envelope, seen = Envelope(HERE), {}
    states = bad = old = 0
    for names, acknowledged in _crash_states(before, calls):
        for name, inode in names.items():
            if name.startswith(".") or name.endswith(".lock"):
                continue
            for data in _torn(inode):
                states += 1
                if data not in seen:
                    seen[data] = _key_in(envelope, data)
                bad += seen[data] is None
                old += acknowledged and name in ("credentials.enc", "notebook.enc") and seen[data] == "old-key"
    return states, bad, old


def _traced(folder: Path, script: str) -> list[tuple[str, ...]]:
    """The system calls of one save on files of the folder, parsed: see `_parsed`."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["strace", "-f", "--seccomp-bpf", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", log.name]
        done = subprocess.run(
            [*command, sys.executable, "-c", script, str(folder)],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return list(_parsed(log, str(folder)))


_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")


def _parsed(lines: Iterator[str], folder: str) -> Iterator[tuple[str, ...]]:
    """Yield create, write (with data), sync, rename (old, new) and unlink with the name of the file; and `said`."""
    handles: dict[int, str] = {}
    begun = False
    for line in lines:
        match = _CALL.match(line)
        if match is None:
            continue
        call, args, result = match[1], match[2], int(match[3])
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', args)]
        if call in ("open", "openat"):
            path = texts[0].decode("utf-8", "replace")
            if result >= 0 and (path == folder or path.startswith(folder + "/")):
                handles[result] = path[len(folder) + 1 :]
                if begun and "O_CREAT" in args:
                    yield "create", handles[result]
            continue
        number = re.match(r"\d+", args)
        if call == "write":
            handle = int(number[0]) if number else -1
            if texts[0] in (b"begin", b"acknowledged"):
                begun = True
                if texts[0] == b"acknowledged":
                    yield ("said",)
            elif handle in handles and begun:
                yield "write", handles[handle], texts[0][:result]
        elif call in ("fsync", "fdatasync") and number and int(number[0]) in handles and result == 0:
            yield "sync", handles[int(number[0])]
        elif call == "close" and number:
            handles.pop(int(number[0]), None)
        elif call.startswith("rename") and result == 0:
            yield ("rename", *(text.decode().removeprefix(folder + "/") for text in texts[:2]))
        elif call.startswith("unlink") and result == 0:
            name = texts[0].decode()
            if name.startswith(folder + "/"):
                yield "unlink", name.removeprefix(folder + "/")


def _crash_states(before: dict[str, Inode], calls: list[tuple[str, ...]]) -> Iterator[tuple[dict[str, Inode], bool]]:
    """
    Yield the folder as each crash could leave it, and whether the save had been acknowledged by then.

    After each call, every subset of the name changes that are not synced may have reached the disk: more than
    a journaling file system would do, so that no order is relied upon that nobody promised.
    """
    folder, acknowledged = Folder(dict(before), dict(before)), False
    for call in [("start",), *calls]:
        match call:
            case ("create", name):
                if name not in folder.names:
                    folder.names[name] = Inode(b"", synced=False)
                    folder.pending.append(("", name, folder.names[name]))
            case ("write", name, data):
                inode = folder.names[name]
                inode.data, inode.synced = inode.data + data, False
            case ("sync", ""):
                folder.durable, folder.pending = dict(folder.names), []
            case ("sync", name):
                folder.names[name].synced = True
            case ("rename", old, new):
                folder.names[new] = folder.names.pop(old)
                folder.pending.append((old, new, folder.names[new]))
            case ("unlink", name):
                folder.names.pop(name, None)
                folder.pending.append((name, "", None))
            case ("said",):
                acknowledged = True
        for reached in itertools.product((True, False), repeat=len(folder.pending)):
            names = dict(folder.durable)
            for (old, new, inode), is_there in zip(folder.pending, reached, strict=True):
                if is_there:
                    names.pop(old, None)
                    if inode is not None:
                        names[new] = inode
            yield names, acknowledged


def _torn(inode: Inode) -> list[bytes]:
    """What may be read of a file after a crash: all of it once synced, else nothing, zeros or a part."""
    if inode.synced:
        return [inode.data]
    data = inode.data
    return [
        data,
        b"",
        bytes(len(data)),
        data[: len(data) // 2],
        data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
    ]


def _key_in(envelope: Envelope, data: bytes) -> str | None:
    """The key in a file, None where it can't be read: then the app would delete it, too."""
    try:
        return envelope.decode(data).payload["credentials"]["llm_api_key::k"]["value"]
    except (Damaged, KeyError):
        return None
