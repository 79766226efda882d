"""What a kernel tells the panel, for tests without one: presets, connections, and how tests of them went."""

from __future__ import annotations

from typing import Any

from xiantong_nb.probe import STAGES


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
            "hint": "", "url": CHECKED["url"], "target": target, "notes": [], "instead": None, "key": "…wxyz",
            **more}  # fmt: skip


def failed(kind: str, field: str, message: str, hint: str = "", *, after: int = 1, **more: Any) -> dict[str, Any]:
    """Return the result of a test that failed after some stages."""
    at = STAGES[after]
    return passed() | {"ok": False, "stages": stages(after), "failed_at": at, "kind": kind, "field": field,
                       "message": message, "hint": hint} | more  # fmt: skip


def saved(slug: str, target: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the answer to a save that worked."""
    return {"type": "saved", "ok": True, "slug": slug, "target": target, "key": "…wxyz", "where": "~/.xiantong",
            "only_here": False, "notes": [], "state": state, **more}  # fmt: skip
