"""What the HTTP stand-ins of the tests share: how they send an answer, and that they log nothing."""

from __future__ import annotations

import http.server
import json


class Answering(http.server.BaseHTTPRequestHandler):
    """A handler that sends whole bodies and keeps its connection open."""

    protocol_version = "HTTP/1.1"

    def send_json(self, status: int, body: object) -> None:
        self.send_body(status, json.dumps(body).encode(), "application/json")

    def send_body(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
