"""Each provider of the documentation, step by step in a kernel and on every wire it speaks, against its stand-in."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests import journeys
from tests.conftest import kernel_env
from tests.decoding import CHAT, MESSAGES
from tests.journeys import Case
from tests.kernels import Kernel, Ran
from tests.stand_ins import KEYS, World, at_ollamas_port
from tests.test_pictures import encoded
from tests.test_tls import Authority
from xiantong_nb.presets import PRESETS

if TYPE_CHECKING:
    from xiantong_nb.presets import Wire


@dataclass(frozen=True)
class Standing(Case):
    """
    A case with what is known of its stand-in.

    `host` is where that is, `other` another of its models, `blind` one that takes no images, `listed` a line of its
    list as a pattern, `price` how the figure of a cost is called.
    """

    host: str = ""
    wire: Wire = MESSAGES
    header: str = "authorization"
    other: str = ""
    blind: str = ""
    listed: str = ""
    price: str = ""


def keyed(slug, host, path, model, connect, **more):
    """A provider that wants a key, which is typed at the only prompt."""
    return Standing(slug, connect, f"https://{host}{path}/v1/messages", model, (KEYS[host],), host=host, **more)


def on_its_wires(case: Standing) -> list[Standing]:
    """A case on each wire that its preset speaks."""
    if CHAT not in PRESETS[case.slug].wires:
        return [case]
    return [case, replace(journeys.on_the_other_wire(case), wire=CHAT)]


PROVIDERS = (
    keyed(
        "anthropic", "api.anthropic.com", "", "claude-sonnet-5-5", "anthropic", header="x-api-key",
        other="claude-opus-5-5", seeing="haiku",
        listed=r"claude-opus-5-5 +1,000,000 +yes +4 +20", price="(list price of 2026-11)",
    ),
    keyed(
        "openrouter", "openrouter.ai", "/api", "anthropic/claude-sonnet-5.5", "openrouter",
        other="openai/gpt-4o", seeing="haiku", blind="meta-llama/llama-3.3-70b",
        listed=r"openai/gpt-4o +128,000 +yes +2.5 +10", price="({slug}'s list price)",
    ),
    keyed(
        "vercel", "ai-gateway.vercel.sh", "", "anthropic/claude-sonnet-5.5", "vercel",
        other="anthropic/claude-opus-5.5", seeing="haiku", blind="meta/llama-3.3",
        listed=r"meta/llama-3.3 +200,000 +no +2 +10", price="({slug}'s list price)",
    ),
    # the next provider's stands here
    keyed(
        "custom", "gw.example.com", "", "house-large", "https://gw.example.com --model house-large --images",
        other="house-small", seeing="house-large", blind="house-small",
        listed="house-small", price="price unknown",
    ),
    Standing(
        "ollama", "ollama --model llama3.2", "http://localhost:11434/v1/messages", "llama3.2",
        other="gemma3:4b", seeing="gemma3:4b", blind="llama3.2",
        listed=r"gemma3:4b +32,768 +yes", price="runs here",
    ),
)  # fmt: skip
CASES = {case.slug: case for provider in PROVIDERS for case in on_its_wires(provider)}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(Authority(tmp_path_factory.mktemp("authority")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def ollama():
    """A stand-in where Ollama listens; none where something else does."""
    try:
        server = at_ollamas_port("0.33.0")
    except OSError:
        yield None
        return
    yield server
    server.close()


class Traveller(Kernel):
    """A kernel that connects each provider when it is first needed; `connected` is what it showed then."""

    def __init__(self, env, home) -> None:
        super().__init__(env)
        self.home, self.dot = home, home / "dot.png"
        self.dot.write_bytes(encoded())
        self.connected: dict[str, Ran] = {}
        self.run("%load_ext xiantong_nb")


@pytest.fixture(scope="module")
def kernel(world, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    made = Traveller(world.env(kernel_env(home)), home)
    yield made
    made.stop()


@pytest.fixture(params=CASES)
def case(request, world, ollama, kernel):
    """Each connection in turn, connected."""
    found = CASES[request.param]
    if not found.host and ollama is None:
        pytest.skip("something listens on port 11434 of this machine: it may be a real Ollama")
    if found.slug not in kernel.connected:
        kernel.connected[found.slug] = journeys.connect(kernel, found)
    world.seen.clear()
    return found


def test_connect(kernel, case):
    """A key alone, where one is needed: a model left empty is the newest sonnet that is listed there."""
    asked = kernel.connected[case.slug].asked
    assert [each["password"] for each in asked] == [True] * bool(case.host)
    if not case.host:
        assert "Ollama 0.33.0" in kernel.connected[case.slug].text
        assert "no key needed" in kernel.connected[case.slug].text


def test_test(kernel, case):
    journeys.try_out(kernel, case)


def test_list(kernel, case, world):
    ran = journeys.list_models(kernel, case)
    assert re.search(case.listed, ran.text), ran.text
    assert not re.search("flux|embed", ran.text), "what answers without text is left out"
    world.seen.clear()
    kernel.run(f"%xiantong models {case.slug} house")
    assert world.seen == [], "a list is kept"


def test_ask(kernel, case, world):
    ran = journeys.ask(kernel, case, case.other)
    assert f"0 images for {case.other}" in ran.text
    if case.host:
        host, path, headers, asked = world.asked()
        assert (host, asked["model"]) == (case.host, case.other)
        assert case.url == f"https://{host}{path}"
        assert {"x-api-key", "authorization"} & set(headers) == {case.header}, "one header carries the key"
    assert "CANARY" not in str(ran.messages)


def test_cost(kernel, case):
    """What it cost, and by whose figure."""
    ran = journeys.ask(kernel, case, case.other)
    assert case.price.format(slug=case.slug) in ran.text


def test_image(kernel, case, world):
    ran = journeys.show_image(kernel, case, kernel.dot)
    assert "1 images for" in ran.text
    if case.host:
        part = world.asked()[3]["messages"][-1]["content"][0]
        data = part["source"]["data"] if case.wire == MESSAGES else part["image_url"]["url"].partition(",")[2]
        assert base64.b64decode(data) == encoded()
    if case.blind:
        world.seen.clear()
        refused = kernel.run(f"%%ask {case.slug}:{case.blind} --alone --image {kernel.dot}\nwhat is it?")
        assert "takes no images: " in refused.text
        assert f"%xiantong edit {case.slug} --model {case.blind} --images" in refused.text
        assert world.seen == [], "nothing was sent"


def test_error_hint(kernel, case, world):
    """A model that is not there, no credit, a wrong key: each with what to do about it."""
    near = journeys.misspell(kernel, case)
    if not case.host:
        assert f"Pull it: ollama pull {case.model}x. It has: " in near.text
        return
    world.broke = True
    try:
        broke = kernel.run(f"%%ask {case.slug} --alone\nhello")
    finally:
        world.broke = False
    assert "no credit left, or a spend limit is reached (402): Insufficient credits" in broke.text
    wrong = journeys.mistype_key(kernel, case)
    shown = {"x-api-key": "x-api-key", "authorization": "Authorization: Bearer"}[case.header]
    assert f"sent as {shown} (401)" in wrong.text
    journeys.ask(kernel, case)


def test_a_preset_names_its_pages(kernel, world):
    """Where keys are got and models are shown stands in the questions."""
    for preset, keys, models in (
        ("openrouter", "https://openrouter.ai/keys", "https://openrouter.ai/models"),
        ("vercel", "https://vercel.com/dashboard/ai-gateway", "https://vercel.com/ai-gateway/models"),
    ):
        host = CASES[preset].host
        ran = kernel.run("%xiantong connect --name pages --no-test --unsaved", answers=[preset, KEYS[host], ""])
        assert ran.status == "ok", ran.text
        key, model = ran.asked[-2:]
        assert f"Keys: {keys}." in key["prompt"]
        assert f"Models: {models}. Model [anthropic/claude-sonnet-5.5]: " in model["prompt"]


@pytest.mark.parametrize("case", ["openrouter", "openrouter-chat", "vercel", "vercel-chat"], indirect=True)
def test_a_name_without_its_provider_is_not_sent(kernel, case, world):
    """`gpt-4o` on OpenRouter is `openai/gpt-4o`: which one was meant is said."""
    ran = kernel.run(f"%%ask {case.slug}:{case.other.rpartition('/')[2]} --alone\nhello")
    assert f"Did you mean '{case.other}'?" in ran.text
    ran = kernel.run(f"%xiantong edit {case.slug} --model {case.other.rpartition('/')[2]}")
    assert f"Did you mean '{case.other}'?" in ran.text
    assert [verb for _, verb, *_ in world.seen if verb != "GET"] == [], "no question was sent"


def test_what_leaves_the_machine_is_marked_everywhere(kernel, ollama):
    if ollama is None:
        pytest.skip("something listens on port 11434 of this machine: it may be a real Ollama")
    connected = kernel.run("%xiantong connect ollama --model gpt-oss:120b-cloud --name away")
    not_local = "ot local: a question to gpt-oss:120b-cloud leaves this machine"
    assert connected.status == "ok", connected.text
    assert not_local in connected.text
    assert "gpt-oss:120b-cloud (not local)" in kernel.run("%xiantong list").text
    assert re.search(r"gpt-oss:120b-cloud +no +not local", kernel.run("%xiantong models away").text)
    assert not_local in kernel.run("%xiantong test away").text
    asked = kernel.run("%%ask away --alone\nhello").text
    assert not_local in asked
    assert "price unknown" in asked


def test_a_wrong_answer_is_asked_for_again(kernel):
    answers = ["openrouter", KEYS["openrouter.ai"], "gpt-4o", "openai/gpt-4o"]
    ran = kernel.run("%xiantong connect --name asked --unsaved", answers=answers)
    assert ran.status == "ok", ran.text
    assert [asked["prompt"] for asked in ran.asked[3:]] == ["Model: "]
    assert "Did you mean 'openai/gpt-4o'?" in ran.text
    assert "This kernel now asks asked:openai/gpt-4o" in ran.text


@pytest.fixture
def fresh(world, tmp_path):
    """A kernel of its own, with nothing connected; more of its environment may be said."""
    made = []

    def start(**more):
        made.append(Traveller(world.env(kernel_env(tmp_path)) | more, tmp_path))
        return made[-1]

    yield start
    for kernel in made:
        kernel.stop()


def test_a_key_in_the_environment_is_enough(fresh):
    """An empty model, and an alias, are resolved against the list of an endpoint that is saved nowhere."""
    kernel = fresh(OPENROUTER_API_KEY=KEYS["openrouter.ai"])
    assert "0 images for anthropic/claude-sonnet-5.5" in kernel.run("%%ask\nhello").text
    assert "0 images for anthropic/claude-opus-5.5" in kernel.run("%%ask opus --alone\nhello").text
    assert "now asks openrouter:anthropic/claude-haiku-5.5" in kernel.run("%xiantong use haiku").text
    assert "anthropic/claude-haiku-5.5" in kernel.run("%xiantong list").text
    assert not (kernel.home / ".xiantong").exists(), "asking is no reason to make a folder"


def test_what_is_not_connected_is_said_where_its_models_are_wanted(fresh):
    ran = fresh().run("%xiantong models openrouter gpt")
    assert "OpenRouter is not connected." in ran.text
    assert "%xiantong connect openrouter, or set OPENROUTER_API_KEY" in ran.text


def test_where_no_list_can_be_had_the_bare_name_is_taken_with_a_warning(fresh, world):
    kernel = fresh(OPENROUTER_API_KEY=KEYS["openrouter.ai"])
    world.away.add("openrouter.ai")
    try:
        used = kernel.run("%xiantong use openrouter:opus")
        assert "The alias opus is taken as claude-opus-5-5, which may have another name here" in used.text
        assert "The proxy did not let the request through" in kernel.run("%%ask\nhello").text
        assert "claude-opus-5-5" in kernel.run("%xiantong list").text
    finally:
        world.away.clear()


def test_lists_offline_have_their_age_and_the_table_its_date(fresh, world):
    kernel = fresh(ANTHROPIC_API_KEY=KEYS["api.anthropic.com"])
    world.away.add("api.anthropic.com")
    try:
        table = kernel.run("%xiantong models").text
        assert "This is the built-in table of 2026-11." in table
        assert re.search(r"claude-sonnet-5-5 +2 +10", table)
    finally:
        world.away.clear()
    assert "Listed just now. Prices: the built-in table of 2026-11." in kernel.run("%xiantong models").text
    world.away.add("api.anthropic.com")
    try:
        again = fresh(ANTHROPIC_API_KEY=KEYS["api.anthropic.com"])
        assert "This is the built-in table of 2026-11." in again.run("%xiantong models").text, "nothing was saved yet"
    finally:
        world.away.clear()
    kernel.run("%xiantong connect anthropic --no-test --key-env ANTHROPIC_API_KEY")
    kernel.run("%xiantong models --refresh")
    world.away.add("api.anthropic.com")
    try:
        last = fresh(ANTHROPIC_API_KEY=KEYS["api.anthropic.com"]).run("%xiantong models --refresh").text
        assert "This was listed just now." in last
        assert re.search(r"claude-sonnet-5-5 +1,000,000 +yes +2 +10", last)
    finally:
        world.away.clear()


def test_what_was_spent(kernel, case):
    """Answers, tokens and money, by connection and model."""
    journeys.ask(kernel, case, case.other)
    used = kernel.run("%xiantong usage").text
    assert re.search(rf"{re.escape(case.slug)} +{re.escape(case.other)} +\d+ +\d+ +\d+", used), used
    unpriced = case.price == "price unknown"
    assert re.search(r"In all: .*\d of unknown price" if unpriced else r"In all: \$", used), used


def test_the_environment_of_other_programs(kernel, case, world):
    """What is handed over asks the same endpoint, with the same key, and is taken out again."""
    ran = kernel.run(f"%xiantong env {case.slug}")
    if case.wire == CHAT:
        assert "speaks anthropic-messages only" in ran.text
        return
    names = "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_MODEL"
    values = kernel.value(f"[__import__('os').environ.get(n) for n in {names}]")
    key = KEYS.get(case.host, "ollama")
    url = None if case.slug == "anthropic" else case.url.removesuffix("/v1/messages")
    assert values == [url, *([None, key] if case.slug == "anthropic" else [key, None]), case.model]
    assert "CANARY" not in str(ran.messages)
    assert "is back" in kernel.run("%xiantong env --unset").text
    assert kernel.value(f"[n for n in {names} if n in __import__('os').environ]") == []
