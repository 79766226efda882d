"""
What the documentation has people do for each provider, as it stands there: every step, in a kernel, against a stand-in.

The documentation is that of the desktop app; its forms are the questions of `%xiantong connect` here.
"""

from __future__ import annotations

import contextlib
import json
import stat

import pytest

from tests.conftest import kernel_env
from tests.decoding import CHAT, MESSAGES
from tests.stand_ins import KEYS, at_ollamas_port
from tests.test_connecting import terminal
from tests.test_providers import Traveller, world  # noqa: F401  # the fixture
from xiantong_nb.__main__ import PROGRAM

ASK = "%%ask --alone\nhello"


@pytest.fixture
def kernel(world, tmp_path):  # noqa: F811
    """A kernel of somebody who has connected nothing yet."""
    made = Traveller(world.env(kernel_env(tmp_path)), tmp_path)
    yield made
    made.stop()


@pytest.fixture
def ollama():
    """`ollama serve`, after `ollama pull llama3.2` and `ollama pull gemma3:4b`."""
    try:
        with contextlib.closing(at_ollamas_port("0.14.0")) as server:
            yield server
    except OSError:
        pytest.skip("something listens on port 11434 of this machine: it may be a real Ollama")


def entry(kernel):
    """The one saved connection, as the desktop app reads it."""
    (saved,) = json.loads((kernel.home / ".xiantong" / "config.json").read_text())["llmConnections"]
    return saved


def connect(kernel, *answers):
    """Answer the questions of the wizard, one after the other; returns its prompts, and which were for a password."""
    ran = kernel.run("%xiantong connect --text", answers=answers)
    assert ran.status == "ok", ran.text
    assert len(ran.asked) == len(answers)
    assert "finished" in ran.text, "it is tested before it is saved"
    assert "Tested and saved" in ran.text
    return [(asked["prompt"], asked["password"]) for asked in ran.asked]


def test_openrouter(kernel):
    """Get a key at openrouter.ai/keys, choose the preset, set a model such as anthropic/claude-sonnet-4."""
    preset, key, model = connect(kernel, "openrouter", KEYS["openrouter.ai"], "anthropic/claude-sonnet-4")
    assert "openrouter" in preset[0]
    assert "https://openrouter.ai/keys" in key[0]
    assert key[1], "a key is typed unseen"
    assert "https://openrouter.ai/models" in model[0]
    saved = entry(kernel)
    assert (saved["providerType"], saved["authType"]) == ("pi_compat", "api_key_with_endpoint")
    assert (saved["baseUrl"], saved["defaultModel"]) == ("https://openrouter.ai/api", "anthropic/claude-sonnet-4")
    assert saved["models"][0]["supportsImages"] is True, "its list says so"
    assert "0 images for anthropic/claude-sonnet-4" in kernel.run(ASK).text
    assert "0 images for openai/gpt-4o" in kernel.run("%%ask openai/gpt-4o --alone\nhello").text


def test_vercel_ai_gateway(kernel):
    """Create a key in the dashboard, choose the preset, set a model such as anthropic/claude-sonnet-4."""
    _, key, _ = connect(kernel, "vercel", KEYS["ai-gateway.vercel.sh"], "anthropic/claude-sonnet-4")
    assert "https://vercel.com/dashboard/ai-gateway" in key[0]
    saved = entry(kernel)
    assert (saved["baseUrl"], saved["defaultModel"]) == ("https://ai-gateway.vercel.sh", "anthropic/claude-sonnet-4")
    assert "0 images for anthropic/claude-sonnet-4" in kernel.run(ASK).text


def test_anthropic(kernel):
    """Enter a key and nothing else: models are routed by themselves."""
    _, key, model = connect(kernel, "anthropic", KEYS["api.anthropic.com"], "")
    assert "https://platform.claude.com/settings/keys" in key[0]
    assert model[0] == "Model [claude-sonnet-5-5]: "
    saved = entry(kernel)
    assert (saved["providerType"], saved["authType"]) == ("anthropic", "api_key")
    assert "baseUrl" not in saved
    for alias in ("opus", "sonnet", "haiku"):
        assert f"0 images for claude-{alias}-5-5" in kernel.run(f"%%ask {alias} --alone\nhello").text


def test_ollama_through_custom(kernel, ollama):
    """Pull a model, choose Custom, http://localhost:11434, leave the key empty, name the model."""
    prompts = connect(kernel, "custom", "http://localhost:11434", "llama3.2")
    assert not any(password for _, password in prompts), "no key is asked for"
    assert "It has llama3.2:latest, gemma3:4b, gpt-oss:120b-cloud." in prompts[-1][0]
    saved = entry(kernel)
    assert (saved["baseUrl"], saved["authType"]) == ("http://localhost:11434", "none")
    assert (saved["defaultModel"], saved["customEndpoint"]["api"]) == ("llama3.2", MESSAGES)
    assert not (kernel.home / ".xiantong" / "credentials.enc").exists()
    assert "0 images for llama3.2" in kernel.run(ASK).text
    assert ("POST", "/v1/messages") in ollama.seen


