"""Several targets in one cell: what a front end is sent by a real kernel, asking real engines."""

from __future__ import annotations

import os
import re
import signal

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.conftest import kernel_env
from tests.corpus import Audit
from tests.fault_server import failure, good
from tests.kernels import Kernel
from tests.test_grid import audited
from tests.test_kernel import ENGINE_LOG
from tests.test_painting import HOSTILE, LIVE, slowly
from xiantong_nb.engine import Engine

THREE = "%%ask demo:toy-1 demo:toy-2 demo:toy-3"
LABELS = ("demo:toy-1", "demo:toy-2", "demo:toy-3")


@pytest.fixture
def slow_kernel(tmp_path):
    """A kernel whose engine takes its time, so that a busy machine can paint meanwhile."""
    made = Kernel({**kernel_env(tmp_path), "XIANTONG_DEMO_PACE": "150"})
    assert made.run("%load_ext xiantong_nb").status == "ok"
    yield made
    made.stop()


def lanes_of(paint: dict) -> dict[str, str]:
    """The sections of a live paint by their labels."""
    parts = re.split(r"^#### (.*)\n", paint.get("text/markdown", ""), flags=re.MULTILINE)
    bodies = (body.rpartition("\n---\n")[0] or body for body in parts[2::2])
    return {
        label.replace("&#58;", ":").replace("&#35;", "#"): body for label, body in zip(parts[1::2], bodies, strict=True)
    }


def under_way(paint: dict, labels=LABELS) -> bool:
    """Whether every lane is being written in this paint."""
    sections = lanes_of(paint)
    return all(re.search(r"<sub>(?:writing|thinking) ", sections.get(label, "")) for label in labels)


def all_have_text(ran, size=40) -> bool:
    return any(under_way(p) and all(len(s) > size + 60 for s in lanes_of(p).values()) for p in ran.paints())


def test_all_lanes_grow_before_any_ends(slow_kernel):
    """By the paints, and by the engine's own log of when it had finished."""
    ran = slow_kernel.run(f"{THREE} --max-tokens 450\nA long answer, please.")
    assert ran.status == "ok", ran.text
    shown = [lanes_of(p) for p in ran.paints() if under_way(p)]
    assert len(shown) >= 3
    for label in LABELS:
        sizes = [len(sections[label]) for sections in shown]
        assert sizes == sorted(sizes), label
        assert sizes[-1] > sizes[0], label
    log = slow_kernel.value(ENGINE_LOG)
    ends = [float(at) for at in re.findall(r"^(\d+\.\d+).*POST /v1/messages .*: finished", log, re.MULTILINE)]
    assert len(ends) == 3
    painted = [m["header"]["date"].timestamp() for m in ran.messages if m["msg_type"].endswith("display_data")]
    assert sum(at < min(ends) for at in painted) >= 3, "what was painted before the engine had finished any"
    assert all(set(p) == {"text/markdown"} for p in ran.paints()[:-1]), "live paints carry Markdown only"
    assert any("0 of 3 finished" in p["text/markdown"] for p in ran.paints()[:-1])


def test_what_stays_is_one_output_and_the_value_is_a_comparison(kernel):
    ran = kernel.run(f"{THREE} --to made\nhello")
    output = ran.only_output
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert [lane["label"] for lane in output["metadata"]["xiantong"]["lanes"]] == list(LABELS)
    assert output["metadata"]["xiantong"]["complete"] is True
    assert kernel.value("(type(_).__name__, _ is made, made is __import__('xiantong_nb').last())") == (
        "Comparison", True, True,
    )  # fmt: skip
    count = ran.reply["execution_count"]
    assert kernel.value(f"Out[{count}] is made")
    assert not [m for m in ran.messages if m["msg_type"] == "execute_result"]
    again = kernel.run("made").only_output
    assert (again["type"], again["data"]) == ("execute_result", output["data"]), "shown as usual when it is named"
    texts = kernel.value("[reply.text for reply in made]")
    for text in texts:
        words = re.findall(r"[A-Za-z]{5,}", text)
        for form in ("text/html", "text/markdown", "text/plain"):
            assert all(word in output["data"][form] for word in words)
    assert kernel.value("made['toy-2'].model") == "toy-2"
    assert "demo&#58;toy-3" in kernel.run("made.table()").only_output["data"]["text/markdown"]
    assert "<del" in kernel.run("made.diff(0, 'toy-2')").only_output["data"]["text/html"]


