"""From what a person says of a connection to a connection, or to what is missing or wrong."""

from __future__ import annotations

import pytest

from xiantong_nb.connection import PROMPT, Connection
from xiantong_nb.draft import Draft, Problem, check
from xiantong_nb.errors import UsageError
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret

KEY = Secret("sk-CANARY-0123456789-wxyz")
REMOTE, LOCAL = "https://gw.example", "http://127.0.0.1:8080"


def checked(draft, known=(), env=None, editing=None):
    found = check(draft, {c.slug: c for c in known}, env or {}, editing)
    assert isinstance(found, Connection), found
    return found


def problem(draft, known=(), env=None, editing=None):
    found = check(draft, {c.slug: c for c in known}, env or {}, editing)
    assert isinstance(found, Problem), found
    return found


def saved(slug="gw", url=REMOTE, **more):
    return Connection(slug, PRESETS["custom"], url, "m", name=slug, saved=True, **more)


@pytest.mark.parametrize(
    ("draft", "slug", "preset", "url", "model"),
    [
        (Draft("anthropic", key=KEY), "anthropic", "anthropic", "https://api.anthropic.com", "sonnet"),
        (Draft("openrouter", key=KEY, model="a/b"), "openrouter", "openrouter", "https://openrouter.ai/api", "a/b"),
        (Draft("vercel", key=KEY), "vercel", "vercel", "https://ai-gateway.vercel.sh", "sonnet"),
        (Draft("ollama", model="llama3.2"), "ollama", "ollama", "http://localhost:11434", "llama3.2"),
        (Draft("custom", LOCAL, model="m"), "custom", "custom", LOCAL, "m"),
        (Draft(LOCAL, model="m"), "custom", "custom", LOCAL, "m"),
        (Draft("localhost:11434", model="m"), "ollama", "ollama", "http://localhost:11434", "m"),
        (Draft(base_url=f"{REMOTE}/v1/", key=KEY, name="My Gateway"), "my-gateway", "custom", REMOTE, "sonnet"),
        (Draft("custom", "https://openrouter.ai/api/v1", key=KEY), "openrouter", "openrouter",
         "https://openrouter.ai/api", "sonnet"),
        (Draft("anthropic", REMOTE, key=KEY), "custom", "custom", REMOTE, "sonnet"),
    ],
)  # fmt: skip
def test_what_is_said_makes_a_connection(draft, slug, preset, url, model):
    made = checked(draft)
    assert (made.slug, made.preset.slug, made.base_url, made.default_model) == (slug, preset, url, model)
    assert made.saved
    assert made.key_from == (PROMPT if made.key else "")


@pytest.mark.parametrize(
    ("draft", "field", "missing", "says"),
    [
        (Draft(), "preset", True, "Presets: anthropic, openrouter, vercel, ollama, custom"),
        (Draft("custom"), "base_url", True, "--base-url"),
        (Draft("anthropic"), "key", True, "https://platform.claude.com/settings/keys"),
        (Draft("custom", REMOTE), "key", True, "--no-key"),
        (Draft("custom", LOCAL, ask_key=True), "key", True, "needs a key"),
        (Draft("ollama"), "model", True, "--model"),
        (Draft("openroutr"), "preset", False, "Did you mean 'openrouter'?"),
        (Draft("nothing"), "preset", False, "Presets: anthropic"),
        (Draft("custom", "ftp://x"), "base_url", False, "http://"),
        (Draft("custom", "http://gpu-box:8080", key=KEY, model="m"), "base_url", False, "--allow-http"),
        (Draft("anthropic", key=KEY, api="openai-completions"), "api", False, ", not openai-completions"),
        (Draft("anthropic", key=KEY, api="soap"), "api", False, "not soap"),
        (Draft("anthropic", key=KEY, key_variable="K"), "key", False, "exclude each other"),
        (Draft("anthropic", key=KEY, no_key=True), "key", False, "exclude each other"),
        (Draft("anthropic", key_variable="K"), "key", False, "Set K before"),
        (Draft("anthropic", key_variable="sk-x y"), "key", False, "name of a variable"),
        (Draft("anthropic", key=KEY, auth_header="Bearer"), "auth_header", False, "x-api-key or bearer"),
        (Draft("custom", REMOTE, key=KEY, model="m", images="bogus"), "images", False, "can't be 'bogus'"),
    ],
)  # fmt: skip
def test_the_first_thing_that_keeps_it_from_being_one_is_named(draft, field, missing, says):
    found = problem(draft)
    assert (found.field, found.missing) == (field, missing)
    assert says in str(found)
    assert isinstance(found.error(), UsageError)
    assert "CANARY" not in repr(found) + repr(draft)


