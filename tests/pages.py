"""A page without a browser: what the form's page sends to a kernel, and what it is told, message by message."""

from __future__ import annotations

import contextlib
import itertools
import queue
import time
from typing import TYPE_CHECKING, Any

from tests.kernels import LIMIT, Kernel, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEW = "application/vnd.jupyter.widget-view+json"
BLANK = {
    "slug": "", "preset": "", "base_url": "", "name": "", "model": "", "api": "", "auth_header": None, "images": "",
    "key_variable": "", "no_key": False, "allow_http": None, "ask_key": False,
}  # fmt: skip


def drafted(**said: Any) -> dict[str, Any]:
    """A draft with every field, as the page sends it."""
    return BLANK | said


class Page:
    """A page that shows the widget of one cell. `heard` is everything it was told, in order."""

    def __init__(self, kernel: Kernel, ran: Ran) -> None:
        views = [o["data"][VIEW]["model_id"] for o in ran.outputs if VIEW in o.get("data", {})]
        assert len(views) == 1, ran.text
        self.model = views[0]
        self.heard: list[dict[str, Any]] = []
        self.seen: list[dict[str, Any]] = []
        """Every message of the kernel's, as it came."""
        self.subshell: str | None = None
        self._client = kernel.another_client()
        self._ids = itertools.count(1)

    def send(self, kind: str, **content: Any) -> int:
        """Send a request, and return its id."""
        number = next(self._ids)
        self.post({"v": 1, "id": number, "type": kind, **content})
        return number

    def post(self, message: Any) -> None:
        """Send anything at all, as a custom message."""
        data = {"method": "custom", "content": message}
        sent = self._client.session.msg("comm_msg", {"comm_id": self.model, "data": data})
        if self.subshell:
            sent["header"]["subshell_id"] = self.subshell
        self._client.shell_channel.send(sent)

    def ask(self, type: str, **content: Any) -> dict[str, Any]:  # noqa: A002  # the protocol's word
        """Send a request and wait for its answer."""
        return self.answer(self.send(type, **content))

    def answer(self, number: int) -> dict[str, Any]:
        """Wait for the answer to a request."""
        return self.until(lambda told: told.get("re") == number and told["type"] != "progress")

    def until(self, wanted: Any) -> dict[str, Any]:
        """Wait until the page is told something."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            for told in self.heard:
                if wanted(told):
                    return told
            self.listen(0.2)
        raise TimeoutError(f"never told; heard {[told['type'] for told in self.heard]}")

    def answers(self, number: int) -> list[str]:
        """The types of everything that was told about a request."""
        return [told["type"] for told in self.heard if told.get("re") == number]

    def listen(self, seconds: float) -> None:
        """Take what comes; it is over when so many seconds bring nothing."""
        with contextlib.suppress(queue.Empty):
            while True:
                message = self._client.get_iopub_msg(timeout=seconds)
                self.seen.append(message)
                content = message["content"]
                if message["msg_type"] != "comm_msg" or content["comm_id"] != self.model:
                    continue
                if content["data"].get("method") == "custom":
                    self.heard.append(content["data"]["content"])

    def in_subshell(self) -> None:
        """Send over a subshell from now on, as JupyterLab does."""
        request = self._client.session.msg("create_subshell_request")
        self._client.control_channel.send(request)
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            reply = self._client.get_control_msg(timeout=LIMIT)
            if reply["parent_header"].get("msg_id") == request["header"]["msg_id"]:
                self.subshell = reply["content"]["subshell_id"]
                return

    def close(self) -> None:
        """Leave."""
        self._client.stop_channels()


@contextlib.contextmanager
def page_of(kernel: Kernel, line: str = "%xiantong picker") -> Iterator[Page]:
    """The page of a widget that a line shows, run by a front end in front of which somebody sits."""
    ran = kernel.run(line, answers=[])
    assert ran.status == "ok", ran.text
    page = Page(kernel, ran)
    try:
        yield page
    finally:
        page.close()
