"""The embedded engine: real processes, real llama.cpp, over loopback."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.engines import asked, events, streamed, toy_engine, until, whole  # noqa: F401 - a fixture
from xiantong_nb import engine as module
from xiantong_nb import toys
from xiantong_nb.engine import Engine, missing_cpu_features
from xiantong_nb.errors import EngineError

TOYS = [toy.id for toy in toys.TOYS]
WEATHER = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
FLAGS = "processor\t: 0\nflags\t\t: fpu sse2 fma f16c avx2 bmi2\n"
posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks of POSIX")


def script(toy, name):
    """The thinking and the text of a script."""
    text = next(row for row in toys.TOYS if row.id == toy).scripts[name]
    found = re.fullmatch(r"<think>\n(.*)\n</think>\n\n(.*)", text, re.DOTALL)
    return (found[1], found[2]) if found else ("", text)


def running(pid):
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def child(code, **more):
    """A Python process that runs some code and talks by its standard output."""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize("model", TOYS)
@pytest.mark.parametrize("name", ["default", "think", "code", "table", "long"])
def test_answers_are_the_scripts(engine, model, name):
    """Each toy says what its script says, streamed and in one piece."""
    thinking, text = script(model, name)
    question = "Hello, who are you?" if name == "default" else f"Please {name.upper()}!"
    said, thought, last = streamed(engine, question, model=model)
    assert (said, thought.rstrip("\n"), last["delta"]["stop_reason"]) == (text, thinking, "end_turn")
    if name == "long":
        assert last["usage"]["output_tokens"] >= 3000
        return
    status, body = whole(engine, [{"type": "text", "text": question}], model=model)
    assert (status, body["model"]) == (200, model)
    assert [block["type"] for block in body["content"]] == (["thinking", "text"] if thinking else ["text"])
    assert body["content"][-1]["text"] == text


def test_the_three_differ(engine):
    """The same question gets three answers; only the third thinks about it."""
    answers = [streamed(engine, "What is love?", model=model)[:2] for model in TOYS]
    assert len({said for said, _ in answers}) == 3
    assert [bool(thought) for _, thought in answers] == [False, False, True]


@pytest.mark.parametrize("word", ["endless", "forever"])
def test_endless_ends_at_max_tokens_only(engine, word):
    """It comes before all other words, and would go on."""
    said, _, last = streamed(engine, f"long {word} code", max_tokens=400)
    assert last["delta"]["stop_reason"] == "max_tokens"
    assert last["usage"]["output_tokens"] == 400
    assert said.count("A panda set out") >= 5


@pytest.mark.parametrize("model", TOYS)
def test_a_tool_is_called_and_its_result_answered(engine, model):
    """get_weather is called when offered; after its result there is a sentence."""
    _, body = whole(engine, "What is the weather?", model=model, tools=[WEATHER])
    call = body["content"][-1]
    assert (body["stop_reason"], call["name"], call["input"]) == ("tool_use", "get_weather", {"city": "Paris"})
    history = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}]},
    ]
    _, body = whole(engine, "", model=model, tools=[WEATHER], messages=history)
    assert body["content"][0]["text"] == script(model, "after_tool")[1]


def test_the_last_question_counts(engine):
    """A long answer fits into the history, and what was asked before no longer matters."""
    history = [
        {"role": "user", "content": "long"},
        {"role": "assistant", "content": script("toy-1", "long")[1]},
        {"role": "user", "content": "table"},
    ]
    status, body = whole(engine, "", messages=history)
    assert (status, body["content"][0]["text"]) == (200, script("toy-1", "table")[1])
    assert body["usage"]["input_tokens"] > 10_000


def test_forty_of_forty(engine):
    """Sampling at temperature 1 changes nothing, nor do harder samplers."""
    wild = {"temperature": 2.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.3, "frequency_penalty": 1}
    with ThreadPoolExecutor(8) as pool:
        plain = set(pool.map(lambda _: streamed(engine, "hi", temperature=1.0)[0], range(40)))
        odd = set(pool.map(lambda _: streamed(engine, "hi", **wild)[0], range(8)))
    assert plain == odd == {script("toy-1", "default")[1]}


def test_eight_streams_per_toy_at_once(engine):
    """24 answers begin before any of them ends."""
    together = threading.Barrier(24, timeout=20)

    def read(model):
        with asked(engine, "endless", model=model, stream=True, max_tokens=300) as answer:
            first = answer.readline()
            together.wait()  # each has its first line while none can have been read to the end
            return first, answer.read().count(b"text_delta")

    with ThreadPoolExecutor(24) as pool:
        got = list(pool.map(read, TOYS * 8))
    assert got == [(b"event: message_start\n", 300)] * 24
    assert engine.alive


def test_leaving_cancels_the_answer(engine):
    """Closing the connection stops llama.cpp's task, and both logs say so."""
    before = len(engine.log())
    with asked(engine, "endless", model="toy-2", stream=True, max_tokens=100_000) as answer:
        for _ in range(40):
            answer.readline()
    assert until(lambda: "stop processing" in engine.log()[before:])
    log = engine.log()[before:]
    number = re.search(r"(?m)^\d+\.\d{3} request (\d+): POST /v1/messages toy-2: started$", log)[1]
    assert re.search(rf"request {number}: .* toy-2: cancelled: the client went away after \d+ events", log)
    assert "cancel task" in log
    host = urlsplit(engine.base_url)
    connection = http.client.HTTPConnection(host.hostname, host.port)
    connection.request("GET", "/slots?model=toy-2")
    assert not any(slot["is_processing"] for slot in json.loads(connection.getresponse().read()))
    connection.close()


