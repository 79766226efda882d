"""R9: whatever bytes come, each reader gives a value or an error of its own kind, soon and in little memory."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.torture.figure import Figure, peak
from xiantong_nb import entry, failures, sealed, strict_json, vault
from xiantong_nb.errors import XiantongError
from xiantong_nb.events import Event
from xiantong_nb.failures import Place
from xiantong_nb.files import Damaged
from xiantong_nb.identity import Identity
from xiantong_nb.settings import JsonObject
from xiantong_nb.sse import Parser
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable

    from xiantong_nb.presets import Wire

SLOWEST, MOST_GROWTH = 1.0, 64.0  # seconds, MiB
SAMPLES = Path(__file__).parent.parent / "samples"
HERE = sealed.Envelope(Identity({"HOME": "/home/x"}, ()))
PLACE = Place("x", "m", "http://127.0.0.1:1/v1/messages")
ENTRY = {
    "slug": "gw", "name": "Gateway", "providerType": "pi_compat", "authType": "api_key_with_endpoint",
    "baseUrl": "https://gw.example", "customEndpoint": {"api": "anthropic-messages", "supportsImages": True},
    "models": ["m", {"id": "n", "contextWindow": 5}], "defaultModel": "m", "createdAt": 1795305600000,
    "lastUsedAt": 1.5,
}  # fmt: skip
CONFIG = {"llmConnections": [ENTRY, {**ENTRY, "slug": "a"}], "defaultLlmConnection": "gw", "workspaces": [], "x": None}
PAYLOAD = {
    "version": 1,
    "credentials": {
        "llm_api_key::gw": {"value": "key-CANARY-0123456789-wxyz", "origin": "https://gw.example"},
        "a::b::c": {"n": 1.5},
    },
    "metadata": {"createdAt": 1, "updatedAt": 2},
}
FAILURES = [
    {"type": "error", "error": {"type": "rate_limit_error", "message": "x", "details": {"error_code": "c"}}},
    {"error": {"message": "x", "type": "t", "param": None, "code": "context_length_exceeded", "n_ctx": 5}},
    {"error": {"code": 402, "message": "x", "metadata": {"raw": "y", "error_type": "payment_required"}}},
    {"object": "error", "message": "x", "code": 500},
    {"detail": [{"loc": ["a"], "msg": "m"}]},
    {"error": "x"},
    {"content": [{"type": "text", "text": "x"}], "usage": {"input_tokens": 1}, "stop_reason": "end_turn"},
    {"choices": [{"message": {"content": "x", "tool_calls": [{"id": "i", "function": {"name": "f"}}]}}]},
]
TOKENS = [
    b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"9" * 5000, b'""', b"{}", b"[]", b"[" * 3000,
    b'{"a":' * 3000,
    b"\\ud800", b"\\u0000", b"\xef\xbb\xbf", b"\x00", b"\xff", b"\xed\xa0\x80", b"\r", b"\n\n", b"\r\n", b": x\n",
    b"data:",
    b"data: [DONE]\n\n", b"event: error\n", b"id: 1\n", b'"type":"error"', b'"index":-1', b'"index":1e3', b'"text":7',
    b'"error":{"message":[]}', b"\xe2\x80\xa8", b"__proto__", b"llm_api_key::", b"::",
    b'"baseUrl":"file:///etc"', b"\\", b'"',
]  # fmt: skip


def read_file(data: bytes) -> None:
    HERE.decode(data)


def read_payload(data: bytes) -> None:
    opened = sealed.Opened(sealed._payload(data), sealed.DIALECTS[0], b"", b"")
    vault._keys(opened)
    strict_json.write(opened.payload)


def read_config(data: bytes) -> None:
    value = JsonObject("llmConnections", list).decode(data)
    keys = {"gw": vault.StoredKey(None, fault="none")}
    for each in value.get("llmConnections", []):
        if isinstance(each, dict):
            entry.read(each, value.get("x"), keys, {})


def read_sse(data: bytes) -> None:
    parser, cut = Parser(), len(data) // 3
    for chunk in (data[:cut], data[cut : 2 * cut], data[2 * cut :]):
        parser.feed(chunk)


def reading(wire: Wire) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        decoder = WIRES[wire].decoder(PLACE)
        for line in data.splitlines():
            if line.startswith(b"data:"):
                assert all(isinstance(event, Event) for event in decoder.feed(line[5:]))
        assert all(isinstance(event, Event) for event in decoder.left())
        decoder.end()

    return read


def read_failure(data: bytes) -> None:
    failures.from_response(400, {}, data, PLACE)
    for form in WIRES.values():
        with contextlib.suppress(XiantongError):  # what is no reply is an error, and most of these are none
            form.decode_whole(data, PLACE)


def _seeds(name: str) -> list[bytes]:
    if name == "file":
        return [HERE.encode(HERE.new()), HERE.encode(sealed.with_credential(HERE.new(), "a::b", {"value": "x"}))]
    if name in ("payload", "config"):
        return [strict_json.write(PAYLOAD if name == "payload" else CONFIG)]
    samples = [path.read_bytes() for path in sorted(SAMPLES.glob("*.sse")) if name in path.name or name != "chat-"]
    if name == "failure":
        return [json.dumps(body).encode() for body in FAILURES]
    return [sample for sample in samples if len(sample) < 5_000]


READERS: dict[str, tuple[Callable[[bytes], None], tuple[type[Exception], ...]]] = {
    "file": (read_file, (Damaged,)),
    "payload": (read_payload, (Damaged,)),
    "config.json": (read_config, (Damaged,)),
    "SSE": (read_sse, (XiantongError,)),
    "messages": (reading("anthropic-messages"), (XiantongError,)),
    "chat-": (reading("openai-completions"), (XiantongError,)),
    "failure": (read_failure, (XiantongError,)),
}


def figure(*, inputs: int) -> Figure:
    """Give each reader so many inputs, each in a process of its own."""

    def run(name: str) -> dict:
        command = [sys.executable, "-m", "tests.torture.fuzz", name, str(inputs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"untyped": [done.stderr[-1000:]], "n": 0}

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = dict(zip(READERS, pool.map(run, READERS), strict=True))
    untyped = [f"{name}: {what}" for name, each in said.items() for what in each["untyped"]]
    slowest = max(each.get("slowest", SLOWEST * 9) for each in said.values())
    growth = max(each.get("growth", MOST_GROWTH * 9) for each in said.values())
    value = f"{len(untyped)} untyped errors, slowest {slowest:.2f} s, growth {growth:.0f} MiB"
    met = not untyped and slowest <= SLOWEST and growth <= MOST_GROWTH
    notes = [f"{name}: {each['n']:,} inputs, {each.get('taken', 0):,} taken" for name, each in said.items()]
    return Figure(value, f"0, {SLOWEST:g} s, {MOST_GROWTH:g} MiB", met, (*notes, *untyped[:3]))


def changed(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Some bytes made a little different, a few times over."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(7):
            case 0:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                made[at:at] = chance.choice(TOKENS)
            case 2:
                del made[at : at + chance.choice((1, 2, 10, 100, 10_000))]
            case 3:
                made[at:at] = made[at : at + chance.randrange(200)]
            case 4:
                other = chance.choice(others)
                made[at:] = other[chance.randrange(len(other)) :]
            case 5 if at < len(made):
                made[at] ^= 1 << chance.randrange(8)
            case _:  # one value for another
                end = at + chance.randrange(20)
                made[at:end] = chance.choice(TOKENS)
    return bytes(made)


def main(name: str, inputs: int) -> None:
    """Print as JSON what came of one reader."""
    read, own = READERS[name]
    chance, seeds = random.Random(f"{name} 20261123"), _seeds(name.partition(".")[0])
    salts = {seed[12:44] for seed in seeds} if name == "file" else set()
    untyped, slowest, taken = [], 0.0, 0
    for data in seeds:
        with contextlib.suppress(own):
            read(data)
    before = peak(anew=True)
    for n in range(inputs):
        data = changed(chance, chance.choice(seeds), seeds)
        if salts and data[12:44] not in salts and n % 1000:  # another salt costs two derivations: not each time
            data = data[:12] + chance.choice(seeds)[12:44] + data[44:]
        begun = time.perf_counter()
        try:
            read(data)
            taken += 1
        except own:
            pass
        except BaseException as error:  # noqa: BLE001  # whatever else it is, it is what is looked for
            untyped.append(f"{error!r} for {data[:200]!r}")
        slowest = max(slowest, time.perf_counter() - begun)
    growth = peak() - before
    print(json.dumps({"n": inputs, "taken": taken, "untyped": untyped[:5], "slowest": slowest, "growth": growth}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
