"""Two servers on loopback: an endpoint that answers with what the question tells it to say, and a canary."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
from dataclasses import asdict

from tests.answering import Answering
from tests.torture.hostile.bodies import WIRES
from tests.torture.hostile.replies import Said


def question(*said: Said, pause: float = 0.0) -> str:
    """Return the question that model `m` answers so, or `m0`, `m1` …; `pause` seconds lie before each quarter."""
    return base64.b64encode(json.dumps({"said": [asdict(each) for each in said], "pause": pause}).encode()).decode()


class _Parrot(Answering):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        content = asked["messages"][-1]["content"]
        told = json.loads(base64.b64decode(content if isinstance(content, str) else content[0]["text"]))
        said = Said(**told["said"][int(asked["model"][1:] or 0)])
        error = {"error": {"type": said.text, "message": said.text, "code": said.text}}
        if said.part == "failure":
            self.send_json(400, error)
            return
        if said.part == "wait" and self.server.tries.setdefault(said.tag, 0) == 0:
            self.server.tries[said.tag] += 1
            self._begin(429, "application/json", retry_after="0.05")
            self._chunk(json.dumps(error).encode())
            self._chunk(b"")
            return
        events = WIRES["anthropic-messages" if "messages" in self.path else "openai-completions"](said)
        if said.part == "break":
            events = [*events[:-2], b"event: error\ndata: " + json.dumps({"type": "error", **error}).encode() + b"\n\n"]
        self._begin(200, "text/event-stream")
        quarter = max(len(events) // 4, 1)
        for at in range(0, len(events), quarter):
            time.sleep(told["pause"])
            self._chunk(b"".join(events[at : at + quarter]))
        self._chunk(b"")

    def _begin(self, status: int, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class _Bird(Answering):
    def do_GET(self):
        self.server.heard.append(self.path)
        # a script is answered with one, so that it would be seen to run, too
        script = self.headers["sec-fetch-dest"] == "script"
        tag = self.path.strip("/").partition("/")[0]
        self.send_body(
            200, f"top.ran(/{tag}/)".encode() if script else b"", "text/javascript" if script else "text/plain"
        )

    do_POST = do_HEAD = do_OPTIONS = do_GET


class _Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of those who leave early."""


class _Server:
    """A server in a thread of its own."""

    def __init__(self, handler: type[Answering]) -> None:
        self.server = _Quiet(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Parrot(_Server):
    """An endpoint of both wires that says what it is asked to say."""

    def __init__(self) -> None:
        super().__init__(_Parrot)
        self.server.tries = {}


class Canary(_Server):
    """A server that nobody may ask for anything; `heard` is what was asked for."""

    def __init__(self) -> None:
        super().__init__(_Bird)
        self.heard: list[str] = []
        self.server.heard = self.heard
