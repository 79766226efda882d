"""H6, S3, S5: endpoints that fall silent, that lead elsewhere, and proxies in the environment."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import httpx

from tests.fault_server import FaultServer, good, head
from tests.speech import SPEECHES, Speech
from tests.test_tls import Authority
from tests.torture.figure import Figure
from xiantong_nb.exchange import converse
from xiantong_nb.failures import Place
from xiantong_nb.patience import Limits
from xiantong_nb.request import HttpCall
from xiantong_nb.transport import Transport
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from xiantong_nb.events import Finished

KEY, BODY = "CANARY-0123456789-wxyz", b'{"question":"CANARY-BODY"}'


def _asked(url: str, speech: Speech, limits: Limits | None = None) -> Finished:
    events: list = []

    async def work() -> None:
        transport = Transport(limits)
        headers = {"x-api-key": KEY, "authorization": f"Bearer {KEY}"}
        call, place = HttpCall("POST", url + speech.path, headers, BODY), Place("gw", "m", url + speech.path)
        await converse(call, place, transport, events.append, wire=WIRES[speech.wire], sleep=lambda _: asyncio.sleep(0))
        await transport.aclose()

    asyncio.run(work())
    return events[-1]


def silence() -> Figure:
    """H6: silent before the first byte, after the headers, after a word, but for signs of life, and after the end."""
    limit, wrong, worst = 0.3, [], 0.0
    limits = Limits(first_byte_local=limit, idle=limit, quiet=limit, tail=limit)
    for speech in SPEECHES:
        cases = {
            "before the first byte": ([9.0], f"did not begin to answer within {limit} s"),
            "after the headers": ([head(), 9.0], f"did not begin to answer within {limit} s"),
            "after a word": ([head() + speech.begun("a"), 9.0], f"sent nothing more for {limit} s"),
            "signs of life": (
                [head() + speech.begun("a"), *[speech.ping, 0.05] * 60],
                f"sent signs of life and nothing else for {limit} s",
            ),
            "after the end": ([head() + speech.begun("a") + speech.end(), 9.0], ""),
        }
        for name, (answer, says) in cases.items():
            server = FaultServer()
            server.play(answer)
            begun = time.monotonic()
            ended = _asked(server.url, speech, limits)
            took = time.monotonic() - begun
            server.close()
            worst = max(worst, took - limit)
            said = ended.error.message if ended.error else ""
            if took > limit + 1 or says not in said or ended.complete is bool(says):
                wrong.append(f"{name} by {speech.wire}: {said!r} after {took:.2f} s")
    value = f"{len(wrong)} wrong, at most {worst:.2f} s late"
    return Figure(value, "0, 1 s", not wrong, ("5 silences, both wires", *wrong[:3]))


def redirects() -> Figure:
    """S3: five kinds of redirect to another host, another port and from https to http: nothing arrives."""
    reached, tried = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        with mock.patch.dict(os.environ, {"SSL_CERT_FILE": str(authority.path)}):
            for status in (301, 302, 303, 307, 308):
                for speech in SPEECHES:
                    for secure, host in ((False, "127.0.0.1"), (False, "localhost"), (True, "127.0.0.1")):
                        first = FaultServer(authority.context() if secure else None)
                        other = FaultServer()
                        other.play(speech.good("hello"))
                        to = other.url.replace("127.0.0.1", host) + speech.path
                        first.play([head(status, length=0, location=to)])
                        ended = _asked(first.url, speech)
                        tried += 1
                        reached += len(other.seen) + ended.complete + (len(first.seen) != 1)
                        first.close()
                        other.close()
    value = f"{reached} of {tried} followed, {_carried()} by a client that follows"
    return Figure(value, "0; more than 0", reached == 0 and _carried() > 0)


def _carried() -> int:
    """How often the key arrives where httpx itself is let follow: the proof that it would be seen."""
    first, other = FaultServer(), FaultServer()
    other.play(good("hello"))
    first.play([head(307, length=0, location=other.url.replace("127.0.0.1", "localhost") + "/v1/messages")])
    try:
        with httpx.Client(follow_redirects=True, trust_env=False) as follows:
            follows.post(first.url + "/v1/messages", headers={"x-api-key": KEY}, content=BODY)
        return sum(seen.header("x-api-key") == KEY for seen in other.seen)
    finally:
        first.close()
        other.close()


def proxies() -> Figure:
    """S5: with proxies in the environment, this machine's own servers never by them, others always."""
    by_proxy, direct, local, remote = 0, 0, 0, 0
    names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    for speech in SPEECHES:
        for name in names:
            proxy, server = FaultServer(), FaultServer()
            proxy.play(speech.good("by proxy"))
            server.play(speech.good("direct"))
            clean = {n: v for n, v in os.environ.items() if not n.lower().endswith("_proxy")}
            with mock.patch.dict(os.environ, clean | {name: proxy.url}, clear=True):
                port = server.url.rpartition(":")[2]
                for host in ("127.0.0.1", "localhost"):
                    local += 1
                    _asked(f"http://{host}:{port}", speech)
                by_proxy += len(proxy.seen)
                direct += len(server.seen)
                proxy.seen.clear()
                for url in ("http://gateway.example", "http://10.0.0.9:8080"):
                    remote += 1
                    _asked(url, speech)
            went = [seen.head.split()[1] for seen in proxy.seen]
            remote -= sum(url.startswith(("http://gateway.example/", "http://10.0.0.9:8080/")) for url in went)
            proxy.close()
            server.close()
    value = f"{by_proxy} of {local} to this machine by the proxy, {remote} others not by it"
    return Figure(value, "0, 0", by_proxy == 0 and remote == 0 and direct == local, (f"{', '.join(names)}",))
