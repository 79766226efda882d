"""
Stand-ins for providers that can't be had here, at their own names: none of them is the real one.

A proxy answers for the hosts, over TLS with a test authority's certificates, so that a connection goes the whole way it
goes outside: preset, base URL, proxy, TLS, header. Ollama's listens on this machine. Answers have the documented
shapes; a model says how many images it was sent.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import socket
import threading
import time
import urllib.parse

from tests.answering import Answering
from tests.speech import Chat, Messages

KEYS = {
    "api.anthropic.com": "sk-ant-CANARY-0123456789-wxyz",
    "openrouter.ai": "sk-or-CANARY-0123456789-wxyz",
    "ai-gateway.vercel.sh": "vck_CANARY-0123456789-wxyz",
    # the next provider's key stands here
    "gw.example.com": "house-CANARY-0123456789-wxyz",
}
_CLAUDE = ("claude-opus-5{}5", "claude-sonnet-5{}5", "claude-haiku-5{}5")
_ANTHROPIC = [
    {"type": "model", "id": name.format("-"), "display_name": name.format("."), "created_at": "2026-10-07T00:00:00Z",
     "max_input_tokens": 1_000_000, "max_tokens": 128_000, "capabilities": {"image_input": {"supported": True}}}
    for name in _CLAUDE
]  # fmt: skip
_OPENROUTER = [
    {"id": name, "canonical_slug": name, "name": name, "context_length": context,
     "architecture": {"input_modalities": takes, "output_modalities": gives},
     "pricing": {"prompt": price, "completion": "0.00001"}, "top_provider": {"is_moderated": False}}
    for name, context, takes, gives, price in (
        *((f"anthropic/{each.format('.')}", 1_000_000, ["text", "image"], ["text"], "0.000002") for each in _CLAUDE),
        ("anthropic/claude-sonnet-4", 200_000, ["text", "image"], ["text"], "0.000003"),
        ("openai/gpt-4o", 128_000, ["text", "image"], ["text"], "0.0000025"),
        ("openai/gpt-4o-mini", 128_000, ["text", "image"], ["text"], "0.00000015"),
        ("google/gemini-2.5-pro", 1_048_576, ["text", "image", "audio"], ["text"], "0.00000125"),
        ("meta-llama/llama-3.3-70b", 131_072, ["text"], ["text"], "0.0000001"),
        ("mistralai/mistral-small", 32_768, ["text"], ["text"], "0.0000001"),
        ("black-forest/flux", 4_096, ["text"], ["image"], "0"),
    )
]  # fmt: skip
_VERCEL = [
    {"id": name, "object": "model", "owned_by": name.partition("/")[0], "name": name, "type": kind,
     "context_window": 200_000, "max_tokens": 64_000, "tags": tags,
     "pricing": {"input": "0.000002", "output": "0.00001"}}
    for name, kind, tags in (
        *((f"anthropic/{each.format('.')}", "language", ["vision", "tool-use"]) for each in _CLAUDE),
        ("anthropic/claude-sonnet-4", "language", ["vision", "tool-use"]),
        ("meta/llama-3.3", "language", ["tool-use"]),
        ("openai/embed", "embedding", []),
    )
]  # fmt: skip
_CUSTOM = [{"id": name, "object": "model", "owned_by": "house"} for name in ("house-large", "house-small")]
LISTS = {
    "api.anthropic.com": _ANTHROPIC,
    "openrouter.ai": _OPENROUTER,
    "ai-gateway.vercel.sh": _VERCEL,
    # the next provider's list stands here
    "gw.example.com": _CUSTOM,
}
_PAGE = 2  # of Anthropic's, whose real one has 1,000 at most


class _Host(Answering):
    """One provider's answers; `host` and `world` are set by whoever makes the class."""

    host = ""
    world: World

    def do_GET(self):
        self.world.seen.append((self.host, "GET", self.path, dict(self.headers), None))
        path, _, query = self.path.partition("?")
        if not path.endswith("/v1/models"):
            self.send_json(404, {"error": {"message": "Not Found"}})
        elif self.host == "api.anthropic.com":
            self._page(urllib.parse.parse_qs(query).get("after_id", [""])[0])
        else:  # these two show theirs to everybody
            self.send_json(200, {"object": "list", "data": LISTS[self.host]})

    def _page(self, after: str) -> None:
        if self._key != KEYS[self.host]:
            self._failed(401, "authentication_error", "invalid x-api-key")
            return
        models = LISTS[self.host]
        begin = next((at + 1 for at, model in enumerate(models) if model["id"] == after), 0)
        page = models[begin : begin + _PAGE]
        more = begin + _PAGE < len(models)
        self.send_json(200, {"data": page, "has_more": more, "first_id": page[0]["id"], "last_id": page[-1]["id"]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.world.seen.append((self.host, "POST", self.path, dict(self.headers), asked))
        anthropic, name = self.host == "api.anthropic.com", asked["model"]
        if self._key != KEYS[self.host]:
            self._failed(401, "authentication_error", "invalid x-api-key" if anthropic else "User not found.")
        elif self.world.broke:
            self._failed(402, "billing_error" if anthropic else "insufficient_funds", "Insufficient credits")
        elif name not in {item["id"] for item in LISTS[self.host]}:
            self._failed(404, "not_found_error", f"model: {name}" if anthropic else f"No endpoints found for {name}.")
        else:
            waits = b": OPENROUTER PROCESSING\n\n" if self.host == "openrouter.ai" else b""
            self.send_body(200, waits + _answer(self.path, asked), "text/event-stream")

    @property
    def _key(self) -> str | None:
        if self.host == "api.anthropic.com":
            return self.headers["x-api-key"]
        return (self.headers["authorization"] or "").removeprefix("Bearer ")

    def _failed(self, status, kind, message):
        credit = {"metadata": {"limit_source": "openrouter_credits"}} if status == 402 else {}
        shapes = {
            "api.anthropic.com": {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"},
            "openrouter.ai": {"error": {"code": status, "message": message, **credit}, "user_id": "user_1"},
            "ai-gateway.vercel.sh": {"error": {"message": message, "type": kind}},
        }
        usual = {"error": {"message": message, "type": kind, "code": status}}
        self.send_json(status, shapes.get(self.host, usual))


def _answer(path: str, asked: dict) -> bytes:
    """The whole stream of an answer by the wire of a path."""
    speech = Messages() if path.endswith("/messages") else Chat()
    parts = asked["messages"][-1]["content"]
    images = sum(part["type"].startswith("image") for part in parts) if isinstance(parts, list) else 0
    words = (f"{images} images ", "for ", asked["model"])
    return speech.whole(*words).replace(b'"model": "m"', f'"model": {json.dumps(asked["model"])}'.encode())


class _Proxy(_Host):
    def do_CONNECT(self):
        host = self.path.partition(":")[0]
        if host not in KEYS or host in self.server.world.away:
            self.send_body(502, b"", "text/plain")
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        context = self.server.world.authority.context(host)
        with context.wrap_socket(self.connection, server_side=True) as secured:
            type("Host", (_Host,), {"host": host, "world": self.server.world})(
                secured, self.client_address, self.server
            )
        self.close_connection = True


class World:
    """
    The hosts behind one proxy.

    `seen` are their requests; `broke` takes every account's credit away, and who is `away` can't be reached anew.
    """

    def __init__(self, authority) -> None:
        self.authority = authority
        self.seen: list[tuple] = []
        self.broke = False
        self.away: set[str] = set()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
        self._server.world, self._server.daemon_threads = self, True
        self.proxy = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def env(self, env: dict[str, str]) -> dict[str, str]:
        """An environment from which the providers are these."""
        own = {n: v for n, v in env.items() if not n.lower().endswith("_proxy") and n != "SSL_CERT_DIR"}
        return own | {"HTTPS_PROXY": self.proxy, "SSL_CERT_FILE": str(self.authority.path)}

    def asked(self) -> tuple:
        """The latest question, as (host, path, headers with lower-case names, body)."""
        host, path, headers, body = next(
            (host, path, headers, body) for host, verb, path, headers, body in reversed(self.seen) if verb == "POST"
        )
        return host, path, {name.lower(): value for name, value in headers.items()}, body

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


_DETAILS = {"format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "3.2B"}
PULLED = {
    "llama3.2:latest": {"capabilities": ["completion", "tools"], "model_info": {"llama.context_length": 131072}},
    "gemma3:4b": {"capabilities": ["completion", "vision"], "model_info": {"gemma3.context_length": 32768}},
    "nomic-embed-text:latest": {"capabilities": ["embedding"], "model_info": {}},
    "gpt-oss:120b-cloud": {"capabilities": ["completion"], "model_info": {}},
}


class _Ollama(Answering):
    """Ollama of a given version, as its documents and its source have it."""

    def do_GET(self):
        self.server.seen.append(("GET", self.path))
        pulled = self.server.pulled
        match self.path.partition("?")[0]:
            case "/":
                self.send_body(200, b"Ollama is running", "text/plain")
            case "/api/version":
                self.send_json(200, {"version": self.server.version})
            case "/api/tags":
                self.send_json(200, {"models": [self._tag(name) for name in pulled]})
            case "/v1/models":
                listed = [{"id": n, "object": "model", "created": 1, "owned_by": "library"} for n in pulled]
                self.send_json(200, {"object": "list", "data": listed or None})
            case _:
                self.send_body(404, b"404 page not found", "text/plain")

    def _tag(self, name: str) -> dict:
        recent = {"capabilities": self.server.pulled[name]["capabilities"]} if self.server.has(0, 30) else {}
        remote = {"remote_host": "https://ollama.com", "remote_model": name} if name.endswith("-cloud") else {}
        return {"name": name, "model": name, "size": 1, "details": _DETAILS, **recent, **remote}

    def do_POST(self):
        self.server.seen.append(("POST", self.path))
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name, path = asked.get("model", ""), self.path
        if path not in ("/api/show", "/v1/chat/completions") and not (
            path == "/v1/messages" and self.server.has(0, 14)
        ):
            self.send_body(404, b"404 page not found", "text/plain")
        elif name not in self.server.pulled and f"{name}:latest" not in self.server.pulled:
            self._failed(404, "not_found_error", f"model '{name}' not found")
        elif path == "/api/show":
            self.send_json(200, {"details": _DETAILS, **self.server.pulled[name]})
        elif '"type": "url"' in json.dumps(asked):
            told = "invalid image source type: url. Only base64 images are supported."
            self._failed(400, "invalid_request_error", told)
        else:
            self.send_body(200, _answer(path, asked), "text/event-stream")

    def _failed(self, status: int, kind: str, message: str) -> None:
        shapes = {
            "/api/show": {"error": message},
            "/v1/messages": {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"},
            "/v1/chat/completions": {"error": {"message": message, "type": kind, "param": None, "code": None}},
        }
        self.send_json(status, shapes[self.path])


class Ollama(http.server.ThreadingHTTPServer):
    """
    A stand-in of a version, on loopback; raises `OSError` where the port is taken.

    `pulled` are its models, by name, `seen` the method and path of each request.
    """

    daemon_threads = True

    def __init__(self, version: str, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Ollama)
        self.version, self.pulled, self.seen = version, dict(PULLED), []
        self._open: set[socket.socket] = set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def has(self, *since: int) -> bool:
        """Whether it is of this version or a newer one."""
        return tuple(map(int, self.version.split(".")[:2])) >= since

    def process_request(self, request, client_address) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def close(self) -> None:
        """End it, and the connections that clients keep warm."""
        self.shutdown()
        self.server_close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def at_ollamas_port(version: str) -> Ollama:
    """
    Return a stand-in where Ollama listens; raises `OSError` where another program does.

    A stand-in of another test process ends soon, so that is waited for.
    """
    until = time.monotonic() + 200
    while True:
        try:
            return Ollama(version, 11434)
        except OSError:
            if time.monotonic() > until or not _is_a_stand_in(11434):
                raise
            time.sleep(0.2)


def _is_a_stand_in(port: int) -> bool:
    """Whether what listens there is one of these, by the name that Python's own server gives; or is gone already."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/version")
        return (connection.getresponse().getheader("server") or "").startswith("BaseHTTP")
    except OSError:
        return True
    finally:
        connection.close()
