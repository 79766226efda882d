"""The panel in a page, by keyboard and mouse: what it sends, where the focus is, where the key is."""

from __future__ import annotations

import re

import pytest

from tests.browser.panel_page import PanelPage
from tests.browser.panel_states import REFUSED, SEVERAL, begin_test
from tests.browser.panel_words import CHECKED, connection, failed, kernel, passed, saved

KEY = "sk-ant-CANARY-0123456789-wxyz"
HIDING = "() => [document.documentElement.outerHTML, ...[...document.querySelectorAll('input')].map((i) => i.value)]"
CARET = (
    "() => { const {selectionStart, selectionEnd} = document.activeElement; return [selectionStart, selectionEnd]; }"
)


@pytest.fixture(name="show")
def shown(browser):
    """Show panels; they are closed afterwards, have had no error, and asked nothing of anybody."""
    panels = []

    def show(*state, **more):
        panels.append(PanelPage.show(browser, *state, **more))
        return panels[-1]

    yield show
    for panel in panels:
        panel.page.close()
    assert not [line for panel in panels for line in panel.said]
    assert not [url for panel in panels for url in panel.asked if not url.startswith(("blob:", "data:"))]


def test_from_nothing_to_connected_by_keyboard_alone(show):
    panel = show()
    assert panel.focused == "BODY"
    panel.press("Tab")
    assert panel.focused == "preset"
    panel.press("ArrowRight", "Tab")
    assert panel.focused == "key"
    panel.page.keyboard.type(KEY)
    panel.press("Tab", "Space")
    assert panel.focused == "show"
    assert panel.at("key").get_attribute("type") == "text"
    panel.press("Tab", "Tab")
    assert panel.focused == "model"
    panel.page.keyboard.type("gpt")
    panel.page.get_by_role("option").nth(1).wait_for()
    panel.press("ArrowDown", "ArrowDown", "Enter")
    assert panel.at("model").input_value() == "openai/gpt-4o-mini"
    assert not panel.sent("test")
    panel.press("Enter")
    request = panel.wait_sent("test")
    assert (request["api_key"], request["draft"]["preset"], request["draft"]["model"]) == (
        KEY,
        "openrouter",
        "openai/gpt-4o-mini",
    )
    panel.answer(request, {"type": "progress", "stage": "reached", "ms": 81, "said": ""})
    panel.page.get_by_role("status").get_by_text("81 ms").wait_for()
    panel.answer(request, passed("openrouter:openai/gpt-4o-mini"))
    request = panel.wait_sent("save")
    assert (request["of"], request["untested"]) == (panel.sent("test")[0]["id"], False)
    state = kernel(connection("openrouter", "OpenRouter"), target="openrouter:openai/gpt-4o-mini")
    panel.answer(request, saved("openrouter", "openrouter:openai/gpt-4o-mini", state))
    panel.page.get_by_role("heading", name="Connected").wait_for()
    assert panel.focused == "title"
    assert "…wxyz" in panel.page.inner_text("#cell")
    panel.press("Tab", "Enter")
    panel.page.get_by_role("radio", name=re.compile("OpenRouter.*in use")).wait_for()
    assert panel.focused == "title"


def test_the_key_is_in_one_message_and_then_nowhere(show):
    panel = show()
    panel.at("key").fill(KEY)
    assert KEY in panel.page.evaluate(HIDING)[1:]  # this would see it
    assert KEY not in panel.page.evaluate(HIDING)[0]
    panel.at("show").click()
    panel.at("submit").click()
    panel.wait_sent("test")
    assert not any(KEY in place for place in panel.page.evaluate(HIDING))
    assert panel.at("key").get_attribute("type") == "password"
    everything = panel.page.evaluate("() => window.model.sent")
    assert [message["type"] for message in everything if KEY in str(message)] == ["test"]


def test_a_key_does_not_follow_to_another_host(show):
    panel = show()
    panel.at("key").fill(KEY)
    panel.page.get_by_label("OpenRouter").check()
    assert panel.at("key").input_value() == ""
    panel.page.get_by_text("it was typed for https://api.anthropic.com").wait_for()
    panel.at("key").fill(KEY)
    panel.at("more").click()
    panel.at("base_url").fill("https://openrouter.ai/api/v1")
    panel.at("name").click()
    assert panel.at("key").input_value() == KEY
    panel.at("base_url").fill("https://stranger.example")
    panel.at("base_url").press("Enter")
    assert "api_key" not in panel.wait_sent("test")


