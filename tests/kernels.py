"""Real kernels: what a front end sends them, and what it would show of what comes back."""

from __future__ import annotations

import queue
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

from tests import leaks

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 60.0


@dataclass
class Ran:
    """One executed cell: its messages in order, and the outputs that remain, as a notebook saves them."""

    status: str = ""
    reply: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    """What the kernel asked at its prompts: `prompt`, and whether it was for a `password`."""

    @property
    def outputs(self) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = []
        for message in self.messages:
            kind, content = message["msg_type"], message["content"]
            if kind == "stream" and outputs and outputs[-1].get("name") == content["name"]:
                outputs[-1]["text"] += content["text"]
            elif kind in ("stream", "display_data", "execute_result", "error"):
                outputs.append({"type": kind, **content})
            elif kind == "update_display_data":
                for output in outputs:
                    if output.get("transient", {}).get("display_id") == content["transient"]["display_id"]:
                        output |= {"data": content["data"], "metadata": content["metadata"]}
        return outputs

    @property
    def text(self) -> str:
        """Everything readable, plain."""
        return "\n".join(
            o.get("text") or o.get("data", {}).get("text/plain") or "\n".join(o.get("traceback", []))
            for o in self.outputs
        )

    def paints(self) -> list[dict[str, Any]]:
        """The data of each paint of an answer, in order."""
        return [m["content"]["data"] for m in self.messages if m["msg_type"] in ("display_data", "update_display_data")]

    @property
    def only_output(self) -> dict[str, Any]:
        (output,) = self.outputs
        return output

    @property
    def error(self) -> dict[str, Any]:
        (error,) = [o for o in self.outputs if o["type"] == "error"]
        return error


@dataclass
class Tab:
    """What Tab brings: the text it stands for, what is offered for it, each one's kind, what else was shown."""

    replaced: str
    offered: list[str]
    kinds: dict[str, str]
    shown: str


class Kernel:
    """
    A kernel and its client; messages are gathered cell by cell.

    `under` is a command that runs the kernel's; the two talk by files then, which need no network. `python` is another
    environment's, which has ipykernel; it starts in the home folder, away from this project.
    """

    def __init__(self, env: dict[str, str], under: Sequence[str] = (), python: str = sys.executable) -> None:
        self.traffic: list[dict[str, Any]] = []
        """Every message that was published, whoever asked for it."""
        self._history = env.get("IPYTHONDIR", "")
        self._manager = KernelManager(kernel_name="python3")
        self._sockets = ""
        spec = self._manager.kernel_spec
        spec.argv = [*under, python, *spec.argv[1:]]
        if under:
            self._sockets = tempfile.mkdtemp()  # a short name: that of a socket has to be
            self._manager.transport, self._manager.ip = "ipc", str(Path(self._sockets) / "k")
        cwd = None if python == sys.executable else env["HOME"]
        self._manager.start_kernel(env=env, cwd=cwd, extra_arguments=["--log-level=ERROR"])
        self.client = self._manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=LIMIT)

    def another_client(self) -> Any:
        """A client of its own for a second listener: each takes its messages away."""
        client = self._manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=LIMIT)
        return client

    def send(self, code: str, *, cell: str = "", silent: bool = False, stdin: bool = False) -> str:
        """Send a cell and return the id of the request; `cell` is what JupyterLab sends as its id."""
        if leaks.in_bytes(code.encode("utf-8", "replace"), *leaks.MARKERS):
            leaks.TYPED.add(self._history)
        content = {
            "code": code, "silent": silent, "store_history": not silent,
            "user_expressions": {}, "allow_stdin": stdin, "stop_on_error": True,
        }  # fmt: skip
        metadata = {"deletedCells": [], "recordTiming": False} | ({"cellId": cell} if cell else {})
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def wait(self, request: str, until=lambda _: False, ran: Ran | None = None) -> Ran:
        """Take messages (more of `ran`) until the kernel is idle, or until `until(what ran so far)` is true."""
        ran, deadline = ran or Ran(), time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                if until(ran):
                    return ran
                continue
            self.traffic.append(message)
            if message["parent_header"].get("msg_id") != request:
                continue
            ran.messages.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                ran.reply = self._reply(request)
                ran.status = ran.reply["status"]
                return ran
            if until(ran):
                return ran
        raise TimeoutError(f"the kernel did not become idle: {ran.text}")

    def run(self, code: str, *, cell: str = "", answers: Sequence[str] | None = None) -> Ran:
        """Run a cell to its end; `answers` are typed at its prompts, one after the other."""
        request = self.send(code, cell=cell, stdin=answers is not None)
        if answers is None:
            return self.wait(request)
        ran, left = Ran(), list(answers)
        while not ran.reply:
            self.wait(request, lambda _: self._ask_waits(), ran)
            if not ran.reply:
                ran.asked.append(self.client.get_stdin_msg(timeout=LIMIT)["content"])
                self.client.input(left.pop(0))
        return ran

    def _ask_waits(self) -> bool:
        return bool(self.client.stdin_channel.msg_ready())

    def value(self, expression: str) -> Any:
        """Evaluate in the kernel's namespace; the value must have a literal repr."""
        import ast

        ran = self.wait(self.send(f"print(repr({expression}))"))
        assert ran.status == "ok", ran.text
        return ast.literal_eval(ran.text.strip())

    def tab(self, code: str) -> Tab:
        """Press Tab behind the code, which is where a `|` stands in it, if one does."""
        code, _, behind = code.partition("|")
        request = self.client.complete(code + behind, len(code))
        found = self._reply(request)
        kinds = [each["type"] for each in found["metadata"]["_jupyter_types_experimental"]]
        shown: list[str] = []
        while (message := self.client.get_iopub_msg(timeout=LIMIT))["content"].get("execution_state") != "idle":
            if message["parent_header"].get("msg_id") == request and message["msg_type"] != "status":
                shown.append(str(message["content"]))
        replaced = (code + behind)[found["cursor_start"] : found["cursor_end"]]
        return Tab(replaced, found["matches"], dict(zip(found["matches"], kinds, strict=True)), "".join(shown))

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def stop(self) -> None:
        self.client.stop_channels()
        self._manager.shutdown_kernel()
        if self._sockets:
            shutil.rmtree(self._sockets)

    @property
    def pid(self) -> int:
        return self._manager.provisioner.pid

    def _reply(self, request: str) -> dict[str, Any]:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            message = self.client.get_shell_msg(timeout=LIMIT)
            if message["parent_header"].get("msg_id") == request:
                return message["content"]
        raise TimeoutError("no reply on the shell channel")
