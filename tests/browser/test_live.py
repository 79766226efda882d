"""Answers come into the page while they are written: they grow, nothing jumps, buttons are heard, Markdown stays."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError as NotInTime

from tests.browser.apps import CELLS, LIMIT, SLOW
from tests.browser.frames import Frames
from tests.engines import until
from tests.test_kernel import ENGINE_LOG
from xiantong_nb.engine import Engine

AXE = Path(__file__).parents[2] / "js/node_modules/axe-core/axe.min.js"
# Lab's own loader must not take it for one of its modules. The order of headings is the notebook's, not an output's.
AXE_RUN = """
async (source) => {
  const { define } = window;
  window.define = undefined;
  try { (0, eval)(source); } finally { window.define = define; }
  const { violations } = await axe.run(".xt-live", { rules: { "heading-order": { enabled: false } } });
  return violations.map((one) => [one.id, one.nodes[0].html]);
}
"""
THERE = "__import__('xiantong_nb.notebook.extension').notebook.extension._loaded[id(get_ipython())][0]._page.there"
LONG = "--alone --max-tokens 12000\nA long answer, please."
LIFE = 100  # seconds: an engine writes ahead, and what nobody reads takes both cores from the page
ENDLESS = "--alone --max-tokens LIFE\nAn endless answer, please."
THREE = "demo:toy-1 demo:toy-2 demo:toy-3"


@pytest.fixture
def ask(opened):
    """Open a notebook whose third cell asks: `ask(app, line and question)`; page and engine are ready for it."""

    def ask_(app, asked, *more, pace=150, width=1100, before=""):
        ready = f"%env XIANTONG_DEMO_PACE={pace}\n%load_ext xiantong_nb"
        asked = asked.replace("LIFE", str(LIFE * pace))
        book = opened(app, (ready, "%%ask demo --alone\nhi", f"%%ask {asked}", *more), width=width, before=before)
        if app.kind == "lab":
            book.command("application:toggle-left-area")
        book.run(0)
        book.run(1)
        assert until(lambda: book.ask(f"print({THERE})").strip() == "True", LIMIT), "the kernel has heard the page"
        return book

    return ask_


def live(book, number=2):
    return book.outputs(number).locator(".xt-live")


def lanes(book, number=2):
    """The text of each lane as it is now."""
    return (
        live(book, number)
        .locator(".xt-live-lane")
        .evaluate_all("(all) => all.map((one) => one.querySelector(':scope > .xt-live-text').textContent)")
    )


def until_written(book, characters, number=2):
    """Wait until every lane has some text."""
    written = f"""([number, size]) => {{ const cell = ({CELLS})[number].node;
        const texts = [...cell.querySelectorAll(':is(.xt-live-lane, .xt-live-alone) > .xt-live-text')];
        return texts.length > 0 && texts.every((one) => one.textContent.length >= size); }}"""
    try:
        book.page.wait_for_function(written, arg=[number, characters])
    except NotInTime:
        raise AssertionError(f"{book.said}, {book.outputs(number).inner_text()!r}, {book.app.log[-1000:]}") from None


def saved(book):
    """What is saved: the outputs of each cell, and the widgets' state."""
    text = book.save()
    made = json.loads(text)
    assert "widget-view" not in text
    state = made["metadata"].get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    return [cell.get("outputs", []) for cell in made["cells"]], state


def ends(book):
    """When the engine had finished each question, by its own log, in seconds since 1970."""
    log = book.ask(f"print({ENGINE_LOG})")
    return [float(at) for at in re.findall(r"^(\d+\.\d+).*POST /v1/messages .*: finished", log, re.MULTILINE)]


