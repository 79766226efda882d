"""What can be asked, and by which names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xiantong_nb.connection import PROMPT, Connection, demo, named, parse_target, place
from xiantong_nb.environment import from_environment
from xiantong_nb.errors import NotConnected, UsageError
from xiantong_nb.models import Listing, Model
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret

KEY = "sk-CANARY-0123456789-wxyz"


def known(**env: str) -> dict[str, Connection]:
    return {**from_environment(env), "demo": demo()}


ALL = known(ANTHROPIC_API_KEY=KEY, OPENROUTER_API_KEY=KEY, AI_GATEWAY_API_KEY=KEY)


@pytest.mark.parametrize(
    ("text", "in_use", "target"),
    [
        ("anthropic", "", "anthropic:claude-sonnet-5-5"),
        ("anthropic:opus", "", "anthropic:claude-opus-5-5"),
        ("anthropic:claude-opus-4-6", "", "anthropic:claude-opus-4-6"),
        ("haiku", "anthropic", "anthropic:claude-haiku-5-5"),
        ("", "anthropic:opus", "anthropic:claude-opus-5-5"),
        ("  demo:toy-2 ", "", "demo:toy-2"),
        ("demo", "anthropic", "demo:toy-1"),
        ("llama3.2:8b", "anthropic", "anthropic:llama3.2:8b"),
        ("openrouter:openai/gpt-4o", "anthropic", "openrouter:openai/gpt-4o"),
        ("openai/gpt-4o:free", "openrouter", "openrouter:openai/gpt-4o:free"),
        ("openrouter:openai/gpt-4o:free", "", "openrouter:openai/gpt-4o:free"),
        ("toy-3", "demo:toy-1", "demo:toy-3"),
    ],
)
def test_the_grammar_of_targets(text, in_use, target):
    assert str(parse_target(text, ALL, in_use)) == target


@pytest.mark.parametrize(
    ("text", "in_use", "kind", "says"),
    [
        ("", "", NotConnected, "Nothing connected yet."),
        ("", "", NotConnected, "%xiantong connect"),
        ("sonnet", "", NotConnected, "'sonnet' can't be asked"),
        ("vercel", "anthropic", NotConnected, "%xiantong connect vercel"),
        ("vercel:a/b", "", NotConnected, "vercel.com"),
        ("", "vercel:a/b", NotConnected, "Vercel AI Gateway is not connected"),
        ("anthropic:", "", UsageError, "without a model"),
        ("openroutr", "anthropic", UsageError, "Did you mean 'openrouter'?"),
    ],
)
def test_names_of_nothing(text, in_use, kind, says):
    some = {slug: c for slug, c in ALL.items() if slug != "vercel"}
    with pytest.raises(kind) as caught:
        parse_target(text, some, in_use)
    assert says in str(caught.value)


LLAMA = Connection("ollama", PRESETS["ollama"], "http://localhost:11434", "llama3", models=("llama3", "llama2"))
GEMMA = Connection("gemma", PRESETS["custom"], "http://localhost:8080", "m")


@pytest.mark.parametrize("model", ["llama3", "llama2", "codellama", "gemma3"])
def test_a_model_that_is_called_nearly_like_a_connection_is_one(model):
    some = {"ollama": LLAMA, "gemma": GEMMA, "demo": demo()}
    assert str(parse_target(model, some, "ollama")) == f"ollama:{model}"


def test_what_is_nearly_a_connection_is_a_model_where_one_is_known():
    some = {"qwen-coder": GEMMA, "ollama": LLAMA}
    with pytest.raises(UsageError, match="no connection 'qwen3-coder'") as caught:
        parse_target("qwen3-coder", some, "ollama")
    assert "If it is a model: ollama:qwen3-coder" in caught.value.hint
    listed = Listing((Model("qwen3-coder:latest"),), 0)
    assert str(parse_target("qwen3-coder", some, "ollama", lambda _: listed)) == "ollama:qwen3-coder"
    saved_one = replace(LLAMA, models=("qwen3-coder",))
    assert str(parse_target("qwen3-coder", {**some, "ollama": saved_one}, "ollama")) == "ollama:qwen3-coder"
    with pytest.raises(UsageError, match="Did you mean 'qwen-coder'"):
        parse_target("qwen3-coder", some, "gone:m")


@pytest.mark.parametrize("text", ["", "n"])
@pytest.mark.parametrize("slug", ["box", "vercel"])
def test_what_was_in_use_and_is_gone_is_said_with_what_is_there(text, slug):
    some = {"gemma": GEMMA, "ollama": LLAMA, "demo": demo()}
    with pytest.raises(NotConnected) as caught:
        parse_target(text, some, f"{slug}:m")
    said = str(caught.value)
    assert "Nothing connected" not in said
    assert {"box": "box was in use here, and is gone.", "vercel": "Vercel AI Gateway is not connected."}[slug] in said
    assert "Connected: gemma, ollama; %xiantong use TARGET chooses" in said
    with pytest.raises(NotConnected, match="is gone") as caught:
        parse_target("", {"demo": demo()}, "box:m")
    assert "%xiantong connect" in str(caught.value)


def test_a_guessed_name_is_noted_where_it_may_be_wrong():
    assert parse_target("anthropic", ALL).notes == ()
    (note,) = parse_target("openrouter", ALL).notes
    assert "sonnet is taken as claude-sonnet-5-5" in note
    elsewhere = known(ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL="https://gw.example")
    assert parse_target("anthropic:opus", elsewhere).notes
    assert not parse_target("anthropic:my-model", elsewhere).notes


@pytest.mark.parametrize(
    ("preset", "url", "model", "is_noted"),
    [
        ("ollama", "http://localhost:11434", "gpt-oss:120b-cloud", True),
        ("custom", "http://127.0.0.1:11434", "gpt-oss:120b-cloud", True),
        ("custom", "http://[::1]:11500/v1", "qwen3-coder:cloud", True),
        ("custom", "http://127.0.0.1:11434", "llama3.2:8b", False),
        ("custom", "http://127.0.0.1:11434", "cloudy", False),
        ("custom", "https://gw.example", "big-cloud", False),
        ("openrouter", "https://openrouter.ai/api", "a/big-cloud", False),
    ],
)
def test_a_model_that_leaves_a_server_of_this_machine_is_not_local(preset, url, model, is_noted):
    notes = parse_target(f"c:{model}", {"c": saved("c", preset, url)}).notes
    assert notes == ((f"not local: a question to {model} leaves this machine",) if is_noted else ())


def test_a_connection_shows_itself_short_and_without_its_key():
    shown = repr(ALL["anthropic"])
    assert shown == "<anthropic: sonnet at https://api.anthropic.com, Secret(…wxyz) from ANTHROPIC_API_KEY>"
    assert repr(demo()) == "<demo: toy-1 at the embedded engine, no key>"


def saved(slug: str, preset: str = "custom", url: str = "https://gw.example", **more) -> Connection:
    return Connection(slug, PRESETS[preset], url, "m", saved=True, **more)


def test_a_presets_slug_names_the_only_connection_of_it():
    work = saved("work", "openrouter", "https://openrouter.ai/api")
    some = {"work": work, "demo": demo()}
    assert str(parse_target("openrouter:a/b", some)) == "work:a/b"
    assert named("openrouter", some) is work
    two = {**some, "home": saved("home", "openrouter", "https://openrouter.ai/api")}
    with pytest.raises(NotConnected, match="2 connections go to OpenRouter") as caught:
        parse_target("openrouter:a/b", two)
    assert "work, home" in caught.value.hint
    assert str(parse_target("work:a/b", two)) == "work:a/b"


def test_what_only_the_app_can_use_is_not_meant_by_a_presets_slug():
    some = {"max": saved("max", fault=UsageError("signs in"), foreign=True), "mine": saved("mine")}
    assert str(parse_target("custom:x", some)) == "mine:x"
    with pytest.raises(UsageError, match="signs in"):
        parse_target("max", some)


def test_a_connection_without_a_model_wants_one_named():
    some = {"ollama": Connection("ollama", PRESETS["ollama"], "http://localhost:11434", "")}
    with pytest.raises(UsageError, match="no default model") as caught:
        parse_target("ollama", some)
    assert "ollama:MODEL" in caught.value.hint
    assert str(parse_target("ollama:llama3.2:8b", some)) == "ollama:llama3.2:8b"


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        (ALL["anthropic"], "Check the key in ANTHROPIC_API_KEY; after a change, restart the kernel."),
        (saved("gw", key=Secret(KEY), key_from="credentials.enc"), "Enter the key again: %xiantong edit gw"),
        (saved("gw", key=Secret(KEY), key_from=PROMPT), "Copy the key again."),
        (saved("gw", key=Secret(KEY), key_from="V", key_variable="V"), "Check the key in V; after"),
        (saved("gw"), "If it wants a key, connect or edit it with --ask-key."),
        (demo(), ""),
    ],
)
def test_a_refused_key_is_mended_where_it_is_from(connection, says):
    assert place(connection, "m", "https://gw.example").mend_key.startswith(says)
    assert bool(place(connection, "m", "u").mend_key) == bool(says)
