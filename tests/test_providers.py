"""Each provider of the documentation, step by step in a kernel, against its stand-in."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.conftest import kernel_env
from tests.decoding import CHAT
from tests.kernels import Kernel
from tests.stand_ins import KEYS, World
from tests.test_ollama import stand_in
from tests.test_pictures import encoded
from tests.test_tls import Authority

HOSTS = {"anthropic": "api.anthropic.com", "openrouter": "openrouter.ai", "vercel": "ai-gateway.vercel.sh"}
NAMED = {
    "anthropic": "claude-sonnet-5-5",
    "openrouter": "anthropic/claude-sonnet-5.5",
    "vercel": "anthropic/claude-sonnet-5.5",
}
PATHS = {"anthropic": "/v1/messages", "openrouter": "/api/v1/messages", "vercel": "/v1/messages"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(Authority(tmp_path_factory.mktemp("authority")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def kernel(world, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    env = {n: v for n, v in kernel_env(home).items() if not n.lower().endswith("_proxy") and n != "SSL_CERT_DIR"}
    made = Kernel(env | {"HTTPS_PROXY": world.proxy, "SSL_CERT_FILE": str(world.authority.path)})
    made.run("%load_ext xiantong_nb")
    made.connected = {
        provider: made.run(f"%xiantong connect {provider} --text", answers=[KEYS[host], "", ""])
        for provider, host in HOSTS.items()
    }
    (home / "dot.png").write_bytes(encoded())
    made.dot = home / "dot.png"
    yield made
    made.stop()


@pytest.fixture(params=HOSTS)
def provider(request, world):
    """Each one in turn."""
    world.seen.clear()
    return request.param


def test_connect(kernel, provider):
    """A key alone: the model left empty is the newest sonnet that is listed there."""
    ran = kernel.connected[provider]
    assert ran.status == "ok", ran.text
    assert ran.asked[0]["password"]
    assert f"Tested and saved: {provider}" in ran.text
    assert f"This kernel now asks {provider}:{NAMED[provider]}" in ran.text


def test_test(kernel, provider):
    ran = kernel.run(f"%xiantong test {provider}")
    assert ran.status == "ok", ran.text
    assert f"https://{HOSTS[provider]}{PATHS[provider]}" in ran.text
    assert "finished" in ran.text


def test_list(kernel, provider, world):
    ran = kernel.run(f"%xiantong models {provider} --refresh")
    assert NAMED[provider] in ran.text
    assert "1,000,000" in ran.text
    assert "Listed just now" in ran.text
    world.seen.clear()
    assert "--refresh asks again" in kernel.run(f"%xiantong models {provider} opus").text
    assert world.seen == [], "a list is kept"


def test_ask(kernel, provider, world):
    ran = kernel.run(f"%%ask {provider}:opus --alone\nhello")
    wanted = NAMED[provider].replace("sonnet", "opus")
    assert f"0 images for {wanted}" in ran.text
    host, _, path, headers, asked = world.seen[-1]
    assert (host, path, asked["model"]) == (HOSTS[provider], PATHS[provider], wanted)
    named = {name.lower() for name in headers} & {"x-api-key", "authorization"}
    assert named == ({"x-api-key"} if provider == "anthropic" else {"authorization"}), "one header carries the key"
    assert "CANARY" not in str(ran.messages)


def test_image(kernel, provider, world):
    ran = kernel.run(f"%%ask {provider}:sonnet --alone --image {kernel.dot}\nwhat is it?")
    assert "1 images for" in ran.text, ran.text
    source = world.seen[-1][-1]["messages"][-1]["content"][0]["source"]
    assert base64.b64decode(source["data"]) == encoded()
    text_only = {"openrouter": "meta-llama/llama-3.3-70b", "vercel": "meta/llama-3.3"}.get(provider)
    if text_only:
        world.seen.clear()
        refused = kernel.run(f"%%ask {provider}:{text_only} --alone --image {kernel.dot}\nwhat is it?")
        assert "takes no images: what" in refused.text
        assert f"%xiantong edit {provider} --model {text_only} --images" in refused.text
        assert world.seen == [], "nothing was sent"


def test_error_hint(kernel, provider, world):
    near = kernel.run(f"%%ask {provider}:{NAMED[provider]}x --alone\nhello")
    assert f"has no model '{NAMED[provider]}x' (404)" in near.text
    assert NAMED[provider] in near.text
    world.broke = True
    try:
        broke = kernel.run(f"%%ask {provider}:sonnet --alone\nhello")
    finally:
        world.broke = False
    assert "no credit left, or a spend limit is reached (402)" in broke.text
    wrong = kernel.run(f"%xiantong edit {provider} --ask-key --text", answers=["wrong-key-0123456789-abcdef", "", ""])
    assert "refused the key from your entry, sent as" in wrong.text
    assert "Nothing was saved" in wrong.text


@pytest.fixture(scope="module")
def ollama():
    """A stand-in where Ollama listens."""
    try:
        server = stand_in("0.33.0", 11434)
    except OSError:
        pytest.skip("something listens on port 11434 of this machine: it may be a real Ollama")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def local(ollama, tmp_path):
    """A kernel beside it, which has nothing saved."""
    home = tmp_path
    made = Kernel(kernel_env(home))
    made.run("%load_ext xiantong_nb")
    made.home = home
    (home / "dot.png").write_bytes(encoded())
    yield made
    made.stop()


@pytest.mark.parametrize("way", ["ollama", "custom --base-url http://localhost:11434"])
def test_connect_ollama(local, way):
    """By its preset, and as the documentation has it: Custom, its URL, no key, a model that is named."""
    ran = local.run(f"%xiantong connect {way} --model llama3.2")
    assert ran.status == "ok", ran.text
    assert "Ollama 0.33.0" in ran.text
    assert "no key needed" in ran.text
    assert "Tested and saved: ollama" in ran.text


@pytest.fixture
def connected(local):
    """The same, connected."""
    local.run("%xiantong connect ollama --model llama3.2")
    return local


def test_test_ollama(connected):
    ran = connected.run("%xiantong test ollama")
    assert "Ollama 0.33.0" in ran.text
    assert "finished" in ran.text


def test_list_ollama(connected):
    listed = connected.run("%xiantong models ollama --refresh").text
    assert re.search(r"gemma3:4b +32,768 +yes", listed)
    assert re.search(r"llama3.2:latest +131,072 +no", listed)
    assert re.search(r"gpt-oss:120b-cloud .*not local", listed)
    assert "nomic-embed-text" not in listed


def test_ask_ollama(connected):
    ran = connected.run("%%ask ollama:llama3.2 --alone\nhello")
    assert "0 images for llama3.2" in ran.text
    assert "runs here" in ran.text
    away = connected.run("%%ask ollama:gpt-oss:120b-cloud --alone\nhello")
    assert "not local: the question leaves this machine" in away.text
    assert "price unknown" in away.text


def test_image_ollama(connected):
    image = f"--alone --image {connected.home}/dot.png\nhello"
    assert "1 images for" in connected.run(f"%%ask ollama:gemma3:4b {image}").text
    assert "takes no images" in connected.run(f"%%ask ollama:llama3.2:latest {image}").text


def test_error_hint_ollama(connected):
    assert "Pull it: ollama pull qwen3. It has: " in connected.run("%%ask ollama:qwen3 --alone\nhello").text


@pytest.mark.parametrize(
    "endpoint",
    [
        {"models": [{"id": "gemma3:4b", "supportsImages": True, "contextWindow": 32768}, "llama3.2"]},
        {"models": ["gemma3:4b"], "customEndpoint": {"api": "openai-completions", "supportsImages": True}},
    ],
    ids=["per model", "per endpoint"],
)
def test_image_opt_in_pasted_into_config_json(local, endpoint):
    """The documentation's two ways to switch images on by hand, at an address of one's own."""
    entry = {
        "slug": "ollama-gemma", "name": "Local Model", "providerType": "pi_compat", "authType": "none",
        "baseUrl": "http://127.0.0.1:11434/v1", "customEndpoint": {"api": "openai-completions"},
        "defaultModel": "gemma3:4b", "createdAt": 1795305600000, **endpoint,
    }  # fmt: skip
    path = local.home / ".xiantong" / "config.json"
    path.parent.mkdir(mode=0o700)
    path.write_text(json.dumps({"llmConnections": [entry]}))
    ask = "%%ask ollama-gemma --alone --image {}/dot.png\nhello"
    assert "1 images for gemma3:4b" in local.run(ask.format(local.home)).text
    path.write_text(
        json.dumps({"llmConnections": [entry | {"models": ["gemma3:4b"]} | {"customEndpoint": {"api": CHAT}}]})
    )
    refused = local.run(ask.format(local.home))
    assert "takes no images" in refused.text
    assert "--images" in refused.text