def test_an_answer_grows_and_stays_as_markdown(app, ask):
    book = ask(app, "demo:toy-1 --alone --max-tokens 1500\nA long answer, please.")
    before = len(ends(book))
    book.run(2, wait=False)
    seen = []
    for size in (50, 200, 400):
        until_written(book, size)
        seen.append(time.time())
    assert "answering …" in live(book).inner_text()
    book.wait_ran(2)
    live(book).wait_for(state="detached")
    finished = ends(book)[before:]
    assert len(finished) == 1
    assert all(at < finished[0] for at in seen), "it was read before the engine had finished"
    assert book.outputs(2).locator(".jp-RenderedMarkdown").count() == 1
    outputs, state = saved(book)
    assert [set(output["data"]) for output in outputs[2]] == [{"text/markdown", "text/plain"}]
    assert state == {}, "no widget is saved, though the one that hears lives on"


def test_a_page_that_is_too_slow_for_anywidget_shows_it_all_the_same(app, ask):
    book = ask(app, f"demo:toy-1 demo:toy-2 {ENDLESS}", before=SLOW)
    book.run(2, wait=False)
    until_written(book, 200)
    assert all(text.startswith("I am toy-") for text in lanes(book)), "from its first word"
    live(book).get_by_role("button", name="Stop all answers").click()
    book.wait_ran(2)


def test_nothing_jumps_while_twenty_kilobytes_come(app, ask, shot):
    book = ask(app, f"demo:toy-1 {LONG}", pace=400)
    frames = Frames(book, 2)
    book.run(2, wait=False)
    frames.wait_height(1500)
    frames.read(10)
    shot(book.page, f"live-{app.kind}-10")
    frames.wait_height(8000)
    shot(book.page, f"live-{app.kind}-50")
    book.wait_ran(2)
    book.page.wait_for_timeout(500)  # what comes after the end, if anything does
    shot(book.page, f"live-{app.kind}-100")
    seen = frames.end()
    assert seen[-1].size > 20_000
    swap = max(at for at, frame in enumerate(seen) if frame.live)
    under_way = seen[: swap + 1]
    assert len(under_way) > 50
    shrinks = [after.height - before.height for before, after in pairwise(under_way)]
    assert min(shrinks) >= 0, "it only grows"
    assert all(after.size >= before.size for before, after in pairwise(seen)), "no text is lost"
    assert seen[-1].height - under_way[-1].height >= -45, "nor is what stays lower; what came last may make it higher"
    read = [frame.selected for frame in under_way if frame.line is not None]
    assert set(read) == {frames.line}, "what is selected lasts until the output that stays"
    tops = [frame.line for frame in seen if frame.line is not None]
    assert max(tops) - min(tops) <= 22, "the reader's line stays where it is"
    assert all(frame.line is not None for frame in seen[seen.index(next(f for f in seen if f.line is not None)) :])


def test_the_end_is_followed_until_the_first_line_would_leave(lab, ask):
    book = ask(lab, f"demo:toy-1 {LONG}", pace=300)
    frames = Frames(book, 2)
    book.run(2, wait=False)
    frames.wait_height(1500)
    gap = """(side) => document.querySelector('.xt-live').getBoundingClientRect()[side]
        - window.watched.scroller.getBoundingClientRect()[side]"""
    assert abs(book.page.evaluate(gap, "top")) <= 2, "it was followed as far as its first line could be seen"
    book.page.evaluate("() => { window.watched.scroller.scrollTop = 1e6; }")
    at = book.page.evaluate("() => document.querySelector('.xt-live').offsetHeight")
    frames.wait_height(at + 600)
    assert book.page.evaluate(gap, "bottom") <= 40, "who went down to the end is taken along"
    book.page.evaluate("() => { window.watched.scroller.scrollTop -= 300; }")
    still = book.page.evaluate("() => window.watched.scroller.scrollTop")
    at = book.page.evaluate("() => document.querySelector('.xt-live').offsetHeight")
    frames.wait_height(at + 600)
    assert book.page.evaluate("() => window.watched.scroller.scrollTop") == still, "who scrolled up is left alone"
    book.interrupt()
    book.wait_ran(2)


