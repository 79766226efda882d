"""
The envelope that keys are saved in: bytes to payload and back, in the layout that the desktop app reads.

     0   8  magic: seven characters and NUL
     8   4  flags, zero
    12  32  salt of the key derivation, kept for the file's life
    44  20  reserved, zero
    64  12  nonce of AES-256-GCM, new on every write
    76  16  tag
    92   …  ciphertext of {"version", "credentials": {"type::slug": {"value": …}}, "metadata"}

The key is PBKDF2-HMAC-SHA256, 100,000 rounds, of SHA-256(machine id + label). That keeps the file from being read
on another machine, not from anyone who can read both it and the machine's id. The app deletes what it can't
open, so what is written here is what it would write: strict JSON, under the id and dialect that opened the file.
"""

from __future__ import annotations

import functools
import hashlib
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from xiantong_nb import strict_json
from xiantong_nb.files import Damaged

if TYPE_CHECKING:
    from xiantong_nb.identity import Identity

_HEADER, _SALT, _NONCE, _TAG = 92, slice(12, 44), slice(64, 76), slice(76, 92)
_ZERO = (slice(8, 12), slice(44, 64))
_ROUNDS = 100_000
_UPDATE = "Update xiantong-nb."
_GENERATION = slice(5, 8)  # of a magic: two digits and NUL


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a build of the app puts into the envelope: its magic, and the labels of the two key derivations."""

    name: str
    magic: bytes
    label: str
    legacy_label: str


DIALECTS = (Dialect("craft", b"CRAFT01\0", "craft-agent-v2", "craft-agent-v1"),)
"""The first is that of the documented original, and of new files."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A payload, and what opened it: writing it again uses the same. Equal when the payloads are."""

    payload: dict[str, Any] = field(repr=False)
    dialect: Dialect = field(compare=False)
    salt: bytes = field(compare=False, repr=False)
    password: bytes = field(compare=False, repr=False)
    legacy: bool = field(default=False, compare=False)


class Envelope:
    """The form of credentials.enc, for one machine and user."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def new(self, like: Opened | None = None) -> Opened:
        """
        Return an empty payload: under what opened another file, or under this machine's id with a salt of its own.

        A salt in common means that one derivation opens both.
        """
        now = _now()
        payload = {"version": 1, "credentials": {}, "metadata": {"createdAt": now, "updatedAt": now}}
        if like is not None:
            return replace(like, payload=payload)
        return Opened(payload, DIALECTS[0], os.urandom(32), self._password(DIALECTS[0]))

    def decode(self, data: bytes) -> Opened:
        """Open it; raises `Damaged`, which tells nothing of the content."""
        dialect = _dialect_of(data)
        salt, ways = data[_SALT], [(self._password(dialect), False)]
        if (legacy := self._identity.legacy()) is not None:
            ways.append((_digest(legacy + dialect.legacy_label), True))
        for password, is_legacy in ways:
            if (plain := _decrypted(data, _key(password, salt))) is not None:
                return Opened(_payload(plain), dialect, salt, password, is_legacy)
        hint = (
            "If this machine's id has changed (a new container), bring the old one back; where several machines "
            "share this folder, give each one of its own by XIANTONG_HOME."
        )
        raise Damaged("it was made on another machine or by another user, or it is damaged", hint=hint)

    def encode(self, value: Opened) -> bytes:
        """Seal it under what opened it, with a new nonce."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        plain = strict_json.write(value.payload)
        nonce = os.urandom(12)
        sealed = AESGCM(_key(value.password, value.salt)).encrypt(nonce, plain, None)
        return b"".join((value.dialect.magic, bytes(4), value.salt, bytes(20), nonce, sealed[-16:], sealed[:-16]))

    def _password(self, dialect: Dialect) -> bytes:
        return _digest(self._identity.machine() + dialect.label)


def with_credential(opened: Opened, account: str, fields: dict[str, Any] | None) -> Opened:
    """Return it with one account's fields replaced, or taken out; everything else and its order stays."""
    credentials = dict(opened.payload["credentials"])
    if fields is None:
        credentials.pop(account, None)
    else:
        credentials[account] = fields
    if credentials == opened.payload["credentials"]:
        return opened
    now = _now()
    metadata = opened.payload.get("metadata") or {"createdAt": now}
    changed = opened.payload | {"credentials": credentials, "metadata": metadata | {"updatedAt": now}}
    return replace(opened, payload=changed)


def _dialect_of(data: bytes) -> Dialect:
    """Read the header strictly: it is not authenticated, and the app would clear what it does not know."""
    if len(data) < _HEADER:
        raise Damaged(f"it is only {len(data)} bytes long")
    dialect = next((d for d in DIALECTS if data[:8] == d.magic), None)
    if dialect is None:
        newer = any(data[:5] == d.magic[:5] and data[_GENERATION].rstrip(b"\0").isdigit() for d in DIALECTS)
        what = "a newer program wrote it" if newer else "it does not begin as it should"
        raise Damaged(what, hint=_UPDATE if newer else "", newer=newer)
    if any(any(data[part]) for part in _ZERO):
        raise Damaged("a newer program wrote it, or it is damaged", hint=_UPDATE, newer=True)
    return dialect


def _decrypted(data: bytes, key: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(data[_NONCE], data[_HEADER:] + data[_TAG], None)
    except InvalidTag:
        return None


def _payload(plain: bytes) -> dict[str, Any]:
    """Read the JSON as strictly as the app's own reader, and refuse what is not laid out as it must be."""
    payload = strict_json.read(plain, what="its content")
    if not isinstance(payload, dict) or not isinstance(payload.get("credentials"), dict):
        raise Damaged("its content is not laid out as it must be")
    if not isinstance(payload.get("metadata"), dict | None):
        raise Damaged("its content is not laid out as it must be")
    return payload


@functools.lru_cache(maxsize=8)
def _key(password: bytes, salt: bytes) -> bytes:
    """Derive a file's key; 15 ms, so it is kept. The library does it in half the time of Python's own."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return PBKDF2HMAC(SHA256(), 32, salt, _ROUNDS).derive(password)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _now() -> int:
    """Return the time in ms since 1970, as the app writes it."""
    return time.time_ns() // 1_000_000
