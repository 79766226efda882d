"""
The built panel in a bare page, in the colours of JupyterLab's themes, with a scripted model where the kernel would be.

    PanelPage.show(browser, state) --> page, what it has sent, and what it is answered
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupyterlab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "xiantong_nb" / "static"
AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = Path(jupyterlab.__file__).parents[4] / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
LIMIT = 30_000  # ms: a guard
STAGES = ["reached", "authenticated", "model answered", "first token", "finished"]

# Answers hello, check and models by itself, with what it is given; everything else waits for the test to answer.
MODEL = """
({traits, answers}) => {
  const heard = new Map();
  const model = {
    sent: [], answers, deaf: false,
    get: (name) => traits[name],
    on: (name, hear) => heard.set(name, [...(heard.get(name) ?? []), hear]),
    off: (name, hear) => heard.set(name, (heard.get(name) ?? []).filter((each) => each !== hear)),
    say: (message, name = "msg:custom") => { for (const hear of heard.get(name) ?? []) hear(message, []); },
    send(message) {
      if (model.deaf) return;
      model.sent.push(structuredClone(message));
      const answer = model.answers[message.type];
      if (answer) setTimeout(() => model.say({ v: 1, re: message.id, ...answer }));
    },
  };
  return model;
}
"""
SHOW = f"""
async ({{script, traits, answers, deaf}}) => {{
  const panel = (await import(URL.createObjectURL(new Blob([script], {{type: "text/javascript"}})))).default;
  const model = window.model = ({MODEL.strip()})({{traits, answers}});
  model.deaf = deaf;
  const end = new AbortController();
  window.end = () => end.abort();
  window.el = document.querySelector("#cell");
  await panel.render({{ model, el: window.el, signal: end.signal }});
}}
"""


def preset(slug: str, name: str, base_url: str, **more: Any) -> dict[str, Any]:
    """Return a preset's row as the kernel tells it."""
    return {
        "slug": slug, "name": name, "base_url": base_url, "wires": ["anthropic-messages"], "needs_key": True,
        "key_page": "", "model_page": "", "model_form": "", "default_model": "sonnet", "guessed": False,
        "own_routes": "", **more,
    }  # fmt: skip


BOTH = ["anthropic-messages", "openai-completions"]
PRESETS = [
    preset(
        "anthropic", "Anthropic", "https://api.anthropic.com", key_page="https://platform.claude.com/settings/keys",
        model_form="opus, sonnet, haiku, or an id such as claude-sonnet-5-5",
    ),
    preset(
        "openrouter", "OpenRouter", "https://openrouter.ai/api", wires=BOTH, key_page="https://openrouter.ai/keys",
        model_page="https://openrouter.ai/models", model_form="provider/model-name",
    ),
    preset(
        "vercel", "Vercel AI Gateway", "https://ai-gateway.vercel.sh", wires=BOTH, model_form="provider/model-name",
        key_page="https://vercel.com/dashboard/ai-gateway", model_page="https://vercel.com/ai-gateway/models",
    ),
    preset(
        "ollama", "Ollama", "http://localhost:11434", wires=BOTH, needs_key=False, default_model="",
        own_routes="ollama", model_page="https://ollama.com/library",
        model_form="a pulled model, such as llama3.2 or qwen3-coder",
    ),
    preset("custom", "Custom", "", wires=BOTH, guessed=True, model_form="whatever the endpoint calls it"),
]  # fmt: skip


def draft(**said: Any) -> dict[str, Any]:
    """Return a draft with every field, as the kernel gives it."""
    return {
        "slug": "", "preset": "", "base_url": "", "name": "", "model": "", "api": "", "auth_header": None,
        "images": "", "key_variable": "", "no_key": False, "allow_http": None, "ask_key": False, **said,
    }  # fmt: skip


def connection(slug: str, name: str, preset: str = "openrouter", **more: Any) -> dict[str, Any]:
    """Return a connection as the kernel tells it."""
    row = next(row for row in PRESETS if row["slug"] == preset)
    made = {
        "slug": slug, "name": name, "provider": row["name"], "preset": preset, "base_url": row["base_url"],
        "model": "openai/gpt-4o", "models": ["openai/gpt-4o"], "wire": "anthropic-messages", "auth_header": "bearer",
        "key": "…wxyz", "key_from": "credentials.enc", "key_variable": "", "saved": True, "here": False,
        "foreign": False, "fault": "", "default": False, "last_used": None, "images": {}, "all_images": None, **more,
    }  # fmt: skip
    given = draft(slug=slug if made["saved"] else "", preset=preset, model=made["model"])
    return {"draft": given | {"key_variable": made["key_variable"]}, **made}


