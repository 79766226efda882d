"""
The embedded engine as its parent sees it: started on first use, gone with the process that started it.

    parent --standard input--> child     one byte: please end; its own end: the parent is gone
    child  --standard output-> parent    one JSON line, {"url": ...} or {"error": ..., "hint": ...}
    child  --standard error--> the log   a file that the parent's `.log()` reads

`python -m xiantong_nb.engine` serves the same toys in the foreground.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import importlib.util
import json
import os
import platform
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, Self

from xiantong_nb.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY_VARIABLE = "XIANTONG_TOY_KEY"  # hands the key to the child: arguments can be read by every user
PACE_VARIABLE = "XIANTONG_DEMO_PACE"  # events per second
CPU_FEATURES = ("avx2", "fma", "f16c", "bmi2")  # what the wheel's x86-64 code is compiled for
ILLEGAL_INSTRUCTION = (-signal.Signals.SIGILL, 0xC000001D)  # as POSIX and Windows report it
_INSTALL = "pip install xllamacpp"
GRACE = 2.0  # seconds to end by itself before it is killed


def missing_cpu_features(machine: str, flags_text: str) -> tuple[str, ...]:
    """
    Return what an x86-64 processor lacks to run llama.cpp's wheel; nothing for others or without flags.

    Takes `platform.machine()` and the text of /proc/cpuinfo.
    """
    flags = {word for line in flags_text.splitlines() if line.startswith("flags") for word in line.split()}
    if machine.lower() not in {"x86_64", "amd64"} or not flags:
        return ()
    return tuple(feature for feature in CPU_FEATURES if feature not in flags)


def _too_old(missing: Sequence[str] = CPU_FEATURES) -> EngineError:
    what = f"This processor can't run the embedded engine: llama.cpp's wheel needs {', '.join(missing)}."
    return EngineError(what, hint="Connect to an endpoint instead, or use a machine from 2015 or later.")


def _not_installed() -> EngineError:
    return EngineError("The embedded engine is not installed: the package xllamacpp is missing.", hint=_INSTALL)


def _command(pace: float) -> list[str]:
    """Return the child's command, after a look at whether it can run here; raises EngineError."""
    flags = ""
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    if missing := missing_cpu_features(platform.machine(), flags):
        raise _too_old(missing)
    if importlib.util.find_spec("xllamacpp") is None:
        raise _not_installed()
    # -P: a notebook's folder may hold a json.py of its own, and must not come before the standard library
    return [sys.executable, "-P", "-m", "xiantong_nb.engine", f"--pace={pace}", "--exit-with-parent"]


def _environment(api_key: str | None) -> dict[str, str]:
    """Return the child's environment: it finds this package wherever this process found it."""
    env = {**os.environ, KEY_VARIABLE: api_key or ""}
    root = Path(__file__).resolve().parent.parent
    if root.name not in {"site-packages", "dist-packages"}:
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (env.get("PYTHONPATH"), str(root))))
    return env


