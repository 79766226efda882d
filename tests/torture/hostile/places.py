"""The places, a row each: what shows hostile replies there, filtered by this package or raw, and what is then seen."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
import pexpect

from tests.browser.panel_page import STATIC, PanelPage
from tests.browser.panel_states import begin_test
from tests.browser.panel_words import LISTED, connection, failed, kernel, model, stages
from tests.conftest import kernel_env
from tests.decoding import PLACE
from tests.torture.hostile.replies import ENDINGS, PARTS, Said, written
from tests.torture.hostile.stage import CELLS, LOADS, Seen, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

AT_ONCE = 25
"""Replies of one cell: each leaves two outputs at most, and JupyterLab folds away all but the first 50."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# How a terminal ends lines, and how a count-down of ours goes over its own.
_OURS = re.compile(r"\r+\n|\r(?=Trying again)")


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where replies are shown: `see` shows them there, raw or filtered, and returns what acted.

    `app` is the application or template it is in, `parts` are those of an answer that come to be seen there. `ours`
    and `raw` are the calls of `inside` that fill a notebook; `of` is the place whose notebook is looked at here, too.
    """

    name: str
    see: Callable[[Stage, Place, list[Said], bool], Seen]
    app: str = ""
    parts: tuple[str, ...] = ("text", *PARTS)
    ours: str = ""
    raw: str = ""
    of: str = ""
    drawn: bool = False
    """Whether this package's own widget must be seen to draw them."""
    read: float = 0.8
    """The least share of replies that can be read there: some leave nothing, are folded, or stay for a moment."""
    whole: bool = False
    """Whether every reply is shown there, however few are elsewhere."""

    @property
    def source(self) -> Place:
        """The place whose notebook is seen here: this one, unless `of` names another, in the same app or in Lab."""
        named = [each for app in (self.app, "lab") for each in PLACES if each.name == self.of and each.app == app]
        return named[0] if named else self

    def word(self, raw: bool) -> str:
        """The name, as a part of tags and files."""
        return re.sub(r"[^a-z0-9]", "", f"{self.name}{self.app}{'raw' * raw}".lower())


