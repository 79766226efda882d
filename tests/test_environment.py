"""What environment variables alone connect."""

from __future__ import annotations

import pytest

from xiantong_nb.connection import auth_header, demo, parse_target
from xiantong_nb.environment import from_environment
from xiantong_nb.errors import UsageError

KEY = "sk-CANARY-0123456789-wxyz"
ALL = {
    **from_environment({"ANTHROPIC_API_KEY": KEY, "OPENROUTER_API_KEY": KEY, "AI_GATEWAY_API_KEY": KEY}),
    "demo": demo(),
}


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


def test_each_is_called_as_its_provider_also_where_it_can_not_be_asked():
    assert [c.name for c in ALL.values()] == ["Anthropic", "OpenRouter", "Vercel AI Gateway", "Demo (toy models)"]
    assert from_environment({"ANTHROPIC_BASE_URL": "https://gw.example"})["anthropic"].name == "Anthropic"


def test_the_model_variable_sets_the_model():
    found = from_environment({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_MODEL": "claude-x"})
    assert parse_target("anthropic", found).model == "claude-x"


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ({"ANTHROPIC_API_KEY": "sk-CANARY\u201dx"}, "ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": "http://192.168.1.5:80"}, "ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": f"https://{KEY}@h"}, "ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_BASE_URL": "gpu-box:11434"}, "ANTHROPIC_BASE_URL"),
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