def test_a_key_may_be_left_out_by_choice_and_http_allowed_by_choice():
    assert checked(Draft("custom", REMOTE, no_key=True)).key is None
    assert checked(Draft("custom", "http://gpu-box:8080", key=KEY, allow_http=True)).allow_http


@pytest.mark.parametrize(
    ("url", "base_url"),
    [("http://0.0.0.0:4000", "http://127.0.0.1:4000"), ("http://[::]:4000/v1", "http://[::1]:4000")],
)
def test_the_address_that_a_server_of_this_machine_prints_is_this_machine(url, base_url):
    assert checked(Draft("custom", url, key=KEY)).base_url == base_url
    assert checked(Draft("custom", url)).key is None


def test_a_variable_holds_the_key():
    made = checked(Draft("anthropic", key_variable="MY_KEY"), env={"MY_KEY": KEY.reveal()})
    assert (made.key, made.key_from, made.key_variable) == (KEY, "MY_KEY", "MY_KEY")
    assert problem(Draft("anthropic", key_variable="MY_KEY"), env={"MY_KEY": "a\nb"}).field == "key"


def test_a_taken_slug_gets_a_number_and_so_does_its_name():
    made = checked(Draft("custom", "https://other.example", name="gw", key=KEY), [saved()])
    assert (made.slug, made.name) == ("gw-2", "gw 2")
    third = checked(Draft("custom", "https://third.example", name="gw", key=KEY), [saved(), made])
    assert third.slug == "gw-3"


@pytest.mark.parametrize("name", ["demo", "openrouter", "Anthropic"])
def test_no_slug_of_a_preset_is_taken_by_another_endpoint(name):
    made = checked(Draft("custom", REMOTE, name=name, key=KEY))
    assert made.slug == f"{name.lower()}-2"


def test_a_name_of_no_latin_letter_still_has_a_slug():
    made = checked(Draft("custom", REMOTE, name="仙通", key=KEY))
    assert (made.slug, made.name) == ("custom", "仙通")


def test_describing_a_saved_connection_again_changes_it_and_keeps_its_key():
    before = saved(key=KEY, key_from="credentials.enc", models=("m", "n"))
    again = checked(Draft("custom", REMOTE, name="gw"), [before])
    assert (again.slug, again.key, again.default_model, again.models) == ("gw", KEY, "m", ("m", "n"))
    assert problem(Draft("custom", REMOTE, name="gw", ask_key=True), [before]).field == "key"


def test_the_apps_own_entries_are_never_taken_over():
    foreign = saved("openrouter", "https://openrouter.ai/api", foreign=True)
    assert checked(Draft("openrouter", key=KEY), [foreign]).slug == "openrouter-2"


def test_an_edit_keeps_what_is_not_said():
    before = saved(key=KEY, key_from="credentials.enc", auth_header="x-api-key", last_used=5)
    after = checked(Draft(model="n"), editing=before)
    assert (after.slug, after.base_url, after.default_model) == ("gw", REMOTE, "n")
    assert (after.key, after.auth_header, after.last_used) == (KEY, "x-api-key", 5)


@pytest.mark.parametrize("url", ["https://evil.example", "https://gw.example:444", "http://127.0.0.1:1"])
def test_a_key_does_not_follow_to_another_origin(url):
    before = saved(key=KEY, key_from="credentials.enc")
    found = check(Draft(base_url=url, model="m", ask_key=False), {}, {}, before)
    if isinstance(found, Connection):  # this machine is asked without a key, and so without that one
        assert found.key is None
    else:
        assert "belongs to https://gw.example" in found.message
        assert found.missing
    assert checked(Draft(base_url=f"{REMOTE}/other"), editing=before).key is KEY


