"""Bytes over HTTP: every failure is one of our errors, and a key goes to its own host alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import traceback

import pytest

from tests.fault_server import CLOSE, RESET, FaultServer, chunked, failure, good, head, whole
from tests.test_secret import HOSTILE
from xiantong_nb.errors import BadReply, Busy, KeyRefused, ProviderError, Unreachable, XiantongError
from xiantong_nb.failures import Place
from xiantong_nb.patience import Limits
from xiantong_nb.request import HttpCall
from xiantong_nb.secret import Secret
from xiantong_nb.transport import Transport

KEY = "sk-CANARY-0123456789-wxyz"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
QUICK = Limits(connect=2, first_byte=0.3, first_byte_local=0.3, idle=0.3)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def other():
    """A second server: another port is another origin."""
    server = FaultServer()
    server.play(good("stolen"))
    yield server
    server.close()


def call(base: str, key: str = KEY) -> HttpCall:
    return HttpCall(
        "POST", f"{base}/v1/messages", {"x-api-key": key, "accept-encoding": "identity"}, b'{"prompt":"SECRET-BODY"}'
    )


def place(base: str) -> Place:
    return Place("custom", "m", f"{base}/v1/messages", "SOME_KEY", Secret(KEY))


async def fetched(transport: Transport, base: str, key: str = KEY) -> bytes:
    async with transport.send(call(base, key), place(base)) as answer:
        return b"".join([chunk async for chunk in answer.chunks])


@contextlib.asynccontextmanager
async def opened(limits: Limits | None = None):
    transport = Transport(limits)
    try:
        yield transport
    finally:
        await transport.aclose()


def fetch(base: str, *, limits: Limits | None = None, key: str = KEY) -> bytes:
    async def work() -> bytes:
        async with opened(limits) as transport:
            return await fetched(transport, base, key)

    return asyncio.run(work())


def failed(base: str, kind: type[XiantongError] = Unreachable, **more) -> XiantongError:
    with pytest.raises(kind) as caught:
        fetch(base, **more)
    everything = "".join(traceback.format_exception(caught.value)) + str(caught.value) + repr(vars(caught.value))
    assert "CANARY" not in everything
    assert "SECRET-BODY" not in everything
    return caught.value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_body_comes_as_it_is(faults):
    for answer in (
        [head() + b"abc", CLOSE],
        [head(length=3) + b"abc"],
        [head(transfer_encoding="chunked") + chunked(b"a", b"bc"), CLOSE],
        [b"HTTP/1.0 200 OK\r\n\r\nabc", CLOSE],
        [b"HTTP/1.1 100 Continue\r\n\r\n" + head(length=3) + b"abc"],
        [head(length=3), *(bytes([b]) for b in b"abc")],
        [head(length=3, x_large="y" * 20_000) + b"abc"],
    ):
        faults.play(answer)
        assert fetch(faults.url) == b"abc"
    assert faults.seen[0].header("x-api-key") == KEY
    assert faults.seen[0].json == {"prompt": "SECRET-BODY"}


def test_nothing_listens():
    error = failed(f"http://127.0.0.1:{free_port()}")
    assert (error.kind, "nothing listens there" in error.message) == ("refused", True)
    assert failed(f"http://localhost:{free_port()}").kind == "refused"


def test_no_such_host():
    error = failed("http://no-such-host.invalid")
    assert (error.kind, "host name" in error.message) == ("dns", True)


def test_tls_spoken_to_a_plain_port():
    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        error = failed(f"https://127.0.0.1:{server.getsockname()[1]}")
    assert (error.kind, "http://" in error.hint) == ("tls", True)


def test_a_server_that_says_nothing(faults):
    faults.play([5.0])
    error = failed(faults.url, limits=QUICK)
    assert (error.kind, error.message) == ("silent", "custom did not begin to answer within 0.3 s.")


def test_a_server_that_sends_headers_and_then_nothing(faults):
    faults.play([head(), 5.0])
    error = failed(faults.url, limits=QUICK)
    assert (error.kind, "did not begin to answer" in error.message) == ("silent", True)


def test_a_server_that_falls_silent(faults):
    faults.play([head() + b"some", 5.0])
    error = failed(faults.url, limits=Limits(first_byte_local=60, idle=0.3))
    assert (error.kind, error.message) == ("silent", "custom sent nothing more for 0.3 s.")


def test_a_slow_server_is_waited_for_while_bytes_come(faults):
    faults.play([head(length=8), *(step for _ in range(8) for step in (0.1, b"x"))])
    assert fetch(faults.url, limits=Limits(first_byte_local=0.5, idle=0.5)) == b"x" * 8


@pytest.mark.parametrize(
    "answer",
    [
        [head(length=100) + b"abc", CLOSE],
        [head(transfer_encoding="chunked") + chunked(b"abc", end=False), CLOSE],
        [head() + b"abc", 0.05, RESET],
        [RESET],
        [CLOSE],
        [b"HTTP/1.1 200 OK\r\ncontent-ty", CLOSE],
        [b"SSH-2.0-nothing\r\n\r\n", CLOSE],
        [head(transfer_encoding="chunked") + b"zz\r\nabc", CLOSE],
    ],
)
def test_a_connection_that_breaks(faults, answer):
    faults.play(answer)
    assert failed(faults.url).kind == "cut"


def test_a_failure_is_its_status_whatever_happens_to_its_body(faults):
    faults.play(failure(401, {"error": {"message": f"bad key {KEY}"}}, request_id="req_7"))
    error = failed(faults.url, KeyRefused)
    assert (error.status, error.request_id) == (401, "req_7")
    assert "bad key …wxyz" in error.message
    faults.play([head(529, length=1000) + b'{"err', CLOSE])
    assert failed(faults.url, Busy).status == 529
    faults.play([head(429, retry_after="7"), RESET])
    assert failed(faults.url, Busy).retry_after == 7
    faults.play([head(500) + b"x" * 3_000_000, CLOSE])
    assert len(failed(faults.url, Busy).message) < 1000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(faults, other, status):
    """S3: neither key nor body reaches the other origin; another port is one."""
    for location in (f"{other.url}/v1/messages?key={KEY}", other.url.replace("127.0.0.1", "localhost")):
        faults.play([head(status, length=0, location=location)])
        error = failed(faults.url, BadReply)
        assert other.url.rpartition(":")[2] in error.message
    assert other.seen == []
    assert other.accepted == 0


def test_the_same_host_is_not_followed_to_either(faults):
    faults.play([head(307, length=0, location="/elsewhere")], good("x"))
    failed(faults.url, BadReply)
    assert len(faults.seen) == 1


@pytest.mark.parametrize("key", HOSTILE, ids=ascii)
def test_a_key_that_no_header_can_carry_is_not_sent_and_not_shown(faults, key):
    """S4, below the check that users meet first."""
    faults.play(good("x"))
    sendable = key.isascii() and key.isprintable()
    if sendable:
        assert fetch(faults.url, key=key)
        return
    assert failed(faults.url, key=key).kind == "other"
    assert faults.seen == []


def test_logs_hold_no_key(faults, caplog):
    faults.play(good("x"), failure(401, {"error": KEY}), [RESET])
    with caplog.at_level(logging.DEBUG):
        fetch(faults.url)
        failed(faults.url, KeyRefused)
        failed(faults.url)
        failed(faults.url, key="sk-CANARY\n")
    assert caplog.records, "httpx logs something: else this proves nothing"
    assert "CANARY" not in caplog.text
    assert "SECRET-BODY" not in caplog.text


def test_loopback_never_goes_by_a_proxy(faults, other, monkeypatch):
    """S5."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, other.url)
        monkeypatch.setenv(name.lower(), other.url)
    faults.play([head(length=2) + b"me"])
    for base in (faults.url, faults.url.replace("127.0.0.1", "localhost")):
        assert fetch(base) == b"me"
    assert other.accepted == 0


