"""
Replies kept on the disk by the request that they answer: told again without a network, safe to delete.

The name of a file is made from the whole request without its key, so that a changed word, option or earlier answer
finds another file, or none.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb import disk, events
from xiantong_nb.request import Image, Opaque, Redacted, Text, Thinking, ToolUse
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xiantong_nb.connection import Target
    from xiantong_nb.events import Event
    from xiantong_nb.exchange import Emit
    from xiantong_nb.fitting import Send
    from xiantong_nb.reply import Reply
    from xiantong_nb.request import Request
    from xiantong_nb.transport import Transport

_SHOWN = 80  # characters of the question, for the list
_KEYS = ("x-api-key", "authorization")


class Kept(msgspec.Struct, frozen=True):
    """
    One reply: when it came (s since 1970), who gave it, the beginning of the question, and its events.

    `images` are those of the question as they were sent, where that is not as they were asked with.
    """

    at: float
    target: str
    question: str
    seconds: float
    first_token_seconds: float | None
    events: list[tuple[str, dict[str, Any]]]
    images: tuple[Image, ...] = ()

    async def attach(self, request: Request, _transport: Transport) -> tuple[Request, tuple[str, ...]]:
        """Return the request with its images as they were sent: a chat that goes on from here needs those."""
        *before, question = request.messages
        sent = iter(self.images)
        blocks = tuple(next(sent, b) if isinstance(b, Image) else b for b in question.blocks)
        return replace(request, messages=(*before, replace(question, blocks=blocks))), ()

    async def tell(self, _request: Request, _send: Send, emit: Emit) -> None:
        """Tell the reply again: a way of asking by which nothing is sent."""
        for name, fields in self.events:
            emit(_event(name, fields))

    @property
    def as_it_was(self) -> dict[str, Any]:
        """What no event tells of the reply, and that it cost nothing this time."""
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.at))
        return {
            "seconds": self.seconds,
            "first_token_seconds": self.first_token_seconds,
            "cost": 0.0,
            "cost_source": f"reused, from {day}: nothing was sent",
            "reused": self.at,
        }


class Replies:
    """
    The replies in one home folder; one that can't be read is one that is not there.

    Where they are not `wanted`, none is found or stored.
    """

    def __init__(self, home: Path, *, wanted: bool = True) -> None:
        self._home = home
        self._wanted = wanted
        self._folder = home / "cache"

    def find(self, request: Request, target: Target) -> Kept | None:
        """Return the stored reply to this very request, or None."""
        return _read(self._path(request, target)) if self._wanted else None

    def keep(self, request: Request, sent: Request, target: Target, reply: Reply, question: str) -> None:
        """Store a reply that is new and whole and fits, if that is possible; `sent` is what became of the request."""
        if not self._wanted or reply.reused is not None or not reply.complete or reply.unfit:
            return
        told = [(type(event).__name__, msgspec.to_builtins(event)) for event in _events(reply)]
        first = " ".join(question.split())[:_SHOWN]
        images = () if sent == request else _images(sent)
        kept = Kept(time.time(), str(target), first, reply.seconds, reply.first_token_seconds, told, images)
        with contextlib.suppress(OSError, disk.Refused):
            self._make()
            disk.put(self._path(request, target), msgspec.json.encode(kept))

    def fault(self) -> str:
        """Say why nothing can be stored here; nothing where it can, or is not wanted."""
        if not self._wanted:
            return ""
        try:
            self._make()
            disk.discard(disk.write_temp(self._folder / "reply", b""))
        except OSError as error:
            return f"the reply can't be stored in {self._folder} ({disk.words(error)})"
        return ""

    def all(self) -> list[tuple[Kept, int]]:
        """Return every stored reply with its size in bytes, the newest first."""
        found = [(kept, path.stat().st_size) for path in self._paths() if (kept := _read(path)) is not None]
        return sorted(found, key=lambda pair: -pair[0].at)

    def clear(self) -> int:
        """Remove every stored reply; returns how many there were."""
        paths = list(self._paths())
        for path in paths:
            disk.discard(path)
        return len(paths)

    def _make(self) -> None:
        disk.make_folder(self._home)
        disk.make_folder(self._folder)

    def _paths(self) -> Iterator[Path]:
        return self._folder.glob("reply-*.json")

    def _path(self, request: Request, target: Target) -> Path:
        connection = target.connection
        call = WIRES[connection.wire].encode(request, connection)
        # the embedded engine has another address each time
        place = connection.slug if connection.preset.embedded else call.url
        headers = sorted((name, value) for name, value in call.headers.items() if name not in _KEYS)
        parts = msgspec.json.encode((place, connection.wire, headers))
        return self._folder / f"reply-{hashlib.sha256(parts + call.body).hexdigest()[:32]}.json"


def _read(path: Path) -> Kept | None:
    try:
        data = disk.read(path)
        kept = msgspec.json.decode(data, type=Kept) if data is not None else None
        for name, fields in kept.events if kept else ():
            _event(name, fields)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, disk.Refused):
        return None
    return kept


def _images(request: Request) -> tuple[Image, ...]:
    return tuple(block for block in request.messages[-1].blocks if isinstance(block, Image))


def _events(reply: Reply) -> Iterator[Event]:
    """Return events that add up to a reply."""
    yield events.Answered(reply.request_id)
    yield events.Started(reply.model, reply.message_id)
    for at, block in enumerate(reply.blocks):
        match block:
            case Text(text):
                yield events.TextDelta(at, text)
            case Thinking(text, signature):
                yield events.ThinkingDelta(at, text)
                yield events.Signature(at, signature)
            case Redacted(data):
                yield events.Signature(at, data, redacted=True)
            case ToolUse(id_, name, arguments):
                yield events.ToolDelta(at, id_, name, arguments)
            case Opaque(kind, json):
                yield events.OpaqueBlock(at, kind, json)
    for source in reply.citations:
        yield events.Citation(0, source)
    yield events.UsageUpdate(reply.usage)
    yield events.Finished(
        complete=True,
        stop_reason=reply.stop_reason,
        stop_sequence=reply.stop_sequence,
        detail=reply.stop_detail,
        ignored=reply.ignored_events,
    )


def _event(name: str, fields: dict[str, Any]) -> Event:
    """Make an event of what was stored of it; raises `KeyError` or `TypeError` for what is none."""
    kinds: dict[str, Any] = {kind.__name__: kind for kind in events.Event.__args__}
    if name == "UsageUpdate":
        return events.UsageUpdate(events.Usage(**fields["usage"]))
    made: Event = kinds[name](**fields)
    return made
