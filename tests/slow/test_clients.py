"""The official SDK and the Claude Agent SDK answer by what a connection hands them, from llama.cpp on loopback."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from xiantong_nb.connection import Connection
from xiantong_nb.engine import Engine
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret

KEY = "sk-CANARY-0123456789-wxyz"
PYTHON = os.environ.get("XIANTONG_SLOW_PYTHON", "")


@pytest.fixture(scope="module")
def locked():
    """llama.cpp, which wants a key."""
    with Engine.start(api_key=KEY) as running:
        yield running


@pytest.fixture(scope="module")
def opened():
    """llama.cpp, which wants none."""
    with Engine.start() as running:
        yield running


@pytest.mark.skipif(not PYTHON, reason="XIANTONG_SLOW_PYTHON names the Python that has the clients: make test-slow")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("client", ["anthropic", "claude-agent-sdk"])
@pytest.mark.parametrize("how", ["bearer", "x-api-key", "keyless"])
def test_a_client_answers_by_what_it_is_handed(client, how, locked, opened, tmp_path):
    made = Connection("gw", PRESETS["custom"], (opened if how == "keyless" else locked).base_url, "toy-2")
    if how != "keyless":
        made = replace(made, key=Secret(KEY), auth_header=how)
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {"HOME": str(tmp_path)}
    # what a kernel may have had before: none of it may win over what is handed over
    env |= {"ANTHROPIC_API_KEY": "sk-ant-CANARY-0123456789-wxyz-not-this-one", "ANTHROPIC_AUTH_TOKEN": "nor-this"}
    command = [PYTHON, str(Path(__file__).with_name("clients.py")), client]
    given = json.dumps(made.environment())
    done = subprocess.run(command, env=env, input=given, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "I am **toy-2**" in json.loads(done.stdout.splitlines()[-1])
