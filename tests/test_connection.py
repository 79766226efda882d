"""What can be asked, from which variables, and by which names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb.connection import (
    Connection,
    auth_header,
    demo,
    from_environment,
    is_loopback,
    normalised,
    parse_target,
    ways_to_connect,
)
from xiantong_nb.errors import NotConnected, UsageError
from xiantong_nb.presets import PRESETS

KEY = "sk-CANARY-0123456789-wxyz"


def known(**env: str) -> dict[str, Connection]:
    return {**from_environment(env), "demo": demo()}


ALL = known(ANTHROPIC_API_KEY=KEY, OPENROUTER_API_KEY=KEY, AI_GATEWAY_API_KEY=KEY)


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("http://localhost:11434", "http://localhost:11434"),
        ("http://localhost:11434/", "http://localhost:11434"),
        ("http://h/v1", "http://h"),
        ("http://h/v1/", "http://h"),
        ("http://h/v1/messages", "http://h"),
        ("http://h/v1/messages/", "http://h"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api"),
        ("https://openrouter.ai/api", "https://openrouter.ai/api"),
        ("  https://H.Example/Path//  ", "https://h.example/Path"),
        ("HTTPS://api.anthropic.com:443", "https://api.anthropic.com"),
        ("http://h:80/x", "http://h/x"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://gateway.example/v1beta", "https://gateway.example/v1beta"),
    ],
)
def test_a_base_url_has_one_form(given, normal):
    assert normalised(given, name="X") == normal
    assert normalised(normal, name="X") == normal


@pytest.mark.parametrize(
    "url",
    [
        "", "localhost:11434", "ftp://h", "http://", "http:///v1", "file:///etc/passwd", "javascript:x", "http://h:99999",
        "http://h:0", "http://h:x", "http://[::1", f"https://{KEY}@h/", f"https://u:{KEY}@h/", f"https://h/?key={KEY}",
        f"https://h/#{KEY}", "https://@h/", "http://127.0.0.1\\@evil.example/", "http://h\nost/", "http://h\x00/",
    ],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_without_being_repeated(url):
    with pytest.raises(UsageError) as caught:
        normalised(url, name="ANTHROPIC_BASE_URL")
    assert "ANTHROPIC_BASE_URL" in str(caught.value)
    assert "CANARY" not in str(caught.value)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_of_urls(text):
    try:
        normal = normalised("http://" + text, name="X")
    except UsageError:
        return
    assert normalised(normal, name="X") == normal
    is_loopback(normal)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_this_machine_is_known_by_name_and_address(host):
    assert is_loopback(f"http://{host}:8080/x")


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "192.168.1.5", "localhost.evil.example", "127.0.0.1.evil.example", "mylocalhost", "127.1", "[::2]"],
)
def test_other_machines_are_not_taken_for_this_one(host):
    assert not is_loopback(f"http://{host}:8080/x")


def test_nothing_set_connects_nothing():
    assert from_environment({}) == {}
    assert from_environment({"ANTHROPIC_API_KEY": "  ", "OPENROUTER_API_KEY": ""}) == {}


def test_each_key_variable_makes_its_connection():
    assert {slug: (c.base_url, c.key_from, auth_header(c)) for slug, c in ALL.items()} == {
        "anthropic": ("https://api.anthropic.com", "ANTHROPIC_API_KEY", {"x-api-key": KEY}),
        "openrouter": ("https://openrouter.ai/api", "OPENROUTER_API_KEY", {"authorization": f"Bearer {KEY}"}),
        "vercel": ("https://ai-gateway.vercel.sh", "AI_GATEWAY_API_KEY", {"authorization": f"Bearer {KEY}"}),
        "demo": ("", "", {}),
    }


def test_a_token_goes_as_bearer_and_the_key_comes_first():
    token = from_environment({"ANTHROPIC_AUTH_TOKEN": KEY, "ANTHROPIC_API_KEY": ""})["anthropic"]
    assert auth_header(token) == {"authorization": f"Bearer {KEY}"}
    both = from_environment({"ANTHROPIC_AUTH_TOKEN": "other", "ANTHROPIC_API_KEY": KEY})["anthropic"]
    assert auth_header(both) == {"x-api-key": KEY}


def test_the_base_url_belongs_to_the_anthropic_pair_alone():
    found = from_environment(
        {"ANTHROPIC_BASE_URL": "https://gw.example/v1", "ANTHROPIC_API_KEY": KEY, "OPENROUTER_API_KEY": KEY}
    )
    assert found["anthropic"].base_url == "https://gw.example"
    assert found["openrouter"].base_url == "https://openrouter.ai/api"


def test_without_a_key_only_this_machine_is_asked():
    local = from_environment({"ANTHROPIC_BASE_URL": "http://localhost:11434"})["anthropic"]
    assert (local.key, auth_header(local), local.fault) == (None, {}, None)
    remote = from_environment({"ANTHROPIC_BASE_URL": "https://gw.example"})["anthropic"]
    assert "no key" in remote.fault.message
    assert "ANTHROPIC_API_KEY" in remote.fault.hint
    assert from_environment({}) == {}


def test_the_model_variable_sets_the_model():
    found = from_environment({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_MODEL": "claude-x"})
    assert parse_target("anthropic", found).model == "claude-x"


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ({"ANTHROPIC_API_KEY": "sk-CANARY\u201d"}, "ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": "http://192.168.1.5:80"}, "ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": f"https://{KEY}@h"}, "ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_BASE_URL": "localhost:11434"}, "ANTHROPIC_BASE_URL"),
    ],
)
def test_an_unusable_variable_stops_its_own_connection_only(env, names):
    found = {**from_environment({**env, "OPENROUTER_API_KEY": KEY}), "demo": demo()}
    with pytest.raises(UsageError, match=names) as caught:
        parse_target("anthropic:x", found)
    assert "CANARY" not in str(caught.value) + repr(found)
    assert caught.value.__context__ is None
    assert parse_target("demo", found).model == "toy-1"
    assert parse_target("openrouter:a/b", found).model == "a/b"
    assert names in repr(found["anthropic"])


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
        ("sonnet", "", NotConnected, "'sonnet' can't be asked"),
        ("vercel", "anthropic", NotConnected, "AI_GATEWAY_API_KEY"),
        ("vercel:a/b", "", NotConnected, "vercel.com"),
        ("", "vercel:a/b", NotConnected, "AI_GATEWAY_API_KEY"),
        ("anthropic:", "", UsageError, "without a model"),
        ("openroutr", "anthropic", UsageError, "Did you mean 'openrouter'?"),
    ],
)
def test_names_of_nothing(text, in_use, kind, says):
    some = {slug: c for slug, c in ALL.items() if slug != "vercel"}
    with pytest.raises(kind) as caught:
        parse_target(text, some, in_use)
    assert says in str(caught.value)


def test_a_guessed_name_is_noted_where_it_may_be_wrong():
    assert parse_target("anthropic", ALL).notes == ()
    (note,) = parse_target("openrouter", ALL).notes
    assert "sonnet taken as claude-sonnet-5-5" in note
    elsewhere = known(ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL="https://gw.example")
    assert parse_target("anthropic:opus", elsewhere).notes
    assert not parse_target("anthropic:my-model", elsewhere).notes


def test_a_connection_shows_itself_short_and_without_its_key():
    shown = repr(ALL["anthropic"])
    assert shown == "<anthropic: sonnet at https://api.anthropic.com, Secret(…wxyz) from ANTHROPIC_API_KEY>"
    assert repr(demo()) == "<demo: toy-1 at the embedded engine, no key>"


def test_ways_to_connect_name_variables_that_work():
    said = ways_to_connect()
    for preset in PRESETS.values():
        for name, _ in preset.key_variables[:1]:
            assert name in said
            assert from_environment({name: KEY})
