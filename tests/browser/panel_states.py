"""Every state that the panel can be seen in, and the way into each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.browser.panel_words import connection, failed, kernel, model, passed, saved, stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.panel_page import PanelPage

_NOW = int(time.time() * 1000)
_HOUR = 3_600_000
_LAB = "The key of lab was saved for https://old.example, and its base URL now leads to https://llm.lab.example.org."
SEVERAL = kernel(
    connection("anthropic", "Anthropic", "anthropic", model="claude-sonnet-5-5", default=True,
               models=["claude-sonnet-5-5", "claude-opus-5-5"], last_used=_NOW - 3 * _HOUR),
    connection("openrouter", "Work account", last_used=_NOW),
    connection("ollama", "Ollama", "ollama", model="llama3.2", key="", models=["llama3.2"]),
    connection("lab", "Lab server", "custom", base_url="https://llm.lab.example.org/openai/v1", fault=_LAB,
               model="meta-llama/Llama-3.3-70B-Instruct"),
    connection("vercel", "Vercel AI Gateway", "vercel", saved=False, key_variable="AI_GATEWAY_API_KEY"),
    connection("codex", "Codex sign-in", "custom", foreign=True, provider="OpenAI"),
    target="openrouter:openai/gpt-4o",
)  # fmt: skip
LONG = "Ein sehr langer Name ohne Ende " + "W" * 60
ARABIC = "حساب العمل في المختبر الكبير"
AWKWARD = kernel(
    connection("long", LONG, "custom", base_url=f"https://{'sub.' * 30}example.org/v1", model="m" * 90),
    connection("rtl", ARABIC, default=True, fault="خطأ " * 20 + "W" * 90),
    connection("theirs", LONG, "custom", foreign=True),
    target="long:" + "m" * 90,
)
PULLED = {
    "type": "models", "ok": True, "message": "", "hint": "", "kind": "", "source": "",
    "ollama": {"running": True, "version": "0.16.2", "too_old": False},
    "models": [model("llama3.2:latest", context=131_072), model("qwen3-coder:480b-cloud", note="not local")],
}  # fmt: skip
STOPPED = PULLED | {
    "ok": False, "models": [], "ollama": {"running": False, "version": "", "too_old": False},
    "message": "Nothing listens at http://localhost:11434.", "hint": "Is Ollama running here? `ollama list` says so.",
}  # fmt: skip
INSTEAD = {"options": "--api openai-completions", "draft": {"api": "openai-completions"}}
REFUSED = failed("bad_key", "key", "Anthropic refused the key (401): invalid x-api-key.", "Check that it is whole.")
LIMITED = failed("rate_limited", "", "OpenRouter asks to wait (429).", "Try again in 40 s.", after=2)
NO_PATH = failed("wrong_url", "base_url", "http://gpu.example:8000/v1/messages does not exist (404).",
                 "With --api openai-completions it works.", after=2, instead=INSTEAD,
                 url="http://gpu.example:8000/v1/messages")  # fmt: skip


def begin_test(panel: PanelPage, *, by: str = "submit", passing: int = 2) -> dict[str, Any]:
    """Begin a test by a button, and pass some of its stages."""
    panel.at(by).click()
    request = panel.wait_sent("test")
    for stage in stages(passing):
        told = {"type": "progress", "stage": stage["name"], "ms": stage["ms"], "said": stage["said"]}
        panel.answer(request, told)
    return request


def _custom(panel: PanelPage) -> None:
    panel.page.get_by_label("Custom").check()
    panel.at("base_url").fill("http://gpu.example:8000/v1")
    panel.at("key").fill("k")
    panel.at("model").fill("qwen3")


def _ollama(panel: PanelPage, answer: dict[str, Any]) -> None:
    panel.page.evaluate("(answer) => { window.model.answers.models = answer; }", answer)
    panel.page.get_by_label("Ollama").check()
    panel.page.get_by_role("button", name="Look again", disabled=False).wait_for()


def _models(panel: PanelPage, field: str) -> None:
    panel.at(field).press("ArrowDown")
    panel.page.locator(".xt-option", has_text="free").wait_for()
    panel.at(field).press("ArrowDown")


def _failed(panel: PanelPage, answer: dict[str, Any], **how: Any) -> None:
    panel.answer(begin_test(panel, **how), answer)
    panel.page.get_by_text(answer["message"]).wait_for()


def _asked(panel: PanelPage) -> None:
    _failed(panel, REFUSED)
    panel.at("ask-save").click()


def _no_path(panel: PanelPage) -> None:
    _custom(panel)
    _failed(panel, NO_PATH)


def _works(panel: PanelPage) -> None:
    panel.at("key").fill("k")
    panel.answer(begin_test(panel, by="test"), passed(notes=["This key looks like one of OpenRouter."]))


def _saving(panel: PanelPage) -> dict[str, Any]:
    panel.answer(begin_test(panel), passed())
    return panel.wait_sent("save")


def _gone(panel: PanelPage) -> None:
    panel.page.evaluate("() => { window.model.deaf = true; }")
    panel.say(None, "comm:close")
    panel.page.get_by_text("Run this cell again").wait_for()


def _stay(_: PanelPage) -> None:
    """Nothing is to be done."""


LIST: dict[str, Any] = {"start": "list"}
SETTINGS: dict[str, Any] = {"start": "edit", "draft": {"slug": "openrouter"}}
STATES: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[PanelPage], Any]]] = {
    "form": (kernel(), {}, _stay),
    "form-models": (kernel(), {}, lambda panel: _models(panel, "model")),
    "form-advanced": (kernel(), {}, lambda panel: panel.at("more").click()),
    "form-custom": (kernel(can_save=False), {}, _custom),
    "form-ollama": (kernel(), {}, lambda panel: _ollama(panel, PULLED)),
    "form-ollama-stopped": (kernel(), {}, lambda panel: _ollama(panel, STOPPED)),
    "form-variable": (kernel(), {"draft": {"preset": "openrouter", "key_variable": "MY_API_KEY"}}, _stay),
    "form-testing": (kernel(), {}, begin_test),
    "form-refused": (kernel(), {}, lambda panel: _failed(panel, REFUSED)),
    "form-asked": (kernel(), {}, _asked),
    "form-no-path": (kernel(), {}, _no_path),
    "form-works": (kernel(), {}, _works),
    "form-saving": (kernel(), {}, _saving),
    "saved": (
        kernel(),
        {},
        lambda panel: panel.answer(_saving(panel), saved("anthropic", "anthropic:sonnet", SEVERAL, notes=["A note."])),
    ),
    "settings": (SEVERAL, SETTINGS, lambda panel: panel.at("more").click()),
    "settings-remove": (SEVERAL, SETTINGS, lambda panel: panel.at("ask-remove").click()),
    "list": (SEVERAL, LIST, _stay),
    "list-models": (SEVERAL, LIST, lambda panel: _models(panel, "model-in-use")),
    "list-fault": (SEVERAL, LIST, lambda panel: panel.page.get_by_label("Lab server").check()),
    "list-testing": (SEVERAL, LIST, lambda panel: begin_test(panel, by="try", passing=3)),
    "list-limited": (SEVERAL, LIST, lambda panel: _failed(panel, LIMITED, by="try")),
    "list-remove": (SEVERAL, LIST, lambda panel: panel.at("ask-remove").click()),
    "list-empty": (kernel(fault="config.json can't be read: it ends in the middle."), LIST, _stay),
    "list-awkward": (AWKWARD, LIST, _stay),
    "settings-awkward": (AWKWARD, {"draft": {"slug": "rtl"}}, lambda panel: panel.at("more").click()),
    "lost": (kernel(), {"deaf": True}, lambda panel: panel.page.get_by_text("Run this cell again").wait_for()),
    "gone": (kernel(), {}, _gone),
}
