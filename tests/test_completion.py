"""Tab in real kernels: what is offered where, from what is known on this machine alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import kernel_env
from tests.kernels import Kernel
from xiantong_nb.connection import Connection
from xiantong_nb.models import Model
from xiantong_nb.notebook import line
from xiantong_nb.notebook.commands import COMMANDS
from xiantong_nb.presets import PRESETS
from xiantong_nb.session import Session

LISTED = ("openai/gpt-4o", "openai/gpt-4o-mini", "anthropic/claude-sonnet-5.5", "deepseek/deepseek-r1:free")
ODD = ("gpt-5 --image \"print('run')\"", "-x", "gpt-{style}", "$style", "gpt 'a", "")  # which nobody offers
PULLED = ("llama3.2:latest", "llama3.2:8b", "qwen3-coder")
NAMES = """
import os
class Table:
    def __init__(self):
        self.shape, self.inner = (3, 4), self
    @property
    def costly(self):
        raise SystemExit("typing ran a property")
    def head(self):
        return 0
class Hostile:
    def __dir__(self):
        raise ValueError("no names here")
frame, hostile, style, größe = Table(), Hostile(), "Be brief", 1
"""


def remember(home, slug: str, preset: str, url: str, models) -> None:
    """Save a connection that needs no key, and the list that its endpoint gave some time ago."""
    session = Session(folder=home / ".xiantong", environment={})
    connection = Connection(slug, PRESETS[preset], url, models[0], name=slug, allow_http=True)
    session.store.put(connection)
    from xiantong_nb.shelf import Shelf

    Shelf(lambda: session.store.folder).keep(connection, tuple(Model(name) for name in models))


def environment(home, faults_url: str) -> dict[str, str]:
    """What a kernel is started with that knows three connections: two saved ones and one of its environment."""
    remember(home, "ollama", "ollama", "http://localhost:11434", PULLED)
    remember(home, "gw", "custom", faults_url, (*LISTED, *ODD))
    return {**kernel_env(home), "OPENROUTER_API_KEY": "sk-or-CANARY-0123456789"}


@pytest.fixture(scope="module")
def silent():
    """An endpoint that answers whoever asks it; nobody should."""
    from tests.fault_server import FaultServer, failure

    server = FaultServer()
    server.play(failure(404, {"error": {"message": "nothing here"}}))
    yield server
    server.close()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, silent):
    made = Kernel(environment(tmp_path_factory.mktemp("home"), silent.url))
    made.run("%load_ext xiantong_nb")
    made.run(NAMES)
    made.run("%xiantong use ollama")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory, silent):
    """A kernel without any network, this machine's own included."""
    for under in (["unshare", "-n", "--"], ["unshare", "-rn", "--"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*under, "true"], capture_output=True, check=False).returncode == 0
        ):
            break
    else:
        told = "no network can be taken away here: `unshare -n` is not allowed, or not there"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    made = Kernel(environment(tmp_path_factory.mktemp("home"), silent.url), under=under)
    made.run("%load_ext xiantong_nb")
    made.run(NAMES)
    made.run("%xiantong use ollama")
    yield made
    made.stop()


