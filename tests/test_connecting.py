"""Connecting in real kernels: a key is typed once at a prompt, and serves every kernel and the terminal."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from tests.answering import Answering
from tests.conftest import kernel_env
from tests.engines import until
from tests.fault_server import failure
from tests.kernels import Kernel
from tests.speech import Chat
from tests.test_secret import HOSTILE
from xiantong_nb.draft import Draft
from xiantong_nb.engine import Engine
from xiantong_nb.errors import Busy, Unreachable, UsageError
from xiantong_nb.notebook import commands
from xiantong_nb.notebook.screen import Screen
from xiantong_nb.presets import PRESETS

KEY, WRONG = "sk-CANARY-0123456789-wxyz", "sk-WRONG-0123456789-abcd"
SHAPED = "sk-ant-api03-" + "Ab1_" * 12


@pytest.fixture(scope="module")
def locked():
    """An engine that wants a key."""
    with Engine.start(api_key=KEY) as running:
        yield running


def connect(kernel, url, *answers, more="--model toy-1 --ask-key --text"):
    return kernel.run(f"%xiantong connect custom --base-url {url} {more}", answers=answers)


def terminal(home, *words, typed=None):
    """What `python -m xiantong_nb` says, without anybody at a keyboard."""
    return subprocess.run(
        [sys.executable, "-m", "xiantong_nb", *words],
        env=kernel_env(home), input=typed or "", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def config(home):
    return json.loads((home / ".xiantong" / "config.json").read_text())


def test_a_key_typed_once_serves_every_kernel_and_the_terminal(fresh_kernel, locked, tmp_path):
    ran = connect(fresh_kernel, locked.base_url, KEY)
    assert ran.status == "ok", ran.text
    assert [asked["password"] for asked in ran.asked] == [True]
    for stage in ("reached", "authenticated", "model answered", "first token", "finished"):
        assert stage in ran.text
    assert "This kernel now asks custom:toy-1" in ran.text
    assert "I am **toy-1**" in fresh_kernel.run("%%ask\nhello").text
    again = fresh_kernel.run(f"%xiantong connect custom --base-url {locked.base_url}")
    assert "Its saved key was kept" in again.text
    assert len(config(tmp_path)["llmConnections"]) == 1

    second = Kernel(kernel_env(tmp_path))
    try:
        second.run("%load_ext xiantong_nb")
        assert "I am **toy-1**" in second.run("%%ask\nhello").text
        assert "I am **toy-2**" in second.run("%%ask toy-2\nhello").text
        second.run("%xiantong use custom:toy-3 --default")
    finally:
        second.stop()
    listed = terminal(tmp_path, "list")
    assert listed.returncode == 0
    assert "toy-3" in listed.stdout
    assert "…wxyz" in listed.stdout
    assert "finished" in terminal(tmp_path, "test").stdout
    asked = terminal(tmp_path, "ask", "--target", "custom:toy-1", "hello")
    assert "I am **toy-1**" in asked.stdout
    assert "hello" not in asked.stderr
    assert "I am **toy-3**" in terminal(tmp_path, "ask", typed="hello").stdout
    assert config(tmp_path)["llmConnections"][0]["defaultModel"] == "toy-3"


def test_a_wrong_key_fails_where_it_is_refused_and_saves_nothing(fresh_kernel, locked, tmp_path):
    ran = connect(fresh_kernel, locked.base_url, WRONG)
    assert ran.status == "error"
    assert "authenticated  failed" in ran.text
    assert "Nothing was saved" in ran.text
    assert ran.error["ename"] == "KeyRefused"
    assert len(ran.error["traceback"]) == 1
    assert not (tmp_path / ".xiantong").exists()
    assert "Nothing is in use" in fresh_kernel.run("%xiantong list").text


class OneWay(Answering):
    """An endpoint of chat completions alone, whose key goes into x-api-key alone."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if not self.path.endswith("/chat/completions"):
            status, body = 404, b"404 page not found"
        elif self.headers["x-api-key"] != KEY or self.headers["authorization"]:
            status, body = 401, b'{"error":{"message":"no key"}}'
        else:
            status, body = 200, Chat().whole("Hi ", "there")
        self.send_body(status, body, "text/event-stream")