def kernel(*connections: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what the kernel knows."""
    return {
        "presets": PRESETS, "connections": list(connections), "target": "", "can_save": True, "where": "~/.xiantong",
        "version": "0.1.0", "stages": STAGES, **more,
    }  # fmt: skip


def model(name: str, **more: Any) -> dict[str, Any]:
    """Return a listed model."""
    nothing = {"context": None, "images": None, "price_in": None, "price_out": None, "local": None, "note": ""}
    return {"id": name} | nothing | more


MODELS = [
    model("openai/gpt-4o", context=128_000, images=True, price_in=2.5, price_out=10.0),
    model("openai/gpt-4o-mini", context=128_000, images=True, price_in=0.15, price_out=0.6),
    model("anthropic/claude-sonnet-5-5", context=1_000_000, images=True, price_in=3.0, price_out=15.0),
    model("google/gemini-3-pro", context=1_048_576, images=True, price_in=2.0, price_out=12.0),
    model("qwen/qwen3-coder:free", context=262_144, price_in=0.0, price_out=0.0),
]
LISTED = {"type": "models", "ok": True, "models": MODELS, "source": "", "ollama": None, "kind": "", "message": "",
          "hint": ""}  # fmt: skip
CHECKED = {"type": "checked", "url": "https://api.anthropic.com/v1/messages", "origin": "https://api.anthropic.com",
           "slug": "anthropic", "wire": "anthropic-messages", "key": "needed", "problem": None}  # fmt: skip


def stages(count: int) -> list[dict[str, Any]]:
    """Return the first stages as passed."""
    said = ["", "", "gpt-4o-2024-11-20", "", ""]
    return [{"name": STAGES[n], "ms": 80.0 + 170 * n, "said": said[n]} for n in range(count)]


def passed(target: str = "anthropic:sonnet", **more: Any) -> dict[str, Any]:
    """Return the result of a test that passed."""
    return {"type": "result", "ok": True, "stages": stages(5), "failed_at": "", "kind": "", "field": "", "message": "",
            "hint": "", "url": CHECKED["url"], "target": target, "notes": [], "instead": None, "key": "…7890",
            **more}  # fmt: skip


def failed(kind: str, field: str, message: str, hint: str = "", *, after: int = 1, **more: Any) -> dict[str, Any]:
    """Return the result of a test that failed after some stages."""
    at = STAGES[after]
    return passed() | {"ok": False, "stages": stages(after), "failed_at": at, "kind": kind, "field": field,
                       "message": message, "hint": hint} | more  # fmt: skip


def saved(slug: str, target: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the answer to a save that worked."""
    return {"type": "saved", "ok": True, "slug": slug, "target": target, "key": "…7890", "where": "~/.xiantong",
            "only_here": False, "notes": [], "state": state, **more}  # fmt: skip


def themes() -> dict[str, str]:
    """Return the style sheets of JupyterLab's own two themes: all the variables that the panel stands on."""
    return {name: (THEMES / f"theme-{name}-extension" / "index.css").read_text() for name in ("light", "dark")}


@dataclass
class PanelPage:
    """A page with the panel in it."""

    page: Page

    @classmethod
    def show(
        cls,
        browser: Browser,
        state: dict[str, Any] | None = None,
        *,
        theme: str = "light",
        width: int = 700,
        deaf: bool = False,
        answers: dict[str, Any] | None = None,
        rtl: bool = False,
        **traits: Any,
    ) -> PanelPage:
        """Show it; `deaf` is a kernel that never answers, `answers` what it says by itself, by type of request."""
        page = browser.new_page(viewport={"width": width, "height": 800}, locale="en-US", reduced_motion="reduce")
        page.set_default_timeout(LIMIT)
        css = (STATIC / "panel.css").read_text()
        page.set_content(
            f"<!doctype html><html lang=en dir={'rtl' if rtl else 'ltr'}><head><title>Panel</title>"
            f"<style>{themes()[theme]}</style>"
            "<style>body{margin:8px;background:var(--jp-layout-color1);font-family:var(--jp-ui-font-family)}</style>"
            f"<style>{css}</style></head><body><main id=cell></main></body></html>"
        )
        replies = {
            "hello": {"type": "hello_ok", "instance": "i1", "kernel": "k1", "state": state or kernel()},
            "check": CHECKED,
            "models": LISTED,
            "cancel": {"type": "cancelled"},
        }
        page.evaluate(
            SHOW,
            {
                "script": (STATIC / "panel.js").read_text(),
                "traits": {"start": "form", "draft": {}, "target": "", **traits},
                "answers": replies | (answers or {}),
                "deaf": deaf,
            },
        )
        shown = cls(page)
        if not deaf:
            page.locator("h3").wait_for()
        return shown

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Return what the page has sent of one kind."""
        return self.page.evaluate("(kind) => window.model.sent.filter(({type}) => type === kind)", kind)

    def wait_sent(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait for a request, and return it."""
        self.page.wait_for_function(
            "([kind, count]) => window.model.sent.filter(({type}) => type === kind).length >= count", arg=[kind, count]
        )
        return self.sent(kind)[count - 1]

    def answer(self, request: dict[str, Any], answer: dict[str, Any]) -> None:
        """Answer a request."""
        self.say({"v": 1, "re": request["id"], **answer})

    def say(self, message: dict[str, Any]) -> None:
        """Say something to the page."""
        self.page.evaluate("(message) => window.model.say(message)", message)

    def at(self, name: str) -> Locator:
        """Return the element of a name of this view."""
        return self.page.locator(f"[id^=xt][id$='-{name}']")

    def focused(self) -> str:
        """Return the name of the element that has the focus, or its tag where it has none."""
        found = self.page.evaluate("() => document.activeElement.id || document.activeElement.tagName")
        return re.sub(r"^xt[a-z0-9]+-", "", found)

    def axe(self) -> tuple[list[str], int]:
        """Return what axe-core finds wrong with the panel, and how many of its rules passed."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("() => axe.run(document.querySelector('#cell'))")
        wrong = [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]
        return wrong, len(found["passes"])

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return self.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