def _spawn(command: Sequence[str], env: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the child, out of reach of the interrupts that a terminal or Jupyter sends to this group."""
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=pipe, stdout=pipe, stderr=log, env=env, start_new_session=True, creationflags=flags
        )
    except OSError as exc:
        raise EngineError(f"The embedded engine could not be started: {exc.strerror}.") from exc


def _first_line(child: subprocess.Popen[bytes], timeout: float) -> bytes | None:
    """Return the child's first line, b"" if it ended before it, None if neither came in time (seconds)."""
    lines: queue.Queue[bytes] = queue.Queue()

    def read(out: IO[bytes]) -> None:
        with out:
            lines.put(out.readline())

    threading.Thread(target=read, args=[child.stdout], name="engine-start", daemon=True).start()
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        # In short steps: a longer wait could not be interrupted on Windows.
        with contextlib.suppress(queue.Empty):
            return lines.get(timeout=min(left, 0.2))
    return None


class Engine:
    """A running engine: `with Engine.start() as engine: ...` or `shared()`."""

    def __init__(self, child: subprocess.Popen[bytes], log_path: Path) -> None:
        self.base_url = ""
        self.pid, self.log_path = child.pid, log_path
        self._child, self._owner = child, os.getpid()
        self._last_log = ""
        _running.add(self)

    @classmethod
    def start(cls, *, pace: float = 0, api_key: str | None = None, timeout: float = 30) -> Engine:
        """
        Start an engine and wait until it answers, `timeout` seconds at most.

        `pace` is in events per second (0: as fast as it goes); with an `api_key`, requests must carry it.
        Raises EngineError; an interrupt leaves nothing behind.
        """
        return cls._launch(_command(pace), env=_environment(api_key), timeout=timeout)

    @classmethod
    def _launch(cls, command: Sequence[str], *, env: dict[str, str], timeout: float) -> Engine:
        handle, name = tempfile.mkstemp(prefix="xiantong-engine-", suffix=".log")  # readable by its owner only
        with contextlib.ExitStack() as undo, os.fdopen(handle, "wb") as log:
            undo.callback(Path(name).unlink)
            child = _spawn([*command, name], env, log)
            undo.pop_all()
        engine = cls(child, Path(name))
        with contextlib.ExitStack() as undo:
            undo.callback(engine.stop)
            engine.base_url = engine._address(timeout)
            undo.pop_all()
        return engine

    def _address(self, timeout: float) -> str:
        line = _first_line(self._child, timeout)
        if line is None:
            what = f"The embedded engine did not answer within {timeout:g} s."
            raise EngineError(what, hint="The machine may be busy: try again.")
        try:
            report = json.loads(line)
        except ValueError:
            raise self._ended() from None
        if "error" in report:
            raise EngineError(report["error"], hint=report["hint"])
        return str(report["url"])

    def _ended(self) -> EngineError:
        """Return what to say of a child that ended, or closed its output, before it was ready."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(GRACE)
        tail = "\n".join(self.log().splitlines()[-5:])
        if self._child.returncode in ILLEGAL_INSTRUCTION or "illegal instruction" in tail.lower():
            return _too_old()
        what = f"The embedded engine ended with code {self._child.returncode} before it was ready."
        return EngineError(what, hint=tail)

    @property
    def alive(self) -> bool:
        """Whether the engine runs and is this process's own; a forked child has none."""
        return self._owner == os.getpid() and self._child.poll() is None

    def log(self) -> str:
        """Return llama.cpp's log with the front's lines in it; after the end, what it was then."""
        with contextlib.suppress(OSError):
            self._last_log = self.log_path.read_text("utf-8", "replace")
        return self._last_log

    def stop(self) -> None:
        """End the engine, at once if it is only starting, and remove its log file; once is enough."""
        if self._owner != os.getpid():
            return
        if self._child.stdin:
            with contextlib.suppress(OSError, ValueError):  # it, or the pipe, may have ended already
                self._child.stdin.write(b"q")
                self._child.stdin.close()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(GRACE if self.base_url else 0)
        finally:  # also when the wait is interrupted
            self._child.kill()
            self._child.wait()
            self.log()
            self.log_path.unlink(missing_ok=True)
            _running.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


_running: weakref.WeakSet[Engine] = weakref.WeakSet()
_lock = threading.Lock()
_shared: list[Engine] = []  # at most one


def _default_pace() -> float:
    """Return the pace that the environment asks for, in events per second; 0 if it says nothing readable."""
    with contextlib.suppress(ValueError):  # the 0 in front keeps out signs, nan and inf
        if pace := float(f"0{os.environ.get(PACE_VARIABLE, '')}"):
            return max(pace, 1.0)  # slower than one a second is a mistake
    return 0.0


def shared(pace: float | None = None) -> Engine:
    """
    Return this process's one engine, started on first use and again if it has died; raises EngineError.

    The pace (events per second, by default from XIANTONG_DEMO_PACE) counts for a start only.
    """
    with _lock:
        if _shared and not _shared[0].alive:
            _shared.pop().stop()
        if not _shared:
            _shared.append(Engine.start(pace=_default_pace() if pace is None else pace))
        return _shared[0]


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it at the fork
    _lock = threading.Lock()
    _shared.clear()
    for engine in list(_running):
        if pipe := engine._child.stdin:  # noqa: SLF001 - this module's own
            pipe.close()  # the engine ends with its last holder, which must be its real parent
    _running.clear()


@atexit.register
def _stop_all() -> None:
    for engine in list(_running):
        engine.stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _report(url: str) -> None:
    """Tell the parent the address; what is printed later goes to the log."""
    print(json.dumps({"url": url}), flush=True)  # noqa: T201 - the parent reads it
    os.dup2(2, 1)


def _introduce(url: str) -> None:
    """Tell a person at a terminal what runs here, and how to try it."""
    from xiantong_nb.toys import TOYS

    models = "\n".join(f"  {toy.id}   {toy.about}" for toy in TOYS)
    body = '{"model": "toy-1", "max_tokens": 500, "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'
    sys.stdout.write(
        f"Toy models, not language models, served by llama.cpp at {url}\n{models}\n\n"
        f"  curl -N {url}/v1/messages -H 'content-type: application/json' \\\n    -d '{body}'\n\nCtrl-C ends it.\n"
    )
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serve the toys, for a terminal or for a parent process; exits with 0, or 1 and a sentence."""
    parser = argparse.ArgumentParser("python -m xiantong_nb.engine", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--pace", type=float, default=_default_pace(), help="events per second; 0: unpaced")
    parser.add_argument("--exit-with-parent", metavar="LOG", type=Path, help="end when standard input does")
    asked = parser.parse_args(arguments)
    child = bool(asked.exit_with_parent)
    try:
        from xiantong_nb import toy_server
    except ImportError as exc:
        broken = EngineError(f"xllamacpp is broken: {exc}", hint=f"{_INSTALL} --force-reinstall")
        error = _not_installed() if exc.name == "xllamacpp" else broken
    else:
        key, level = os.environ.pop(KEY_VARIABLE, None), 3 if child else 1
        options = toy_server.Options(asked.port, asked.pace, key, level, asked.exit_with_parent)
        try:
            toy_server.serve(options, _report if child else _introduce)
        except EngineError as exc:
            error = exc
    sys.stdout.write(json.dumps({"error": error.message, "hint": error.hint}) if child else "")
    sys.exit(1 if child else str(error))


if __name__ == "__main__":
    main()