@pytest.fixture
def one_way():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneWay)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_works_in_place_of_what_was_said_is_offered_and_taken(fresh_kernel, one_way, tmp_path):
    more = "--model m --ask-key --text"
    refused = connect(fresh_kernel, one_way, KEY, "no", more=more)
    assert refused.error["ename"] == "NotFound"
    assert "With --api openai-completions --auth-header x-api-key it works." in refused.text
    assert not (tmp_path / ".xiantong").exists()
    taken = connect(fresh_kernel, one_way, KEY, "", more=more)
    assert taken.status == "ok", taken.text
    assert "with --api openai-completions --auth-header x-api-key it works. Connect so?" in taken.asked[-1]["prompt"]
    assert "Tested and saved: custom" in taken.text
    (entry,) = config(tmp_path)["llmConnections"]
    assert entry["customEndpoint"]["api"] == "openai-completions"
    assert (entry["baseUrl"], entry["piAuthProvider"]) == (f"{one_way}/v1", "openai")
    assert "Hi there" in fresh_kernel.run("%%ask\nhello").text
    assert "Hi there" in terminal(tmp_path, "ask", "hello").stdout

    edited = terminal(tmp_path, "edit", "custom", "--api", "anthropic-messages")
    assert edited.returncode == 1
    assert "With --api openai-completions it works." in edited.stderr
    assert config(tmp_path)["llmConnections"] == [entry]


def test_a_key_that_is_none_is_asked_for_again_and_then_given_up(fresh_kernel, locked, tmp_path):
    ran = connect(fresh_kernel, locked.base_url, "", "your-api-key", f' "{KEY}"\n')
    assert ran.status == "ok", ran.text
    assert len(ran.asked) == 3
    assert "Taken off the key: quotes around it" in ran.text
    ran = connect(
        fresh_kernel, locked.base_url, "a b", "a\x00b", "é", more="--name other --model toy-1 --ask-key --text"
    )
    assert ran.error["ename"] == "UsageError"
    assert len(config(tmp_path)["llmConnections"]) == 1


def test_every_question_is_asked_where_nothing_is_said(fresh_kernel, locked):
    ran = fresh_kernel.run(
        "%xiantong connect --text", answers=["nothing", "custom", "file:///x", locked.base_url, "toy-2"]
    )
    assert ran.error["ename"] == "KeyRefused"  # this machine is asked without a key, and this engine wants one
    assert "--ask-key" in ran.text
    which = "anthropic, openrouter, vercel, ollama, custom, or a URL: "
    prompts = [which, which, "Base URL: ", "Base URL: ", "Model [claude-sonnet-5-5]: "]
    assert [asked["prompt"] for asked in ran.asked] == prompts


def test_where_nobody_can_be_asked_the_options_are_named(fresh_kernel, tmp_path):
    ran = fresh_kernel.run("%xiantong connect openrouter")
    assert ran.error["ename"] == "UsageError"
    assert "--key-env" in ran.text
    done = terminal(tmp_path, "connect", "custom")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--base-url" in done.stderr