def _run(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """In a notebook while it runs: what was there for a moment counts as much as what stays."""
    word, book = place.word(raw), stage.book(place.app)
    armed = [each.armed(word, stage.canary.url) for each in said if each.part in place.parts]
    (stage.app(place.app).root / "work" / f"{word}.json").write_text(written(armed))
    book.command("notebook:clear-all-cell-outputs")
    name, _, more = (place.raw if raw else place.ours).partition("(")
    calls = [f"inside.{name}('{word}.json', {at}, {AT_ONCE}, {more}" for at in range(0, len(armed), AT_ONCE)]
    for number, call in enumerate(calls[:CELLS], 1):
        book.write(number, call.replace("FRAMES", str(stage.frames)))
        book.run(number)
    if len(calls) > CELLS:
        raise RuntimeError(f"{place.name}: {len(calls)} cells are needed")
    seen = stage.seen(book.page, word)
    stage.kept[word] = book.save()
    return seen


def _kept(stage: Stage, place: Place, raw: bool) -> str:
    """Return the notebook of another place, with tags of this one."""
    of = place.source
    return stage.kept[of.word(raw)].replace(f"ran{of.word(raw)}N", f"ran{place.word(raw)}N")


def _saved(stage: Stage, place: Place, raw: bool) -> str:
    """Write that notebook where an application finds it; as another place's, so that no signature fits it."""
    name = f"{place.word(raw)}.ipynb"
    book = json.loads(_kept(stage, place, raw))
    book["metadata"]["place"] = place.name
    (stage.app(place.app).root / "work" / name).write_text(json.dumps(book))
    return name


def _reopened(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """In an application that has not run it and does not trust it."""
    page: Page = stage.open(place.app, [], name=_saved(stage, place, raw)).page
    if page.evaluate("jupyterapp.shell.currentWidget.content.widgets.some(cell => cell.model.trusted)"):
        raise RuntimeError("the notebook is trusted, and nothing was tried")
    return stage.closed(page, place.word(raw))


def _converted(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """As a page that nbconvert makes by one of its templates."""
    from nbconvert import HTMLExporter

    path = stage.root / f"{place.word(raw)}.html"
    made = nbformat.reads(_kept(stage, place, raw), 4)
    path.write_text(HTMLExporter(template_name=place.app).from_notebook_node(made)[0])
    return stage.closed(stage.page(path.as_uri()), place.word(raw))


def _exported(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """As File > Save and Export Notebook As > HTML makes it, shown from the application's own address."""
    app = stage.app(place.app)
    host = f"127.0.0.1:{app.port}"
    path = f"http://{host}/nbconvert/html/{_saved(stage, place, raw)}?download=false&token={app.token}"
    return stage.closed(stage.page(path, host), place.word(raw))


def _terminal(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """As what IPython writes to a terminal."""
    home = stage.root / place.word(raw)
    home.mkdir(exist_ok=True)
    (home / "said.json").write_text(written(each.armed(place.word(raw), stage.canary.url) for each in said))
    child = pexpect.spawn(
        sys.executable, ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor", "--no-confirm-exit"],
        env={**kernel_env(home), **stage.env, "TERM": "xterm"}, cwd=str(home), encoding="utf-8",
        codec_errors="replace", timeout=600, maxread=2**16, searchwindowsize=100, dimensions=(40, 200),
    )  # fmt: skip
    child.ptyproc.delayafterterminate = 1.0  # s: beside other work a process that was killed may take longer than 0.1
    try:
        for line in (*LOADS.splitlines(), f"inside.{place.raw if raw else place.ours}; print('the', 'end')"):
            child.expect(r"In \[\d+\]: ")
            child.sendline(line)
        child.expect(r"the end\r")
        shown = child.before
    finally:
        child.close(force=True)
    seen, tag = Seen(), ""
    for line in _OURS.sub("\n", shown).split("\n"):
        tag = line if line.startswith("ran") else tag
        seen.shown |= {tag} & {*re.findall(r"ran\w+", line)} if line != tag else set()
        if _CONTROL.search(line):
            seen.controls.add(f"{tag} {line[:200]!a}")
        seen.links |= {f"{tag} {link!a}" for link in re.findall(r"\x1b\]8;;[^\x1b\x07]+", line)}
    return seen


def _page(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """As the pages that a table of answers was written to, beside the notebook that it was made in."""
    seen, source, word = Seen(), place.source, place.word(raw)
    written_there = sorted((stage.app(source.app).root / "work").glob("page-*.html"))
    pages = [path.read_text().replace(f"ran{source.word(raw)}N", f"ran{word}N") for path in written_there]
    pages = ["".join(pages[at : at + IN_A_PAGE]) for at in range(0, len(pages), IN_A_PAGE)]
    if raw:
        cells = (f"<tr><td>{each.armed(word, stage.canary.url).text}</td></tr>" for each in said)
        pages = [f'<table class="answers">{"".join(cells)}</table>']
    for path in written_there:
        path.unlink()
    for page in pages:
        path = stage.root / f"{word}.html"
        path.write_text(page, errors="replace")
        seen.add(stage.closed(stage.page(path.as_uri()), word))
    return seen


def _panel(stage: Stage, place: Place, said: list[Said], raw: bool) -> Seen:
    """
    In the panel, in all that an endpoint or a file can say there; raw, in a careless panel.

    What an endpoint says has become one printable line before; what a file says, which is the user's own, has not.
    """
    armed = [each.armed(place.word(raw), stage.canary.url) for each in said]
    script = (STATIC / "panel.js").read_text()
    careless = script.replace("document.createTextNode(", "document.createRange().createContextualFragment(")
    seen = Seen()
    for at in range(0, len(armed), IN_A_PANEL):
        texts = [each.text if raw else PLACE.clean(each.text) for each in armed[at : at + IN_A_PANEL]]
        texts = [text.encode("utf-8", "replace").decode() for text in texts]
        for show in (_listed, _failed):
            panel = show(stage.gate(), texts, careless if raw else script)
            seen.add(stage.closed(panel.page, place.word(raw)))
    return seen


def _listed(browser: Any, texts: list[str], script: str) -> PanelPage:
    """Connections of a file that others write, too."""
    rows = [
        connection(f"c{n}", text, "custom", provider=text, model=text, models=[text], fault=text, key_from=text)
        for n, text in enumerate(texts)
    ]
    return PanelPage.show(browser, kernel(*rows, target="c0", where=texts[0]), start="list", script=script)


def _failed(browser: Any, texts: list[str], script: str) -> PanelPage:
    """A list of models, and a test that fails in the endpoint's own words."""
    listed = LISTED | {"models": [model(text, note=text) for text in texts], "source": texts[0], "message": texts[0]}
    panel = PanelPage.show(browser, script=script, answers={"models": listed})
    panel.at("key").fill("k")
    panel.at("model").press("ArrowDown")
    panel.page.get_by_role("option").first.wait_for()
    panel.at("model").press("Escape")
    first, last = texts[0], texts[-1]
    passed = [stage | {"said": text} for stage, text in zip(stages(2), texts, strict=False)]
    told = failed("server", "", " ".join(texts), last, url=first, notes=texts, target=first, stages=passed)
    panel.answer(begin_test(panel), told)
    return panel


APPS = ("lab", "notebook")
IN_A_PANEL = 12
"""Replies that one panel shows at once."""
IN_A_PAGE = 8
"""Tables of one page: an HTML document begun inside another goes on with it."""
LIVE, FINAL, LANES = "Markdown while it comes", "Markdown that stays", "side by side"
IN_LANES = ("text", "thinking", "tool", "source", "refusal", *ENDINGS)
PLACES = (
    *(
        Place(
            LIVE, _run, app, ("text", "thinking"), "live(frames=FRAMES)", "raw_live(frames=FRAMES)", whole=app == "lab"
        )
        for app in APPS
    ),
    *(
        Place(
            FINAL, _run, app, ("text", "long", *PARTS), "asked()", "shown(kind='text/markdown')", whole=app == "lab"
        )
        for app in APPS
    ),
    Place(
        "text, JSON, failures", _run, "lab", ("text", *ENDINGS), "asked(forms='text raw json md')",
        "shown(kind='text/plain')",
    ),
    *(
        Place(
            "drawn by our widget", _run, app, IN_LANES, "compared(in_page=True)", "drawn_raw()", drawn=True
        )
        for app in APPS
    ),
    Place(LANES, _run, "lab", IN_LANES, "compared(in_page=False)", "shown(kind='text/html')"),
    Place("table", _run, "lab", IN_LANES, "tabled()", "shown(kind='text/html')", read=0.05),  # texts are cut short
    Place("page of a table", _page, of="table"),
    Place("beside an answer", _run, "lab", ("text",), "beside()", "shown(kind='text/markdown')", read=0.5),
    Place("panel", _panel),
    Place("side by side, not trusted", _reopened, "lab", of=LANES),
    Place("side by side by nbconvert", _converted, "lab", of=LANES),
    *(Place("reopened, not trusted", _reopened, app, of=FINAL) for app in APPS),
    *(Place("nbconvert", _converted, template, of=FINAL) for template in ("lab", "classic", "basic")),
    Place("exported by", _exported, "lab", of=FINAL),
    Place(
        "terminal", _terminal, "", ("text", "long", *PARTS, *ENDINGS),
        "asked('said.json', named=True)", "printed('said.json')",
    ),
)  # fmt: skip
"""In this order: what looks at a notebook comes after what fills it."""
