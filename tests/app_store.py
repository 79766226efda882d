"""The other program that shares credentials.enc, as a running process: see app_store.mjs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ID, LABEL, OLD_LABEL = "0123456789abcdef0123456789abcdef", "craft-agent-v2", "craft-agent-v1"


class AppStore:
    """Reads and writes the file as the desktop app does."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None:
            message = "Node is not installed, so no independent reader of the file can be run"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
        script = Path(__file__).with_suffix(".mjs")
        self._process = subprocess.Popen(
            [node, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def write(self, path: Path, payload: Any, *, password: str = ID + LABEL, salt: bytes = b"") -> None:
        self._ask(op="write", path=str(path), password=password, payload=payload, salt=salt.hex() or None)

    def read(self, path: Path, *, password: str = ID + LABEL) -> Any:
        return self._ask(op="read", path=str(path), password=password)

    def set(self, path: Path, account: str, value: str, *, password: str = ID + LABEL) -> int:
        """Save as the app does, from memory; returns how many files it has deleted so far."""
        return self._ask(op="set", path=str(path), password=password, account=account, value=value)

    def restart(self) -> int:
        """Forget what was read; returns how many files it has deleted so far."""
        return self._ask(op="restart")

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def _ask(self, **asked: Any) -> Any:
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["value"]