def test_settings_are_changed_and_the_connection_removed(fresh_kernel, locked, tmp_path):
    connect(fresh_kernel, locked.base_url, KEY)
    ran = fresh_kernel.run("%xiantong edit custom --model toy-2 --images --auth-header x-api-key")
    assert ran.status == "ok", ran.text
    entry = config(tmp_path)["llmConnections"][0]
    assert (entry["defaultModel"], entry["models"][0]["supportsImages"]) == ("toy-2", True)
    own = json.loads((tmp_path / ".xiantong" / "notebook.json").read_text())
    assert own["connections"]["custom"] == {"authHeader": "x-api-key"}
    assert "I am **toy-2**" in fresh_kernel.run("%%ask\nhello").text

    ran = fresh_kernel.run("%xiantong edit custom --text", answers=["", "toy-3", ""])
    assert ran.status == "ok", ran.text
    assert config(tmp_path)["llmConnections"][0]["defaultModel"] == "toy-3"
    ran = fresh_kernel.run("%xiantong edit custom --text", answers=["", "", WRONG])
    assert ran.error["ename"] == "KeyRefused"
    assert "I am **toy-3**" in fresh_kernel.run("%%ask\nhello").text

    fresh_kernel.run("%xiantong rename custom My own llama")
    assert "My own llama" in fresh_kernel.run("%xiantong list").text
    assert fresh_kernel.run("%xiantong remove custom").status == "ok"
    assert config(tmp_path)["llmConnections"] == []
    assert "Nothing connected yet" in fresh_kernel.run("%%ask\nhello").text


def test_a_variable_may_hold_the_key(fresh_kernel, locked, tmp_path):
    fresh_kernel.run(f"import os; os.environ['MY_KEY'] = '{KEY}'")
    assert connect(fresh_kernel, locked.base_url, more="--model toy-1 --key-env MY_KEY").status == "ok"
    assert "I am **toy-1**" in fresh_kernel.run("%%ask\nhello").text
    assert not (tmp_path / ".xiantong" / "credentials.enc").exists()
    fresh_kernel.run("del os.environ['MY_KEY']")
    assert "MY_KEY, which is not set" in fresh_kernel.run("%%ask custom\nhello").text


def test_without_a_test_only_on_request(fresh_kernel, tmp_path):
    more = "--model m --no-test --no-key"
    assert connect(fresh_kernel, "http://127.0.0.1:1", more=more).status == "ok"
    assert "lastUsedAt" not in config(tmp_path)["llmConnections"][0]
    ran = fresh_kernel.run("%xiantong test custom")
    assert ran.error["ename"] == "Unreachable"
    assert "lastUsedAt" not in config(tmp_path)["llmConnections"][0]


def test_the_models_of_an_endpoint_are_listed_and_filtered(kernel):
    assert "toy-3" in kernel.run("%xiantong models demo").text
    filtered = kernel.run("%xiantong models demo oy-2").text
    assert "toy-2" in filtered
    assert "toy-3" not in filtered
    assert "lists no model with 'nothing'" in kernel.run("%xiantong models demo nothing").text


@pytest.mark.parametrize("line", ["%xiantong connect {}", "%xiantong list {}", "%ask is {} good?", "%%ask {}\nhi"])
def test_a_line_with_a_key_in_it_is_not_run_and_can_be_purged(fresh_kernel, tmp_path, line):
    ran = fresh_kernel.run(line.format(SHAPED))
    assert ran.error["ename"] == "UsageError"
    assert SHAPED not in ran.text
    assert "%xiantong purge" in ran.text

    def held() -> bool:
        files = (tmp_path / "ipython").rglob("history.sqlite*")
        return SHAPED.encode() in b"".join(path.read_bytes() for path in files)

    assert until(held), "IPython writes its history in a thread of its own"
    assert "Taken out of the history" in fresh_kernel.run("%xiantong purge").text
    assert not held()
    namespace = fresh_kernel.run("print([repr(v) for v in list(globals().values()) if not callable(v)], _ih, _oh)").text
    assert SHAPED not in namespace
    assert "No line" in fresh_kernel.run("%xiantong purge").text


def test_every_command_has_help(kernel):
    from xiantong_nb.notebook.commands import COMMANDS

    for name, command in COMMANDS.items():
        assert command.help.endswith(".")
        assert command.help[:20] in kernel.run(f"%xiantong {name}?").text
        assert command.help[:20] in kernel.run(f"%xiantong {name} -h").text
        assert command.help[:20] in kernel.run(f"%xiantong help {name}").text


