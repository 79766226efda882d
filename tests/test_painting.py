"""What a front end is sent while an answer comes, when the endpoint misbehaves or the model is hostile."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.fault_server import (
    BLOCK,
    BLOCK_END,
    CLOSE,
    END,
    START,
    failure,
    good,
    head,
    sse,
    text,
)

LIMITED = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "too many"}}
REFUSED = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such thing"}}
BAD_KEY = {"type": "error", "error": {"type": "authentication_error", "message": "bad"}}

HOSTILE = (
    "before <script>alert(1)</script> <img src=x onerror=alert(1)> ![i](http://127.0.0.1:1/c.png) "
    "[l](javascript:alert(1)) `<iframe src=x>` after\n\n```mermaid\ngraph TD; A[<img src=x>]\n```\n"
)
LIVE = re.compile(
    r"<(?!/?(?:details|summary|sub|code|pre)\b)[a-z/!?]|!\[|\]\(\s*<?(?!https?:|mailto:)|```+\s*mermaid", re.IGNORECASE
)


@pytest.fixture(scope="module")
def kernel(faulty):
    """The kernel of these tests asks a server that plays bytes."""
    return faulty


def slowly(words: list[str], seconds: float) -> list:
    """An answer whose deltas come one by one."""
    steps: list = [head() + sse(START, BLOCK)]
    for word in words:
        steps += [sse(text(word)), seconds]
    return [*steps, sse(BLOCK_END, *END), CLOSE]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_no_paint_live_or_final_holds_what_a_model_must_not_write(kernel, endpoint, size):
    pieces = [HOSTILE[at : at + size] for at in range(0, len(HOSTILE), size)]
    assert LIVE.search(HOSTILE), "the pattern finds what it looks for"
    endpoint.play(slowly(pieces, 0.02 if size == 1 else 0.12))
    ran = kernel.run("%%ask --alone\nhi")
    assert len(ran.paints()) >= 2
    for paint in ran.paints():
        # code in a fence is text to every renderer; what stands outside of one must be inert
        shown = re.sub(r"^(`{3,})(?!mermaid).*?^\1`*$", "", paint["text/markdown"], flags=re.MULTILINE | re.DOTALL)
        assert not LIVE.search(shown), shown
    assert kernel.value("_.text") == HOSTILE, "the value is what came"


def test_a_retry_is_shown_and_then_forgotten(kernel, endpoint):
    limited = failure(429, LIMITED, retry_after="3")
    endpoint.play(limited, good("at last"))
    ran = kernel.run("%%ask --alone\nhi")
    assert ran.status == "ok", ran.text
    *painted, last = ran.paints()
    waits = [paint for paint in painted if "slow down" in paint["text/markdown"]]
    counted = [re.search(r"in (\d) s", wait["text/markdown"]) for wait in waits]
    assert [found[1] for found in counted if found] == ["3", "2", "1"], "it counts down"
    assert last["text/markdown"].startswith("at last")
    assert len(ran.outputs) == 1


@pytest.mark.parametrize("form", ["md", "code"])
def test_what_an_endpoint_says_of_a_wait_is_as_inert_as_an_answer(kernel, endpoint, form):
    loud = {"type": "error", "error": {"type": "rate_limit_error", "message": "<img src=x> ![i](http://127.0.0.1:1/c)"}}
    endpoint.play(failure(429, loud, retry_after="0.2"), good("at last"))
    first, *_ = kernel.run(f"%%ask --alone --as {form}\nhi").paints()
    assert "img" in first["text/markdown"]
    assert not LIVE.search(first["text/markdown"])


def test_a_failure_without_an_answer_leaves_the_error_alone(kernel, endpoint):
    endpoint.play(failure(400, REFUSED))
    ran = kernel.run("%%ask --alone\nhi")
    assert [o["type"] for o in ran.outputs] == ["error"]
    assert "no such thing" in ran.text


def test_a_failure_after_a_shown_retry_leaves_no_old_waiting_text(kernel, endpoint):
    limited = failure(429, LIMITED, retry_after="0.2")
    endpoint.play(limited, failure(401, BAD_KEY))
    ran = kernel.run("%%ask --alone\nhi")
    assert ran.status == "error"
    assert not any("Trying again" in str(o.get("data")) for o in ran.outputs)


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        ([sse(OVERLOADED), CLOSE], "too many"),
        ([CLOSE], "ended before"),
    ],
    ids=["error event", "cut"],
)
def test_what_came_before_a_break_stays_and_is_marked(kernel, endpoint, ending, says):
    endpoint.play([head() + sse(START, BLOCK, text("half an ")), 0.1, sse(text("answer")), *ending])
    before = sum(bool(seen.body) for seen in endpoint.seen)  # a list of models may be asked for besides
    ran = kernel.run("%%ask --alone --to part\nhi")
    shown, error = ran.outputs
    assert shown["data"]["text/markdown"].startswith("half an answer\n\n**[incomplete")
    assert shown["metadata"]["xiantong"]["complete"] is False
    assert error["ename"] == "IncompleteReply"
    assert says in ran.text
    assert kernel.value("(part.text, part.complete)") == ("half an answer", False)
    assert sum(bool(seen.body) for seen in endpoint.seen) == before + 1, (
        "nothing is asked again once something was shown"
    )


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        ([30], "before the first byte"),
        (failure(529, OVERLOADED, retry_after="30"), "in a retry's wait"),
        ([head() + sse(START, BLOCK, text("one ")), 30], "in the middle"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_interrupt_is_heard_wherever_it_falls(kernel, endpoint, answer, where):
    endpoint.play(answer)
    before = len(endpoint.seen)
    request = kernel.send("%%ask --alone\nhi")
    deadline = time.monotonic() + 20
    while len(endpoint.seen) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    kernel.interrupt()
    begun = time.monotonic()
    ran = kernel.wait(request)
    assert ran.error["ename"] == "KeyboardInterrupt", where
    assert time.monotonic() - begun < 10, "far less than what it was waiting for"
    assert kernel.value("__import__('xiantong_nb').last().text") == ("one " if where == "in the middle" else "")
    if answer[0] == 30:
        assert endpoint.seen[-1].gone.wait(10), "the connection is closed"


def test_the_key_is_nowhere(kernel, endpoint):
    """Neither in outputs nor in tracebacks, in any mode, for good and failing questions."""
    messages = []
    for mode in ("Plain", "Context", "Verbose", "Minimal", "Docs"):
        messages += kernel.run(f"%xmode {mode}").messages
        asked_again = ([CLOSE], [b"nonsense\r\n\r\n", CLOSE]) if mode == "Verbose" else ()  # which takes seconds
        for answer in (good("fine"), failure(401, {"error": {"message": "no"}}), *asked_again):
            endpoint.play(answer)
            messages += kernel.run("%%ask --alone\nhi").messages
            messages += kernel.run("import xiantong_nb\nxiantong_nb.ask('hi')").messages
    messages += kernel.run("%xiantong list").messages
    messages += kernel.run("xiantong_nb.connections()").messages
    assert endpoint.seen[-1].header("x-api-key") == "sk-ant-CANARY-0123456789-wxyz", "the key was in use"
    everything = json.dumps(messages, default=str)
    assert "CANARY" not in everything
    planted = json.dumps(kernel.run("import os; os.environ['ANTHROPIC_API_KEY']").messages, default=str)
    assert "CANARY" in planted, "the search finds what it looks for"