def test_the_log_tells_how_an_answer_ended(engine):
    """A finished stream leaves the number of its events, under its own request's number."""
    before = len(engine.log())
    count = len(events(engine, "table", model="toy-3"))
    wanted = rf"request \d+: POST /v1/messages toy-3: finished after {count} events\n"
    assert until(lambda: re.search(wanted, engine.log()[before:]))


def test_models_and_an_unknown_one(engine):
    """The list holds the three; another name is refused with them in the sentence."""
    host = urlsplit(engine.base_url)
    connection = http.client.HTTPConnection(host.hostname, host.port)
    connection.request("GET", "/v1/models")
    body = json.loads(connection.getresponse().read())
    connection.close()
    assert [(row["id"], row["type"]) for row in body["data"]] == [(toy, "model") for toy in TOYS]
    assert body["has_more"] is False
    status, body = whole(engine, "hi", model="gpt-7")
    error = {"type": "not_found_error", "message": "model 'gpt-7' not found; the toys are toy-1, toy-2, toy-3"}
    assert (status, body) == (404, {"type": "error", "error": error})


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\x16\x03\x01 not http\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", b"431"),
        (b'POST /v1/messages HTTP/1.1\r\nContent-Length: 4\r\n\r\n{"a"', b"400"),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: 90000\r\n\r\n" + b"[" * 90_000, b"400"),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: 44\r\n\r\n", b""),
    ],
)
def test_bad_requests_are_refused_and_survived(engine, raw, status):
    """Whatever comes in, the answer is a refusal and the next request is served."""
    host = urlsplit(engine.base_url)
    with socket.create_connection((host.hostname, host.port), timeout=10) as raw_socket:
        raw_socket.sendall(raw)
        if not status:
            raw_socket.shutdown(socket.SHUT_WR)
        try:
            answer = raw_socket.recv(4096)
        except ConnectionResetError:  # refused while we still sent
            answer = b"HTTP/1.1 431"
    assert answer[9:12] == status
    assert whole(engine, "hi")[0] == 200


def test_the_key_is_asked_for():
    """With a key, requests and the list of models need it, and it is in no process's arguments."""
    key = "toy-key-4711"
    with Engine.start(api_key=key) as locked:
        assert whole(locked, "hi", headers={"x-api-key": key})[0] == 200
        assert whole(locked, "hi", headers={"authorization": f"Bearer {key}"})[0] == 200
        status, body = whole(locked, "hi", headers={"x-api-key": "wrong"})
        assert (status, body["error"]["type"]) == (401, "authentication_error")
        host = urlsplit(locked.base_url)
        got = []
        for headers in ({}, {"x-api-key": "wrong"}, {"x-api-key": key}, {"authorization": f"Bearer {key}"}):
            connection = http.client.HTTPConnection(host.hostname, host.port)
            connection.request("GET", "/v1/models", headers=headers)
            got.append(connection.getresponse().status)
            connection.close()
        assert got == [401, 401, 200, 200]
        assert key not in locked.log()
        if sys.platform == "linux":
            assert key not in Path(f"/proc/{locked.pid}/cmdline").read_text()


