"""`%xiantong fix` in real kernels: what is sent of a failure, what never is, and what comes of the answer."""

from __future__ import annotations

import json

import pytest

from tests.conftest import kernel_env
from tests.fault_server import BLOCK, failure, good, head, sse, text
from tests.fault_server import START as BEGIN
from tests.kernels import Kernel
from tests.test_terminal import run
from tests.test_terminal import terminal as terminal  # noqa: PLC0414  # a fixture
from xiantong_nb.notebook import variables

SHAPED = "sk-proj-CANARY-0123456789-wxyz"
SAVED = "sk-CANARY-0123456789-wxyz"
FENCED = ("```bash\npip list\n```", "```python\nprint('mended')\n```", "```python\nprint('other')\n```")
ANSWER = "\n\n".join(["The list was empty.", *FENCED])
MODULE = """\
LIMIT = 3


def shorten(text, at=LIMIT):
    head = text[:at]
    return head.nothing


def unrelated():
    return "this function was not passed"
"""


@pytest.fixture
def asked(endpoint):
    """The endpoint, which answers with a mended cell, and what it was asked in this test."""
    endpoint.play(good(ANSWER))
    before = len(endpoint.seen)
    return lambda: [seen.json for seen in endpoint.seen[before:] if seen.body]


@pytest.fixture(scope="module")
def kernel(endpoint, tmp_path_factory):
    """A kernel in a project's folder, whose `anthropic` connection is the endpoint."""
    home = tmp_path_factory.mktemp("home")
    (home / "project").mkdir()
    (home / "project" / "short.py").write_text(MODULE)
    (home / "project" / "unread.py").write_text("def f(:\n    pass\n")
    env = {"ANTHROPIC_BASE_URL": endpoint.url, "ANTHROPIC_API_KEY": SAVED, "DB_PASSWORD": "correct-horse-battery"}
    env["ANTHROPIC_MODEL"] = "m"  # else the endpoint would be asked for its list, before the first question
    made = Kernel({**kernel_env(home), **env})
    made.run(f"import os, sys; os.chdir({str(home / 'project')!r}); sys.path.insert(0, '')")
    assert made.run("%load_ext xiantong_nb").status == "ok"
    yield made
    made.stop()


def fail(kernel, code):
    ran = kernel.run(code)
    assert "Error" in ran.text or "Group" in ran.text, ran.text


def question(request) -> str:
    (message,) = request["messages"]
    return message["content"]


def test_the_failure_and_its_cell_are_sent_and_the_mended_cell_is_the_next_one(kernel, asked):
    fail(kernel, "numbers = []\n\nsum(numbers) / len(numbers)")
    ran = kernel.run("%xiantong fix")
    (request,) = asked()
    assert request["stream"] is True
    assert "corrected" in json.dumps(request["system"])
    sent = question(request)
    assert "ZeroDivisionError: division by zero" in sent
    assert "```python\nnumbers = []\n\nsum(numbers) / len(numbers)\n```" in sent
    assert "failed in line 3: sum(numbers) / len(numbers)" in sent
    said, shown = ran.outputs
    assert "Sent to anthropic:" in said["data"]["text/plain"]
    assert "ZeroDivisionError; In[" in said["data"]["text/plain"]
    assert "(3 lines); no values." in said["data"]["text/plain"]
    assert shown["data"]["text/markdown"].startswith("The list was empty.")
    assert shown["metadata"]["xiantong"]["complete"] is True
    (payload,) = ran.reply["payload"]
    assert (payload["source"], payload["text"]) == ("set_next_input", "print('mended')\n")


def test_the_answer_is_the_cells_value_and_in_no_chat(kernel, asked):
    fail(kernel, "1 / 0")
    kernel.run("%xiantong fix anthropic:some-model")
    assert kernel.value("(_.model, _ is __import__('xiantong_nb').last())") == ("m", True)
    assert asked()[0]["model"] == "some-model"
    assert "No chat yet" in kernel.run("%xiantong chats").text


