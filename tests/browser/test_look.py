"""The panel's states in the real JupyterLab, light and dark: what axe finds in them, and pictures for `make shots`."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.browser.panels import Panel
from tests.browser.test_panel import KEY, LOAD, WRONG, locked_engine  # noqa: F401  # the fixture
from tests.fault_server import CLOSE, failure

LONG = "A connection whose name is far too long for any row that it could ever stand in, and goes on"
RTL = "اتصال محلي للتجارب"


def entry(slug, name, **more):
    return {
        "slug": slug, "name": name, "providerType": "pi_compat", "authType": "none", "createdAt": 1,
        "baseUrl": "http://127.0.0.1:1", "customEndpoint": {"api": "anthropic-messages"}, "models": ["m"],
        "defaultModel": "m", **more,
    }  # fmt: skip


OTHERS = [
    entry("long", LONG, defaultModel="an-organisation/a-model-with-a-very-long-name-indeed-70b-instruct:free"),
    entry("rtl", RTL),
    entry("broken", "No key", authType="api_key_with_endpoint"),
    entry("max", "Claude Max", providerType="anthropic", authType="oauth"),
]


@pytest.mark.timeout(300)  # all states, twice each
def test_no_state_has_a_fault_that_axe_finds(lab, opened, look, engine, faults):
    shutil.rmtree(lab.home / ".xiantong", ignore_errors=True)
    book = opened(lab, (LOAD, "%xiantong picker"))
    book.command("application:toggle-left-area")
    book.run(0)
    book.run(1)
    panel = Panel(book, 1)
    panel.says("Nothing is connected yet", "Demo")
    look(panel, "begin")
    panel.button("Connect a provider").click()
    panel.button("Test and save").wait_for()
    look(panel, "form")
    panel.radio("Ollama").check()
    # whatever listens on its port here
    panel.root.get_by_text(re.compile("can't be reached|is running")).first.wait_for()
    look(panel, "ollama")

    panel.radio("Custom").check()
    faults.play([60.0, CLOSE])
    panel.fill(Base_URL=faults.url, API_key=KEY, Model="toy-1", Name="mine")
    panel.press("Enter")
    panel.says("Testing …")
    look(panel, "testing")
    panel.button("Cancel").click()
    panel.says("Cancelled. Nothing was saved.")
    faults.play(failure(404, b"404 page not found"))
    panel.fill(API_key=KEY)
    panel.press("Enter")
    panel.says("Wrong URL")
    look(panel, "failed")
    panel.button("Save anyway …").click()
    look(panel, "asked-once-more")
    panel.button("Don't save").click()
    panel.fill(Base_URL=engine.base_url, API_key=WRONG)
    panel.press("Enter")
    panel.says("The key was refused")
    look(panel, "refused")
    panel.fill(API_key=KEY)
    panel.field("Model").fill("")
    panel.press("ArrowDown")
    panel.root.get_by_role("option", name="toy-2").wait_for()
    look(panel, "models")
    panel.press("Escape")
    panel.field("Model").fill("toy-1")
    panel.button("Advanced").click()
    panel.button("Test").click()
    panel.says("It works")
    look(panel, "works")
    panel.button("Save").click()
    panel.says("Connected")
    look(panel, "saved")

    panel.button("All connections").click()
    path = lab.home / ".xiantong" / "config.json"
    config = json.loads(path.read_text())
    config["llmConnections"] += OTHERS
    path.write_text(json.dumps(config))
    panel.says(RTL, "Claude Max")
    panel.radio(RTL).check()
    panel.button("Test").click()
    panel.says("Connection refused")
    look(panel, "list")
    panel.radio("No key").check()
    panel.says("No key of broken is saved")
    look(panel, "fault")
    panel.radio("mine").check()
    panel.button("Edit").click()
    panel.says("Settings of")
    look(panel, "settings")
    panel.button("Remove …").click()
    look(panel, "remove")


def test_axe_finds_a_form_without_labels(lab, opened):
    book = opened(lab, (LOAD, "%xiantong connect"))
    book.run(0)
    book.run(1)
    panel = Panel(book, 1)
    panel.button("Test and save").wait_for()
    assert panel.axe()["violations"] == []
    panel.root.evaluate("(root) => { for (const label of root.querySelectorAll('label')) label.remove(); }")
    assert any(line.startswith("label: ") for line in panel.axe()["violations"])
