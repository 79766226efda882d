"""A marker key goes through everything a person does; afterwards it is nowhere. First, the search is proven."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import os
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from tests import leaks
from tests.fault_server import failure
from tests.pages import drafted, page_of
from tests.test_importer import LOCAL
from xiantong_nb.engine import Engine
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

KEY = "sk-MARKER-q7Zt93-LmPx41-8842"
PARTS = leaks.parts(KEY)
CHILD = "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=-1, stderr=-3)"
LOG = "import logging; logging.basicConfig(level=logging.DEBUG, filename={!r}, force=True)"

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc to search here")


@pytest.mark.parametrize("form", leaks.forms(KEY))
def test_every_form_is_found_in_the_middle_of_other_bytes(form):
    planted = b"some text " + leaks.forms(KEY)[form] + b" more"
    assert form in leaks.in_bytes(planted, KEY)
    assert leaks.in_bytes(b"some text and more", KEY) == []


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
@pytest.mark.parametrize("written", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
def test_base64_is_found_wherever_the_key_stands_in_it(before, written):
    for key in (KEY.encode(), KEY.encode()[::-1], *map(str.encode, leaks.parts(KEY))):
        assert leaks.in_bytes(written(before * 20 + key + b"behind" * 20), *leaks.parts(KEY))


@pytest.mark.parametrize(
    "written",
    [
        "\n".join, '", "'.join, "' + '".join, "\\n".join, "\r\n  ".join,
        lambda pieces: f"{pieces[1]} and {pieces[0]}", lambda pieces: pieces[0], lambda pieces: f"x{pieces[1][::-1]}x",
    ],
)  # fmt: skip
def test_a_key_in_pieces_is_found(written):
    pieces = [KEY[:14], KEY[14:]]
    assert leaks.in_bytes(written(pieces).encode(), *leaks.parts(KEY))
    assert leaks.in_bytes(json.dumps([*KEY]).encode(), KEY) == ["plain, in pieces"]


@pytest.mark.parametrize("name", [None, "history"])
def test_what_a_run_leaves_is_searched(tmp_path, monkeypatch, name):
    """Every marker in each of its forms, wherever it is left; but not what a test typed into a cell itself."""
    monkeypatch.setattr(leaks, "TYPED", {str(tmp_path / "home" / "ipython")} if name else set())
    monkeypatch.setattr(leaks, "ALLOWED", {"*/given.txt": "an example"})
    inside = tmp_path / "home" / "ipython" / "profile_default"
    inside.mkdir(parents=True)
    planted = {"crash.txt": 0, "history.sqlite": 1, "core": 2, "server.log": 3, "given.txt": 0}
    for file, marker in planted.items():
        for form in leaks.forms(leaks.MARKERS[marker]).values():
            (inside / file).write_bytes(b"before " + form + b" behind")
            expected = file != "given.txt" and not (name and file == "history.sqlite")
            assert bool(leaks.left(tmp_path)) == expected, (file, form)
            (inside / file).unlink()
    (inside / f"{KEY}.txt").touch()
    assert leaks.left(tmp_path) == [f"{inside / KEY}.txt: plain, in its name"]


def test_every_kind_of_file_is_searched(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "log.txt").write_text(f"x {KEY} y")
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [{"source": [f"k = '{KEY}'"]}]}))
    (tmp_path / "z.gz").write_bytes(gzip.compress(KEY.encode()))
    (tmp_path / "z.bz2").write_bytes(bz2.compress(KEY.encode()))
    (tmp_path / "z.xz").write_bytes(lzma.compress(KEY.encode()))
    (tmp_path / "z.zlib").write_bytes(zlib.compress(KEY.encode()))
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("in/it.gz", gzip.compress(KEY.encode()))
    with tarfile.open(tmp_path / "z.tar", "w") as packed:
        packed.add(tmp_path / "z.xz")
    with (tmp_path / "sparse").open("wb") as file:
        file.seek(2**31)
        file.write(KEY.encode())
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as base:
        base.execute("create table t (x)")
        base.execute("insert into t values (?)", (f"key {KEY}",))
        base.commit()
    (tmp_path / "fine.txt").write_text("nothing")
    found = {line.partition(":")[0].rpartition("/")[2] for line in leaks.in_folder(tmp_path, KEY)}
    packed = {"z.gz", "z.bz2", "z.xz", "z.zlib", "z.zip", "z.tar"}
    assert found == {"log.txt", "a.ipynb", "history.sqlite", "sparse", *packed}


@pytest.mark.parametrize("place", ["environ", "cmdline"])
def test_processes_below_are_searched(place):
    grandchild = f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'{', sys.argv[1]' * 1}])"
    environment = {**os.environ, "PLANTED": KEY} if place == "environ" else dict(os.environ)
    argument = KEY if place == "cmdline" else "x"
    parent = subprocess.Popen(
        [sys.executable, "-c", grandchild, argument], env=environment, stdin=subprocess.PIPE, text=True
    )
    try:
        from tests.engines import until

        assert until(lambda: leaks.below(parent.pid))
        assert until(lambda: any(place in line for line in leaks.in_processes(leaks.below(parent.pid)[0], KEY)))
        assert any(f"/{place}" in line for line in leaks.in_processes(parent.pid, KEY))
    finally:
        parent.communicate("\n", timeout=30)


@pytest.fixture
def locked():
    """An engine that wants the marker; it is the server, and no child of the kernel."""
    with Engine.start(api_key=KEY) as running:
        yield running


def all_messages(ran) -> bytes:
    return json.dumps([ran.messages, ran.reply, ran.asked, ran.outputs], default=str).encode()


def notebook(runs) -> bytes:
    cells = [{"cell_type": "code", "source": code, "outputs": ran.outputs} for code, ran in runs]
    return json.dumps({"cells": cells, "nbformat": 4}, default=str).encode()


# What is written when something breaks: IPython's crash report of every frame with its values, the interpreter's own,
# a traceback with all locals, and what people try with an object that they can't look into.
BROKEN = """\
import copy, faulthandler, inspect, pickle, sys, traceback
from IPython.core.crashhandler import CrashHandler
from ipykernel.kernelapp import IPKernelApp
try:
    xiantong_nb.ask('hello', 'bad')
