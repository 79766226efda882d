"""
Bytes over HTTP: one call out, one answer's bytes in, every failure as one of our errors.

The only module that knows httpx. It knows no wire: what the bytes mean is for others. Lives on one event
loop; clients are made on first use and kept, so that the TLS context (30 ms) is built once and connections
stay warm. Redirects are never followed: httpx would carry `x-api-key` to the other host.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from xiantong_nb import failures
from xiantong_nb.connection import is_loopback
from xiantong_nb.errors import Unreachable, XiantongError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xiantong_nb.failures import Place
    from xiantong_nb.request import HttpCall

_ERROR_BODY = 256 * 1024  # bytes read of a failure's body: an explanation, not a page
_OK, _REDIRECT = 200, 300


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Patience in seconds: for the connection, for the first byte of the answer, between two bytes.

    A server on this machine may load a model before its first byte, hence the longer `first_byte_local`.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    first_byte_local: float = 600.0
    idle: float = 60.0


class Answer:
    """A good answer: its headers (lower-case names) and its bytes as they come."""

    def __init__(self, response: httpx.Response, call: HttpCall, place: Place, guard: _Guard) -> None:
        self.headers = dict(response.headers)
        self._response = response
        self._call = call
        self._place = place
        self._guard = guard

    @property
    def is_stream(self) -> bool:
        """Whether the endpoint says it streams; some say nothing, and stream all the same."""
        return "json" not in self.headers.get("content-type", "") and "html" not in self.headers.get("content-type", "")

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece; raises `Unreachable` when it is cut or falls silent."""
        coded = self.headers.get("content-encoding", "identity") != "identity"
        pieces = self._response.aiter_bytes() if coded else self._response.aiter_raw()
        with _translated(self._call, self._place, begun=True):
            async for piece in pieces:
                self._guard.alive()
                yield piece

    async def whole(self, limit: int = 64 * 2**20) -> bytes:
        """Give the body in one piece, cut at `limit` bytes."""
        body = bytearray()
        async for piece in self.chunks():
            body += piece
            if len(body) > limit:
                break
        return bytes(body[:limit])


class _Guard:
    """One time-out for a whole exchange, moved on as bytes come (a new one per chunk would cost more)."""

    def __init__(self, timeout: asyncio.Timeout, idle: float) -> None:
        self._timeout = timeout
        self._idle = idle
        self._moved = 0.0
        self._now = asyncio.get_running_loop().time

    def alive(self) -> None:
        now = self._now()
        if now - self._moved > self._idle / 60:
            self._moved = now
            self._timeout.reschedule(now + self._idle)


class Transport:
    """The clients of one event loop."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._clients: dict[tuple[bool, bool], httpx.AsyncClient] = {}

    @contextlib.asynccontextmanager
    async def send(self, call: HttpCall, place: Place) -> AsyncIterator[Answer]:
        """
        Send one call, once, and give the answer when its headers are here.

        Raises `Unreachable`, or the `ProviderError` that a status other than 2xx means. Leaving the block
        early closes the connection, which stops the model.
        """
        limits = self._limits
        local = is_loopback(call.url)
        begun = False
        try:
            async with asyncio.timeout(limits.first_byte_local if local else limits.first_byte) as timeout:
                with _translated(call, place, begun=False):
                    client = self._client(tls=call.url.startswith("https:"), local=local)
                    request = client.build_request(call.method, call.url, headers=call.headers, content=call.body)
                    response = await client.send(request, stream=True)
                try:
                    guard = _Guard(timeout, limits.idle)
                    guard.alive()
                    begun = True
                    answer = Answer(response, call, place, guard)
                    if not _OK <= response.status_code < _REDIRECT:
                        body = await answer.whole(_ERROR_BODY)
                        raise failures.from_response(response.status_code, answer.headers, body, place)
                    yield answer
                finally:
                    await response.aclose()
        except TimeoutError:
            waited = "fell silent" if begun else "did not begin to answer"
            seconds = limits.idle if begun else (limits.first_byte_local if local else limits.first_byte)
            raise _unreachable(f"{place.connection} {waited} for {seconds:g} s", "timeout", call, place) from None

    async def aclose(self) -> None:
        """Close the connections that are kept."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    def _client(self, *, tls: bool, local: bool) -> httpx.AsyncClient:
        """
        Return the client for this kind of address.

        A proxy from the environment would get loopback requests, keys included, so those bypass it; and
        without TLS there is no reason to pay for loading the certificates.
        """
        client = self._clients.get((tls, local))
        if client is None:
            limits = self._limits
            client = self._clients[tls, local] = httpx.AsyncClient(
                verify=True if tls or not local else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                trust_env=not local,
                follow_redirects=False,
                timeout=httpx.Timeout(None, connect=limits.connect),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=60),
            )
        return client


@contextlib.contextmanager
def _translated(call: HttpCall, place: Place, *, begun: bool) -> Iterator[None]:
    """
    Turn httpx's exceptions into ours.

    `from None`: the originals hold the request, and a header's own error text quotes the key.
    """
    try:
        yield
    except XiantongError:
        raise
    except (httpx.LocalProtocolError, UnicodeEncodeError):
        msg = "A header of this connection can't be sent, most likely its key."
        raise _unreachable(msg, "other", call, place) from None
    except httpx.ProxyError:
        raise _unreachable("The proxy refused the way", "proxy", call, place) from None
    except httpx.ConnectTimeout:
        raise _unreachable(f"{place.connection} did not take the connection in time", "timeout", call, place) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise _unreachable("This is not a URL that can be asked", "other", call, place) from None
    except httpx.ConnectError as error:
        kind, words = _why(error)
        raise _unreachable(f"{place.connection} can't be reached: {words}", kind, call, place) from None
    except (httpx.TransportError, httpx.StreamError):
        words = "was cut" if begun else "broke before an answer came"
        raise _unreachable(f"The connection to {place.connection} {words}", "cut", call, place) from None


def _why(error: BaseException) -> tuple[str, str]:
    """Tell DNS, TLS and a refusal apart by the exceptions underneath, never by their texts."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "dns", "its host name is not known here"
        if isinstance(cause, ssl.SSLError):
            return (
                "tls",
                f"TLS failed ({getattr(cause, 'verify_message', '') or cause.reason or 'no reason given'})",
            )
        if isinstance(cause, ConnectionRefusedError):
            return "refused", "nothing listens there"
        cause = cause.__cause__ or cause.__context__
    return "refused", "the connection was not taken"


_HINTS = {
    "refused": "Is the server running, and is the port right? The address is seen from the kernel's machine.",
    "dns": "Check the host's spelling and this machine's network.",
    "tls": "A server on this machine usually wants http://, not https://; behind a company proxy, set SSL_CERT_FILE.",
    "proxy": "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY.",
    "timeout": "Run the cell again, or ask another connection.",
    "cut": "Run the cell again.",
    "other": "Check this connection's base URL and key.",
}


def _unreachable(sentence: str, kind: str, call: HttpCall, place: Place) -> Unreachable:
    del call  # never in a message: its headers hold the key
    return Unreachable(sentence.rstrip(".") + ".", kind=kind, hint=_HINTS[kind], where=str(place))
