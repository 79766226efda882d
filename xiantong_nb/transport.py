"""
Bytes over HTTP: one call out, one answer's bytes in, every failure as one of our errors.

The only module that knows httpx. It knows no wire: what the bytes mean is for others. Lives on one event
loop; clients are made on first use and kept, so that the TLS context (30 ms) is built once and connections
stay warm. Redirects are never followed: httpx would carry `x-api-key` to the other host.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.cookiejar
import logging
import os
import ssl
import zlib
from typing import TYPE_CHECKING, cast

import httpx

from xiantong_nb import failures
from xiantong_nb.base_url import is_loopback
from xiantong_nb.errors import Unreachable
from xiantong_nb.patience import Guard, Limits
from xiantong_nb.unreached import by_proxy, unreachable, why

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    from xiantong_nb.failures import Place
    from xiantong_nb.request import HttpCall

_EXPLANATION_SIZE, _EXPLANATION_TIME = 256 * 1024, 5.0  # bytes and seconds: an explanation, not a page
_UNPACKED = 256 * 1024  # bytes, at most, of one piece that was compressed
_DRAIN_TIME = 0.1  # seconds; the last chunk of a body comes with or right behind the last event
_OK, _REDIRECT = 200, 300


class _Unsaid(logging.Filter):
    """Keeps the headers of answers out of httpcore's debug log: an endpoint may send back the key that it refuses."""

    def filter(self, record: logging.LogRecord) -> bool:
        name, returned, _ = record.getMessage().partition(" return_value=")
        if returned and "headers" in name:
            record.msg, record.args = f"{name} (headers unsaid)", ()
        return True


logging.getLogger("httpcore.http11").addFilter(_Unsaid())


class Answer:
    """What came back: status, headers (lower-case names) and the body's `chunks` as they come."""

    def __init__(self, response: httpx.Response, place: Place, guard: Guard) -> None:
        self.status = response.status_code
        self.headers = dict(response.headers)
        self.chunks = self._pieces(response, place, guard)
        """Raises `Unreachable` when the body is cut or falls silent."""
        self.heard = guard.heard
        """Tell it after each chunk whether that held news, and whether the answer is whole."""

    @property
    def is_stream(self) -> bool:
        """Whether it may be a stream: some endpoints don't say so."""
        kind = self.headers.get("content-type", "")
        return "json" not in kind and "html" not in kind

    async def body(self, limit: int) -> bytes:
        """Give the body in one piece, of at most `limit` bytes: more than that is no answer of a model."""
        body = bytearray()
        await self._read(body, limit)
        return bytes(body[:limit])

    async def explanation(self) -> bytes:
        """Give the body of a failure as far as it comes: the status counts, whatever happens to its body."""
        body = bytearray()
        with contextlib.suppress(Unreachable, TimeoutError):
            async with asyncio.timeout(_EXPLANATION_TIME):
                await self._read(body, _EXPLANATION_SIZE)
        return bytes(body[:_EXPLANATION_SIZE])

    async def _read(self, body: bytearray, limit: int) -> None:
        """Add to `body` until the end or the limit: what has come stands, however the reading ends."""
        async for piece in self.chunks:
            body += piece
            if len(body) > limit:
                break

    async def drain(self) -> None:
        """Read the end of a body that has said everything, so that its connection can serve again."""
        with contextlib.suppress(Unreachable, TimeoutError):
            async with asyncio.timeout(_DRAIN_TIME):
                async for _ in self.chunks:
                    pass

    async def _pieces(self, response: httpx.Response, place: Place, guard: Guard) -> AsyncGenerator[bytes, None]:
        coding = self.headers.get("content-encoding", "identity").lower()
        with _translated(place, begun=True):
            if coding not in _CODINGS:
                raise httpx.DecodingError(coding)
            unpacked = _CODINGS[coding]()
            # the stream itself: httpx's aiter_raw() would count and cut these pieces, at a tenth of the time of each
            async for packed in cast("httpx.AsyncByteStream", response.stream):
                guard.alive()
                if unpacked is None:
                    yield packed
                else:
                    for piece in unpacked(packed):
                        yield piece


def _as_it_is() -> None:
    """Nothing has to be unpacked."""