def test_pace_holds_events_back_and_changes_nothing(engine):
    """A paced stream takes its time from first to last event; its bytes are the same."""
    with Engine.start(pace=40) as slow:
        paced = events(slow, "table")
        text, _, _ = streamed(engine, "table")
    assert "".join(event["delta"]["text"] for _, event in paced if event["type"] == "content_block_delta") == text
    assert paced[-1][0] - paced[0][0] > 0.8 * (len(paced) - 1) / 40


def test_a_paced_stream_ends_with_its_client():
    """Leaving is seen at once, though the next event is held back for long."""
    with Engine.start(pace=0.1) as slow:
        with asked(slow, "hi", stream=True) as answer:
            answer.close()
        assert until(lambda: re.search("cancelled: the client went away after [01] events", slow.log()), 30)


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    """The models are gone once loaded, the log at the end; it was for its owner only, and can still be read."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with Engine.start() as running_engine:
        assert list(tmp_path.iterdir()) == [running_engine.log_path]
        assert running_engine.log_path.stat().st_mode & 0o777 == 0o600
        assert running_engine.alive
        with asked(running_engine, "endless", stream=True, max_tokens=100_000) as answer:
            answer.readline()
            running_engine.stop()  # in the middle of an answer
        assert not running_engine.alive
        assert not running(running_engine.pid)
    running_engine.stop()
    assert list(tmp_path.iterdir()) == []
    assert "toy-1: started" in running_engine.log()


SHARED = "from xiantong_nb.engine import shared; e = shared(); print(e.pid, e.base_url, e.log_path, flush=True)"


@posix
def test_a_killed_parent_takes_its_engine_along():
    """SIGKILL leaves no chance to say goodbye; the pipe's end does. The log goes too."""
    with child(f"{SHARED}; input()", stdin=subprocess.PIPE) as parent:
        pid, _, log = parent.stdout.readline().split()
        assert running(pid)
        assert Path(log).exists()
        parent.kill()
        assert until(lambda: not running(pid) and not Path(log).exists(), 30)


@posix
def test_a_fork_does_not_keep_the_engine():
    """A forked child starts its own engine, leaves its parent's alone, and does not keep it alive."""
    code = f"""{SHARED}
import os, sys, time
if os.fork() == 0:
    assert not e.alive
    e.stop()
    print(os.getpid(), e.pid != shared().pid, shared().pid, flush=True)
    sys.stdin.readline()
    shared().stop()
    os._exit(0)
sys.stdin.readline()
"""
    with child(code, stdin=subprocess.PIPE) as parent:
        first = parent.stdout.readline().split()[0]
        forked, own, second = parent.stdout.readline().split()
        assert own == "True"
        assert running(first)
        assert running(second)
        parent.kill()  # the forked child lives on
        assert until(lambda: not running(first), 30)
        assert running(forked)
        assert running(second)
        parent.stdin.close()
        assert until(lambda: not running(second) and not running(forked), 30)


@posix
def test_an_interrupt_of_the_group_spares_the_engine():
    """Ctrl-C in a terminal goes to the whole group; the engine is not in it."""
    code = f"""{SHARED}
import time
try:
    print("ready", flush=True)
    time.sleep(20)
except KeyboardInterrupt:
    from tests.engines import whole
    print(e.alive, whole(e, "hi")[0], e is shared(), flush=True)
"""
    with child(code, start_new_session=True) as parent:
        pid = parent.stdout.readline().split()[0]
        parent.stdout.readline()
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.stdout.readline() == "True 200 True\n"
        assert parent.wait(10) == 0
        assert until(lambda: not running(pid), 30)


@posix
def test_shared_is_one_and_starts_again_after_a_death():
    """Threads get the same engine; a dead one is replaced; the end of the process ends it."""
    code = """
import os, signal
from concurrent.futures import ThreadPoolExecutor
from xiantong_nb.engine import shared
with ThreadPoolExecutor(6) as pool:
    engines = list(pool.map(lambda _: shared(), range(6)))
os.kill(engines[0].pid, signal.SIGKILL)
engines[0]._child.wait()
again = shared()
print(len(set(engines)), again.alive, again.pid != engines[0].pid, again.pid, engines[0].log_path.exists())
"""
    with child(code) as parent:
        count, alive, new, pid, old_log = parent.stdout.readline().split()
        assert (count, alive, new, old_log) == ("1", "True", "True", "False")
        assert parent.wait(10) == 0
    assert not running(pid)


