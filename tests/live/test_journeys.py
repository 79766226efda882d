"""
The journeys to the providers themselves, as far as keys in the environment, and an Ollama that runs here, lead.

Whom they lead to, by which variable and on which wires, is read from the presets' rows.
"""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import replace

import pytest

from tests import journeys
from tests.conftest import kernel_env
from tests.decoding import CHAT, MESSAGES
from tests.journeys import Case
from tests.kernels import Kernel
from tests.test_pictures import encoded
from xiantong_nb.presets import PRESETS

LIVE = {row.slug: row for row in PRESETS.values() if row.key_variables or row.own_routes}
VARIABLES = {slug: row.key_variables[0][0] for slug, row in LIVE.items() if row.key_variables}
FOUND = {name: key for name in VARIABLES.values() if (key := os.environ.get(name))}
ENDS = {MESSAGES: "/v1/messages", CHAT: "/chat/completions"}
WIRES = {slug: ("", "-chat") if CHAT in row.wires[1:] else ("",) for slug, row in LIVE.items()}


def pulled() -> dict[str, bool]:
    """The models of an Ollama that runs here, smallest first, with whether they see; none where none runs."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open("http://localhost:11434/api/tags", timeout=5) as answer:
            models = json.load(answer)["models"]
    except (OSError, ValueError, KeyError):
        return {}
    here = [m for m in sorted(models, key=lambda m: m["size"]) if not m.get("remote_host") and "embed" not in m["name"]]
    return {m["name"]: "vision" in m.get("capabilities", ()) for m in here}


def described(provider: str) -> Case:
    """What is known of a provider before it is connected; skips, with the reason, what can't be asked here."""
    row = LIVE[provider]
    url = f"{row.base_url}{ENDS[row.wires[0]]}"
    if provider in VARIABLES:
        name = VARIABLES[provider]
        if name not in FOUND:
            pytest.skip(f"{name} is not set")
        model = "haiku" if "haiku" in row.aliases else row.default_model
        return Case(provider, f"{provider} --model {model} --key-env {name}", url, "")
    models = pulled()
    if not models:
        pytest.skip("no Ollama with a pulled model answers at http://localhost:11434")
    model, seeing = next(iter(models)), next((name for name, sees in models.items() if sees), "")
    return Case(provider, f"{provider} --model {model}", url, model, seeing=seeing)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    made = Kernel(kernel_env(home) | FOUND)
    made.run("import xiantong_nb\n%load_ext xiantong_nb")
    made.dot = home / "dot.png"
    made.dot.write_bytes(encoded("PNG", (64, 64)))
    made.connected = {}
    yield made
    made.stop()


@pytest.fixture(params=[f"{provider}{wire}" for provider, wires in WIRES.items() for wire in wires])
def case(request, kernel):
    """Each connection in turn, connected."""
    slug = request.param
    if slug not in kernel.connected:
        found = described(slug.removesuffix("-chat"))
        found = journeys.on_the_other_wire(found) if slug.endswith("-chat") else found
        journeys.connect(kernel, found)
        model = kernel.value(f"xiantong_nb.connections()[{slug!r}].default_model")
        claude = "haiku" in LIVE[slug.removesuffix("-chat")].aliases  # any of them sees
        sees = model if claude else found.seeing
        kernel.connected[slug] = replace(found, model=model, seeing=sees)
    return kernel.connected[slug]


@pytest.mark.timeout(600)
def test_a_provider_itself(kernel, case):
    """Connect, test, list, ask, and every error of one's own making."""
    shown = [
        journeys.try_out(kernel, case),
        journeys.list_models(kernel, case),
        journeys.ask(kernel, case),
        journeys.misspell(kernel, case),
    ]
    if case.slug.removesuffix("-chat") in VARIABLES:
        shown.append(journeys.mistype_key(kernel, case))
    assert not [key for key in FOUND.values() for ran in shown if key in str(ran.messages)]


@pytest.mark.timeout(600)
def test_a_provider_itself_sees(kernel, case):
    if not case.seeing:
        pytest.skip("no pulled model takes images, as far as Ollama says")
    journeys.show_image(kernel, case, kernel.dot)