def test_stop_ends_the_answer_while_its_cell_runs(app, ask):
    book = ask(app, f"demo:toy-1 {ENDLESS}", "went_on = True")
    book.run_all()
    until_written(book, 100)
    live(book).get_by_role("button", name="Stop this answer").click()
    book.wait_ran(2)
    output = book.outputs(2)
    output.get_by_text("IncompleteReply: The answer is incomplete: It was stopped.").wait_for()
    assert output.locator(".jp-RenderedMarkdown", has_text="[incomplete: It was stopped.]").count() == 1
    assert book.ask("import xiantong_nb; print(xiantong_nb.last().complete)").strip() == "False"
    assert book.ask("print('went_on' in globals())").strip() == "False", "Run All has stopped there"


def test_an_interrupt_keeps_what_came_and_marks_it(app, ask):
    book = ask(app, f"demo:toy-1 {ENDLESS}")
    book.run(2, wait=False)
    until_written(book, 100)
    book.interrupt()
    book.wait_ran(2)
    book.outputs(2).get_by_text("KeyboardInterrupt: stopped.").wait_for()
    assert book.outputs(2).locator(".jp-RenderedMarkdown", has_text="[incomplete: interrupted]").count() == 1
    outputs, state = saved(book)
    assert [output["output_type"] for output in outputs[2]] == ["display_data", "error"]
    assert state == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_three_answers_grow_side_by_side_before_any_ends(app, ask, shot, theme):
    book = ask(app, f"{THREE} --alone --max-tokens 300\nA long answer, please.", pace=60)
    book.theme(theme)
    before = len(ends(book))
    book.run(2, wait=False)
    seen = []
    for size in (20, 100, 200):
        longest = max((len(text) for text in seen[-1][1]), default=0) if seen else 0
        until_written(book, max(size, longest + 1))  # a slow page shows a lot at once
        seen.append((time.time(), lanes(book)))
    shot(book.page, f"lanes-{app.kind}-{theme}-wide-live")
    assert live(book).get_by_role("status").inner_text() == "0 of 3 finished"
    book.wait_ran(2)
    live(book).wait_for(state="detached")
    finished = ends(book)[before:]
    assert len(finished) == 3
    assert all(at < min(finished) for at, _ in seen), "they were read before the engine had finished any"
    for earlier, later in pairwise(seen):
        assert all(len(new) > len(old) for new, old in zip(later[1], earlier[1], strict=True))
    shot(book.page, f"lanes-{app.kind}-{theme}-wide-final")
    outputs, state = saved(book)
    assert [set(output["data"]) for output in outputs[2]] == [{"text/html", "text/markdown", "text/plain"}]
    assert state == {}


def test_lanes_stand_beside_each_other_or_below_where_it_is_narrow(lab, ask, shot):
    for width, columns in ((1400, 3), (560, 1)):
        book = ask(lab, f"{THREE} {ENDLESS}", pace=60, width=width)
        book.theme("light")
        book.run(2, wait=False)
        until_written(book, 50)
        boxes = (
            live(book).locator(".xt-live-lane").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().x)")
        )
        assert len(set(boxes)) == columns
        shot(book.page, f"lanes-lab-{width}")
        book.interrupt()
        book.wait_ran(2)


def test_a_server_killed_mid_way_leaves_its_error_and_the_others_finish(lab, ask, shot):
    with Engine.start(pace=20) as engine:
        connect = f"%xiantong connect {engine.base_url} --name doomed --model toy-2 --unsaved --no-test"
        asked = "demo:toy-1 doomed demo:toy-3 --alone --max-tokens 250\nA long answer, please."
        book = ask(lab, asked, connect, pace=30)
        book.run(3)
        book.run(2, wait=False)
        until_written(book, 40)
        engine.stop()
        lane = live(book).get_by_role("region", name="doomed:toy-2")
        lane.get_by_text("[incomplete: ").wait_for()
        shot(book.page, "lanes-lab-killed")
        assert "1 incomplete" in live(book).get_by_role("status").inner_text()
        book.wait_ran(2)
    text = book.outputs(2).inner_text()
    assert "2 of 3 finished, 1 incomplete" in text
    assert book.ask(
        "print([r.complete for r in xiantong_nb.last()])".replace("print", "import xiantong_nb; print")
    ).strip() == ("[True, False, True]")


