"""R6: every single flipped bit and every shorter length of a sealed file is refused, and the file left as it is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.torture.figure import Figure, in_memory
from xiantong_nb.errors import Unreadable
from xiantong_nb.identity import Identity
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

HERE = Identity({"HOME": "/home/x"}, ())
SALT = range(12 * 8, 44 * 8)  # a flipped bit of it costs two derivations


def figure(*, files: int, every_salt_bit: bool) -> Figure:
    """Files of growing size, with what the app keeps beside keys."""
    tried = taken = touched = 0
    with in_memory() as folder:
        for n in range(files):
            tried, taken, touched = (
                a + b
                for a, b in zip((tried, taken, touched), _one(folder / str(n), 1 + 3 * n, every_salt_bit), strict=True)
            )
    share = 100 * (1 - taken / tried)
    value = f"{share:g} % of {tried:,} damaged files refused, {touched} touched or deleted"
    return Figure(value, "100 %, 0", not taken and not touched, (f"{files} files, through the store itself",))


def _one(folder: Path, keys: int, every_salt_bit: bool) -> tuple[int, int, int]:
    vault = Vault(folder, HERE)
    vault.file._torn_patience = 0
    for n in range(keys):
        vault.put(f"k{n}", Secret(f"key-{n}"), "https://gw.example")
    whole = vault.file.path.read_bytes()
    vault.file.copies.drop(but=0)  # it would be looked at for each
    tried = taken = touched = 0
    step = 1 if every_salt_bit else 31
    flips = [*range(SALT.start), *range(SALT.start, SALT.stop, step), *range(SALT.stop, len(whole) * 8)]
    for bit in flips:
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        tried, taken, touched = _after(vault, bytes(data), tried, taken, touched)
    for length in range(len(whole)):
        tried, taken, touched = _after(vault, whole[:length], tried, taken, touched)
    return tried, taken, touched


def _after(vault: Vault, data: bytes, tried: int, taken: int, touched: int) -> tuple[int, int, int]:
    """Read it, and save over it: both must refuse, and leave the very bytes."""
    path = vault.file.path
    path.write_bytes(data)
    before, refused = hashlib.sha256(data).digest(), 0
    for act in (vault.keys, lambda: vault.put("new", Secret("key"), "https://gw.example")):
        try:
            act()
        except Unreadable:
            refused += 1
    same = path.exists() and hashlib.sha256(path.read_bytes()).digest() == before
    return tried + 1, taken + (refused != 2), touched + (not same)
