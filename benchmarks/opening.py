"""P9: opening the store of keys, against one derivation of its key, and how often that is derived."""

from __future__ import annotations

import statistics
import tempfile
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import fresh

if TYPE_CHECKING:
    from collections.abc import Iterator

FILL = """
from pathlib import Path
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault
Vault(Path(FOLDER)).put("first", Secret("sk-bench-0123456789"), "https://gw.example")
print(0)
"""
OPEN = """
import statistics, sys, time
from pathlib import Path
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from xiantong_nb.vault import Vault

def taken(do):
    begun = time.perf_counter()
    assert do()
    return 1000 * (time.perf_counter() - begun)

def derive():
    return PBKDF2HMAC(hashes.SHA256(), 32, b"s" * 32, 100_000).derive(b"machine")

derived = 0
def watch(frame, event, what):
    global derived
    derived += event == "c_call" and what.__name__ == "derive"

def opened():
    return Vault(Path(FOLDER)).keys()

Vault(Path(FOLDER + "-none")).keys()  # imports
one = statistics.median(taken(derive) for _ in range(7))
sys.setprofile(watch)
derive()
sys.setprofile(None)
assert derived == 1, "derivations are not seen"
derived = 0
first = taken(opened)
again = statistics.median(taken(opened) for _ in range(20))
sys.setprofile(watch)
opened()
sys.setprofile(None)
print([first, one, again, derived])
"""


def figures(trials: int = 7) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as home:
        folder = f"FOLDER = {home + '/.xiantong'!r}\n"
        fresh(folder + FILL)
        taken = [fresh(folder + OPEN) for _ in range(trials)]
    ratios = [first / one for first, one, _, _ in taken]
    one, again = (statistics.median(each[at] for each in taken) for at in (1, 2))
    note = f"a derivation takes {one:.1f} ms, opening again {again:.2f} ms"
    yield Figure.of("P9", "opening the store against one derivation of its key", ratios, 1.2, "x", note)
    yield Figure.of(
        "P9 again", "derivations after the first", [each[3] for each in taken], 0, "derivations", worst=True
    )
