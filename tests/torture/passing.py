"""R8: stores of any content pass between the desktop app's layout on Node and ours, and come back unchanged."""

from __future__ import annotations

import random

from tests.app_store import ID, AppStore
from tests.torture.figure import Figure, in_memory
from xiantong_nb.identity import Identity
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

KEY, PLACE = Secret("key-CANARY-0123456789-wxyz"), "https://gw.example"
ACCOUNT = "llm_api_key::gw"
SALT = bytes(range(32))


def figure(*, stores: int) -> Figure:
    """There -> here -> there -> here: a key is added and removed here, all else must be what it was, in its order."""
    chance, different, app = random.Random(8), 0, AppStore()
    try:
        with in_memory() as folder:
            (folder.parent / "machine-id").write_text(ID)
            vault = Vault(folder, Identity({"HOME": str(folder.parent)}, (folder.parent / "machine-id",)))
            folder.mkdir(mode=0o700)
            different = sum(not _passes(vault, app, chance, n) for n in range(stores))
    finally:
        app.close()
    return Figure(f"{different} differences of {stores} stores", "0", not different)


def _passes(vault: Vault, app: AppStore, chance: random.Random, n: int) -> bool:
    credentials = {_account(chance, i): _object(chance) for i in range(chance.randrange(6))}
    payload = {"version": 1, "credentials": credentials, "metadata": {"createdAt": n}, **_object(chance)}
    app.write(vault.file.path, payload, salt=SALT)
    vault.put("gw", KEY, PLACE)
    there = app.read(vault.file.path)
    whole = {**payload, "credentials": {**credentials, ACCOUNT: {"value": KEY.reveal(), "origin": PLACE}}}
    app.write(vault.file.path, there, salt=SALT)
    vault.remove("gw")
    return _same(there, whole) and _same(app.read(vault.file.path), payload)


def _same(one: dict, other: dict) -> bool:
    """Equal with all names in the same order, but for the time of the last change."""
    one, other = ({**each, "metadata": {**each["metadata"], "updatedAt": 0}} for each in (one, other))
    return repr(one) == repr(other)


def _account(chance, n):
    return chance.choice(["llm_api_key", "llm_oauth", "source_basic", "__proto__x", "é"]) + f"::{_text(chance)}{n}"


def _text(chance):
    pieces = [
        "a",
        "Z",
        "::",
        "\\",
        '"',
        "\n",
        "\x00",
        "\x7f",
        "é",
        "仙",
        "🐼",
        "\u2028",
        "\ufeff",
        "/",
        "<",
        "e\u0301",
        "\ud83d",
    ]
    return "".join(chance.choices(pieces, k=chance.randrange(8)))


def _object(chance, depth=3):
    return {f"k{n}{_text(chance)}": _value(chance, depth) for n in range(chance.randrange(4))}


def _value(chance, depth):
    kinds = [
        lambda: _text(chance), lambda: chance.randrange(-(2**53), 2**53), lambda: None, lambda: chance.random() < 0.5,
        lambda: chance.randrange(1000) + 0.125, lambda: "x" * chance.randrange(5000),
    ]  # fmt: skip
    if depth:
        kinds += [lambda: _object(chance, depth - 1), lambda: [_value(chance, depth - 1) for _ in range(3)]]
    return chance.choice(kinds)()