def test_enter_means_the_form_but_not_while_an_input_method_composes(show):
    panel = show()
    panel.at("key").fill(KEY)
    press = """(init) => document.activeElement.dispatchEvent(
      new KeyboardEvent("keydown", {key: "Enter", bubbles: true, cancelable: true, ...init}))"""
    for init in ({"isComposing": True}, {"keyCode": 229}, {"shiftKey": True}):
        assert panel.page.evaluate(press, init) is True  # nobody has cancelled it
    assert not panel.sent("test")
    assert panel.page.evaluate(press, {}) is False
    panel.wait_sent("test")


def test_enter_on_a_button_is_the_button(show):
    panel = show()
    panel.at("more").focus()
    panel.press("Enter")
    assert panel.at("more").get_attribute("aria-expanded") == "true"
    assert not panel.sent("test")


def test_a_failure_is_told_and_leads_to_its_field(show):
    panel = show()
    panel.answer(begin_test(panel), REFUSED)
    alert = panel.page.get_by_role("alert")
    alert.get_by_text("The key was refused").wait_for()
    assert panel.focused == "key"
    field = panel.at("key")
    assert field.get_attribute("aria-invalid") == "true"
    assert alert.get_attribute("id") in field.get_attribute("aria-describedby").split()
    field.fill("x")
    assert field.get_attribute("aria-invalid") == "false"
    assert alert.inner_text() == ""


def test_a_failure_without_a_field_leads_to_its_words(show):
    panel = show()
    panel.answer(begin_test(panel), failed("server", "", "It is overloaded (529).", "Try again."))
    assert panel.focused == "failure"


def test_a_failure_among_the_advanced_rows_opens_them(show):
    panel = show()
    panel.answer(begin_test(panel), failed("dns", "base_url", "No such host.", "Check it."))
    assert panel.focused == "base_url"


def test_nothing_takes_the_focus_from_somewhere_else(show):
    panel = show()
    request = begin_test(panel)
    panel.page.evaluate("() => document.activeElement.blur()")
    panel.answer(request, REFUSED)
    panel.page.get_by_role("alert").get_by_text("refused").first.wait_for()
    assert panel.focused == "BODY"


def test_a_double_press_neither_tests_twice_nor_cancels(show):
    panel = show()
    panel.at("submit").dblclick()
    panel.wait_sent("test")
    panel.press("Enter", "Enter")
    assert len(panel.sent("test")) == 1
    assert not panel.sent("cancel")
    assert panel.focused == "submit"


def test_escape_cancels_a_test_once(show):
    panel = show()
    request = begin_test(panel)
    panel.press("Escape", "Escape")
    assert [message["of"] for message in panel.sent("cancel")] == [request["id"]]
    panel.answer(request, failed("cancelled", "", "", ""))
    panel.page.get_by_role("status").get_by_text("cancelled").wait_for()
    assert panel.at("submit").get_attribute("aria-disabled") == "false"


def test_fields_hold_still_while_a_test_runs(show):
    panel = show()
    begin_test(panel)
    panel.page.get_by_label("Ollama").click(force=True)
    assert panel.page.get_by_label("Anthropic").is_checked()
    panel.at("name").focus()
    panel.page.keyboard.type("x")
    panel.at("key").focus()
    panel.page.keyboard.type("x")
    assert panel.at("name").input_value() + panel.at("key").input_value() == ""


def test_save_anyway_asks_once_and_can_be_withdrawn(show):
    panel = show()
    panel.answer(begin_test(panel), REFUSED)
    panel.at("ask-save").focus()
    panel.press("Enter")
    assert panel.focused == "unask"
    panel.press("Escape")
    assert panel.focused == "ask-save"
    assert not panel.sent("save")
    panel.press("Enter", "Shift+Tab", "Enter")
    assert panel.wait_sent("save")["untested"] is True


def test_what_works_instead_is_one_press_away(show):
    panel = show()
    panel.page.get_by_label("Custom").check()
    panel.at("base_url").fill("https://llm.example")
    instead = {"options": "--auth-header bearer", "draft": {"auth_header": "bearer"}}
    panel.answer(begin_test(panel), failed("bad_key", "key", "Refused.", "With --auth-header bearer.", instead=instead))
    panel.page.get_by_role("button", name="Use Authorization: Bearer").click()
    assert panel.wait_sent("test", 2)["draft"]["auth_header"] == "bearer"


