"""What the kernel does in a notebook of S2: it asks for each reply, or paints it as it would while it comes."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import anywidget
import traitlets
from IPython import get_ipython
from IPython.display import display

from tests.decoding import PLACE
from tests.torture.hostile import bodies, replies, servers
from xiantong_nb import ask, compare, dry_run, last
from xiantong_nb.notebook.display import DisplayPainter
from xiantong_nb.notebook.live import RATE, Output
from xiantong_nb.sse import Parser
from xiantong_nb.wires import WIRES

FRAME = 0.12
"""Seconds: a little more than the shortest pause between two paints."""
SEEN = 1.5
"""Seconds until what was painted last is taken away: a page beside other work may not have drawn any of it before."""
ALL = 10**9


def _load(name: str, start: int, count: int) -> list[replies.Said]:
    return replies.read(Path(name).read_text())[start : start + count]


def _text(said: replies.Said) -> str:
    """Return the text as a message to a front end can hold it."""
    return said.text.encode("utf-8", "replace").decode()


def connect() -> None:
    """Make a connection of the other wire to the same endpoint, for this kernel alone."""
    get_ipython().run_line_magic(
        "xiantong",
        "connect custom --name chat --api openai-completions --model m --no-key --unsaved --no-test --base-url "
        f"{os.environ['ANTHROPIC_BASE_URL']}/v1",
    )


def live(name: str, start: int, count: int, *, frames: int) -> None:
    """
    Paint replies side by side as they come, frame by frame, and take all of it away again.

    The events are decoded from the bytes of a stream, the painter is that of `%%ask`.
    """
    coming = [_Coming(said) for said in _load(name, start, count)]
    for frame in range(1, frames + 1):
        begun = time.monotonic()
        for each in coming:
            each.paint(frame / frames)
        time.sleep(max(FRAME - (time.monotonic() - begun), 0.02))
    for _ in range(2):  # as whoever watches an answer does: what was held back for the next frame is painted then
        time.sleep(SEEN / 2)
        for each in coming:
            each.painter.take([])
    for each in coming:
        each.painter.withdraw()


class _Coming:
    def __init__(self, said: replies.Said) -> None:
        self.painter = DisplayPainter(Output(RATE), asked="hostile")
        wire = list(WIRES)[len(said.tag) % len(WIRES)]
        self._chunks, self._taken = bodies.WIRES[wire](said), 0
        self._parser, self._decoder = Parser(), WIRES[wire].decoder(PLACE)

    def paint(self, share: float) -> None:
        upto = round(share * len(self._chunks))
        events = []
        for chunk in self._chunks[self._taken : upto]:
            events += [event for sent in self._parser.feed(chunk) for event in self._decoder.feed(sent)]
        self._taken = upto
        self.painter.take(events)


def raw_live(name: str, start: int, count: int, *, frames: int) -> None:
    """Display growing parts of replies as they are, and take them away again."""
    coming = [
        (_text(said), display({"text/plain": "…"}, raw=True, display_id=True)) for said in _load(name, start, count)
    ]
    for frame in range(1, frames + 1):
        for text, handle in coming:
            handle.update({"text/markdown": text[: len(text) * frame // frames]}, raw=True)
        time.sleep(FRAME)
    for _, handle in coming:
        handle.update({"text/plain": "gone"}, raw=True)


def asked(
    name: str, start: int = 0, count: int = ALL, *, forms: str = "md", pause: float = 0.0, named: bool = False
) -> None:
    """Ask for replies, one `%%ask` after the other, as cells that hold nothing else would; forms in turn."""
    for n, said in enumerate(_load(name, start, count)):
        if named:
            print(f"\n{said.tag}")
        target = ("anthropic:m", "chat:m")[len(said.tag) % 2]
        form = "json" if said.part == "json" else forms.split()[n % len(forms.split())]
        get_ipython().run_cell(f"%%ask {target} --alone --as {form}\n{servers.question(said, pause=pause)}")


def compared(name: str, start: int, count: int, *, in_page: bool, pause: float = 0.15) -> None:
    """
    Ask for replies, eight at a time side by side, and look at how two of them differ.

    They are drawn by a widget `in_page`, or as where nobody is: what executes a notebook allows no input.
    """
    said = _load(name, start, count)
    get_ipython().get_parent()["content"]["allow_stdin"] = in_page
    for at in range(0, len(said), 8):
        lanes = said[at : at + 8]
        targets = " ".join(f"{('anthropic', 'chat')[n % 2]}:m{n}" for n in range(max(len(lanes), 2)))
        asked_for = servers.question(*(lanes if len(lanes) > 1 else 2 * lanes), pause=pause)
        get_ipython().run_cell(f"%%ask {targets} --alone\n{asked_for}")
        comparison = last()  # where none has answered, there is an error and no result
        display(comparison.diff(0, 1), comparison.table())


def beside(name: str, start: int, count: int) -> None:
    """Show replies where they stand beside an answer: in what would be sent, in why they don't fit, in a list."""
    get_ipython().user_ns["wanted"] = {"type": "object", "additionalProperties": False}
    for n, said in enumerate(_load(name, start, count), start):
        match n % 3:
            case 0:
                display(dry_run(_text(said), "chat:m", system=_text(said)))
            case 1:
                asked_for = servers.question(replace(said, part="json"))
                get_ipython().run_cell(f"%%ask chat:m --alone --schema wanted\n{asked_for}")
            case 2:
                display([ask(servers.question(said), "anthropic:m"), dry_run(_text(said), "chat:m")])


def tabled(name: str, start: int, count: int) -> None:
    """Ask for replies in tables, each as long as all of its rows are shown, and write all of them as pages, too."""
    said = _load(name, start, count)
    for at in range(0, len(said), 5):
        questions = [servers.question(each) for each in said[at : at + 5]]
        results = compare(questions, ["anthropic:m", "chat:m"], score=lambda _, reply: reply.text, progress=False)
        display(results)
        results.to_html(f"page-{start + at}.html")


def shown(name: str, start: int, count: int, *, kind: str) -> None:
    """Display replies as they are, as output of the given type."""
    for said in _load(name, start, count):
        display({kind: _text(said)}, raw=True)


class Careless(anywidget.AnyWidget):
    """A widget that takes text for HTML."""

    _esm = "export default { render({ model, el }) { el.innerHTML = model.get('said'); } }"
    said = traitlets.Unicode().tag(sync=True)


def drawn_raw(name: str, start: int, count: int) -> None:
    """Have replies drawn by a widget that takes them for HTML."""
    for said in _load(name, start, count):
        display(Careless(said=_text(said)))
    time.sleep(1)


def printed(name: str) -> None:
    """Print replies as they are."""
    for said in _load(name, 0, ALL):
        print(f"\n{said.tag}\n{_text(said)}")
