"""The places, a row each: what shows hostile replies there, filtered by this package or raw, and what is then seen."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nbformat
import pexpect

from tests.conftest import kernel_env
from tests.torture.hostile.replies import ENDINGS, PARTS, Said, written
from tests.torture.hostile.stage import AT_ONCE, Seen, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.apps import Book

LOADS = """\
%load_ext xiantong_nb
from tests.torture.hostile import inside
inside.connect()"""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?![\r\n])")
_COUNT_DOWN = re.compile(r"\r(?=Trying again)")


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where replies are shown: `see` shows them there, raw or filtered, in one application, and returns what acted.

    `parts` are those of an answer that come to be seen there. `of` is the place whose notebook is looked at here, too.
    """

    name: str
    see: Callable[[Stage, Place, list[Said], bool], Seen]
    parts: tuple[str, ...] = ("text", *PARTS)
    app: str = ""
    of: str = ""

    @property
    def word(self) -> str:
        """The name, as a part of tags and files."""
        return re.sub(r"[^a-z0-9]", "", f"{self.name} {self.app}".lower())


def _filled(stage: Stage, place: Place, said: list[Said], raw: bool, call: str) -> Book:
    """Open a notebook whose cells show all replies by a call of `inside`, some at a time; run them all."""
    armed = [each.armed(place.word, stage.canary.url) for each in said]
    stage.put(place.app, f"{place.word}.json", armed)
    name, more = call.split("(", 1)
    calls = [f"inside.{name}('{place.word}.json', {at}, {AT_ONCE}, {more}" for at in range(0, len(armed), AT_ONCE)]
    book = stage.open(place.app, [LOADS, *calls], name=f"{place.word}-{'raw' if raw else 'ours'}.ipynb")
    for number in range(len(calls) + 1):
        book.run(number)
    return book


def _live(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    book = _filled(stage, place, said, raw, f"live(frames={stage.frames}, raw={raw})")
    return stage.closed(book.page, place.word)


def _final(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    book = _filled(stage, place, said, raw, "shown(kind='text/markdown')" if raw else "asked()")
    stage.kept[place.name + place.app + str(raw)] = book.save()
    return stage.closed(book.page, place.word)


def _otherwise(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """As text, raw and JSON, and in failures before, in and after the answer."""
    book = _filled(stage, place, said, raw, "shown(kind='text/plain')" if raw else "asked(forms='text raw json md')")
    return stage.closed(book.page, place.word)


def _saved(stage: Stage, place: Place, raw: bool) -> str:
    """Write the notebook of another place anew, so that no signature fits it, and with tags of this place."""
    of = next(each for each in PLACES if each.name == place.of and each.app in (place.app, "lab"))
    text = stage.kept[of.name + of.app + str(raw)].replace(f"ran_{of.word}_", f"ran_{place.word}_")
    name = f"{place.word}-{'raw' if raw else 'ours'}.ipynb"
    (stage.app(place.app or "lab").root / "work" / name).write_text(text)
    return name


def _reopened(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """In the same application, which has not run it and does not trust it."""
    book = stage.open(place.app, [], name=_saved(stage, place, raw))
    trusted = "window.jupyterapp.shell.currentWidget.content.widgets.some(cell => cell.model.trusted)"
    if book.page.evaluate(trusted):
        raise RuntimeError("the notebook is trusted, and nothing was tried")
    return stage.closed(book.page, place.word)


def _converted(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """As a page that nbconvert makes; what its template asks for itself is no reply's doing."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name=place.app)
    made = nbformat.reads(stage.kept[f"final Markdownlab{raw}"].replace("ran_finalmarkdownlab_", f"ran_{place.word}_"), 4)
    path = stage.root / f"{place.word}.html"
    known = set()
    if place.app not in stage.known:
        path.write_text(exporter.from_notebook_node(nbformat.v4.new_notebook())[0])
        page = stage.page(path.as_uri())
        stage.known[place.app] = stage.strangers()
        page.close()
    path.write_text(exporter.from_notebook_node(made)[0])
    return stage.closed(stage.page(path.as_uri()), place.word, known=stage.known[place.app])


def _exported(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """As File > Save and Export Notebook As > HTML makes it, shown from JupyterLab's own address."""
    app = stage.app("lab")
    host = f"127.0.0.1:{app.port}"
    path = f"http://{host}/nbconvert/html/{_saved(stage, place, raw)}?download=false&token={app.token}"
    return stage.closed(stage.page(path, host), place.word, known=stage.known["lab"])


def _terminal(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """As bytes that IPython writes to a terminal."""
    home = stage.root / place.word
    home.mkdir(exist_ok=True)
    armed = [each.armed(place.word, stage.canary.url) for each in said]
    (home / "said.json").write_text(written(armed))
    call = "shown('said.json', 0, 9999, kind='stream')" if raw else "asked('said.json', 0, 9999)"
    child = pexpect.spawn(
        sys.executable, ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor", "--no-confirm-exit"],
        env={**kernel_env(home), **stage.env, "TERM": "xterm"}, cwd=str(home), encoding="utf-8",
        codec_errors="replace", timeout=300, dimensions=(40, 200),
    )  # fmt: skip
    try:
        for line in (*LOADS.splitlines(), f"inside.{call}; print('the', 'end')"):
            child.expect(r"In \[\d+\]: ")
            child.sendline(line)
        child.expect(r"the end\r")
        written_there = child.before
    finally:
        child.close(force=True)
    seen = Seen()
    for line in _COUNT_DOWN.sub("", written_there).split("\n"):
        if _CONTROL.search(line):
            seen.controls.add(ascii(line[:200]))
    for tag in re.findall(r"\x1b\]8;;[^\x1b\x07]*", written_there):
        seen.links.add(ascii(tag))
    return seen


PLACES = (
    *(Place("live Markdown", _live, ("text", "thinking"), app=app) for app in ("lab", "notebook")),
    *(Place("final Markdown", _final, app=app) for app in ("lab", "notebook")),
    *(Place("reopened untrusted", _reopened, app=app, of="final Markdown") for app in ("lab", "notebook")),
    Place("text, JSON and failures", _otherwise, ("text", *ENDINGS), app="lab"),
    *(Place("nbconvert", _converted, app=template, of="final Markdown") for template in ("lab", "classic", "basic")),
    Place("export", _exported, app="lab", of="final Markdown"),
    Place("terminal", _terminal, ("text", *PARTS, *ENDINGS)),
)