def test_the_list_of_models_by_keyboard(show):
    panel = show()
    field = panel.at("model")
    field.press("ArrowDown")
    option = panel.page.get_by_role("option")
    option.nth(4).wait_for()
    assert field.get_attribute("aria-expanded") == "true"
    panel.press("ArrowUp")
    assert field.get_attribute("aria-activedescendant") == option.nth(4).get_attribute("id")
    panel.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    assert panel.focused == "model"
    field.fill("coder free")
    assert option.count() == 1
    panel.press("Tab")
    option.wait_for(state="detached")
    assert field.input_value() == "coder free"  # any id can be typed
    assert len(panel.sent("models")) == 1


def test_the_list_of_models_by_mouse(show):
    panel = show()
    panel.page.get_by_role("button", name="List the models").click()
    assert panel.focused == "model"
    panel.page.get_by_role("option", name="gemini").click()
    assert panel.focused == "model"
    assert panel.at("model").input_value() == "google/gemini-3-pro"
    assert panel.page.get_by_role("option").count() == 0


def test_a_slow_press_below_an_open_list_is_not_missed(show):
    panel = show()
    panel.at("model").press("ArrowDown")
    panel.page.get_by_role("option").first.wait_for()
    box = panel.at("test").bounding_box()
    panel.page.mouse.move(box["x"] + 5, box["y"] + 5)
    panel.page.mouse.down()
    panel.page.wait_for_timeout(400)
    assert panel.page.get_by_role("option").count() > 0
    panel.page.mouse.up()
    panel.wait_sent("test")
    panel.page.get_by_role("option").first.wait_for(state="hidden")


def test_a_list_that_can_not_be_had_says_why(show):
    told = {"type": "models", "ok": False, "models": [], "ollama": None, "kind": "no_key", "message": "It needs a key.",
            "hint": ""}  # fmt: skip
    panel = show(answers={"models": told})
    panel.at("model").press("ArrowDown")
    panel.page.get_by_text("It needs a key. An id can be typed.").wait_for()
    assert panel.at("model").get_attribute("aria-expanded") == "false"


def test_caret_and_selection_stay_when_the_kernel_has_news(show):
    panel = show(SEVERAL, draft={"slug": "openrouter"})
    panel.at("name").focus()
    panel.press("End", "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft")
    before = panel.page.evaluate(CARET)
    panel.say({"v": 1, "type": "state", "state": kernel(connection("openrouter", "Renamed"))})
    panel.page.get_by_role("heading", name="Settings of Renamed").wait_for()
    assert (panel.focused, panel.page.evaluate(CARET)) == ("name", before)
    panel.page.keyboard.type("xy")
    assert panel.at("name").input_value() == "Work accoxyt"


def test_the_preview_and_what_is_wrong_with_a_url(show):
    problem = {"field": "base_url", "message": "That is not a URL of an endpoint.", "hint": "", "missing": False}
    panel = show(answers={"check": CHECKED | {"problem": problem, "url": "", "key": "optional"}})
    panel.page.get_by_label("Custom").check()
    panel.at("base_url").fill("htp:/x")
    panel.wait_sent("check", 2)
    assert panel.page.get_by_text(problem["message"]).count() == 0  # one is still typing
    panel.press("Tab")
    panel.page.get_by_text(problem["message"]).wait_for()
    assert panel.at("base_url").get_attribute("aria-invalid") == "true"
    panel.page.evaluate("(checked) => { window.model.answers.check = checked; }", CHECKED | {"preset": "openrouter"})
    panel.at("base_url").fill("https://openrouter.ai/api")
    panel.press("Tab")
    panel.page.get_by_role("radio", name="OpenRouter", checked=True).wait_for()


