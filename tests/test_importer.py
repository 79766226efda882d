"""Bringing connections over from the original: each is mapped, or left out with its reason; nothing is touched."""

from __future__ import annotations

import json

import pytest

from tests.fault_server import good
from xiantong_nb import importer
from xiantong_nb.api import session as the_session
from xiantong_nb.errors import Unreadable, UsageError
from xiantong_nb.identity import Identity
from xiantong_nb.notebook import commands
from xiantong_nb.notebook.screen import Screen
from xiantong_nb.sealed import Envelope, with_credential
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.vault import Vault

ANTHROPIC = {
    "slug": "anthropic-api", "name": "Anthropic (API Key)", "providerType": "anthropic", "authType": "api_key",
    "models": ["claude-opus-4-7"], "defaultModel": "claude-opus-4-7", "createdAt": 5, "midStreamBehavior": "queue",
}  # fmt: skip
ROUTER = {
    "slug": "pi-api-key", "name": "OpenRouter", "providerType": "pi", "authType": "api_key", "createdAt": 5,
    "piAuthProvider": "openrouter", "models": ["pi/openai/gpt-4o", {"id": "pi/x/y", "name": "Y"}],
    "defaultModel": "pi/openai/gpt-4o",
}  # fmt: skip
CUSTOM = {
    "slug": "gw", "name": "Gateway", "providerType": "pi_compat", "authType": "api_key_with_endpoint", "createdAt": 5,
    "baseUrl": "https://gw.example/v1", "customEndpoint": {"api": "anthropic-messages", "supportsImages": True},
    "models": [{"id": "m", "supportsImages": False, "contextWindow": 9}], "defaultModel": "m", "new": {"kept": 1},
}  # fmt: skip
LOCAL = {
    "slug": "local-model", "name": "Local Model", "providerType": "pi_compat", "authType": "none", "createdAt": 5,
    "baseUrl": "http://localhost:8080", "customEndpoint": {"api": "anthropic-messages"}, "models": ["q"],
    "defaultModel": "q",
}  # fmt: skip
KEYS = {
    "llm_api_key::anthropic-api": "sk-ant-CANARY-0123456789-wxyz-one",
    "llm_api_key::pi-api-key": "sk-or-CANARY-0123456789-wxyz-two",
    "llm_api_key::gw": "gateway-CANARY-0123456789-wxyz", "llm_oauth::claude-max": "token",
}  # fmt: skip


@pytest.fixture
def there(tmp_path):
    """Write the original's folder; returns the function that does, which gives what it wrote."""
    folder = tmp_path / ".craft-agent"

    def write(*entries, keys=KEYS, **config):
        folder.mkdir(exist_ok=True)
        whole = {"workspaces": [], **({"llmConnections": list(entries)} if entries else {}), **config}
        (folder / "config.json").write_text(json.dumps(whole))
        if keys is not None:
            envelope = Envelope(Identity({"HOME": str(tmp_path)}))
            opened = envelope.new()
            for account, value in keys.items():
                opened = with_credential(opened, account, {"value": value})
            (folder / "credentials.enc").write_bytes(envelope.encode(opened))
        return state(folder)

    return write


def state(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in folder.iterdir()}


@pytest.fixture
def session(tmp_path):
    made = Session(environment={"HOME": str(tmp_path)}, folder=tmp_path / "home")
    yield made
    made.close()


def carried(session, folder=None):
    return [slug for slug, _ in importer.carry_out(importer.plan(session, folder), session)]


