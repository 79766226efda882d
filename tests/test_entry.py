"""Entries of config.json: read into connections, and written from them as the desktop app expects."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb import entry
from xiantong_nb.connection import Connection
from xiantong_nb.errors import StoreError, Unreadable
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.vault import StoredKey

KEY = Secret("sk-CANARY-0123456789-wxyz")
STORED = {"c": StoredKey(KEY, "https://gw.example")}
CUSTOM = {
    "slug": "c", "name": "C", "providerType": "pi_compat", "authType": "api_key_with_endpoint", "createdAt": 1,
    "baseUrl": "https://gw.example/v1/", "customEndpoint": {"api": "anthropic-messages"},
    "models": [{"id": "m", "supportsImages": True, "x": 1}, "n"], "defaultModel": "n",
}  # fmt: skip


def read(raw=None, own=None, keys=None, env=None, **more):
    return entry.read({**(CUSTOM if raw is None else raw), **more}, own, STORED if keys is None else keys, env or {})


def test_a_custom_entry_is_read_whole():
    c = read(own={"authHeader": "x-api-key"}, lastUsedAt=7)
    assert (c.slug, c.name, c.base_url, c.default_model, c.models) == ("c", "C", "https://gw.example", "n", ("m", "n"))
    assert (c.key, c.key_from, c.auth_header, c.fault) == (KEY, "credentials.enc", "x-api-key", None)
    assert (c.saved, c.foreign, c.unbound, c.last_used) == (True, False, False, 7)


@pytest.mark.parametrize(
    ("url", "preset"),
    [
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://openrouter.ai/api", "openrouter"),
        ("https://ai-gateway.vercel.sh/", "vercel"),
        ("http://localhost:11434/v1", "ollama"),
        ("https://api.anthropic.com", "anthropic"),
        ("http://localhost:8080", "custom"),
    ],
)
def test_which_preset_an_entry_is_follows_from_its_url(url, preset):
    assert read(baseUrl=url, authType="none").preset is PRESETS[preset]


def test_an_anthropic_entry_has_no_url():
    raw = {"slug": "c", "name": "A", "providerType": "anthropic", "authType": "api_key", "createdAt": 1}
    c = read(raw, keys={"c": StoredKey(KEY, "")})
    assert (c.preset.slug, c.base_url, c.default_model) == ("anthropic", "https://api.anthropic.com", "sonnet")
    assert c.auth_header == "x-api-key"
    assert c.unbound


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"authType": "oauth", "providerType": "anthropic"}, "signs in in the desktop app only"),
        ({"authType": "iam_credentials", "providerType": "pi"}, "cloud credentials in the desktop app only"),
        ({"authType": "api_key", "providerType": "pi"}, "desktop app only"),
        ({"authType": "environment", "providerType": "pi"}, "desktop app only"),
        ({"authType": "api_key", "providerType": "bedrock"}, "desktop app only"),
    ],
)
def test_what_only_the_app_can_use_is_its_own(more, says):
    c = read(**more)
    assert c.foreign
    assert says in c.fault.message


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"baseUrl": None}, "no base URL"),
        ({"baseUrl": "file:///x"}, "base URL of c in config.json"),
        ({"baseUrl": "https://user:sk-CANARY@gw.example"}, "user name, a password"),
        ({"baseUrl": "http://192.168.1.9:80"}, "readable by all"),
        ({"baseUrl": "https://evil.example"}, "saved for https://gw.example, and its base URL now leads to"),
        ({"slug": "d"}, "No key of d is saved"),
        ({"customEndpoint": {"api": "openai-responses"}}, "speaks openai-responses, which this version does not"),
        ({"models": "m"}, "can't be read"),
        ({"defaultModel": 5}, "can't be read"),
        ({"cut-\ud83d": 1}, "half a character"),
        ({"name": None}, "can't be read"),
        ({"providerType": ["x"]}, "can't be read"),
    ],
)
def test_what_can_not_be_asked_says_why_and_what_to_do(more, says):
    c = read(**more)
    assert not c.foreign
    assert says in c.fault.message
    assert "%xiantong" in c.fault.hint
    assert c.fault.__traceback__ is None
    assert "CANARY" not in repr(c) + str(c.fault)


def test_http_may_be_allowed_for_a_connection():
    url = "http://192.168.1.9:80"
    c = read(own={"allowHttp": True}, keys={"c": StoredKey(KEY, "http://192.168.1.9")}, baseUrl=url)
    assert (c.fault, c.key) == (None, KEY)
    assert read(authType="none", baseUrl=url).fault is None


def test_a_key_variable_is_read_at_each_call():
    own = {"keyVariable": "MY_KEY"}
    assert read(own=own, env={"MY_KEY": KEY.reveal()}).key == KEY
    missing = read(own=own)
    assert "MY_KEY, which is not set" in missing.fault.message


def test_a_variable_goes_nowhere_but_to_the_origin_it_was_named_for():
    env = {"MY_KEY": KEY.reveal()}
    own = entry.write_own(connection(key_variable="MY_KEY", url="https://gw.example/v1", wire="openai-completions"))
    assert own == {"keyVariable": "MY_KEY", "keyOrigin": "https://gw.example"}
    assert read(own=own, env=env).key == KEY
    moved = read(own=own, env=env, baseUrl="https://elsewhere.example")
    assert (moved.key, moved.key_variable) == (None, "")
    assert "MY_KEY is for https://gw.example, and its base URL now leads to https://elsewhere.example" in str(
        moved.fault
    )
    assert "%xiantong edit c --key-env MY_KEY" in moved.fault.hint
    broken = read(own=own, env=env, baseUrl="file:///x")
    assert "base URL of c in config.json" in broken.fault.message
    assert broken.key_variable == ""


def test_a_bearer_token_goes_as_one():
    assert read(authType="bearer_token", own={"authHeader": None}).auth_header == "bearer"


def test_unreadable_keys_are_the_fault_of_those_who_need_one():
    broken = Unreadable("credentials.enc is damaged.", path="/x/credentials.enc")
    assert isinstance(read(keys=broken).fault, StoreError)
    assert read(keys=broken, authType="none").fault is None
    wrong = {"c": StoredKey(None, "", "The saved key of c is not text.")}
    assert "not text" in read(keys=wrong).fault.message


def connection(preset="custom", url="https://gw.example", **more):
    return Connection("c", PRESETS[preset], url, "m", name="C", saved=True, **more)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (
            connection("anthropic", "https://api.anthropic.com", key=KEY, auth_header="x-api-key"),
            {"providerType": "anthropic", "authType": "api_key"},
        ),
        (
            connection("openrouter", "https://openrouter.ai/api", key=KEY),
            {"providerType": "pi_compat", "authType": "api_key_with_endpoint", "baseUrl": "https://openrouter.ai/api",
             "customEndpoint": {"api": "anthropic-messages"}, "piAuthProvider": "anthropic"},
        ),
        (
            connection("ollama", "http://localhost:11434"),
            {"providerType": "pi_compat", "authType": "none", "baseUrl": "http://localhost:11434",
             "customEndpoint": {"api": "anthropic-messages"}},
        ),
    ],
)  # fmt: skip
def test_entries_are_written_as_the_app_reads_them(made, says):
    common = {"slug": "c", "name": "C", "models": ["m"], "defaultModel": "m", "createdAt": 99}
    assert entry.write(None, made, images="", now=99) == common | says


def test_what_is_unknown_is_kept_and_stays_in_its_order():
    raw = {"future": [1, {"x": None}], **CUSTOM, "midStreamBehavior": "queue"}
    written = entry.write(raw, connection(key=KEY), images="", now=99)
    assert list(written)[: len(raw)] == list(raw)
    assert written["createdAt"] == 1
    assert (written["future"], written["midStreamBehavior"]) == (raw["future"], "queue")
    assert written["models"] == CUSTOM["models"]
    assert raw["models"] is CUSTOM["models"]


@pytest.mark.parametrize(
    ("images", "endpoint", "model"),
    [
        ("model", {"api": "anthropic-messages"}, {"id": "n", "name": "n", "shortName": "n", "supportsImages": True}),
        ("all", {"api": "anthropic-messages", "supportsImages": True}, "n"),
        ("none", {"api": "anthropic-messages", "supportsImages": False}, "n"),
        ("", {"api": "anthropic-messages"}, "n"),
    ],
)
def test_image_input_is_written_where_it_was_switched(images, endpoint, model):
    made = Connection("c", PRESETS["custom"], "https://gw.example", "n", name="C")
    written = entry.write(CUSTOM, made, images=images, now=1)
    assert (written["customEndpoint"], written["models"][1]) == (endpoint, model)
    again = entry.write(written, Connection("c", PRESETS["custom"], "u", "m", name="C"), images="model", now=1)
    assert again["models"][0] == {"id": "m", "supportsImages": True, "x": 1}


def test_a_new_default_model_joins_the_list():
    assert entry.with_default_model(CUSTOM, "z")["models"][0] == "z"
    assert entry.with_default_model(CUSTOM, "m")["models"] == CUSTOM["models"]


def test_only_what_differs_from_the_preset_is_our_own():
    assert entry.write_own(connection()) == {}
    ours = connection(auth_header="x-api-key", key_variable="K", allow_http=True)
    assert entry.write_own(ours) == {
        "authHeader": "x-api-key", "keyVariable": "K", "keyOrigin": "https://gw.example", "allowHttp": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "slug"),
    [("My Gateway (EU)", "my-gateway-eu"), ("--x--", "x"), ("a.b_c", "a-b-c"), ("仙", ""), ("GPT-4", "gpt-4")],
)
def test_slugs_are_made_as_the_app_makes_them(name, slug):
    assert entry.slug_of(name) == slug


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*CUSTOM, "customEndpoint", "lastUsedAt", "x"]), json_values), json_values)
def test_no_entry_raises(more, own):
    c = entry.read({**CUSTOM, **more}, own, STORED, {})
    assert isinstance(repr(c), str)
    assert "CANARY" not in repr(c)


def test_what_was_written_is_read_back():
    for made in (connection(key=KEY, key_from="credentials.enc"), connection("ollama", "http://localhost:11434")):
        raw = json.loads(json.dumps(entry.write(None, made, images="", now=1)))
        assert entry.read(raw, entry.write_own(made), STORED, {}) == made.__class__(
            **{f: getattr(made, f) for f in made.__slots__} | {"models": ("m",)}
        )
