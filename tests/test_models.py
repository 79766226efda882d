"""Names of models: what an alias means, which name was meant, what leaves the machine."""

from __future__ import annotations

import time

import pytest

from xiantong_nb.attached import takes_images
from xiantong_nb.connection import Connection, parse_target, resolve
from xiantong_nb.errors import UsageError
from xiantong_nb.events import Usage
from xiantong_nb.models import Listing, Model, leaves_the_machine, nearest, newest
from xiantong_nb.presets import PRESETS
from xiantong_nb.prices import cost_of, table
from xiantong_nb.shelf import Shelf, age

LISTED = tuple(
    Model(name)
    for name in (
        "anthropic/claude-sonnet-4", "anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-5.5",
        "anthropic/claude-sonnet-5.5:free", "anthropic/claude-3.5-sonnet", "anthropic/claude-3.7-sonnet:thinking",
        "anthropic/claude-opus-4.10", "anthropic/claude-opus-4.9", "openai/gpt-4o", "openai/gpt-4o-mini",
        "other/claude-sonnet-imitation-9",
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "names", "found"),
    [
        ("sonnet", [m.id for m in LISTED], "anthropic/claude-sonnet-5.5"),
        ("opus", [m.id for m in LISTED], "anthropic/claude-opus-4.10"),
        ("haiku", [m.id for m in LISTED], ""),
        ("sonnet", ["claude-sonnet-5-5", "claude-sonnet-5", "claude-sonnet-4-5-20250929"], "claude-sonnet-5-5"),
        ("sonnet", ["claude-3-5-sonnet-20241022", "claude-sonnet-4-20250514"], "claude-sonnet-4-20250514"),
        ("haiku", ["claude-haiku-4-5-20251001", "claude-haiku-4-5"], "claude-haiku-4-5"),
        ("sonnet", ["sonnet", "gpt", "claude-sonnet-fast"], ""),
    ],
)
def test_an_alias_is_the_newest_of_its_line(line, names, found):
    assert newest(line, [Model(name) for name in names]) == found


def connection(slug, **more):
    preset = PRESETS[slug]
    return Connection(slug, preset, preset.base_url or "https://gw.example", preset.default_model, **more)


def test_a_name_is_resolved_against_the_list():
    listing = Listing(LISTED, 0)
    target = resolve(connection("openrouter"), "sonnet", lambda _: listing)
    assert (target.model, target.notes) == ("anthropic/claude-sonnet-5.5", ())
    assert parse_target(
        "openrouter:opus", {"openrouter": connection("openrouter")}, listed=lambda _: listing
    ).model == ("anthropic/claude-opus-4.10")
    bare = resolve(connection("openrouter"), "haiku", lambda _: listing)
    assert bare.model == "claude-haiku-5-5"
    assert "may have another name" in bare.notes[0]
    assert resolve(connection("anthropic")).notes == ()


def test_a_name_that_can_not_be_is_refused_with_the_one_that_was_meant():
    with pytest.raises(UsageError, match=r"names there are provider/model-name") as caught:
        resolve(connection("openrouter"), "gpt-4o", lambda _: Listing(LISTED, 0))
    assert caught.value.hint == "Did you mean 'openai/gpt-4o'?"
    with pytest.raises(UsageError) as caught:
        resolve(connection("vercel"), "gpt-4o")
    assert "%xiantong models vercel" in caught.value.hint
    assert resolve(connection("custom"), "gpt-4o").model == "gpt-4o"
    saved = connection("openrouter", models=("claude-opus-4-7",))
    assert resolve(saved, "claude-opus-4-7").model == "claude-opus-4-7", "what is saved is taken as it is"


def test_what_ollama_runs_elsewhere_is_said():
    assert leaves_the_machine("gpt-oss:120b-cloud")
    assert leaves_the_machine("qwen3-coder:cloud")
    assert not leaves_the_machine("cloudy")
    (note,) = resolve(connection("ollama"), "gpt-oss:120b-cloud").notes
    assert "not local" in note
    assert resolve(connection("ollama"), "llama3.2").notes == ()


def test_the_nearest_names():
    assert nearest(LISTED, "gpt-4o")[:2] == ["openai/gpt-4o", "openai/gpt-4o-mini"]
    assert Listing((Model("llama3.2:latest"),), 0).find("llama3.2").id == "llama3.2:latest"
    assert Listing((), 0).find("x") is None


@pytest.mark.parametrize(
    ("made", "listed", "takes"),
    [
        (connection("custom"), None, False),
        (connection("custom", all_images=True), None, True),
        (connection("custom", all_images=True, images={"m": False}), None, False),
        (connection("custom", all_images=False, images={"m": True}), None, True),
        (connection("openrouter"), None, None),
        (connection("openrouter"), True, True),
        (connection("openrouter"), False, False),
        (connection("openrouter", images={"m": True}), False, True),
    ],
)
def test_who_says_whether_a_model_takes_images(made, listed, takes):
    listing = None if listed is None else Listing((Model("m", images=listed),), 0)
    assert takes_images(made, "m", lambda _: listing)[0] is takes


def test_prices_of_a_list_and_of_what_runs_here():
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000)
    listing = Listing((Model("a/b", price_in=2.0, price_out=10.0),), 0)
    assert cost_of(usage, "a/b", connection("vercel"), lambda _: listing) == (3.0, "vercel's list price")
    assert cost_of(Usage(1, 1, cache_read_tokens=5), "a/b", connection("vercel"), lambda _: listing) == (None, "")
    varies = Listing((Model("a/b", price_in=2.0, price_out=10.0, price_up_to=999_999),), 0)
    assert cost_of(usage, "a/b", connection("vercel"), lambda _: varies) == (None, ""), (
        "longer prompts cost something else"
    )
    assert cost_of(usage, "llama3.2", connection("ollama")) == (0.0, "runs here")
    assert cost_of(usage, "x:cloud", connection("ollama")) == (None, "")
    assert {"claude-opus-5-5", "claude-sonnet-5-5"} <= {m.id for m in table().models}


def test_a_list_is_kept_and_read_without_a_network(tmp_path):
    home, made = tmp_path / "home", connection("openrouter")
    shelf, others = Shelf(lambda: home), [Shelf(lambda: home) for _ in range(3)]
    assert shelf.keep(made, LISTED).models == LISTED
    assert not home.exists(), "looking makes no folder"
    assert shelf.kept(made).models == LISTED, "this process knows it all the same"
    home.mkdir()
    assert others[0].kept(made) is None
    shelf.keep(made, LISTED)
    kept = others[0].kept(made)
    assert kept.models == LISTED
    assert others[0].kept(made) is kept, "it is read once"
    assert 0 <= time.time() - kept.at < 60
    assert shelf.kept(connection("vercel")) is None
    others[1].keep(made, LISTED[:1])
    assert shelf.kept(made).models == LISTED[:1], "another process has asked again"
    (file,) = (home / "cache").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"{broken")
    assert shelf.kept(made).models == LISTED[:1]
    assert others[2].kept(made) is None
    file.unlink()
    assert shelf.kept(made).models == LISTED[:1], "it may be deleted"


def test_how_long_ago():
    assert [age(s) for s in (5, 60, 7200, 200_000)] == ["just now", "1 minute ago", "2 hours ago", "2 days ago"]
