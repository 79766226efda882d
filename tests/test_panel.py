"""The picker and the form in real kernels, by the messages that a page sends; browsers have tests of their own."""

from __future__ import annotations

import contextlib
import json
import time

import nbclient
import nbformat
import pytest

from tests.conftest import kernel_env
from tests.fault_server import CLOSE
from tests.kernels import Kernel
from tests.pages import VIEW, drafted, page_of
from xiantong_nb.engine import Engine

KEY = "sk-CANARY-0123456789-wxyz"
TRAITS = {"start", "target", "draft", "default"}
"""All that is ours and synced: a key is no such thing."""


@pytest.fixture(scope="module")
def locked():
    """An engine that wants a key."""
    with Engine.start(api_key=KEY) as running:
        yield running


def mine(url, **said):
    return drafted(**{"preset": "custom", "base_url": url, "name": "mine", "model": "toy-1", "ask_key": True, **said})


def connect(page, url, **said):
    tested = page.send("test", draft=mine(url, **said), api_key=KEY)
    assert page.answer(tested)["ok"]
    saved = page.ask("save", draft=mine(url, **said), of=tested)
    assert saved["type"] == "saved", saved
    return saved


@contextlib.contextmanager
def second_kernel(home):
    made = Kernel(kernel_env(home))
    try:
        made.run("%load_ext xiantong_nb")
        yield made
    finally:
        made.stop()


def state_of(kernel, model):
    """What is synced of a widget, and so saved with a notebook."""
    return kernel.value(f"__import__('ipywidgets').Widget.get_manager_state()['state']['{model}']['state']")


def test_what_is_missing_is_asked_by_a_form_where_a_page_can_show_one(fresh_kernel, locked, tmp_path):
    line = f"%xiantong connect custom --base-url {locked.base_url} --model toy-1 --ask-key --name mine --default"
    with page_of(fresh_kernel, line) as page:
        traits = state_of(fresh_kernel, page.model)
        assert (traits["start"], traits["default"], traits["target"]) == ("form", True, "")
        given = {"preset": "custom", "base_url": locked.base_url, "model": "toy-1", "ask_key": True, "name": "mine"}
        assert traits["draft"] == drafted(**given)
        told = page.ask("hello")
        assert told["type"] == "hello_ok"
        assert connect(page, locked.base_url)["target"] == "mine:toy-1"
        assert "I am **toy-1**" in fresh_kernel.run("%%ask\nhello").text
        assert state_of(fresh_kernel, page.model)["target"] == "mine:toy-1"
    assert (tmp_path / ".xiantong" / "credentials.enc").exists()


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("%xiantong connect", "form"),
        ("%xiantong connect openrouter", "form"),
        ("%xiantong connect custom", "form"),
        ("%xiantong picker", "list"),
        ("import xiantong_nb; xiantong_nb.Picker()", "list"),
    ],
)
def test_every_way_to_the_widget_says_in_text_what_to_do_without_one(kernel, line, start):
    ran = kernel.run(line, answers=[])
    bundle = ran.only_output["data"]
    assert VIEW in bundle
    assert "%xiantong" in bundle["text/plain"]
    assert "--text" in bundle["text/plain"]
    assert state_of(kernel, bundle[VIEW]["model_id"])["start"] == start


@pytest.mark.parametrize("more", ["--text", "--no-test", "--unsaved"])
def test_what_no_form_can_do_is_asked_by_prompts(kernel, more):
    ran = kernel.run(f"%xiantong connect openrouter {more}", answers=["", "", ""])
    assert [asked["password"] for asked in ran.asked] == [True, True, True]
    assert not any(VIEW in output.get("data", {}) for output in ran.outputs)


def test_where_nobody_sits_the_options_and_the_list_are_shown_instead(kernel):
    ran = kernel.run("%xiantong connect openrouter")
    assert ran.error["ename"] == "UsageError"
    assert "--key-env" in ran.text
    listed = kernel.run("%xiantong picker")
    assert listed.status == "ok"
    assert "demo" in listed.text
    assert not any(VIEW in output.get("data", {}) for output in listed.outputs)


