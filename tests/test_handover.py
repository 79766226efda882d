"""A connection handed to Claude Code and other programs by the environment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import NOWHERE
from xiantong_nb import doctor
from xiantong_nb.connection import Connection, demo
from xiantong_nb.draft import Draft
from xiantong_nb.errors import UsageError
from xiantong_nb.handover import NAMES, Handover, shown
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.wizard import Wizard

KEY = "sk-CANARY-0123456789-wxyz"
URL, TOKEN, API_KEY, MODEL = NAMES


def connection(slug, base_url="", *, key=KEY, **more):
    preset = PRESETS.get(slug, PRESETS["custom"])
    secret = {"key": Secret(key)} if key else {}
    return Connection(
        slug, preset, base_url or preset.base_url, "m", more.pop("header", preset.auth_header), **secret, **more
    )


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (connection("anthropic"), {TOKEN: "", API_KEY: KEY}),
        (connection("anthropic", "https://gw.example"), {URL: "https://gw.example", TOKEN: "", API_KEY: KEY}),
        (connection("anthropic", header="bearer"), {TOKEN: KEY, API_KEY: ""}),
        (connection("openrouter"), {URL: "https://openrouter.ai/api", TOKEN: KEY, API_KEY: ""}),
        (connection("vercel"), {URL: "https://ai-gateway.vercel.sh", TOKEN: KEY, API_KEY: ""}),
        (connection("ollama", key=""), {URL: "http://localhost:11434", TOKEN: "ollama", API_KEY: ""}),
        (connection("gw", "http://127.0.0.1:8080", key=""), {URL: "http://127.0.0.1:8080", TOKEN: "gw", API_KEY: ""}),
        (connection("gw", "https://gw.example", key=""), {URL: "https://gw.example", TOKEN: "", API_KEY: ""}),
        (connection("gw", "https://h.ex", header="x-api-key"), {URL: "https://h.ex", TOKEN: "", API_KEY: KEY}),
    ],
)  # fmt: skip
def test_each_provider_has_its_variables(made, wanted):
    assert made.environment() == wanted | {MODEL: "m"}
    assert made.environment("a/n")[MODEL] == "a/n"


def test_what_claude_code_can_not_ask_is_refused():
    with pytest.raises(UsageError, match="speaks anthropic-messages only"):
        connection("gw", "https://gw.example/v1", wire="openai-completions").environment()
    with pytest.raises(UsageError, match="does not run yet"):
        demo().environment()
    with pytest.raises(UsageError, match="Which model sonnet is at openrouter is known by its list alone"):
        replace(connection("openrouter"), default_model="sonnet").environment()
    assert replace(connection("anthropic"), default_model="sonnet").environment()[MODEL] == "claude-sonnet-5-5"
    fault = UsageError("broken")
    with pytest.raises(UsageError, match="broken"):
        replace(connection("openrouter"), fault=fault).environment()


def test_what_was_put_is_taken_out_again():
    env = {API_KEY: "theirs", "OTHER": "x"}
    handover = Handover(env)
    handover.put(connection("openrouter").environment())
    assert env == {URL: "https://openrouter.ai/api", TOKEN: KEY, MODEL: "m", "OTHER": "x"}
    assert handover.before(env) == {API_KEY: "theirs", "OTHER": "x"}
    handover.put(connection("anthropic").environment())
    assert env == {API_KEY: KEY, MODEL: "m", "OTHER": "x"}
    assert handover.undo()
    assert env == {API_KEY: "theirs", "OTHER": "x"}
    assert not handover.undo()
    assert handover.before(env) is env


def test_what_the_user_changed_since_stays():
    env = {}
    handover = Handover(env)
    handover.put(connection("openrouter").environment())
    env[MODEL] = "mine"
    assert handover.before(env) == {MODEL: "mine"}
    handover.put(connection("vercel").environment())
    env[TOKEN] = "mine, too"
    handover.undo()
    assert env == {MODEL: "mine", TOKEN: "mine, too"}


def test_what_is_shown_has_no_key():
    made = connection("openrouter")
    told = shown(made, made.environment())
    assert told[URL] == "https://openrouter.ai/api"
    assert "CANARY" not in str(told)
    assert told[TOKEN] == "…wxyz"


def test_what_was_put_is_no_connection_of_ones_own():
    env = {"OPENROUTER_API_KEY": KEY}
    session = Session(environment=env, folder=NOWHERE)
    target, wanted = session.hand_over("openrouter:a/b")
    assert str(target) == "openrouter:a/b"
    session.handover.put(wanted)
    assert env[MODEL] == "a/b"
    assert list(session.connections()) == ["openrouter", "demo"]
    env[API_KEY] = "sk-ant-of-the-user-0123456789"
    assert "anthropic" in session.connections()


def test_what_was_put_is_no_key_of_a_saved_connection(tmp_path):
    """One whose key is in a variable goes on with the user's value of it, or says that there is none."""
    env = {"OPENROUTER_API_KEY": KEY, TOKEN: "sk-of-the-gateway-0123456789", API_KEY: "sk-ant-of-the-user-0123456789"}
    session = Session(environment=env, folder=tmp_path / "home")
    for made, variable in (
        (connection("gw", "https://gw.example", name="gw"), TOKEN),
        (connection("anthropic"), API_KEY),
    ):
        session.store.put(replace(made, key_variable=variable))
    session.handover.put(session.hand_over("openrouter:a/b")[1])
    assert env[TOKEN] == KEY
    assert session.connections()["gw"].key == Secret("sk-of-the-gateway-0123456789")
    assert session.connections()["anthropic"].key == Secret("sk-ant-of-the-user-0123456789")
    wizard = Wizard(session, Draft(model="n"), editing=session.connections()["gw"])
    assert wizard.check()
    assert wizard.ready().connection.key == Secret("sk-of-the-gateway-0123456789")


def test_what_was_put_is_not_judged_as_the_users_environment(tmp_path):
    session = Session(environment={}, folder=tmp_path / "home")
    session.here["lan"] = connection("lan", "http://192.168.1.5:8080", key="")
    session.handover.put(session.hand_over("lan:m")[1])
    assert [f.about for f in doctor.findings(session, test=False) if f.state == "wrong"] == []


def test_the_command(kernel, monkeypatch):
    kernel.run("import os; os.environ['OPENROUTER_API_KEY'] = 'sk-CANARY-0123456789-wxyz'")
    printed = kernel.run("%xiantong env openrouter:a/b --print")
    assert "https://openrouter.ai/api" in printed.text
    assert "Nothing was set" in printed.text
    assert kernel.value("os.environ.get('ANTHROPIC_AUTH_TOKEN')") is None
    done = kernel.run("%xiantong env openrouter:a/b")
    assert "now ask openrouter:a/b" in done.text
    assert "%env would show the key" in done.text
    assert kernel.value("os.environ['ANTHROPIC_AUTH_TOKEN'] == os.environ['OPENROUTER_API_KEY']")
    assert "anthropic" not in kernel.run("%xiantong list").text.replace("anthropic-", "")
    assert "is back" in kernel.run("%xiantong env --unset").text
    assert kernel.value("[n for n in os.environ if n.startswith('ANTHROPIC')]") == []
    assert "Nothing was set" in kernel.run("%xiantong env --unset").text
    assert "CANARY" not in str([printed.messages, done.messages])
    started = kernel.run("%xiantong env demo --print")
    assert "http://127.0.0.1:" in started.text