def test_the_apps_own_entries_are_listed_and_left_alone(fresh_kernel, tmp_path):
    folder = tmp_path / ".xiantong"
    folder.mkdir(mode=0o700)
    entry = {
        "slug": "claude-max",
        "name": "Claude Max",
        "providerType": "anthropic",
        "authType": "oauth",
        "createdAt": 1,
    }
    text = json.dumps({"llmConnections": [entry], "workspaces": [], "defaultLlmConnection": "claude-max"})
    (folder / "config.json").write_text(text)
    assert "in the desktop app only" in fresh_kernel.run("%xiantong list").text
    for line in ("%xiantong remove claude-max", "%xiantong edit claude-max --model x", "%xiantong rename claude-max X"):
        assert fresh_kernel.run(line).status == "error"
    assert "desktop app only" in fresh_kernel.run("%%ask claude-max\nhi").text
    assert (folder / "config.json").read_text() == text


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_request_is_made_with_what_can_be_no_key(faults, tmp_path, monkeypatch, capsys, text):
    """The prompt is the one thing stood in for here: it gives the same answer each time."""
    monkeypatch.setenv("XIANTONG_HOME", str(tmp_path / "xiantong"))
    monkeypatch.setattr("getpass.getpass", lambda _: text)
    line = f"connect custom --base-url {faults.url} --model m --ask-key"
    with pytest.raises(UsageError) as caught:
        commands.run(line, Screen(terminal=True))
    assert faults.seen == []
    assert "CANA" not in str(caught.value) + capsys.readouterr().out
    assert not (tmp_path / "xiantong").exists()


class Page(Screen):
    """A page's screen that notes which forms it shows."""

    def __init__(self):
        super().__init__(terminal=True, interactive=False, forms=True)
        self.forms_shown = []

    def show_form(self, start, draft=None, **more):
        self.forms_shown.append((start, draft, more["default"]))


@pytest.mark.parametrize("answer", ["nobody listens", failure(500, {})])
def test_an_ollama_that_lists_nothing_now_is_left_to_the_form(faults, tmp_path, monkeypatch, answer):
    """The form looks there itself and says what it meets; where there is none, the failure is the answer."""
    monkeypatch.setenv("XIANTONG_HOME", str(tmp_path / "xiantong"))
    url = "http://127.0.0.1:1" if isinstance(answer, str) else faults.url
    faults.play(answer)
    monkeypatch.setitem(PRESETS, "ollama", replace(PRESETS["ollama"], base_url=url))
    page = Page()
    commands.run("connect ollama --name mine --default", page)
    assert page.forms_shown == [("form", Draft("ollama", name="mine"), True)]
    for line, screen in (
        ("connect ollama", Screen(terminal=True, interactive=False)),
        ("connect ollama --text", page),
        ("connect ollama --unsaved", page),
    ):
        with pytest.raises((Unreachable, Busy)):
            commands.run(line, screen)
    assert len(page.forms_shown) == 1


def test_the_terminal_needs_no_ipython(tmp_path):
    blocked = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("IPython", "ipykernel", "traitlets"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from xiantong_nb.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    for words, says in ((["list"], "ask --target demo"), (["ask", "--target", "demo", "hello"], "I am **toy-1**")):
        done = subprocess.run(
            [sys.executable, "-c", blocked, *words],
            env=kernel_env(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
        assert says in done.stdout
        assert "%xiantong" not in done.stdout


def test_a_test_that_passes_but_can_not_be_noted_is_told(fresh_kernel, locked, tmp_path):
    connect(fresh_kernel, locked.base_url, KEY)
    lock = tmp_path / ".xiantong" / "config.json.lock"
    lock.unlink()
    lock.symlink_to("/dev/null")
    ran = fresh_kernel.run("%xiantong test")
    assert ran.status == "ok"
    assert "finished" in ran.text
    assert "could not be noted" in ran.text
