"""The form and the picker in JupyterLab and Notebook 7, against llama.cpp with a key, as a person uses them."""

from __future__ import annotations

import json
import shutil

import pytest

from tests import leaks
from tests.browser.apps import SLOW
from tests.browser.panels import Panel
from tests.engines import until
from tests.fault_server import CLOSE, FaultServer, failure, good
from xiantong_nb.engine import Engine

KEY, WRONG = "sk-MARKER-q7Zt93-LmPx41-8842", "sk-WRONG-CANARY-0123456789-wxyz-abcd"
LOAD = "%load_ext xiantong_nb"


@pytest.fixture(scope="session", name="engine")
def locked_engine():
    """llama.cpp, which wants a key."""
    with Engine.start(api_key=KEY) as running:
        yield running


@pytest.fixture
def app(app):
    return emptied(app)


@pytest.fixture
def lab(lab):
    return emptied(lab)


def emptied(app):
    """The server with nothing saved in its home."""
    shutil.rmtree(app.home / ".xiantong", ignore_errors=True)
    return app


def shown(book, cell=1):
    book.run(0)
    book.run(cell)
    return Panel(book, cell)


def connect(panel, url, *, name="mine", model="toy-1"):
    """Connect by mouse, from a form that is open."""
    panel.radio("Custom").check()
    panel.fill(Base_URL=url, API_key=KEY, Model=model, Name=name)
    panel.button("Test and save").click()
    panel.says("Connected")


def saved(app, name):
    path = app.home / ".xiantong" / name
    return json.loads(path.read_text()) if path.exists() else {}


def places(app, book):
    """Everything that a key must not be in, once it went through a page."""
    history = b"".join(path.read_bytes() for path in (app.home / "ipython").rglob("history.sqlite*"))
    return {"the notebook": book.save().encode(), "the history": history, "the server's log": app.log.encode()}


def test_a_page_that_is_too_slow_for_anywidget_connects_all_the_same(app, opened, engine):
    panel = shown(opened(app, (LOAD, "%xiantong connect"), before=SLOW))
    connect(panel, engine.base_url)
    panel.says("Connected", "mine:toy-1")


def test_a_person_connects_asks_changes_and_removes_by_keyboard_alone(app, opened, engine):
    book = opened(app, (LOAD, "%xiantong connect", "%%ask --alone\nhello"))
    panel = shown(book)
    panel.tab_to(panel.radio("Anthropic"))
    panel.press("ArrowLeft")  # from the first to the last
    panel.tab_to(panel.field("Base URL"))
    panel.type(engine.base_url)
    panel.tab_to(panel.field("API key"))
    panel.type(KEY)
    panel.tab_to(panel.field("Model"))
    panel.press("ArrowDown")
    panel.root.get_by_role("option", name="toy-2").wait_for()
    panel.press("ArrowDown", "ArrowDown", "Enter")
    assert panel.field("Model").input_value() == "toy-2"
    panel.tab_to(panel.field("Name"))
    panel.type("My llama")
    panel.press("Enter")
    panel.says("Connected", "my-llama:toy-2", "…8842")
    (entry,) = saved(app, "config.json")["llmConnections"]
    assert (entry["slug"], entry["defaultModel"], entry["baseUrl"]) == ("my-llama", "toy-2", engine.base_url)
    assert "lastUsedAt" in entry, "it was tested"

    book.run(2)
    book.outputs(2).locator("strong", has_text="toy-2").wait_for()

    panel.tab_to(panel.button("Edit"), back=True)
    panel.press("Enter")
    panel.says("Settings of", "Leave it empty to keep the saved key")
    panel.tab_to(panel.field("Model"))
    panel.type("toy-3")
    panel.press("Enter")
    panel.says("Connected", "my-llama:toy-3")
    assert saved(app, "config.json")["llmConnections"][0]["defaultModel"] == "toy-3"

    where = places(app, book)
    assert '"application/vnd.jupyter.widget-state+json"' in where["the notebook"].decode(), "widget state is saved"
    assert [place for place, data in where.items() if leaks.in_bytes(data, KEY)] == []
    assert leaks.in_bytes(where["the notebook"], "my-llama:toy-3"), "the search finds what is there"
    assert leaks.in_bytes(where["the history"], "%xiantong connect")
    assert leaks.in_bytes(where["the server's log"], "Kernel started")

    panel.tab_to(panel.button("All connections"))
    panel.press("Enter")
    panel.tab_to(panel.button("Remove …"))
    panel.press("Enter")
    panel.tab_to(panel.button("Remove"))
    panel.press("Enter")
    panel.root.get_by_text("My llama").first.wait_for(state="detached")
    assert saved(app, "config.json")["llmConnections"] == []