except Exception as error:
    print(*traceback.TracebackException.from_exception(error, capture_locals=True).format())
    CrashHandler(IPKernelApp.instance())(*sys.exc_info())
with open('fault.log', 'w') as file:
    faulthandler.dump_traceback(file)
ATTEMPTS = pickle.dumps, copy.deepcopy, vars, dict, list, str, repr, ascii, format, hash, sorted, bytes, inspect.getdoc
for attempt in ATTEMPTS:
    for value in (c, c.key, reply, xiantong_nb.connections()):
        try:
            print(attempt.__name__, attempt(value))
        except Exception as error:
            print(*traceback.TracebackException.from_exception(error, capture_locals=True).format())"""


@pytest.fixture
def xmode(request, monkeypatch):
    """A form of tracebacks. With the most talkative one, the event loop and Python say what they do, too."""
    if request.param == "Verbose":
        monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
        monkeypatch.setenv("PYTHONDEVMODE", "1")
    return request.param


@pytest.mark.parametrize("xmode", ["Plain", "Context", "Verbose", "Minimal", "Docs"], indirect=True)
def test_the_key_is_nowhere_after_everything_was_done_with_it(xmode, fresh_kernel, locked, faults, tmp_path):
    log = tmp_path / "debug.log"
    # an endpoint that says the key it refuses, in its body and in a header
    told = {"error": {"type": "authentication_error", "message": f"bad key {KEY}, Bearer {KEY}"}}
    faults.play(failure(401, told, **{"x-request-id": KEY}))
    connect = "%xiantong connect custom --base-url {} --model toy-1 --ask-key --text --name {}"
    steps = [
        (f"%xmode {xmode}", []),
        (LOG.format(str(log)), []),
        (f"%cd -q {tmp_path}", []),
        ("%logstart -o -r -t session.log", []),
        (connect.format(faults.url, "bad"), [KEY]),
        (connect.format(locked.base_url, "good"), [KEY]),
        (connect.format(faults.url, "bad") + " --no-test", [KEY]),
        ("%xiantong list", []),
        ("%%ask good\nhello", []),
        ("%%ask bad\nhello", []),
        ("%xiantong test bad", []),
        ("%xiantong models good", []),
        ("%xiantong models bad", []),
        ("%xiantong edit good --model toy-2", []),
        ("%xiantong edit good --text", ["", "", KEY + "\x00"]),
        ("import xiantong_nb; xiantong_nb.connections()", []),
        ("reply = xiantong_nb.ask('hello', 'good'); reply", []),
        ("xiantong_nb.ask('hello', 'bad')", []),
        ("c = xiantong_nb.connections()['good']; c, c.key, [c.key], {'k': c.key}, f'{c.key!r:>50}'", []),
        ("def fails(connection, key):\n    raise ValueError(connection, key)\nfails(c, c.key)", []),
        ("%xiantong fix good --locals", []),
        ("%whos", []),
        (connect.format(locked.base_url, "here") + " --unsaved", [KEY]),
        ("%%ask here\nhello", []),
        ("%%ask good bad\nhello", []),
        ("_.to_json(), _.errors, [*_], _", []),
        ("%%ask bad bad\nhello", []),
        ("xiantong_nb.compare('hello', ['bad'])", []),
        ("%xiantong import --yes", []),
        ("from pathlib import Path; Path('~/.xiantong/credentials.enc').expanduser().unlink()", []),
        ("%%ask good\nhello", []),
        ("%xiantong doctor", []),
        ("%xiantong restore", []),
        ("%xiantong restore good", []),
        ("%%ask good\nhello", []),
        (BROKEN, [""]),
        ("%%ask good --reuse\nhello", []),
        ("%xiantong models good --refresh", []),
        ("%notebook all.ipynb", []),
        ("%history -g -f all.txt", []),
        (CHILD, []),
    ]
    there = {**LOCAL, "authType": "api_key_with_endpoint", "baseUrl": "https://gw.example", "slug": "there"}
    Vault(tmp_path / ".craft-agent").put("there", Secret(KEY), "https://gw.example")
    (tmp_path / ".craft-agent" / "config.json").write_text(json.dumps({"workspaces": [], "llmConnections": [there]}))
    runs = [(code, fresh_kernel.run(code, answers=answers)) for code, answers in steps]
    failed = [code for code, ran in runs if ran.status == "error"]
    assert len(failed) == 10, failed
    assert "I am **toy-1**" in runs[8][1].text
    assert "there is here." in runs[28][1].text
    assert "I am **toy-2**" in runs[34][1].text
    assert "1 of 2 finished, 1 failed" in runs[24][1].text
    asked = [step["password"] for _, ran in runs for step in ran.asked]
    assert asked.count(True) == 5
    assert leaks.below(fresh_kernel.pid)
    found = searched(fresh_kernel, runs, tmp_path, "%xiantong remove good", "%xiantong remove bad")
    assert b"receive_response_headers.complete" in log.read_bytes(), "nothing was logged, so nothing was proven"
    for left in (".xiantong/config.json", "session.log", "fault.log", "all.ipynb", "all.txt", "ipython/Crash_report_*"):
        assert list(tmp_path.glob(left)), f"{left} was not written, so nothing was proven"
    assert list((tmp_path / ".xiantong" / "cache").rglob("*.json"))
    print(f"leaks with %xmode {xmode}: {len(found)} (goal 0)")
    assert found == []


# A connection made from Python that fails with the key in hand: for what was pasted, and where no file can be written.
CONNECTS = """\
import resource, traceback, xiantong_nb
def connect(size=-1):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        return xiantong_nb.connect('http://127.0.0.1:1', model='m', name='n', ask_key=True, no_test=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
def told(size=-1):
    try:
        connect(size)
    except xiantong_nb.XiantongError as error:
        print(*traceback.TracebackException.from_exception(error, capture_locals=True).format())"""


def test_the_key_is_in_no_traceback_of_a_connection_that_python_makes(fresh_kernel, tmp_path):
    steps = [
        ("%xmode Verbose", []), (CONNECTS, []), ("connect()", [f"{KEY} x"]), ("told()", [f"{KEY} x"]),
        ("connect(100)", [KEY]), ("told(100)", [KEY]), ("connect()", [KEY]), ("connect(100)", [f"{KEY}-another"]),
        (CHILD, []),
    ]  # fmt: skip
    runs = [(code, fresh_kernel.run(code, answers=answers)) for code, answers in steps]
    assert [ran.reply.get("ename", "") for _, ran in runs[2:8]] == ["UsageError", "", "NotSaved", "", "", "NotSaved"]
    assert searched(fresh_kernel, runs, tmp_path, "%xiantong remove n") == []


def test_the_key_is_nowhere_after_it_came_from_a_form(fresh_kernel, locked, faults, tmp_path):
    told = {"error": {"type": "authentication_error", "message": f"bad key {KEY}, Bearer {KEY}"}}
    faults.play(failure(401, told, **{"x-request-id": KEY}))
    log = tmp_path / "debug.log"
    all_logs = "log = get_ipython().kernel.log; log.setLevel('DEBUG'); log.handlers += logging.getLogger().handlers"
    runs = [(code, fresh_kernel.run(code)) for code in ("%xmode Verbose", LOG.format(str(log)), all_logs, CHILD)]
    good, bad = (
        drafted(preset="custom", base_url=url, model="toy-1", name=name, ask_key=True)
        for url, name in ((locked.base_url, "good"), (faults.url, "bad"))
    )
    with page_of(fresh_kernel, "import xiantong_nb; picker = xiantong_nb.Picker('form'); picker") as page:
        page.ask("hello")
        wrong = page.send("test", draft=bad, api_key=KEY)
        assert page.answer(wrong)["kind"] == "bad_key"
        assert page.ask("models", draft=bad, api_key=KEY)["kind"] == "bad_key"
        assert page.ask("save", draft=bad, of=wrong, untested=True)["type"] == "saved"
        for odd in (
            {"type": KEY},
            {"type": "use", "target": KEY, "api_key": KEY},
            {"type": "check", "draft": {KEY: 1}},
            {"type": "check", "draft": {"api": KEY}},
            {"type": "test", "draft": good, "api_key": [KEY]},
            {"type": "test", "draft": good, "api_key": KEY + "\x00"},
            {"type": "test", "draft": good, "of": {}, "api_key": KEY},
            {"type": "save", "draft": good, "api_key": {KEY: KEY}},
            {"type": "remove", "slug": "none", "api_key": KEY},
        ):
            page.ask(**odd)
        page.post(KEY)
        page.post({"v": 1, "id": 1.5, "type": "hello", "api_key": KEY})
        tested = page.send("test", draft=good, api_key=KEY)
        assert page.answer(tested)["ok"], page.answer(tested)
        runs.append(("held", fresh_kernel.run("print(repr(picker), picker.__dict__, picker.trait_values())")))
        assert page.ask("save", draft=good, of=tested)["type"] == "saved"
        asked = fresh_kernel.run("%%ask good\nhello")
        assert "I am **toy-1**" in asked.text
        assert page.ask("test", slug="bad")["kind"] == "bad_key"
        edited = good | {"slug": "good", "model": "toy-2", "ask_key": False}
        assert page.answer(page.send("test", draft=edited))["ok"]
        state = "import ipywidgets; print(ipywidgets.Widget.get_manager_state())"
        runs += [("asked", asked), ("state", fresh_kernel.run(state))]
        page.listen(1.5)
        seen = json.dumps(page.seen, default=str).encode()
    found = searched(fresh_kernel, runs, tmp_path, "%xiantong remove good", "%xiantong remove bad")
    found += leaks.in_bytes(seen, *PARTS)
    written = log.read_bytes()
    for proof in (b"receive_response_headers.complete", b"DEBUG:Comm:", b"MESSAGE TYPE:comm_msg", b"a form (unsaid)"):
        assert proof in written, "nothing was logged, so nothing was proven"
    assert b"comm_msg" in seen
    assert leaks.in_bytes(seen, "good:toy-1"), "the search finds what is told"
    print(f"leaks by the form: {len(found)} (goal 0)")
    assert found == []


def searched(kernel, runs, home, *last) -> list[str]:
    """Everywhere that the key or half of it stands: processes, messages, the notebook they make, files."""
    found = leaks.in_processes(kernel.pid, *PARTS)
    runs += [(code, kernel.run(code)) for code in ("print(In, Out)", "child.communicate()", *last)]
    for where, data in (
        *((f"messages of {code[:40]}", all_messages(ran)) for code, ran in runs),
        ("the notebook", notebook(runs)),
        ("everything published", json.dumps(kernel.traffic, default=str).encode()),
    ):
        found += [f"{where}: {form}" for form in leaks.in_bytes(data, *PARTS)]
    return found + leaks.in_folder(home, *PARTS)


def test_the_same_search_finds_a_key_planted_in_each_place(fresh_kernel, tmp_path):
    planted = [
        LOG.format(str(tmp_path / "debug.log")),
        f"logging.debug('{KEY}')",
        f"x = '{KEY}'",
        "x",
        "print(x)",
        f"%xiantong connect custom --base-url http://127.0.0.1:1 --model {KEY} --no-test --no-key",
        "%xmode Verbose",
        "def f(key):\n    1 / 0\nf(x)",
        (
            "from pathlib import Path; Path('~/.xiantong/cache').expanduser().mkdir(); "
            "Path('~/.xiantong/cache/a').expanduser().write_text(x)"
        ),
        CHILD.replace("stdin=-1", "stdin=-1, env={'PLANTED': x}"),
    ]
    found = searched(fresh_kernel, [(code, fresh_kernel.run(code)) for code in planted], tmp_path)
    for place in (
        "debug.log", "history.sqlite", "config.json", "cache/a", "/environ", "messages of x:", "messages of print(x)",
        "messages of def f(key)", "messages of print(In, Out)", "the notebook",
    ):  # fmt: skip
        assert any(place in line for line in found), place