def test_what_came_of_a_long_answer_is_saved_though_its_kernel_dies(lab, ask):
    """The page lets it be kept after twenty seconds, unless somebody has selected something in it."""
    book = ask(lab, f"demo:toy-1 {ENDLESS}", pace=60)
    pid = int(book.ask("print(__import__('os').getpid())"))
    book.run(2, wait=False)
    until_written(book, 200)
    begun = live(book).locator(".xt-live-text").first.inner_text()[:50]

    def kept():
        (output,) = json.loads(book.save())["cells"][2]["outputs"]
        return "".join(output["data"].get("text/markdown", ""))

    assert until(kept, LIMIT)
    until_written(book, 400)
    os.kill(pid, signal.SIGKILL)
    assert kept().startswith(begun[:20])
    assert "[incomplete" in kept()
    assert live(book).locator(".xt-live-text").first.inner_text().startswith(begun), "the page has it, too"


def test_one_lane_is_stopped_then_all(lab, ask):
    book = ask(lab, f"{THREE} {ENDLESS}")
    book.run(2, wait=False)
    until_written(book, 50)
    live(book).get_by_role("button", name="Stop demo:toy-2").click()
    live(book).get_by_role("region", name="demo:toy-2").get_by_text("[incomplete: It was stopped.]").wait_for()
    first = lanes(book)
    until_written(book, min(map(len, first)))
    book.page.wait_for_function(
        "(sizes) => [...document.querySelectorAll('.xt-live-lane > .xt-live-text')]"
        ".every((one, at) => at === 1 || one.textContent.length > sizes[at])",
        arg=[len(text) for text in first],
    )
    assert len(lanes(book)[1]) == len(first[1]), "the others alone went on"
    live(book).get_by_role("button", name="Stop all answers").click()
    book.wait_ran(2)
    assert book.ask("import xiantong_nb; print([r.ended for r in xiantong_nb.last()])").count("It was stopped.") == 3


def test_an_interrupt_leaves_three_marked_lanes_that_are_read_without_a_kernel(app, ask, browser, shot):
    import nbformat
    from nbconvert import HTMLExporter

    book = ask(app, f"{THREE} {ENDLESS}")
    book.run(2, wait=False)
    until_written(book, 100)
    book.interrupt()
    book.wait_ran(2)
    assert book.outputs(2).get_by_text("[incomplete: interrupted]").count() == 3
    book.save()
    html, _ = HTMLExporter().from_notebook_node(nbformat.read(book.path, 4))
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.route(re.compile("^https?://"), lambda route: route.abort())  # nbconvert's template names scripts of the web
    page.set_content(html, wait_until="domcontentloaded")
    for toy in ("toy-1", "toy-2", "toy-3"):
        assert page.get_by_role("heading", name=f"demo:{toy}").is_visible()
        assert page.get_by_text(f"I am {toy}, a scripted toy", exact=False).first.is_visible()
    shot(page, f"lanes-{app.kind}-exported")
    page.close()


def test_the_view_is_for_everybody_and_keys_on_it_are_its_own(app, ask):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm --prefix js ci")
    book = ask(app, f"{THREE} {ENDLESS}", pace=60)
    book.run(2, wait=False)
    until_written(book, 50)
    stop = live(book).get_by_role("button", name="Stop demo:toy-1")
    stop.focus()
    cells = book.page.locator(".jp-Notebook .jp-Cell").count()
    book.page.keyboard.press("b")
    assert book.page.locator(".jp-Notebook .jp-Cell").count() == cells, "no cell was added below"
    for theme in ("light", "dark"):
        book.theme(theme)
        found = book.page.evaluate(AXE_RUN, AXE.read_text("utf-8"))
        assert found == []
    stop.focus()
    book.page.keyboard.press("Enter")
    live(book).get_by_role("region", name="demo:toy-1").get_by_text("It was stopped.").first.wait_for()
    book.interrupt()
    book.wait_ran(2)
