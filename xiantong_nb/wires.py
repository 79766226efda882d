"""The wires that are spoken, one row each: how a request goes out, how what comes back is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from xiantong_nb import chat_api, chat_stream, messages_api, messages_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from xiantong_nb.connection import Connection
    from xiantong_nb.errors import XiantongError
    from xiantong_nb.events import Event, Finished
    from xiantong_nb.failures import Place
    from xiantong_nb.presets import Wire
    from xiantong_nb.request import HttpCall, Request


class Decoder(Protocol):
    """Reads one stream. `finished` after its last event; `told_all` when only figures, or nothing, may follow."""

    finished: bool

    @property
    def told_all(self) -> bool:
        """Whether the answer is whole."""

    def feed(self, data: bytes) -> list[Event]:
        """Return what one event says. Raises what it tells of a failure, or `BadReply`."""

    def left(self) -> list[Event]:
        """Return what was held back, where no more will come."""

    def end(self, broken: XiantongError | None = None) -> Finished:
        """Return what the end of the bytes means, or what `broken` them."""


class _NewDecoder(Protocol):
    def __call__(self, place: Place, *, request_id: str | None = None) -> Decoder: ...


class _DecodeWhole(Protocol):
    def __call__(self, body: bytes, place: Place, *, request_id: str | None = None) -> tuple[list[Event], Finished]: ...


@dataclass(frozen=True, slots=True)
class Form:
    """
    One wire.

    `again` gives a refused call in another spelling, by the endpoint's words, or None. `count` gives the call that
    counts the tokens of one, where the wire has such a route.
    """

    url: Callable[[Connection], str]
    encode: Callable[[Request, Connection], HttpCall]
    decoder: _NewDecoder
    decode_whole: _DecodeWhole
    again: Callable[[HttpCall, str], HttpCall | None]
    count: Callable[[HttpCall], HttpCall | None]


WIRES: dict[Wire, Form] = {
    "anthropic-messages": Form(
        url=messages_api.url,
        encode=messages_api.encode,
        decoder=messages_stream.Decoder,
        decode_whole=messages_stream.decode_whole,
        again=lambda _call, _refusal: None,
        count=messages_api.count,
    ),
    "openai-completions": Form(
        url=chat_api.url,
        encode=chat_api.encode,
        decoder=chat_stream.Decoder,
        decode_whole=chat_stream.decode_whole,
        again=chat_api.again,
        count=lambda _call: None,
    ),
}