FLAGS = [row.flag for row in line.OPTIONS]
TABLE = [
    # before the cursor, what is replaced, what is offered
    ("%xiantong |", "", list(COMMANDS)),
    ("%xiantong co|", "co", ["connect"]),
    ("x = %xiantong ver|", "ver", ["version"]),
    ("xiantong li|", "li", ["list"]),
    ("%%time\n%xiantong te|", "te", ["test"]),
    ("%xiantong use o|", "o", ["ollama", "openrouter"]),
    ("%xiantong use --d|", "--d", ["--default"]),
    ("%xiantong use gw:|", "gw:", ["gw:sonnet", *(f"gw:{name}" for name in LISTED)]),
    ("%xiantong use gw:openai/gpt-4o-|", "gw:openai/gpt-4o-", ["gw:openai/gpt-4o-mini"]),
    ("%xiantong use gw:deepseek/deepseek-r1:f|", "gw:deepseek/deepseek-r1:f", ["gw:deepseek/deepseek-r1:free"]),
    ("%xiantong use gw:gpt-4|", "gw:gpt-4", ["gw:openai/gpt-4o", "gw:openai/gpt-4o-mini"]),
    ("%xiantong use llama3.2:8|", "llama3.2:8", ["llama3.2:8b"]),
    ("%xiantong test demo:|", "demo:", ["demo:toy-1", "demo:toy-2", "demo:toy-3"]),
    ("%xiantong connect |", "", [*PRESETS, *(row.flag for row in line.CONNECT)]),
    ("%xiantong connect custom --base-url x --ap|", "--ap", ["--api"]),
    ("%xiantong connect custom --api |", "", ["anthropic-messages", "openai-completions"]),
    ("%xiantong connect custom --api=o|", "o", ["openai-completions"]),
    ("%xiantong connect custom --images |", "", ["all", "none"]),
    ("%xiantong connect custom --images --n|", "--n", ["--name", "--no-key", "--no-test"]),
    ("%xiantong connect anthropic --model |", "", ["sonnet", "opus", "haiku"]),
    ("%xiantong edit gw --model gpt|", "gpt", ["openai/gpt-4o", "openai/gpt-4o-mini"]),
    ("%xiantong connect openrouter --key-env OPEN|", "OPEN", ["OPENROUTER_API_KEY"]),
    ("%xiantong edit |", "", ["ollama", "gw", *(row.flag for row in line.EDIT)]),
    ("%xiantong remove o|", "o", ["ollama"]),
    ("%xiantong models op|", "op", ["openrouter"]),
    ("%xiantong help mod|", "mod", ["models"]),
    ("%xiantong restore conf|", "conf", ["config.json"]),
    ("%%ask |", "", ["ollama", "gw", "openrouter", "demo", *PULLED, *FLAGS]),
    ("%%ask gw |", "", ["ollama", "openrouter", "demo", *PULLED, *FLAGS]),
    ("%%ask ollama:QWEN|", "ollama:QWEN", ["ollama:qwen3-coder"]),
    ("%%ask ll|\nWhat is this?", "ll", ["llama3.2:latest", "llama3.2:8b"]),
    ("%%xiantong demo --as |", "", ["md", "text", "code", "json", "raw"]),
    ("%%ask --as=j|", "j", ["json"]),
    ("%%ask --as json --a|", "--a", ["--alone"]),
    ("%%ask --stop x --sto|", "--sto", ["--stop"]),
    ("%%ask --system 'be brief' --te|", "--te", ["--temperature"]),
    ("%%ask --system @s|", "@s", ["@style"]),
    ("%ask --al|", "--al", ["--alone"]),
    ("r = %ask --as r|", "r", ["raw"]),
    ("%ask --alone what is {fr|", "fr", ["frame"]),
    ("%%ask\nWhat is wrong with {fr|", "fr", ["frame"]),
    ("%%ask gw\n\nfirst {frame} and {|", "", ["frame", "hostile", "style", "größe", "Table", "Hostile"]),
    ("\n%%ask gw --alone\nhow large is {gr|", "gr", ["größe"]),
    ("%%ask\n{frame.|", "", ["costly", "inner", "shape"]),
    ("%%ask\n{frame.inner.inner.sh|}", "sh", ["shape"]),
]


@pytest.mark.parametrize(("typed", "replaced", "offered"), TABLE, ids=[row[0] for row in TABLE])
def test_what_is_offered(kernel, typed, replaced, offered):
    tab = kernel.tab(typed)
    assert (tab.replaced, sorted(tab.offered)) == (replaced, sorted(offered))
    assert tab.shown == ""


@pytest.mark.parametrize(("typed", "replaced", "offered"), TABLE[::4], ids=[row[0] for row in TABLE[::4]])
def test_it_is_the_same_without_a_network(cut_off, typed, replaced, offered):
    tab = cut_off.tab(typed)
    assert (tab.replaced, sorted(tab.offered)) == (replaced, sorted(offered))


def test_that_kernel_has_no_network_and_says_so_when_it_is_asked(cut_off, silent):
    host, port = silent.url.removeprefix("http://").split(":")
    ran = cut_off.run(f"import socket; socket.create_connection(({host!r}, {port}), 5)")
    assert "unreachable" in ran.text
    assert cut_off.run("%xiantong models gw --refresh").status == "ok", "its last list is shown in its place"
    assert "can't be reached" in cut_off.run("%xiantong models gw --refresh").text