def test_a_variable_stays_the_place_of_the_key():
    before = saved(key=KEY, key_from="K", key_variable="K")
    assert checked(Draft(model="n"), env={"K": KEY.reveal()}, editing=before).key_variable == "K"
    replaced = checked(Draft(key=KEY), env={"K": KEY.reveal()}, editing=before)
    assert (replaced.key_variable, replaced.key_from) == ("", PROMPT)


@pytest.mark.parametrize("url", ["https://elsewhere.example", "https://gw.example:444", "http://127.0.0.1:8080"])
def test_a_variable_belongs_to_the_origin_it_was_named_for(url):
    env, before = {"K": KEY.reveal()}, saved(key=KEY, key_from="K", key_variable="K")
    found = check(Draft(base_url=url, model="m"), {}, env, before)
    if isinstance(found, Connection):  # this machine is asked without a key, and so without that one
        assert (found.key, found.key_variable) == (None, "")
    else:
        assert "The key in K is for https://gw.example" in found.message
        assert "--key-env" in found.hint
        assert found.missing
    named = checked(Draft(base_url=url, model="m", key_variable="K"), env=env, editing=before)
    assert (named.key, named.key_variable) == (KEY, "K")
    assert checked(Draft(base_url=f"{REMOTE}/other"), env=env, editing=before).key_variable == "K"


def test_a_connection_that_needs_a_model_says_what_is_described_so_far():
    found = problem(Draft("ollama"))
    assert found.connection.base_url == "http://localhost:11434"


CHAT = "openai-completions"


@pytest.mark.parametrize(
    ("draft", "base_url", "slug"),
    [
        (Draft("custom", "http://localhost:8080", model="m", api=CHAT), "http://localhost:8080/v1", "custom"),
        (Draft("http://localhost:8080/v1/chat/completions", model="m"), "http://localhost:8080/v1", "custom"),
        (Draft("custom", "localhost:8/x/openai/", model="m", api=CHAT), "http://localhost:8/x/openai", "custom"),
        (Draft("ollama", model="m", api=CHAT), "http://localhost:11434/v1", "ollama"),
        (Draft("custom", "localhost:11434", model="m", api=CHAT), "http://localhost:11434/v1", "ollama"),
        (Draft("openrouter", key=KEY, api=CHAT), "https://openrouter.ai/api/v1", "openrouter"),
        (Draft("https://openrouter.ai/api/v1/chat/completions", key=KEY), "https://openrouter.ai/api/v1", "openrouter"),
        (Draft("https://api.anthropic.com/v1", key=KEY, model="m", api=CHAT), "https://api.anthropic.com/v1", "custom"),
    ],
)  # fmt: skip
def test_the_other_wire_has_its_own_form_of_the_base_url(draft, base_url, slug):
    made = checked(draft)
    assert (made.wire, made.base_url, made.preset.slug) == (CHAT, base_url, slug)


def test_the_wire_of_an_endpoint_is_kept_until_another_is_said():
    before = saved(url="https://gw.example/openai/v1", wire=CHAT, key=KEY)
    assert checked(Draft(model="n"), editing=before).base_url == "https://gw.example/openai/v1"
    assert checked(Draft("https://gw.example/openai/v1", name="gw"), [before]).wire == CHAT
    other = checked(Draft(api="anthropic-messages"), editing=before)
    assert (other.wire, other.base_url, other.key) == ("anthropic-messages", "https://gw.example/openai", KEY)
    back = checked(Draft(api=CHAT), editing=other)
    assert (back.wire, back.base_url, back.key) == (CHAT, "https://gw.example/openai/v1", KEY)


def test_one_endpoint_by_both_wires_is_two_connections_if_they_are_named():
    first = saved()
    assert checked(Draft(REMOTE, name="gw chat", key=KEY, model="m", api=CHAT), [first]).slug == "gw-chat"