def test_the_saved_output_is_readable_without_a_kernel(kernel):
    ran = kernel.run(f"{THREE}\nShow me a table")
    data, metadata = ran.only_output["data"], ran.only_output["metadata"]
    cell = nbformat.v4.new_code_cell(THREE, outputs=[nbformat.v4.new_output("display_data", data, metadata=metadata)])
    html, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    audit = Audit({"*"})
    audit.feed(html)
    audit.close()
    read = " ".join("".join(audit.text).split())
    for text in kernel.value("[reply.text for reply in _]"):
        for word in re.findall(r"[A-Za-z]{5,}", text):
            assert word in read
    assert "application/vnd.jupyter.widget" not in html


def test_the_usage_counts_every_lane(fresh_kernel):
    fresh_kernel.run(f"{THREE} --alone\nhello")
    fresh_kernel.run("%%ask demo:toy-1 demo:toy-1 --alone\nhello")
    usage = fresh_kernel.run("%xiantong usage").text
    assert re.search(r"demo +toy-1 +3 ", usage)
    assert re.search(r"demo +toy-3 +1 ", usage)


def test_the_chat_goes_on_only_where_it_is_told_to(fresh_kernel):
    kernel = fresh_kernel
    kernel.run("%xiantong use demo:toy-1")
    kernel.run("%ask first")
    ran = kernel.run("%%ask toy-1 toy-2 --to made\nsecond")
    assert "chat default, 1 turn" in ran.text
    turns = "[t.target for t in __import__('xiantong_nb.api').api.session().chats['default'].turns]"
    assert kernel.value(turns) == ["demo:toy-1"]
    shown = kernel.run("made.continue_with('toy-2')").only_output
    assert "chat default goes on from here" in shown["data"]["text/plain"]
    assert kernel.value(turns) == ["demo:toy-1", "demo:toy-2"]
    assert "chat default, 2 turns" in kernel.run("%ask third").text


def test_an_interrupt_leaves_every_lane_partial_and_marked(fresh_kernel):
    kernel = fresh_kernel
    request = kernel.send(f"{THREE} --alone --to part --max-tokens 24000\nAn endless answer, please.")
    following = kernel.send("print('this cell was queued behind it')")
    begun = kernel.wait(request, until=all_have_text)
    kernel.interrupt()
    ran = kernel.wait(request, ran=begun)
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert len(ran.error["traceback"]) == 1
    kept = next(o for o in ran.outputs if o["type"] == "display_data")
    assert kept["data"]["text/plain"].count("[incomplete: interrupted]") == 3
    assert kept["data"]["text/html"].count("incomplete&#58; interrupted") == 3
    assert kept["metadata"]["xiantong"]["complete"] is False
    assert "0 of 3 finished, 3 incomplete" in kept["data"]["text/plain"]
    assert kernel.wait(following).reply["status"] == "aborted"
    state = "(part is __import__('xiantong_nb').last(), [len(r.text) > 20 and not r.complete for r in part])"
    assert kernel.value(state) == (True, [True] * 3)
    assert kernel.run("%%ask demo demo --alone\nhello").status == "ok", "the engine survives the interrupt"


def test_a_server_that_is_killed_ends_its_own_lane_alone(slow_kernel):
    """A real process, by SIGKILL, once its words are on screen."""
    kernel = slow_kernel
    with Engine.start(pace=40) as victim:
        kernel.run(
            f"%xiantong connect custom --base-url {victim.base_url} --model toy-1 --name victim --unsaved --no-test"
        )
        line = "%%ask demo:toy-2 victim demo:toy-3 --alone --to made --max-tokens 300"
        request = kernel.send(f"{line}\nA long answer, please.")
        labels = ("demo:toy-2", "victim:toy-1", "demo:toy-3")
        begun = kernel.wait(request, until=lambda ran: any(under_way(p, labels) for p in ran.paints()))
        os.kill(victim.pid, signal.SIGKILL)
        ran = kernel.wait(request, ran=begun)
    assert ran.status == "ok", ran.text
    states = kernel.value("[lane.state for lane in made.lanes]")
    assert states == ["complete", "incomplete", "complete"]
    text, ended = kernel.value("(made['victim'].text, made.errors['victim:toy-1'].message)")
    assert text
    assert ended
    html = ran.only_output["data"]["text/html"]
    assert "incomplete&#58;" in html
    assert kernel.value("[r.usage.output_tokens for r in made if r.complete]") == [300, 300]
    assert "2 of 3 finished, 1 incomplete" in ran.only_output["data"]["text/plain"]