def test_no_endpoint_was_asked_and_no_engine_started(kernel, silent):
    before = silent.accepted
    for typed, *_ in TABLE:
        kernel.tab(typed)
    assert silent.accepted == before
    assert kernel.value("__import__('sys').modules.get('xiantong_nb.engine') is None") is True
    kernel.run("%xiantong models gw --refresh")
    assert silent.accepted == before + 1, "a question would have been seen"


@pytest.mark.parametrize(
    "typed", ["%%ask\n{{fr|", "%%ask --no-expand\n{fr|", "%%ask\nplain {frame} te|", "'%xiantong' + st|", "st|", "{fr|"]
)
def test_elsewhere_tab_is_as_it_was(kernel, typed):
    """What IPython offers itself stays, and none of ours is among it."""
    tab = kernel.tab(typed)
    assert not set(tab.kinds.values()) & {"variable", "attribute", "command", "connection", "model"}


def test_files_are_ipythons(kernel, tmp_path):
    (tmp_path / "picture.png").touch()
    assert kernel.tab(f"%%ask --image {tmp_path}/pic|").offered == [f"{tmp_path}/picture.png"]


def test_kinds_are_told(kernel):
    kinds = kernel.tab("%%ask |").kinds
    assert (kinds["ollama"], kinds["qwen3-coder"], kinds["--alone"]) == ("connection", "model", "option")


def test_chats_are_offered_where_they_are_named(fresh_kernel):
    fresh_kernel.run("%%ask demo --chat about-pandas\nhello")
    assert fresh_kernel.tab("%xiantong reset a|").offered == ["about-pandas"]
    assert fresh_kernel.tab("%%ask --chat a|").offered == ["about-pandas"]


def test_a_tab_that_fails_shows_nothing(kernel):
    assert "no names here" in kernel.run("dir(hostile)").text
    assert kernel.tab("%%ask\n{hostile.|").shown == ""


def test_saved_settings_that_can_not_be_read_leave_the_rest(fresh_kernel, tmp_path):
    (tmp_path / ".xiantong").mkdir(mode=0o700)
    (tmp_path / ".xiantong" / "config.json").write_text("{ this is no JSON")
    tab = fresh_kernel.tab("%%ask --al|")
    assert (tab.offered, tab.shown) == (["--alone"], "")
    tab = fresh_kernel.tab("%xiantong use --d|")
    assert (tab.offered, tab.shown) == (["--default"], "")
    assert fresh_kernel.tab("%%ask |").shown == ""


def test_it_is_loaded_by_the_first_tab_that_needs_it_and_gone_when_unloaded(fresh_kernel):
    loaded = "'xiantong_nb.notebook.completion' in __import__('sys').modules"
    fresh_kernel.tab("import o|")
    assert fresh_kernel.value(loaded) is False
    assert fresh_kernel.tab("%xiantong ver|").offered == ["version"]
    assert fresh_kernel.value(loaded) is True
    fresh_kernel.run("%reload_ext xiantong_nb")
    assert fresh_kernel.value("[m.matcher_identifier for m in get_ipython().Completer.custom_matchers]") == [
        "xiantong_nb"
    ]
    fresh_kernel.run("%unload_ext xiantong_nb")
    assert fresh_kernel.value("get_ipython().Completer.custom_matchers") == []
    assert "version" not in fresh_kernel.tab("%xiantong ver|").offered


def test_in_a_terminals_shell(tmp_path):
    """The completer of IPython in a terminal, which its prompt asks as this does."""
    script = """
from IPython.core.completer import provisionalcompleter
from IPython.terminal.interactiveshell import TerminalInteractiveShell
shell = TerminalInteractiveShell.instance()
shell.run_line_magic("load_ext", "xiantong_nb")
typed = "%xiantong use demo:t"
with provisionalcompleter():
    for found in shell.Completer.completions(typed, len(typed)):
        print(found.start, found.end, found.text)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=kernel_env(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"14 20 demo:toy-{n}" for n in (1, 2, 3)]