def test_each_failure_says_what_it_is_and_what_to_do(lab, opened, engine, faults):
    book = opened(lab, (LOAD, "%xiantong connect"))
    panel = shown(book)
    panel.radio("Custom").check()
    panel.fill(Base_URL=engine.base_url, API_key=WRONG, Model="toy-1")
    panel.button("Test and save").click()
    panel.says("The key was refused", "Copy the key again.")
    assert panel.field("API key").get_attribute("aria-invalid") == "true"
    assert panel.field("API key").evaluate("(field) => field === document.activeElement"), "it leads to the field"

    panel.fill(API_key=KEY, Model="gpt-4o")
    panel.press("Enter")
    panel.says("No such model", "toy-1, toy-2, toy-3")
    assert panel.field("Model").get_attribute("aria-invalid") == "true"

    panel.fill(Base_URL=f"{engine.base_url}/nowhere", API_key=KEY, Model="toy-1")
    panel.press("Enter")
    panel.says("Wrong URL", "under its base URL")

    stopped = FaultServer()
    stopped.close()
    panel.fill(Base_URL=stopped.url, API_key=KEY)
    panel.press("Enter")
    panel.says("Connection refused", "Is the server running")

    faults.play([60.0, CLOSE])
    panel.fill(Base_URL=faults.url, API_key=KEY)
    panel.press("Enter")
    panel.says("Testing …")
    assert until(lambda: faults.seen)
    panel.press("Escape")
    panel.says("Cancelled. Nothing was saved.")
    assert faults.seen[0].gone.wait(30), "and the server sees it"
    assert not (lab.home / ".xiantong").exists()

    faults.play(failure(401, {}), good("hello"), good("hello"))
    panel.fill(Base_URL=faults.url, API_key=KEY)
    panel.press("Enter")
    panel.button("Use Messages with x-api-key").click()
    panel.says("Connected")
    assert faults.seen[-1].header("x-api-key") == KEY, "it was not typed again"


def test_what_fails_is_saved_only_after_it_was_asked_once_more(lab, opened):
    book = opened(lab, (LOAD, "%xiantong connect http://127.0.0.1:1 --ask-key --model m"))
    panel = shown(book)
    assert panel.field("Base URL").input_value() == "http://127.0.0.1:1"
    panel.fill(API_key=KEY)
    panel.press("Enter")
    panel.says("Connection refused")
    panel.button("Save anyway …").click()
    assert not (lab.home / ".xiantong").exists()
    panel.button("Save anyway").click()
    panel.says("Connected")
    assert "lastUsedAt" not in saved(lab, "config.json")["llmConnections"][0]


def test_a_picker_chooses_by_keyboard_and_two_notebooks_agree(lab, opened, engine):
    picker = "import xiantong_nb; picker = xiantong_nb.Picker(); picker"
    here = opened(lab, (LOAD, "%xiantong connect", picker, "%%ask --alone\nhello"))
    connect(shown(here), engine.base_url)
    there = opened(lab, (LOAD, "%xiantong picker"))
    other = shown(there)
    other.says("mine")
    here.run(2)
    panel = Panel(here, 2)
    panel.tab_to(panel.radio("mine"))
    panel.tab_to(panel.field("Model"))
    panel.press("ArrowDown")
    panel.root.get_by_role("option", name="toy-3").wait_for()
    panel.type("toy-3")
    panel.press("Enter")
    panel.says("toy-3")
    here.page.wait_for_function("() => true")
    assert here.ask("print(picker.target)").strip() == "mine:toy-3"
    here.run(3)
    here.outputs(3).locator("strong", has_text="toy-3").wait_for()

    other.radio("mine").check()
    other.field("Model").fill("toy-2")
    other.press("Enter")
    other.button("Test").click()
    other.says("finished")
    assert here.ask("print(picker.target)").strip() == "mine:toy-3", "each kernel asks what it has chosen"
    here.ask("get_ipython().run_line_magic('xiantong', 'rename mine One name for all')")
    for each in (panel, other):
        each.says("One name for all")
    other.button("Remove …").click()
    other.button("Remove").click()
    panel.root.get_by_text("One name for all").first.wait_for(state="detached")


def test_a_restored_form_says_that_no_kernel_is_behind_it(lab, opened, look):
    book = opened(lab, (LOAD, "%xiantong connect"))
    panel = shown(book)
    panel.button("Test and save").wait_for()
    copy = f"copy-of-{book.path.name}"
    (book.path.parent / copy).write_text(book.save())
    again = opened(lab, (), name=copy)
    restored = Panel(again, 1)
    restored.says("Not connected to a kernel. Run this cell again.")
    assert restored.root.get_by_role("textbox").and_(restored.root.locator(":enabled")).count() == 0
    again.command("application:toggle-left-area")
    look(restored, "lost")
    again.run(0, wait=False)
    again.run(1, wait=False)
    Panel(again, 1).button("Test and save").wait_for()


def test_the_form_works_while_a_cell_runs(lab, opened, engine):
    wait = "import time\nwhile not globals().get('enough'): time.sleep(0.05)"
    book = opened(lab, (LOAD, "%xiantong connect", wait))
    panel = shown(book)
    panel.button("Test and save").wait_for()
    book.run(2, wait=False)
    book.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.widgets[2].prompt === '*'")
    connect(panel, engine.base_url)
    assert book.count(2) == 0, "the cell ran all the while"
    book.interrupt()
    book.wait_idle()
