"""A page that shows widgets, as a kernel knows it: it greets, presses buttons, and keeps what it is sent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.kernels import LIMIT, Ran

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernels import Kernel

VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass
class Sheet:
    """A sheet of the page: what was sent to it, and what its text comes to."""

    state: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False

    def text(self, lane: int = 0, part: str = "t") -> str:
        """Put the pieces of one lane together; each must begin where the one before has ended."""
        whole = ""
        for message in self.messages:
            piece = message["lanes"].get(str(lane), {}).get(part)
            if piece:
                before, new = piece
                assert before == len(whole)
                whole += new
        return whole

    def status(self, lane: int = 0) -> dict[str, Any]:
        """What was told last of how a lane stands."""
        told = [message["lanes"].get(str(lane), {}).get("s") for message in self.messages]
        return [one for one in told if one][-1]


class Page:
    """The page in front of a kernel; what it says goes over a subshell, as JupyterLab's does, so that it is heard."""

    def __init__(self, kernel: Kernel, *, greets: bool = True) -> None:
        self._client = kernel.client
        self.greets = greets
        self.ears: list[str] = []
        self.sheets: dict[str, Sheet] = {}
        self.answers: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.weight = 0
        """Bytes of those messages, envelopes included."""
        request = self._client.session.msg("create_subshell_request", {})
        self._client.control_channel.send(request)
        self._subshell = self._client.get_control_msg(timeout=LIMIT)["content"]["subshell_id"]

    @property
    def last(self) -> Sheet:
        return list(self.sheets.values())[-1]

    def run(self, code: str, react: Callable[[Page], None] = lambda _: None) -> Ran:
        """Run a cell to its end; `react` is called with each message that comes meanwhile."""
        content = {"code": code, "allow_stdin": True, "store_history": True, "stop_on_error": True}
        content |= {"silent": False, "user_expressions": {}}
        message = self._client.session.msg("execute_request", content, metadata={"deletedCells": []})
        self._client.shell_channel.send(message)
        request, ran, deadline = message["header"]["msg_id"], Ran(), time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            got = self._hear()
            if got is None:
                continue
            if got["parent_header"].get("msg_id") == request:
                ran.messages.append(got)
                if got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
                    return self._ended(request, ran)
            react(self)
        raise TimeoutError(f"the cell did not end: {ran.text}")

    def closes(self) -> bool:
        """Whether the last sheet is taken off after its answer."""
        deadline = time.monotonic() + LIMIT
        while not self.last.closed and time.monotonic() < deadline:
            self._hear()
        return self.last.closed

    def say(self, content: dict[str, Any]) -> None:
        """Say something to the kernel's ear."""
        message = self._client.session.msg(
            "comm_msg", {"comm_id": self.ears[-1], "data": {"method": "custom", "content": content}}
        )
        message["header"]["subshell_id"] = self._subshell
        self._client.shell_channel.send(message)

    def _hear(self) -> dict[str, Any] | None:
        """Take the next message and do what a page does with it; None where none comes soon."""
        session, socket = self._client.session, self._client.iopub_channel.socket
        if not socket.poll(200):
            return None
        frames = socket.recv_multipart()
        message = session.deserialize(session.feed_identities(frames)[1])
        kind, content = message["msg_type"], message["content"]
        if kind not in ("status", "execute_input"):
            self.messages.append(message)
            self.weight += sum(map(len, frames))
        if kind == "comm_open":
            state = content["data"]["state"]
            if state["_anywidget_id"].endswith(".Ear"):
                self.ears.append(content["comm_id"])
                if self.greets:
                    self.say({"hello": 0})
            else:
                self.sheets[content["comm_id"]] = Sheet(state)
        elif kind == "comm_msg" and content["data"]["method"] == "custom":
            said = content["data"]["content"]
            if content["comm_id"] in self.sheets:
                self.sheets[content["comm_id"]].messages.append(said)
            else:
                self.answers.append(said)
        elif kind == "comm_close" and content["comm_id"] in self.sheets:
            self.sheets[content["comm_id"]].closed = True
        return message

    def _ended(self, request: str, ran: Ran) -> Ran:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            reply = self._client.get_shell_msg(timeout=LIMIT)
            if reply["parent_header"].get("msg_id") == request:
                ran.reply, ran.status = reply["content"], reply["content"]["status"]
                return ran
        raise TimeoutError("no reply on the shell channel")