def test_other_hosts_go_by_the_proxy_of_the_environment(faults, monkeypatch):
    monkeypatch.setenv("http_proxy", faults.url)
    monkeypatch.setenv("https_proxy", faults.url)
    faults.play([head(length=2) + b"me"])
    assert fetch("http://model.invalid") == b"me"
    assert faults.seen[0].head.startswith("POST http://model.invalid/v1/messages ")
    faults.play(failure(407, {}))
    assert failed("https://model.invalid").kind == "proxy"
    assert faults.seen[1].head.startswith("CONNECT model.invalid:443 ")
    assert faults.seen[1].header("x-api-key") is None
    monkeypatch.setenv("no_proxy", "model.invalid")
    assert failed("http://model.invalid").kind == "dns"


def test_a_proxy_that_does_not_answer_is_named_as_the_culprit(monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    error = failed("https://model.invalid")
    assert (error.kind, error.message.startswith("The proxy can't be reached")) == ("proxy", True)


def test_missing_certificates_are_said(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    error = failed("https://model.invalid")
    assert (error.kind, "SSL_CERT_FILE" in error.hint) == ("certificates", True)


def test_a_proxy_that_can_not_be_used_is_said(monkeypatch):
    monkeypatch.setenv("all_proxy", "socks5://user:CANARY@127.0.0.1:1")
    error = failed("https://model.invalid")
    assert (error.kind, "socksio" in error.message) == ("proxy", True)
    monkeypatch.setenv("all_proxy", "ftp://user:CANARY@127.0.0.1:1")
    assert "proxy" in failed("https://model.invalid").message


@pytest.mark.parametrize("base", ["http://", "http://[", "http://h:x", "ftp://h", "http://a b/", "http://\u2028", ""])
def test_what_is_no_url(base):
    assert isinstance(failed(base), Unreachable)


def test_a_second_request_goes_over_the_same_connection(faults):
    body = whole("hi")
    faults.play([head(length=len(body)) + body])

    async def twice() -> None:
        async with opened() as transport:
            await fetched(transport, faults.url)
            await fetched(transport, faults.url)

    asyncio.run(twice())
    assert (len(faults.seen), faults.accepted) == (2, 1)


def test_draining_ends_whether_the_body_does_or_not(faults):
    async def drained() -> None:
        async with opened() as transport, transport.send(call(faults.url), place(faults.url)) as answer:
            await anext(answer.chunks)
            await answer.drain()

    for rest in ([3.0, CLOSE], [CLOSE], [RESET], [0.01, b"more", CLOSE], [0.01] * 50):
        faults.play([head(length=100) + b"abc", *rest])
        asyncio.run(drained())


def test_nothing_of_one_answer_goes_along_with_the_next_request(faults):
    faults.play([head(length=1, set_cookie="session=1; Path=/") + b"x"])

    async def twice() -> None:
        async with opened() as transport:
            await fetched(transport, faults.url)
            await fetched(transport, faults.url)

    asyncio.run(twice())
    assert faults.seen[1].header("cookie") is None


def test_leaving_early_closes_the_connection(faults):
    faults.play([head(length=10**6) + b"abc", 30.0])

    async def leave() -> None:
        async with opened() as transport:
            async with transport.send(call(faults.url), place(faults.url)) as answer:
                assert await anext(answer.chunks) == b"abc"
            assert await asyncio.to_thread(faults.seen[0].gone.wait, 10)

    asyncio.run(leave())


@pytest.mark.parametrize("answer", [[30.0], [head(), 30.0], [head() + b"abc", 30.0], [head(500), 30.0]])
def test_cancelling_closes_the_connection_at_every_stage(faults, answer):
    faults.play(answer)

    async def cancel() -> None:
        async with opened() as transport:
            task = asyncio.create_task(fetched(transport, faults.url))
            while not faults.seen:  # noqa: ASYNC110  # the server is in another thread
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(faults.seen[0].gone.wait, 10)

    asyncio.run(cancel())


def test_gzip_that_nobody_asked_for_is_read_and_broken_gzip_is_said(faults):
    import gzip

    packed = gzip.compress(b"abc" * 100)
    faults.play([head(length=len(packed), content_encoding="gzip") + packed])
    assert fetch(faults.url) == b"abc" * 100
    faults.play([head(length=4, content_encoding="gzip") + b"abcd"])
    assert "compressed" in failed(faults.url).message


def test_every_status_beyond_2xx_is_an_error(faults):
    for status in (300, 400, 404, 418, 500, 599):
        faults.play(failure(status, b"<html>"))
        assert isinstance(failed(faults.url, ProviderError), ProviderError)
