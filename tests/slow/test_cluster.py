"""A table by the workers of a Dask cluster: two processes, which open the connection by its name."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.slow.test_clients import KEY, PYTHON
from xiantong_nb.engine import Engine


@pytest.mark.skipif(not PYTHON, reason="XIANTONG_SLOW_PYTHON names the Python that has Dask: make test-slow")
@pytest.mark.timeout(300)
def test_two_processes_answer_and_no_key_is_sent(tmp_path):
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {"HOME": str(tmp_path)}
    env |= {"PYTHONPATH": str(Path(__file__).parents[2]), "XIANTONG_HOME": str(tmp_path / "xiantong")}
    with Engine.start(api_key=KEY) as engine:
        env |= {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": engine.base_url, "ANTHROPIC_MODEL": "toy-2"}
        command = [PYTHON, str(Path(__file__).with_name("cluster.py")), str(tmp_path / "kept.jsonl")]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
        log = engine.log_path.read_text(errors="replace")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["errors"] == []
    assert told["states"] == told["again"] == ["complete"] * 80
    assert all("I am **toy-2**" in text for text in told["texts"])
    assert (told["processes"], told["batches"], sum(told["asked"])) == (2, 5, 80)
    assert min(told["asked"]) > 0, "both took their part"
    assert log.count("POST /v1/messages toy-2: started") == 80
    assert told["key_sent"] is False