def test_ollama_where_nothing_is_connected(ollama, kernel):
    """Ask, and run the line that is named."""
    assert ollama.seen == [], "nobody looks before somebody asks"
    line = "%xiantong connect ollama --model llama3.2:latest"
    failed = kernel.run(ASK)
    assert failed.error["ename"] == "NotConnected"
    assert f"Ollama answers on this machine, and {line} connects it." in failed.text
    assert line in kernel.run("%xiantong list").text
    assert line.replace("%xiantong", PROGRAM) in terminal(kernel.home, "ask", "hello").stderr
    assert "Ollama answers" not in kernel.run("%%ask openrouter\nhello").text, "another one is meant"
    assert "Tested and saved: ollama" in kernel.run(line).text
    assert "0 images for llama3.2:latest" in kernel.run(ASK).text


def test_custom(kernel):
    """Choose Custom, give any URL that speaks Anthropic's Messages, its key, and the model as it calls it."""
    url, key, model = connect(
        kernel, "custom", "https://gw.example.com/v1/messages", KEYS["gw.example.com"], "house-large"
    )[1:]
    assert (url[0], key[1], model[1]) == ("Base URL: ", True, False)
    saved = entry(kernel)
    assert (saved["baseUrl"], saved["customEndpoint"]) == ("https://gw.example.com", {"api": MESSAGES})
    assert saved["models"] == ["house-large"], "nobody has said whether it takes images"
    assert "0 images for house-large" in kernel.run(ASK).text
    refused = kernel.run(f"%%ask --alone --image {kernel.dot}\nwhat is it?")
    assert "takes no images: endpoints of your own are for text until images are switched on" in refused.text


LOCAL = {
    "slug": "ollama-gemma",
    "name": "Local Model",
    "providerType": "pi_compat",
    "authType": "none",
    "createdAt": 1795305600000,
    "defaultModel": "gemma3:4b",
}
PER_MODEL = {
    "baseUrl": "http://localhost:11434/v1",
    "customEndpoint": {"api": CHAT},
    "models": [{"id": "gemma3:4b", "supportsImages": True, "contextWindow": 32768}, "llama3.2"],
}
PER_ENDPOINT = {
    "baseUrl": "http://localhost:11434/v1",
    "customEndpoint": {"api": CHAT, "supportsImages": True},
    "models": ["gemma3:4b", {"id": "llama3.2", "supportsImages": False}],
}


@pytest.mark.parametrize("said", [PER_MODEL, PER_ENDPOINT], ids=["per-model", "per-endpoint"])
@pytest.mark.parametrize("wire", [CHAT, MESSAGES])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_image_opt_in_pasted_into_config_json(kernel, ollama, said, wire, host):
    """Both ways to switch images on by hand, as the app has them; what is said there counts more than any list."""
    base_url = said["baseUrl"].replace("localhost", host)
    base_url = base_url if wire == CHAT else base_url.removesuffix("/v1")
    pasted = {**LOCAL, **said, "baseUrl": base_url, "customEndpoint": said["customEndpoint"] | {"api": wire}}
    path = kernel.home / ".xiantong" / "config.json"
    path.parent.mkdir(mode=stat.S_IRWXU)

    def paste(entry):
        path.write_text(json.dumps({"llmConnections": [entry], "workspaces": [], "activeWorkspaceId": None}))

    paste(pasted)
    look = f"--alone --image {kernel.dot}\nwhat is it?"
    assert "1 images for gemma3:4b" in kernel.run(f"%%ask {look}").text
    refused = kernel.run(f"%%ask llama3.2 {look}")
    assert "takes no images" in refused.text
    assert "%xiantong edit ollama-gemma --model llama3.2 --images" in refused.text
    paste(pasted | {"models": ["gemma3:4b"], "customEndpoint": {"api": wire, "supportsImages": False}})
    assert "(customEndpoint.supportsImages)" in kernel.run(f"%%ask {look}").text
    paste(pasted | {"models": [{"id": "gemma3:4b", "supportsImages": False}]})
    assert "for that model (supportsImages)" in kernel.run(f"%%ask {look}").text
    switched = kernel.run("%xiantong edit ollama-gemma --images")
    assert switched.status == "ok", switched.text
    assert "1 images for gemma3:4b" in kernel.run(f"%%ask {look}").text