def test_run_without_a_front_end_it_says_what_to_do_and_saves_no_more_than_that(locked, tmp_path):
    cells = ["%load_ext xiantong_nb", "import xiantong_nb; xiantong_nb.Picker()", "%xiantong connect openrouter"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    client = nbclient.NotebookClient(book, timeout=60, kernel_name="python3", allow_errors=True)
    client.execute(env=kernel_env(tmp_path))
    _, shown, failed = book.cells
    assert "%xiantong connect --text" in shown.outputs[0]["data"]["text/plain"]
    assert failed.outputs[0]["ename"] == "UsageError"
    (state,) = [
        each["state"]
        for each in book.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
        if each["model_module"] == "anywidget"
    ]
    assert {name for name in state if not name.startswith("_")} - {"layout", "tabbable", "tooltip"} == TRAITS


def test_everything_given_needs_no_form(fresh_kernel, locked):
    fresh_kernel.run(f"import os; os.environ['MY_KEY'] = '{KEY}'")
    line = f"%xiantong connect custom --base-url {locked.base_url} --model toy-1 --key-env MY_KEY"
    ran = fresh_kernel.run(line, answers=[])
    assert "Tested and saved" in ran.text
    ran = fresh_kernel.run("%xiantong edit custom --model toy-2", answers=[])
    assert "Tested and saved" in ran.text
    with page_of(fresh_kernel, "%xiantong edit custom") as page:
        traits = state_of(fresh_kernel, page.model)
        assert (traits["start"], traits["draft"]) == ("edit", drafted(slug="custom"))
    with page_of(fresh_kernel, "%xiantong edit custom --ask-key --model toy-3") as page:
        assert state_of(fresh_kernel, page.model)["draft"] == drafted(slug="custom", ask_key=True, model="toy-3")


def test_the_target_can_be_observed_and_follows_whoever_changes_it(fresh_kernel, locked):
    fresh_kernel.run("import xiantong_nb; seen = []; picker = xiantong_nb.Picker()")
    fresh_kernel.run("picker.observe(lambda change: seen.append(change['new']), 'target')")
    with page_of(fresh_kernel, "picker") as page:
        page.ask("hello")
        connect(page, locked.base_url)
        page.ask("use", target="mine:toy-2", default=False)
        fresh_kernel.run("%xiantong use demo")
        told = page.until(lambda m: m["type"] == "state" and m["state"]["target"] == "demo:toy-1")
        assert "re" not in told
        assert fresh_kernel.value("(seen, picker.target)") == (["mine:toy-1", "mine:toy-2", "demo:toy-1"], "demo:toy-1")
        assert "demo:toy-1" in fresh_kernel.run("print(repr(picker))").text
        fresh_kernel.run("picker.observe(lambda change: 1 / 0, 'target')")
        assert page.ask("use", target="mine:toy-3", default=False)["state"]["target"] == "mine:toy-3"
        assert page.ask("reload")["type"] == "state", "an observer that fails stops nothing"
        assert "can't start with" in fresh_kernel.run("xiantong_nb.Picker('nothing')").text


def test_two_kernels_and_the_app_agree(fresh_kernel, locked, tmp_path):
    with second_kernel(tmp_path) as other, page_of(fresh_kernel) as here, page_of(other) as there:
        there.ask("hello")
        connect(here, locked.base_url)
        told = there.until(lambda m: m["type"] == "state")
        assert told["state"]["target"] == "mine:toy-1"
        there.ask("use", target="mine:toy-3", default=True)
        here.until(lambda m: m["type"] == "state" and m["state"]["connections"][0]["model"] == "toy-3")
        path = tmp_path / ".xiantong" / "config.json"
        config = json.loads(path.read_text())
        config["llmConnections"][0]["name"] = "Renamed in the app"
        path.write_text(json.dumps(config))
        for page in (here, there):
            page.until(lambda m: m["type"] == "state" and m["state"]["connections"][0]["name"] == "Renamed in the app")
        other.run("%xiantong remove mine")
        here.until(lambda m: m["type"] == "state" and len(m["state"]["connections"]) == 1)


def test_the_form_works_while_a_cell_runs_where_the_front_end_has_a_subshell(fresh_kernel, locked, faults):
    faults.play([60.0, CLOSE])
    with page_of(fresh_kernel) as page:
        page.in_subshell()
        cell = fresh_kernel.send("import time\nwhile not globals().get('enough'): time.sleep(0.05)")
        try:
            assert page.ask("hello")["type"] == "hello_ok"
            connect(page, locked.base_url)
            stuck = page.send("test", draft=mine(faults.url), api_key=KEY)
            page.until(lambda _: faults.seen)
            page.ask("cancel", of=stuck)
            assert page.answer(stuck)["kind"] == "cancelled"
            assert faults.seen[0].gone.wait(30)
        finally:
            fresh_kernel.interrupt()
        assert fresh_kernel.wait(cell).status == "error", "the cell ran all the while"


def test_without_a_subshell_it_waits_for_the_cell_and_each_is_answered_once(kernel):
    with page_of(kernel) as page:
        cell = kernel.send("import time; time.sleep(2); print('done')")
        numbers = [page.send("hello") for _ in range(12)]
        assert kernel.wait(cell).text.strip() == "done"
        for number in numbers:
            assert page.answer(number)["type"] == "hello_ok"
        page.listen(0.5)
        assert [page.answers(number) for number in numbers] == [["hello_ok"]] * 12


def test_a_closed_picker_is_silent_and_the_watch_ends_with_the_last_one(fresh_kernel):
    fresh_kernel.run("import xiantong_nb; picker = xiantong_nb.Picker()")
    assert fresh_kernel.value("__import__('xiantong_nb.notebook.panel').notebook.panel._watch.runs")
    with page_of(fresh_kernel, "picker") as page:
        page.ask("hello")
        fresh_kernel.run("picker.close()")
        heard = len(page.heard)
        page.send("hello")
        deadline = time.monotonic() + 60
        runs = "__import__('xiantong_nb.notebook.panel').notebook.panel._watch.runs"
        while fresh_kernel.value(runs) and time.monotonic() < deadline:
            page.listen(0.2)
        assert not fresh_kernel.value(runs)
        assert len(page.heard) == heard


def test_what_is_synced_and_saved_is_what_all_may_read(fresh_kernel, locked):
    with page_of(fresh_kernel) as page:
        page.ask("hello")
        connect(page, locked.base_url)
        traits = state_of(fresh_kernel, page.model)
        assert {name for name in traits if not name.startswith("_")} - {"layout", "tabbable", "tooltip"} == TRAITS
        assert KEY not in json.dumps(traits)
        assert KEY not in json.dumps(page.seen, default=str)
