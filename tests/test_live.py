"""That `make test-live` works: run as it is, with the stand-ins in the providers' places, and with nothing at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stand_ins import KEYS, at_ollamas_port
from tests.test_providers import world  # noqa: F401  # the fixture

ROOT = Path(__file__).parent.parent


def run(env):
    """What pytest says of the live tests."""
    command = [sys.executable, "-m", "pytest", "tests/live", "-p", "no:randomly", "-p", "no:cacheprovider", "-rA"]
    env = {**env, "XIANTONG_LIVE": "1"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.timeout(300)
def test_with_keys_every_provider_is_asked(world):  # noqa: F811
    names = {
        "ANTHROPIC_API_KEY": "api.anthropic.com",
        "OPENROUTER_API_KEY": "openrouter.ai",
        "AI_GATEWAY_API_KEY": "ai-gateway.vercel.sh",
    }
    env = world.env(dict(os.environ)) | {name: KEYS[host] for name, host in names.items()}
    try:
        server = at_ollamas_port("0.33.0")
    except OSError:
        pytest.skip("something listens on port 11434 of this machine: it may be a real Ollama")
    try:
        done = run(env)
    finally:
        server.close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 passed" in done.stdout
    asked = {(host, path.rpartition("/")[2]) for host, verb, path, *_ in world.seen if verb == "POST"}
    assert asked >= {("openrouter.ai", "messages"), ("openrouter.ai", "completions"), ("api.anthropic.com", "messages")}
    world.seen.clear()


def test_without_any_each_is_skipped_with_its_reason(world):  # noqa: F811
    done = run(world.env(dict(os.environ)))
    for reason in ("ANTHROPIC_API_KEY is not set", "OPENROUTER_API_KEY is not set", "AI_GATEWAY_API_KEY is not set"):
        assert reason in done.stdout, done.stdout
    assert world.seen == []