def test_the_picker_by_keyboard(show):
    panel = show(SEVERAL, start="list")
    panel.press("Tab", "Tab")
    assert panel.focused == "row-openrouter"
    panel.press("ArrowDown", "ArrowUp", "ArrowUp")
    assert panel.focused == "row-anthropic"
    request = panel.wait_sent("use")
    assert (request["target"], request["default"], len(panel.sent("use"))) == ("anthropic:claude-sonnet-5-5", False, 1)
    panel.answer(request, {"type": "state", "state": SEVERAL | {"target": request["target"]}, "notes": ["Said once."]})
    panel.page.get_by_role(
        "radio", name=re.compile("^Anthropic.*in use.*default.*worked 3 h ago"), checked=True
    ).wait_for()
    panel.page.get_by_role("status").get_by_text("Said once.").wait_for()
    assert panel.focused == "row-anthropic"
    panel.press("Tab")
    assert panel.focused == "model-in-use"
    panel.page.keyboard.press("Control+a")
    panel.page.keyboard.type("claude-haiku-5-5")
    panel.press("Enter")
    assert panel.wait_sent("use", 2)["target"] == "anthropic:claude-haiku-5-5"


def test_the_picker_removes_after_one_question(show):
    panel = show(SEVERAL, start="list")
    panel.at("ask-remove").click()
    assert panel.focused == "unask"
    panel.press("Enter")
    assert panel.focused == "ask-remove"
    panel.press("Enter", "Shift+Tab", "Enter")
    request = panel.wait_sent("remove")
    assert request["slug"] == "openrouter"
    left = kernel(connection("ollama", "Ollama", "ollama"), target="ollama:llama3.2")
    panel.answer(request, {"type": "state", "state": left, "notes": ["openrouter is removed."]})
    panel.page.get_by_role("radio", name=re.compile("^Ollama"), checked=True).wait_for()
    assert panel.focused == "status"  # never out of the panel


def test_the_focus_stays_when_a_row_before_it_goes(show):
    panel = show(SEVERAL, start="list")
    panel.at("try").focus()
    left = SEVERAL | {"connections": SEVERAL["connections"][1:]}
    panel.say({"v": 1, "type": "state", "state": left})
    panel.page.get_by_role("radio", name="Anthropic").wait_for(state="detached")
    assert panel.focused == "try"


def test_what_another_kernel_saves_appears(show):
    panel = show(kernel(), start="list")
    panel.page.get_by_text("Nothing is connected yet").wait_for()
    panel.say({"v": 1, "type": "state", "state": SEVERAL})
    panel.page.get_by_role("radio", name=re.compile("Work account.*in use")).wait_for()
    assert panel.page.get_by_role("radio").count() == 5  # the app's own is none of them


def test_a_restored_panel_is_not_connected_until_a_kernel_answers(show):
    panel = show(deaf=True)
    panel.page.get_by_text("Not connected to a kernel. Run this cell again.").wait_for()
    assert panel.page.locator("button, input, select").count() == 0
    panel.page.evaluate("() => { window.model.deaf = false; }")
    panel.page.get_by_role("button", name="Test and save").wait_for()
    assert panel.focused == "BODY"


def test_when_the_kernel_goes_every_control_is_off(show):
    panel = show(SEVERAL, draft={"slug": "openrouter"})
    panel.at("key").fill(KEY)
    panel.page.evaluate("() => { window.model.deaf = true; }")
    panel.say(None, "comm_live_update")
    panel.page.get_by_text("Not connected to a kernel").wait_for()
    assert panel.page.locator(":is(button, input, select):enabled").count() == 0
    assert panel.at("key").input_value() == ""


def test_taken_down_it_leaves_nothing(show):
    panel = show()
    panel.at("name").fill("x")
    panel.page.evaluate("() => window.end()")
    assert panel.page.evaluate("() => window.el.childNodes.length") == 0
    before = panel.page.evaluate("() => window.model.sent.length")
    panel.say({"v": 1, "type": "state", "state": SEVERAL})
    panel.page.wait_for_timeout(400)  # the check that waited would have been sent
    assert panel.page.evaluate("() => window.model.sent.length") == before


def test_words_of_others_are_never_markup(show):
    evil = "<img src=x onerror='window.bad=1'><b>bold</b>"
    state = kernel(connection("a", evil, fault=evil), connection("b", evil, foreign=True), fault=evil, target="a:x")
    panel = show(state, start="list")
    assert panel.page.locator("img, b").count() == 0
    assert panel.page.inner_text("#cell").count("<b>bold</b>") == 4
    assert panel.page.evaluate("() => window.bad") is None