def test_what_can_be_asked_comes_along_with_its_key_and_all_its_fields(session, there, tmp_path):
    before = there(ANTHROPIC, ROUTER, CUSTOM, LOCAL)
    assert carried(session) == ["anthropic-api", "pi-api-key", "gw", "local-model"]
    assert state(tmp_path / ".craft-agent") == before
    found = session.connections()
    shown = {slug: (c.preset.slug, c.default_model, c.key and c.key.reveal(), c.fault) for slug, c in found.items()}
    assert shown["anthropic-api"] == ("anthropic", "claude-opus-4-7", "sk-ant-CANARY-0123456789-wxyz-one", None)
    assert shown["pi-api-key"] == ("openrouter", "openai/gpt-4o", "sk-or-CANARY-0123456789-wxyz-two", None)
    assert shown["gw"] == ("custom", "m", "gateway-CANARY-0123456789-wxyz", None)
    assert shown["local-model"] == ("custom", "q", None, None)
    assert session.store._vault.keys()["gw"].origin == "https://gw.example"
    entries = session.store.config()["llmConnections"]
    assert entries[0] == ANTHROPIC
    assert entries[2] == CUSTOM
    assert entries[1]["models"] == ["openai/gpt-4o", {"id": "x/y", "name": "Y"}]
    assert session.store.config()["defaultLlmConnection"] == "anthropic-api"
    assert "llm_oauth::claude-max" not in session.store._vault.file.read().payload["credentials"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({**ANTHROPIC, "slug": "claude-max", "authType": "oauth"}, "it signs in"),
        ({**ROUTER, "authType": "iam_credentials"}, "cloud credentials"),
        ({**ROUTER, "authType": "service_account_file"}, "cloud credentials"),
        ({**ROUTER, "authType": "environment"}, "the app's own environment"),
        ({**ROUTER, "piAuthProvider": "google"}, "google is asked by the app's own back end"),
        ({**ROUTER, "providerType": "bedrock"}, "own back end"),
        ({**CUSTOM, "slug": "no-key-of-mine"}, "No key of no-key-of-mine is saved"),
        ({**CUSTOM, "baseUrl": "file:///etc/passwd"}, "left out"),
        ({**CUSTOM, "baseUrl": "http://far.example"}, "left out"),
        ({**CUSTOM, "baseUrl": None}, "has no base URL"),
        ({**CUSTOM, "models": 5}, "can't be read"),
        ({"slug": None}, "left out"),
        ({}, "left out"),
        ({**CUSTOM, "providerType": "anthropic_compat", "baseUrl": ""}, "left out"),
    ],
)
def test_what_does_not_come_along_says_why(session, there, entry, why):
    there(entry)
    plan = importer.plan(session)
    assert [why in item.says for item in plan.items] == [True]
    assert plan.wanted == ()
    assert carried(session) == []
    assert not session.store.folder.exists()


@pytest.mark.parametrize(
    ("entry", "preset", "wire"),
    [
        ({**CUSTOM, "providerType": "anthropic_compat", "customEndpoint": None}, "custom", "anthropic-messages"),
        ({**CUSTOM, "providerType": "openai_compat"}, "custom", "anthropic-messages"),
        ({**CUSTOM, "providerType": "openai_compat", "customEndpoint": {}}, "custom", "openai-completions"),
        ({**ROUTER, "piAuthProvider": "vercel-ai-gateway"}, "vercel", "anthropic-messages"),
        ({**ROUTER, "piAuthProvider": "anthropic", "models": None}, "anthropic", "anthropic-messages"),
        ({**CUSTOM, "baseUrl": "https://openrouter.ai/api/v1"}, "openrouter", "anthropic-messages"),
    ],
)
def test_older_and_other_forms_are_mapped(session, there, entry, preset, wire):
    there(entry)
    carried(session)
    found = session.connections()[entry["slug"]]
    assert (found.preset.slug, found.wire) == (preset, wire)
    assert found.key == Secret(KEYS[f"llm_api_key::{entry['slug']}"])


def test_a_configuration_from_before_there_were_several(session, there):
    there(
        authType="api_key",
        customModel="m",
        anthropicBaseUrl="https://gw.example",
        keys={"anthropic_api_key::global": "old-CANARY-0123456789-wxyz"},
    )
    assert carried(session) == ["anthropic-api"]
    found = session.connections()["anthropic-api"]
    assert (found.base_url, found.default_model) == ("https://gw.example", "m")
    assert found.key == Secret("old-CANARY-0123456789-wxyz")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"authType": "api_key"}, ["comes along"]),
        ({"authType": "api_key", "model": "claude-x"}, ["comes along"]),
        ({"authType": "oauth_token"}, ["left out: it signs in, which only the app can"]),
        ({"authType": 5}, []),
        ({}, []),
    ],
)
def test_old_configurations(session, there, config, says):
    there(keys={"anthropic_api_key::global": "old-CANARY-0123456789-wxyz"}, **config)
    assert [item.says for item in importer.plan(session).items] == says


def test_a_second_time_there_is_nothing_left_and_names_that_are_taken_get_a_number(session, there):
    there(ANTHROPIC, CUSTOM)
    carried(session)
    assert carried(session) == []
    assert [item.says for item in importer.plan(session).items] == [
        "is here already: anthropic-api", "is here already: gw",
    ]  # fmt: skip
    there({**CUSTOM, "baseUrl": "https://other.example"}, {**CUSTOM, "slug": "openrouter"}, keys={
        "llm_api_key::gw": "gateway-CANARY-0123456789-wxyz", "llm_api_key::openrouter": "second-CANARY-0123456789-wxyz",
    })  # fmt: skip
    assert carried(session) == ["gw-2", "openrouter-2"]
    assert session.connections()["gw-2"].base_url == "https://other.example"