@posix
def test_an_interrupted_start_leaves_no_child():
    """KeyboardInterrupt while waiting ends the child that was on its way."""
    code = """
import os, signal, sys, threading
from xiantong_nb import engine
spawn = engine._spawn
def told(*args):
    child = spawn(*args)
    print(child.pid, flush=True)
    return child
engine._spawn, engine.GRACE = told, 0.1
threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
engine.Engine._launch([sys.executable, "-c", "import time; time.sleep(30)"], env=dict(os.environ), timeout=20)
"""
    with child(code, stderr=subprocess.PIPE) as parent:
        pid = parent.stdout.readline().strip()
        assert "KeyboardInterrupt" in parent.stderr.read()
    assert not running(pid)


def failed(code, timeout=10.0):
    """The error of a child that is some other program."""
    with pytest.raises(EngineError) as caught:
        Engine._launch([sys.executable, "-c", code], env=dict(os.environ), timeout=timeout)
    assert not list(module._running) or all(row.alive for row in module._running)
    return caught.value


@posix
def test_an_illegal_instruction_is_the_processor():
    """A child that dies by SIGILL gives the sentence about the processor."""
    error = failed("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert error.message.startswith("This processor can't run the embedded engine")
    assert error.hint


def test_a_child_that_fails_says_why():
    """The last lines of the log are in the error."""
    error = failed("import sys; sys.stderr.write('no such luck\\n'); sys.exit(3)")
    assert "ended with code 3" in error.message
    assert "no such luck" in error.hint


def test_a_child_that_says_nothing_is_given_up(monkeypatch):
    """The wait has an end, and the child has one too."""
    monkeypatch.setattr(module, "GRACE", 0.1)
    assert "did not answer within 0.3 s" in failed("import time; time.sleep(30)", timeout=0.3).message


def test_without_the_package_there_is_a_hint():
    """A Python without xllamacpp says what to install."""
    root = Path(module.__file__).parent.parent
    code = f"""
import sys
sys.path.insert(0, {str(root)!r})
from xiantong_nb.engine import Engine
try:
    Engine.start()
except Exception as exc:
    print(type(exc).__name__, exc)
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("EngineError The embedded engine is not installed")
    assert "pip install xllamacpp" in done.stdout


@pytest.mark.parametrize(
    ("machine", "flags", "missing"),
    [
        ("x86_64", FLAGS, ()),
        ("AMD64", FLAGS.replace("avx2", "avx"), ("avx2",)),
        ("x86_64", "flags\t: fpu sse2", ("avx2", "fma", "f16c", "bmi2")),
        ("x86_64", "model name: avx2\nflags : fma4 f16c bmi2 avx2x", ("avx2", "fma")),
        ("x86_64", "", ()),
        ("aarch64", "flags\t: fpu", ()),
    ],
)
def test_processor_features(machine, flags, missing):
    """What is missing is named, whole words only, and only where it can be known."""
    assert missing_cpu_features(machine, flags) == missing


@pytest.mark.parametrize(("text", "pace"), [("", 0), ("12.5", 12.5), ("fast", 0), ("-3", 0), ("nan", 0), ("inf", 0)])
def test_default_pace(monkeypatch, text, pace):
    """The environment's pace is used if it can be."""
    monkeypatch.setenv("XIANTONG_DEMO_PACE", text)
    assert module._default_pace() == pace


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_command(number):
    """It says what it is, serves, and ends with 0 in the middle of an answer."""
    command = [sys.executable, "-m", "xiantong_nb.engine", "--port", "0", "--pace", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        said = ""
        while "Ctrl-C" not in said:
            said += served.stdout.readline()
        assert said.startswith("Toy models, not language models")
        assert all(toy in said for toy in TOYS)
        at = type("At", (), {"base_url": re.search(r"http://127\.0\.0\.1:\d+", said)[0]})
        curl = json.loads(re.search(r"-d '(.*)'", said)[1])
        with asked(at, "hi", **curl) as answer:
            assert answer.readline() == b"event: message_start\n"
            served.send_signal(number)
            assert served.wait(5) == 0
        assert "Traceback" not in served.stderr.read()


def test_a_taken_port_is_a_sentence():
    """No traceback, code 1, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "xiantong_nb.engine", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Port {port} is not to be had: address already in use.")
    assert "Traceback" not in done.stderr


def test_the_parent_stays_light():
    """Importing the module brings in neither llama.cpp nor asyncio."""
    code = (
        "import sys, xiantong_nb.engine; print({'xllamacpp', 'asyncio', 'xiantong_nb.toy_server'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