CASES = {
    "a function of another cell": (
        "helper(0)",
        ["helper(0)", "def helper(n):\n    return 1 / n", "failed in line 2: return 1 / n"],
        ["IPython/core"],
    ),
    "a file of the project, and of it the function alone": (
        "import short\nshort.shorten('abcdef')",
        ["short.py, lines 4 to 6. It failed in line 6: return head.nothing", "def shorten(text, at=LIMIT):"],
        ["unrelated", "/project"],
    ),
    "a library's own code is named by its line only": (
        "import httpx\nhttpx.URL(3)",
        ["It was raised in httpx 0.", "httpx._urls.__init__: raise TypeError("],
        ["class URL"],
    ),
    "Python's own code is not sent": (
        "import json\njson.loads('{')",
        ["JSONDecodeError: Expecting property name"],
        ["raw_decode", "scan_once"],
    ),
    "a syntax error": (
        "def f(:\n    pass",
        ["SyntaxError: invalid syntax", "failed in line 1: def f(:"],
        ["/tmp/", "compile("],
    ),
    "a wrong indent, below blank lines": (
        "\n\n  x = 1\n y = 2",
        ["IndentationError", "```python\n  x = 1\n y = 2\n```"],
        [],
    ),
    "a syntax error of a file": ("import unread", ["import unread", "unread.py, lines 1 to 2"], ["/project"]),
    "a cell with magics, as it was typed": (
        "%precision 3\n!true\nundefined_name",
        ["%precision 3\n!true\nundefined_name", "failed in line 3: undefined_name"],
        ["get_ipython"],
    ),
    "a cell magic": ("%%time\n1 / 0", ["%%time\n1 / 0"], ["get_ipython"]),
    "a magic that is not there": ("%nothing_like_it", ["%nothing_like_it", "not found"], []),
    "what led to it": (
        "try:\n    {}['a']\nexcept KeyError as cause:\n    raise ValueError('no a') from cause",
        ["KeyError: 'a'\n\nwhich led to\n\nValueError: no a", "line 2: {}['a']; line 4: raise ValueError"],
        [],
    ),
    "notes and groups": (
        "error = ExceptionGroup('both', [ValueError('one'), KeyError('two')])\nerror.add_note('a note')\nraise error",
        ["both (2 sub-exceptions)", "a note", "- ValueError: one", "- KeyError: 'two'"],
        [],
    ),
    "a recursion once": ("def again(n):\n    return again(n + 1)\nagain(0)", ["RecursionError", "def again(n):"], []),
    "backticks in the code end nothing": ('s = """\n```\n"""\n1 / 0', ["````python\n"], []),
    "a failure in code that is nowhere": ("exec('1 / 0')", ["exec('1 / 0')"], []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_sent(kernel, asked, case):
    code, there, absent = CASES[case]
    kernel.run("def helper(n):\n    return 1 / n")
    fail(kernel, code)
    kernel.run("%xiantong fix")
    (request,) = asked()
    sent = question(request)
    for part in there:
        assert part in sent, sent
    for part in absent:
        assert part not in sent, sent


def test_a_long_cell_is_sent_around_where_it_failed(kernel, asked):
    lines = [f"x{number} = {number}" for number in range(1000)]
    lines[700] = "1 / 0"
    fail(kernel, "\n".join(lines))
    ran = kernel.run("%xiantong fix")
    sent = question(asked()[0])
    assert "failed in line 701: 1 / 0" in sent
    assert "x690 = 690" in sent
    assert "x0 = 0" not in sent
    assert len(sent) < 5_000
    assert "lines 641 to 760" in ran.text


def test_of_a_long_way_the_ends_are_sent(kernel, asked):
    for number in range(12):
        kernel.run(f"def step{number}():\n    return {f'step{number - 1}()' if number else '1 / 0'}")
    fail(kernel, "step11()")
    kernel.run("%xiantong fix")
    sent = question(asked()[0])
    assert "7 more places" in sent
    assert "def step11" in sent
    assert "def step0" in sent
    assert "def step6" not in sent


def test_values_go_along_only_when_asked_for_and_never_what_could_be_a_key(kernel, asked):
    fail(
        kernel,
        "def compute(count, names, api_token, *rest):\n"
        "    opaque, options = 'q7Zt93LmPx418842aB3dE5', {'password': 'x', 'n': 1}\n"
        "    greeting, pw = f'hello {names}', os.environ['DB_PASSWORD']\n"
        "    return count / 0, options, opaque, pw, greeting, api_token\n"
        "table = [[1, 2], [3, 4]]\n"
        "compute(41 + 1, ['Ann', 'Bo'], 'TOKENVALUE')",
    )
    assert "no values" in kernel.run("%xiantong fix").text
    ran = kernel.run("%xiantong fix --locals")
    plain, valued = (question(request) for request in asked())
    assert "Values" not in plain
    for part in (
        "- count = 42",
        "- names = ['Ann', 'Bo']",
        "- greeting = \"hello ['Ann', 'Bo']\"",
        "- table = list of 2",
    ):
        assert part in valued
    for part in ("api_token", "options", "pw", "correct-horse", "q7Zt93", "TOKENVALUE"):
        assert part not in valued.partition("Values in")[2]
    assert "values, without api_token, opaque, options, pw" in ran.text


@pytest.mark.parametrize(
    "code",
    [
        f"key = '{SHAPED}'\n1 / 0",
        f"raise ValueError('refused: {SAVED}')",
        "raise ValueError(os.environ['DB_PASSWORD'])",
        "db_password = 'hunter2hunter2'\n1 / 0",
        "connect = {'api_key': 'abcdefgh123'}\n1 / 0",
        "raise OSError('postgresql://ann:s3cret@db.example/x')",
    ],
    ids=["shaped, in the code", "saved, in the message", "of the environment", "written", "in a dict", "in a URL"],
)
def test_what_holds_a_key_is_not_sent(kernel, asked, code):
    fail(kernel, code)
    for line in ("%xiantong fix", "%xiantong fix --locals", "%xiantong fix --dry-run"):
        ran = kernel.run(line)
        assert ran.error["ename"] == "UsageError"
        assert "looks like a key or a password in" in ran.text
        assert not any(
            secret in ran.text for secret in (SHAPED, SAVED, "correct-horse", "hunter2", "abcdefgh", "s3cret")
        )
    assert asked() == []


def test_what_would_be_sent_can_be_looked_at_first(kernel, asked):
    fail(kernel, "undefined_one")
    ran = kernel.run("%xiantong fix --dry-run --locals")
    block, said = ran.outputs
    assert "```text\n" in block["data"]["text/markdown"]
    assert "Nothing was sent." in said["data"]["text/plain"]
    assert asked() == []
    kernel.run("%xiantong fix --locals")
    assert question(asked()[0]) in block["data"]["text/plain"]


def test_nothing_has_failed(fresh_kernel):
    assert fresh_kernel.run("%xiantong fix").text == "Nothing has failed here yet."


def test_a_failure_from_before_the_extension_was_loaded_counts(kernel, asked):
    kernel.run("%unload_ext xiantong_nb")
    fail(kernel, "undefined_two")
    kernel.run("%load_ext xiantong_nb")
    kernel.run("%xiantong fix")
    assert "undefined_two" in question(asked()[0])


def test_of_our_own_failures_the_hint_is_said_and_nothing_asked(kernel, asked):
    assert kernel.run("%%ask openrouter\nhi").error["ename"] == "NotConnected"
    ran = kernel.run("%xiantong fix")
    assert ran.status == "ok"
    assert "this extension itself" in ran.text
    assert "OPENROUTER_API_KEY" in ran.text
    assert asked() == []


def test_an_interrupted_cell_is_no_failure(kernel, asked):
    request = kernel.send("import time; print('begun', flush=True); time.sleep(60)")
    begun = kernel.wait(request, until=lambda ran: "begun" in ran.text)
    kernel.interrupt()
    assert kernel.wait(request, ran=begun).error["ename"] == "KeyboardInterrupt"
    assert "was interrupted" in kernel.run("%xiantong fix").text
    assert asked() == []


def test_an_attempt_that_fails_leaves_the_failure_to_the_next(kernel, endpoint, asked):
    fail(kernel, "undefined_three")
    refused = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such thing"}}
    for line in ("%xiantong fix --lcals", "%xiantong fix openrouter", "%xiantong fix anthropic"):
        endpoint.play(failure(400, refused))
        assert kernel.run(line).status == "error"
    endpoint.play([head() + sse(BEGIN, BLOCK, text("It was ")), 30])
    request = kernel.send("%xiantong fix")
    begun = kernel.wait(request, until=lambda ran: "It was" in str(ran.outputs))
    kernel.interrupt()
    ran = kernel.wait(request, ran=begun)
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert "incomplete: interrupted" in ran.text
    assert ran.reply.get("payload", []) == []
    endpoint.play(good(ANSWER))
    assert kernel.run("%xiantong fix").status == "ok"
    assert "undefined_three" in question(asked()[-1])


def test_an_answer_without_python_offers_no_cell(kernel, endpoint, asked):
    fail(kernel, "import nothing_of_this_name")
    endpoint.play(good("It is not installed.\n\n```bash\npip install it\n```\n"))
    assert kernel.run("%xiantong fix").reply["payload"] == []


def test_the_key_of_the_connection_is_nowhere(kernel, asked):
    fail(kernel, "1 / 0")
    ran = kernel.run("%xiantong fix --locals")
    assert SAVED not in json.dumps([ran.messages, ran.reply, asked()], default=str)


def test_in_a_terminal(terminal):
    run(terminal, "%xiantong use demo")
    assert "ZeroDivisionError" in run(terminal, "1 / 0")
    shown = run(terminal, "%xiantong fix")
    assert "Sent to demo:toy-1: ZeroDivisionError; In[" in shown
    assert "did not write this for you" in shown
    assert "a toy, free" in shown
    assert "<Reply of demo:toy-1" in shown


class Unusual:
    """A value whose own code must not run."""

    def __repr__(self):
        raise AssertionError("a value's own code ran")

    __str__ = __len__ = __iter__ = __bool__ = __repr__


class Array:
    """What arrays and tables have, without their package."""

    shape, dtype, columns = (3, 2), "float64", ["a", "b"]


Array.__module__ = "numpy.core"
VALUES = [
    (None, "None"), (True, "True"), (3, "3"), (2.5, "2.5"), ("two\nlines", r"'two\nlines'"),
    ("x y " * 100, "(402 characters)"),
    ([1, "a"], "[1, 'a']"), ({"n": 1}, "{'n': 1}"), (list(range(50)), "list of 50"), ([[1]], "list of 1"),
    (b"abc", "bytes of 3"), (Unusual(), "a tests.test_fixing.Unusual"), ([Unusual()], "list of 1"),
    (Array(), "numpy.Array, shape (3, 2), float64, columns a, b"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "told"), VALUES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_value_is_told_without_running_its_code(value, told):
    told_of, left_out = variables.values("print(value, missing)", {"value": value, "other": 1}, lambda _: False)
    assert list(told_of) == ["value"]
    assert told in told_of["value"]
    assert left_out == []


def test_functions_modules_and_private_names_are_no_values():
    local = {"f": len, "m": json, "_x": 1, "C": Unusual, "é": 2}
    assert variables.values("f m _x C é", local, lambda _: False) == ({"é": "2"}, [])


ORDINARY = [
    "key = 'customer_id'", "token = 'hello world'", "tokenizer = 'bert-base-uncased'", "password = getpass()",
    "api_key = os.environ['OPENAI_API_KEY']", "df.sort_values(key='abcdefghij')", "http://example.com:8080/a@b",
]  # fmt: skip


@pytest.mark.parametrize("code", ORDINARY)
def test_ordinary_code_is_taken_for_no_key(code):
    assert not variables.has_key(code)