def _unpacking() -> Callable[[bytes], Iterator[bytes]]:
    """
    Unpack gzip and zlib piece by piece, no piece larger than a limit.

    No request asks for it, but some proxies compress all the same, and 1 MB can unfold to a gigabyte.
    """
    unpacker = zlib.decompressobj(wbits=47)  # zlib.h: 15 bits of window, and 32 for either kind of header

    def unpacked(packed: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = unpacker.decompress(packed, _UNPACKED)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            if piece:
                yield piece
            packed = unpacker.unconsumed_tail
            if not packed and len(piece) < _UNPACKED:
                return

    return unpacked


_CODINGS: dict[str, Callable[[], Callable[[bytes], Iterator[bytes]] | None]] = {
    **dict.fromkeys(("identity", ""), _as_it_is),
    **dict.fromkeys(("gzip", "x-gzip", "deflate"), _unpacking),
}


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
        if not all(value.isascii() and value.isprintable() for value in call.headers.values()):
            # httpx would refuse most of these too, but quote the key in its error and in httpcore's debug log
            raise unreachable("A header of this connection can't be sent, most likely its key", "other", place)
        local = is_loopback(call.url)
        patience = self._limits.first_byte_local if local else self._limits.first_byte
        guard = None
        try:
            async with asyncio.timeout(patience) as timeout:
                guard = Guard(timeout, self._limits, local=local)
                with _translated(place, begun=False):
                    client = self._client(tls=call.url.startswith("https:"), local=local)
                    request = client.build_request(call.method, call.url, headers=call.headers, content=call.body)
                    response = await client.send(request, stream=True)
                answer = Answer(response, place, guard)
                try:
                    if not _OK <= answer.status < _REDIRECT:
                        body = await answer.explanation()
                        raise failures.from_response(answer.status, answer.headers, body, place)
                    yield answer
                finally:
                    await answer.chunks.aclose()
                    await response.aclose()
        except TimeoutError:
            broken = guard.broken if guard else "did not answer"
            raise unreachable(f"{place.connection} {broken}", "silent", place) from None

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
        if (tls, local) not in self._clients:
            self._clients[tls, local] = httpx.AsyncClient(
                verify=_trusted() if tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                trust_env=not local,
                follow_redirects=False,
                cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
                timeout=httpx.Timeout(None, connect=self._limits.connect),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=60),
            )
        return self._clients[tls, local]


@contextlib.contextmanager
def _translated(place: Place, *, begun: bool) -> Iterator[None]:
    """
    Turn httpx's exceptions into ours.

    `from None`: the originals hold the request, and a header's own error text quotes the key.
    """
    name = place.connection
    try:
        yield
    except httpx.ProxyError:
        raise unreachable(f"The proxy did not let the request through to {name}", "proxy", place) from None
    except ImportError:
        raise unreachable("The proxy is a SOCKS proxy, which needs the package socksio", "proxy", place) from None
    except httpx.ConnectTimeout:
        raise unreachable(f"{name} did not take the connection in time", "timeout", place) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, ValueError):
        raise unreachable("The URL, or that of a proxy, can't be used", "other", place) from None
    except httpx.ConnectError as error:
        kind, words = why(error)
        if kind in ("refused", "dns") and by_proxy(place.url):
            kind, name = "proxy", "The proxy"
        raise unreachable(f"{name} can't be reached: {words}", kind, place) from None
    except OSError as error:  # httpx wraps those of sockets: this is a certificates' file, missing or no such file
        words = f"The certificates can't be loaded ({type(error).__name__})"
        raise unreachable(words, "certificates", place) from None
    except httpx.DecodingError:
        raise unreachable(f"{name} compressed its answer in a way that can't be read", "other", place) from None
    except (httpx.TransportError, httpx.StreamError):
        words = "was cut" if begun else "broke before an answer came"
        raise unreachable(f"The connection to {name} {words}", "cut", place) from None


def _trusted() -> ssl.SSLContext:
    """
    Return whose certificates are believed: what SSL_CERT_FILE and SSL_CERT_DIR name, else those of this machine.

    A company's own authority stands in the machine's store. Mozilla's list, which httpx brings, is added for
    machines without a store, such as small containers.
    """
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return httpx.create_ssl_context()
    import certifi
    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certifi.where())
    return context
