"""What all tests share: a clean environment, the engine, kernels."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests import leaks
from tests.fault_server import FaultServer
from tests.kernels import Kernel

KEYS = (
    "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL",
    "OPENROUTER_API_KEY", "AI_GATEWAY_API_KEY", "XIANTONG_DEMO_PACE", "XIANTONG_HOME",
)  # fmt: skip


collect_ignore = [
    *([] if os.environ.get("XIANTONG_SLOW_PYTHON") else ["slow"]),
    *([] if os.environ.get("XIANTONG_LIVE") else ["live"]),
]
"""What `make test-slow` and `make test-live` run: other people's clients, and the providers themselves."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # started in the background by a shell: the processes of these tests would inherit that, and be deaf to Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

NOWHERE = Path("/nonexistent/xiantong")
"""Where nothing is saved."""


def pytest_xdist_auto_num_workers():
    """One process more than there are processors: most tests wait for a kernel or a page, and two left a third idle."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Where several processes take a file each, the longest begins."""
    items.sort(key=lambda item: item.path.name != "test_torture.py")


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory):
    """At the end of the run, no key of a test is in anything that it has left behind, whichever process wrote it."""
    own = tmp_path_factory.mktemp("temporary")
    os.environ["TMPDIR"] = tempfile.tempdir = str(own)
    yield
    tempfile.tempdir = None
    folder = tmp_path_factory.getbasetemp()
    planted = own / "planted"
    planted.write_text(leaks.MARKERS[0])
    found = leaks.left(folder)
    planted.unlink()  # this run may be one of another's tests
    assert f"{planted}: plain" in found, "the search finds nothing"
    found.remove(f"{planted}: plain")
    print(f"\nkeys left behind by this run: {len(found)} in {sum(path.is_file() for path in folder.rglob('*'))} files")
    assert found == []


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """No test sees the keys, or the saved connections, of whoever runs it."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XIANTONG_HOME", str(NOWHERE))


@pytest.fixture
def faults():
    """A server that plays scripted bytes."""
    server = FaultServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def endpoint():
    """One such server for the tests of a module."""
    server = FaultServer()
    yield server
    server.close()


def kernel_env(home) -> dict[str, str]:
    """An environment in which a kernel finds nothing of the person who runs the tests."""
    return {
        **{name: value for name, value in os.environ.items() if name not in KEYS},
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
    }


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One kernel for the tests of a module, with the extension loaded."""
    made = Kernel(kernel_env(tmp_path_factory.mktemp("home")))
    assert made.run("%load_ext xiantong_nb").status == "ok"
    yield made
    made.stop()


@pytest.fixture(scope="module")
def faulty(endpoint, tmp_path_factory):
    """A kernel whose `anthropic` connection is the `endpoint`; `demo` is there, too."""
    env = {"ANTHROPIC_BASE_URL": endpoint.url, "ANTHROPIC_API_KEY": "sk-ant-CANARY-0123456789-wxyz"}
    env["ANTHROPIC_MODEL"] = "m"  # else the endpoint would be asked for its list, before the first question
    made = Kernel({**kernel_env(tmp_path_factory.mktemp("home")), **env})
    assert made.run("%load_ext xiantong_nb").status == "ok"
    yield made
    made.stop()


@pytest.fixture
def fresh_kernel(tmp_path):
    """A kernel of one's own, with the extension loaded."""
    made = Kernel(kernel_env(tmp_path))
    assert made.run("%load_ext xiantong_nb").status == "ok"
    yield made
    made.stop()
