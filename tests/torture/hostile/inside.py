"""What the kernel does in a notebook of S2: it asks for each reply, or paints it as it would while it comes."""

from __future__ import annotations

import time
from pathlib import Path

from tests.torture.hostile import bodies, replies, servers

FRAME = 0.12  # seconds: a little more than the shortest pause between two paints


def _load(name: str, start: int, count: int) -> list[replies.Said]:
    return replies.read(Path(name).read_text())[start : start + count]


def connect() -> None:
    """Make a connection of the other wire to the same endpoint, for this kernel alone."""
    import os

    from IPython import get_ipython

    get_ipython().run_line_magic(
        "xiantong",
        "connect custom --name chat --api openai-completions --model m --no-key --unsaved --no-test --base-url "
        f"{os.environ['ANTHROPIC_BASE_URL']}/v1",
    )


def live(name: str, start: int, count: int, *, frames: int, raw: bool) -> None:
    """
    Paint some replies side by side as they come, frame by frame, and take all of it away again.

    The events are decoded from the bytes of a stream, the painter is the one of `%%ask`. Raw, the text so far is
    displayed without one.
    """
    painted = [_Painted(said, raw=raw) for said in _load(name, start, count)]
    for frame in range(1, frames + 1):
        begun = time.monotonic()
        for each in painted:
            each.paint(frame / frames)
        time.sleep(max(FRAME - (time.monotonic() - begun), 0.02))
    for each in painted:
        each.end()


class _Painted:
    def __init__(self, said: replies.Said, *, raw: bool) -> None:
        from IPython.display import display

        from tests.decoding import PLACE
        from xiantong_nb.notebook.display import DisplayPainter
        from xiantong_nb.sse import Parser
        from xiantong_nb.wires import WIRES

        self._said = said
        self._painter = None if raw else DisplayPainter(asked="hostile")
        if raw:
            self._handle = display({"text/plain": "…"}, raw=True, display_id=True)
        wire = list(WIRES)[len(said.tag) % len(WIRES)]
        self._chunks, self._taken = bodies.WIRES[wire](said), 0
        self._parser, self._decoder = Parser(), WIRES[wire].decoder(PLACE)

    def paint(self, share: float) -> None:
        if self._painter is None:
            text = self._said.text[: round(share * len(self._said.text))]
            self._handle.update({"text/markdown": text, "text/plain": text}, raw=True)
            return
        upto = round(share * len(self._chunks))
        events = []
        for chunk in self._chunks[self._taken : upto]:
            events += [event for sent in self._parser.feed(chunk) for event in self._decoder.feed(sent)]
        self._taken = upto
        self._painter.take(events)

    def end(self) -> None:
        if self._painter is None:
            self._handle.update({"text/plain": "gone"}, raw=True)
        else:
            self._painter.withdraw()


def asked(name: str, start: int, count: int, *, forms: str = "md", pause: float = 0.0) -> None:
    """Ask for some replies, one `%%ask` after the other, as cells that hold nothing else would; forms in turn."""
    from IPython import get_ipython

    shell = get_ipython()
    for n, said in enumerate(_load(name, start, count)):
        target, form = ("anthropic:m", "chat:m")[len(said.tag) % 2], forms.split()[n % len(forms.split())]
        shell.run_cell(f"%%ask {target} --alone --as {form}\n{servers.question(said, pause=pause)}")


def shown(name: str, start: int, count: int, *, kind: str) -> None:
    """Display some replies raw, as output of the given type; `stream` prints them."""
    from IPython.display import display

    for said in _load(name, start, count):
        text = said.text.encode("utf-8", "replace").decode()
        if kind == "stream":
            print(text)
        else:
            display({kind: text}, raw=True)