def test_keys_of_another_machine_stay_and_the_rest_comes(session, there, tmp_path):
    there(CUSTOM, LOCAL, keys=None)
    elsewhere = Envelope(Identity({"HOME": "/x"}, ()))
    (tmp_path / ".craft-agent" / "credentials.enc").write_bytes(elsewhere.encode(elsewhere.new()))
    plan = importer.plan(session)
    assert "another machine" in plan.notes[0]
    assert ["another machine" in item.says for item in plan.items] == [True, False]
    assert carried(session) == ["local-model"]


def test_the_folder_can_be_named_and_the_variable_moves_the_configuration_alone(session, there, tmp_path):
    there(ANTHROPIC)
    (tmp_path / ".craft-agent").rename(tmp_path / "copy")
    assert carried(session, tmp_path / "copy") == ["anthropic-api"]
    (tmp_path / ".craft-agent").mkdir()
    (tmp_path / "copy" / "credentials.enc").rename(tmp_path / ".craft-agent" / "credentials.enc")
    moved = Session(
        environment={"HOME": str(tmp_path), "CRAFT_CONFIG_DIR": str(tmp_path / "copy")}, folder=tmp_path / "home2"
    )
    assert carried(moved) == ["anthropic-api"]


def test_nothing_there_is_said(session, tmp_path):
    with pytest.raises(UsageError, match="no configuration of the original"):
        importer.plan(session)
    with pytest.raises(UsageError, match="already"):
        importer.plan(session, session.store.folder)
    (tmp_path / ".craft-agent").mkdir()
    (tmp_path / ".craft-agent" / "config.json").write_text("half")
    with pytest.raises(Unreadable):
        importer.plan(session)
    assert {path.name for path in (tmp_path / ".craft-agent").iterdir()} == {"config.json"}


def test_what_can_not_be_saved_half_way_leaves_the_rest_as_it_was(session, there, monkeypatch):
    there(ANTHROPIC, CUSTOM)
    from xiantong_nb.errors import NotSaved
    from xiantong_nb.settings import Settings

    real = Settings.put

    def once(self, slug, *rest, **more):
        if slug == "gw":
            raise NotSaved("config.json was not saved: no space left on device.")
        return real(self, slug, *rest, **more)

    monkeypatch.setattr(Settings, "put", once)
    with pytest.raises(NotSaved):
        carried(session)
    assert set(Vault(session.store.folder).keys()) == {"anthropic-api"}
    assert [entry["slug"] for entry in session.store.config()["llmConnections"]] == ["anthropic-api"]


@pytest.fixture
def terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XIANTONG_HOME", str(tmp_path / "home"))

    def run(line):
        commands.run(line, Screen(terminal=True, interactive=False))
        return capsys.readouterr().out

    yield run
    the_session().chosen = ""


def test_it_is_shown_first_and_done_after_a_yes(fresh_kernel, there, tmp_path, faults):
    there({**CUSTOM, "baseUrl": faults.url}, {**ANTHROPIC, "authType": "oauth"})
    shown = fresh_kernel.run("%xiantong import", answers=["n"])
    assert "comes along" in shown.text
    assert "left out: it signs in" in shown.text
    assert "…wxyz" in shown.text
    assert "gateway-CANARY-0123456789-wxyz" not in shown.text
    assert "Nothing was changed." in shown.text
    assert not (tmp_path / ".xiantong").exists()
    done = fresh_kernel.run("%xiantong import", answers=["y"])
    assert "gw is here." in done.text
    faults.play(good("hello"))
    assert "hello" in fresh_kernel.run("%%ask gw:m\nhi").text
    assert faults.seen[0].header("authorization") == "Bearer gateway-CANARY-0123456789-wxyz"


def test_without_anybody_to_ask_it_needs_a_yes_on_the_line(terminal, there):
    there(CUSTOM)
    with pytest.raises(UsageError) as caught:
        terminal("import")
    assert "--yes" in str(caught.value)
    assert "gw is here." in terminal("import --yes")
    assert "nothing to bring over" in terminal("import --yes")
