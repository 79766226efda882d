"""
Stand-ins for providers that can't be had here, at their own names: none of them is the real one.

A proxy answers for the hosts, over TLS with a test authority's certificates, so that a connection goes the whole way it
goes outside: preset, base URL, proxy, TLS, header. Answers have the documented shapes.
"""

from __future__ import annotations

import http.server
import json
import threading

from tests.answering import Answering
from tests.speech import Chat, Messages

KEYS = {
    "api.anthropic.com": "sk-ant-CANARY-0123456789-wxyz",
    "openrouter.ai": "sk-or-CANARY-0123456789-wxyz",
    "ai-gateway.vercel.sh": "vck_CANARY-0123456789-wxyz",
}
CLAUDE = {"opus": "claude-opus-5{}5", "sonnet": "claude-sonnet-5{}5", "haiku": "claude-haiku-5{}5"}
LISTS = {
    "api.anthropic.com": [
        {"type": "model", "id": name.format("-"), "display_name": line, "max_input_tokens": 1_000_000,
         "capabilities": {"image_input": {"supported": True}}}
        for line, name in CLAUDE.items()
    ],
    "openrouter.ai": [
        *({"id": f"anthropic/{name.format('.')}", "context_length": 1_000_000,
           "architecture": {"input_modalities": ["text", "image"]},
           "pricing": {"prompt": "0.000002", "completion": "0.00001"}} for name in CLAUDE.values()),
        {"id": "openai/gpt-4o", "context_length": 128_000, "architecture": {"input_modalities": ["text", "image"]},
         "pricing": {"prompt": "0.0000025", "completion": "0.00001"}},
        {"id": "meta-llama/llama-3.3-70b", "context_length": 131_072, "architecture": {"input_modalities": ["text"]},
         "pricing": {"prompt": "0.0000001", "completion": "0.0000003"}},
    ],
    "ai-gateway.vercel.sh": [
        *({"id": f"anthropic/{name.format('.')}", "type": "language", "context_window": 1_000_000,
           "tags": ["vision", "tool-use"], "pricing": {"input": "0.000002", "output": "0.00001"}}
          for name in CLAUDE.values()),
        {"id": "meta/llama-3.3", "type": "language", "context_window": 131_072, "tags": ["tool-use"],
         "pricing": {"input": "0.0000001", "output": "0.0000003"}},
        {"id": "openai/embed", "type": "embedding"},
    ],
}  # fmt: skip


class _Host(Answering):
    """One provider's answers; `host` and `world` are set by whoever makes the class."""

    host = ""
    world: World

    def do_GET(self):
        self.world.seen.append((self.host, "GET", self.path, dict(self.headers), None))
        if self.path.partition("?")[0].endswith("/v1/models"):
            self.send_json(200, {"data": LISTS[self.host], "has_more": False})
        else:
            self.send_json(404, {"error": {"message": "Not Found"}})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.world.seen.append((self.host, "POST", self.path, dict(self.headers), asked))
        anthropic = self.host == "api.anthropic.com"
        key = self.headers["x-api-key"] if anthropic else (self.headers["authorization"] or "").removeprefix("Bearer ")
        if key != KEYS[self.host]:
            self._failed(401, "authentication_error", "invalid key")
        elif self.world.broke:
            self._failed(402, "billing_error" if anthropic else "insufficient_funds", "no credits")
        elif asked["model"] not in {item["id"] for item in LISTS[self.host]}:
            self._failed(404, "not_found_error", f"model: {asked['model']}")
        else:
            speech = Messages() if self.path.endswith("/v1/messages") else Chat()
            parts = asked["messages"][-1]["content"]
            images = sum(part["type"].startswith("image") for part in parts) if isinstance(parts, list) else 0
            waits = b": OPENROUTER PROCESSING\n\n" if self.host == "openrouter.ai" else b""
            self.send_body(200, waits + speech.whole(f"{images} images for ", asked["model"]), "text/event-stream")

    def _failed(self, status, kind, message):
        shapes = {
            "api.anthropic.com": {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"},
            "openrouter.ai": {"error": {"code": status, "message": message}},
            "ai-gateway.vercel.sh": {"error": {"message": message, "type": kind}},
        }
        self.send_json(status, shapes[self.host])


class _Proxy(_Host):
    def do_CONNECT(self):
        host = self.path.partition(":")[0]
        if host not in KEYS:
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
    """The hosts behind one proxy. `seen` are their requests, `broke` takes every account's credit away."""

    def __init__(self, authority) -> None:
        self.authority = authority
        self.seen: list[tuple] = []
        self.broke = False
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
        self._server.world, self._server.daemon_threads = self, True
        self.proxy = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