def test_the_other_forms(kernel):
    text = kernel.run("%%ask demo:toy-1 demo:toy-2 --alone --as text\nhello").only_output["data"]
    assert set(text) == {"text/plain"}
    assert text["text/plain"] == kernel.value("__import__('xiantong_nb.grid').grid.plain(_)")
    raw = kernel.run("%%ask demo:toy-1 demo:toy-2 --alone --as raw\nhello").only_output["data"]
    assert all(t in raw["text/plain"] for t in kernel.value("[r.text for r in _]"))
    tree = kernel.run("%%ask demo:toy-1 demo:toy-2 --alone --as json\nhello").only_output["data"]
    assert set(tree) == {"application/json", "text/plain"}
    assert list(tree["application/json"]) == ["demo:toy-1", "demo:toy-2"]
    assert kernel.run("%%ask demo:toy-1 demo:toy-2 --alone --quiet\nhello").outputs == []
    assert kernel.value("len(_)") == 2


def test_options_reach_every_lane(kernel):
    kernel.run("%%ask demo:toy-1 demo:toy-2 --alone --system 'Be brief' --max-tokens 5 --temperature 0.5\nhello")
    expected = {"max_tokens": 5, "system": "Be brief", "temperature": 0.5}
    assert kernel.value("[r.parameters for r in _]") == [expected, expected]
    assert kernel.value("[r.stop_reason for r in _]") == ["max_tokens"] * 2


# against a server that plays scripted bytes


BAD_KEY = {"type": "error", "error": {"type": "authentication_error", "message": "<img src=x> bad"}}


def test_a_failed_lane_says_so_in_its_place(faulty, endpoint):
    endpoint.play(failure(401, BAD_KEY))
    ran = faulty.run("%%ask anthropic demo:toy-1 --alone --to made\nhello")
    assert ran.status == "ok"
    plain = ran.only_output["data"]["text/plain"]
    assert "1 of 2 finished, 1 failed" in plain
    assert "refused the key" in plain
    assert "<img" not in ran.only_output["data"]["text/html"]
    assert faulty.value("(list(made.errors), made[0].text, bool(made[1].text))") == (
        faulty.value("[made.labels[0]]"), "", True,
    )  # fmt: skip


def test_if_all_lanes_fail_the_cell_fails_with_one_block(faulty, endpoint):
    endpoint.play(failure(401, BAD_KEY))
    ran = faulty.run("%%ask anthropic anthropic:other --alone\nhello")
    assert ran.status == "error"
    assert [o["type"] for o in ran.outputs] == ["error"], "nothing is left of what was shown"
    assert ran.error["ename"] == "NoAnswer"
    (block,) = ran.error["traceback"]
    assert block.count("refused the key") == 2
    assert "anthropic:other: " in block
    assert "Traceback" not in ran.text
    assert faulty.value("len(__import__('xiantong_nb').last().errors)") == 2


def test_a_wait_counts_down_in_its_lane_while_another_writes(faulty, endpoint):
    limited = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    endpoint.play(failure(429, limited, retry_after="2"), good("at last"))
    ran = faulty.run("%%ask anthropic demo:toy-1 --alone\nhello")
    waits = [p["text/markdown"] for p in ran.paints()[:-1] if "slow down" in p["text/markdown"]]
    assert any("Trying again in 2 s" in wait for wait in waits)
    assert any("1 of 2 finished" in wait for wait in waits), "the other one has ended meanwhile"
    assert "at last" in ran.only_output["data"]["text/plain"]
    assert "slow down" not in ran.only_output["data"]["text/plain"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_no_paint_live_or_final_holds_what_a_model_must_not_write(faulty, endpoint, size):
    pieces = [HOSTILE[at : at + size] for at in range(0, len(HOSTILE), size)]
    endpoint.play(slowly(pieces, 0.01 if size == 1 else 0.12))
    ran = faulty.run("%%ask anthropic anthropic --alone --to made\nhi")
    assert len(ran.paints()) >= 2
    for paint in ran.paints():
        shown = re.sub(r"^(`{3,})(?!mermaid).*?^\1`*$", "", paint["text/markdown"], flags=re.MULTILINE | re.DOTALL)
        assert not LIVE.search(shown), shown
    assert audited(ran.only_output["data"]["text/html"]).found == []
    assert faulty.value("[r.text for r in made]") == [HOSTILE, HOSTILE], "the value is what came"


def test_the_key_is_in_nothing_that_is_shown_or_kept(faulty, endpoint):
    endpoint.play(failure(401, {"error": {"message": "bad key sk-ant-CANARY-0123456789-wxyz"}}), good("fine"))
    ran = faulty.run("%%ask anthropic anthropic --alone --to made\nhi")
    told = str([m["content"] for m in ran.messages]) + faulty.value("made.to_json() + repr(made) + repr(made.errors)")
    assert endpoint.seen[-1].header("x-api-key") == "sk-ant-CANARY-0123456789-wxyz", "the key was in use"
    assert "CANARY" not in told
