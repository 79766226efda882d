"""The magics in a real kernel, asking the real engine."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import kernel_env
from tests.kernels import Kernel

ENGINE_LOG = "open(__import__('xiantong_nb.engine').engine.shared().log_path, errors='replace').read()"
ENDLESS = "%%ask demo:toy-1 --alone --max-tokens 24000 {}\nAn endless answer, please."


def has_text(ran) -> bool:
    return any(len(p.get("text/markdown", "")) > 20 for p in ran.paints())


def test_an_answer_streams_in_and_stays(kernel):
    """What remains is one output: the filtered reply, the footer and the metadata."""
    ran = kernel.run("%%ask demo\nhello")
    output = ran.only_output
    assert output["type"] == "display_data"
    assert kernel.value("(_.complete, type(_).__name__)") == (True, "Reply")
    count = ran.reply["execution_count"]
    expected, footer = kernel.value(
        f"(__import__('xiantong_nb.safe').safe.markdown(Out[{count}].text).strip('\\n'),"
        f" __import__('xiantong_nb.bundle').bundle.footer(Out[{count}]))"
    )
    text, _, shown_footer = output["data"]["text/markdown"].rpartition("\n\n")
    assert text == expected
    assert "toy-1" in expected
    assert shown_footer.startswith("<sub>toy-1 ")
    assert footer.startswith("toy-1 · demo · ")
    metadata = output["metadata"]["xiantong"]
    assert (metadata["connection"], metadata["complete"]) == ("demo", True)
    assert metadata["usage"]["output_tokens"] > 0
    assert not [m for m in ran.messages if m["msg_type"] == "execute_result"]


def test_tokens_are_the_servers_own_figure(kernel):
    """llama.cpp's log says how many tokens it evaluated; the reply says the same."""
    kernel.run("%%ask demo --alone\nShow me some code")
    tokens = kernel.value("_.usage.output_tokens")
    # the first token comes out of the prompt's evaluation
    own_figure = rf"\n.* eval time = .*?/\s+(?:{tokens}|{tokens - 1}) tokens"
    assert re.search(own_figure, wait_for_log(kernel, own_figure))


def test_a_long_answer_is_painted_while_it_comes(slow_kernel):
    kernel = slow_kernel
    ran = kernel.run("%%ask demo:toy-1 --alone\nA long answer, please.")
    sizes = [len(p["text/markdown"]) for p in ran.paints()]
    assert len(sizes) >= 4
    assert sizes[:-1] == sorted(sizes[:-1])
    assert all(set(p) == {"text/markdown"} for p in ran.paints()[:-1]), "live paints carry Markdown only"
    assert set(ran.only_output["data"]) == {"text/markdown", "text/plain"}
    assert kernel.value("_.usage.output_tokens") >= 3000


@pytest.fixture
def slow_kernel(tmp_path):
    """A kernel whose engine takes its time, so that a busy machine can paint meanwhile."""
    made = Kernel({**kernel_env(tmp_path), "XIANTONG_DEMO_PACE": "800"})
    assert made.run("%load_ext xiantong_nb").status == "ok"
    yield made
    made.stop()


def test_thinking_is_shown_open_and_then_folded(kernel):
    kernel.run("%%ask demo:toy-3 --alone --to thought\nThink first.")
    output = kernel.run("thought").only_output
    assert output["type"] == "execute_result"
    assert output["data"]["text/markdown"].startswith("<details><summary>Thinking</summary>\n\n")
    assert kernel.value("thought.thinking").strip() in output["data"]["text/plain"].replace("  | ", "")


def test_the_reply_shows_again_when_it_is_named_later(kernel):
    """Silence holds for the cell that asked, not for the reply."""
    kernel.run("%%ask demo --to r\nhello")
    assert kernel.run("r").only_output["type"] == "execute_result"
    assert kernel.run("_").only_output["type"] == "execute_result"


def test_a_prompt_that_ends_in_a_semicolon_still_has_a_value(kernel):
    ran = kernel.run("%%ask demo --alone\nWhat does this do: x = 1;")
    assert kernel.value(f"{ran.reply['execution_count']} in Out") is True


def test_interrupt_keeps_what_came_and_stops_the_model(fresh_kernel):
    kernel = fresh_kernel
    request = kernel.send(ENDLESS.format("--to part"))
    following = kernel.send("print('this cell was queued behind it')")
    begun = kernel.wait(request, until=has_text)
    kernel.interrupt()
    ran = kernel.wait(request, ran=begun)
    assert ran.status == "error"
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert len(ran.error["traceback"]) == 1
    assert "\n" not in ran.error["traceback"][0]
    kept = next(o for o in ran.outputs if o["type"] == "display_data")
    assert "**[incomplete" in kept["data"]["text/markdown"]
    assert kept["metadata"]["xiantong"]["complete"] is False
    assert kernel.wait(following).reply["status"] == "aborted"
    text, same, ended = kernel.value("(part.text, part is __import__('xiantong_nb').last(), part.ended)")
    assert len(text) > 20
    assert same is True
    assert ended == "interrupted"
    assert "cancel" in wait_for_log(kernel, "cancel")
    assert kernel.run("%%ask demo --alone\nhello").status == "ok", "the engine survives the interrupt"


def wait_for_log(kernel, pattern: str) -> str:
    """Return the engine's log once it holds the pattern, or after 20 s whatever it holds."""
    for _ in range(200):
        log = kernel.value(ENGINE_LOG)
        if re.search(pattern, log):
            break
        time.sleep(0.1)
    return log


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%%ask nobody:x\nhi", "Nothing connected yet"),
        ("%%ask\nhi", "Nothing connected yet"),
        ("%%ask openrouter:a/b\nhi", "OPENROUTER_API_KEY"),
        ("%%ask demo --nonsense\nhi", "--nonsense"),
        ("%%ask demo --max-tokens many\nhi", "max-tokens"),
        ("%%ask demo --system @nowhere\nhi", "nowhere"),
        ("%%ask demo:toy-1 demo:toy-9\nhi", "toy-9"),
        ("%%ask demo demo nobody:x\nhi", "Nothing connected yet"),
        (f"%%ask {'demo ' * 9}\nhi", "8 targets at most, not 9"),
        ("%%ask demo demo --as code\nhi", "--as code"),
        ("%%ask demo:toy-9\nhi", "toy-9"),
        ("%xiantong nonsense", "%xiantong help"),
        ("%xiantong connect", "Presets: anthropic"),
    ],
)
def test_a_failure_is_one_short_block(fresh_or_shared, line, says):
    ran = fresh_or_shared.run(line)
    assert ran.status == "error"
    assert len(ran.error["traceback"]) == 1
    assert says in ran.error["traceback"][0]
    assert "Traceback" not in ran.text
    assert "File " not in ran.text
    assert ran.text.count("\n") <= 4


@pytest.fixture(scope="module")
def fresh_or_shared(kernel):
    """The module's kernel: these cells fail before they change anything."""
    return kernel


def test_after_a_failure_the_cells_behind_it_do_not_run(kernel):
    failing, behind = kernel.send("%%ask nobody:x\nhi"), kernel.send("print('behind')")
    assert kernel.wait(failing).status == "error"
    assert kernel.wait(behind).reply["status"] == "aborted"


def test_a_failing_ask_in_users_code_shows_their_line(kernel):
    """The short form is for magics: in ordinary code the traceback leads to the call."""
    ran = kernel.run("import xiantong_nb\nxiantong_nb.ask('hi', 'nobody:x')")
    assert "xiantong_nb.ask('hi', 'nobody:x')" in re.sub(r"\x1b\[[\d;]*m", "", "".join(ran.error["traceback"]))


def test_running_a_cell_again_replaces_its_turn(fresh_kernel):
    kernel = fresh_kernel
    kernel.run("%xiantong use demo")
    kernel.run("%%ask\nfirst", cell="one")
    kernel.run("%%ask demo\nsecond", cell="two")
    kernel.run("%%ask demo\nthird", cell="three")
    chat = "__import__('xiantong_nb.api').api.session().chats['default']"
    turns = f"[t.question.blocks[0].text.strip() for t in {chat}.turns]"
    assert kernel.value(turns) == ["first", "second", "third"]
    ran = kernel.run("%%ask demo\nsecond, better", cell="two")
    assert kernel.value(turns) == ["first", "second, better"]
    assert "re-run: dropped 2 turns" in ran.text
    kernel.run("%ask a\n%ask b", cell="both")
    assert kernel.value(turns) == ["first", "second, better", "a", "b"], "two questions of one run are both kept"


def test_what_fails_costs_nothing_of_the_conversation(fresh_kernel):
    kernel = fresh_kernel
    kernel.run("%xiantong use demo")
    for name in ("one", "two", "three"):
        kernel.run(f"%%ask\n{name}", cell=name)
    turns = "len(__import__('xiantong_nb.api').api.session().chats['default'].turns)"
    for failing in ("%%ask demo:toy-9\none", "%%ask --max-tokens 0\none", "%%ask --new --max-tokens 0\none"):
        assert kernel.run(failing, cell="one").status == "error"
        assert kernel.value(turns) == 3
    request = kernel.send("%%ask --new --max-tokens 24000\nAn endless answer.", cell="one")
    begun = kernel.wait(request, until=has_text)
    kernel.interrupt()
    kernel.wait(request, ran=begun)
    assert kernel.value(turns) == 3


def test_an_answer_without_a_word_is_an_answer(kernel):
    ran = kernel.run("%%ask demo --alone --stop Hello --to empty\nhello")
    assert [o["type"] for o in ran.outputs] == ["display_data"]
    assert kernel.value("(empty.text, empty.complete)") == ("", True)


def test_two_interrupts_in_haste_lose_nothing(fresh_kernel):
    kernel = fresh_kernel
    kernel.run("%%ask demo --alone\nhello")
    for gap in (0, 0.001, 0.002, 0.005, 0.01) * 2:
        request = kernel.send(ENDLESS.format("--to part"))
        begun = kernel.wait(request, until=has_text)
        kernel.interrupt()
        time.sleep(gap)
        kernel.interrupt()
        ran = kernel.wait(request, ran=begun)
        assert ran.error["ename"] == "KeyboardInterrupt"
        text, complete = kernel.value("(lambda r: (r.text, r.complete))(__import__('xiantong_nb').last())")
        assert len(text) > 20
        assert complete is False


def test_a_question_may_end_in_a_question_mark(fresh_kernel):
    kernel = fresh_kernel
    kernel.run("%xiantong use demo")
    for line in ("%ask what is this?", "x = %ask what is this?", "  %ask --alone what ?"):
        ran = kernel.run(line)
        assert "toy-1" in ran.text
        assert "not found" not in ran.text
        assert ran.reply["payload"] == []


def test_text_that_looks_like_a_question_is_left_alone(kernel):
    kernel.run('text = """\n%ask what?\n"""')
    assert kernel.value("text") == "\n%ask what?\n"
    kernel.run("%%ask demo --alone --to r\n%ask what is this?")
    assert kernel.value("r.complete") is True


def test_chats_are_named_listed_and_forgotten(fresh_kernel):
    kernel = fresh_kernel
    kernel.run("%xiantong use demo:toy-2")
    assert "toy-2" in kernel.run('%ask hello there, what\'s "up"?').text
    ran = kernel.run("%%ask --chat other\nhello")
    assert "chat other" not in ran.text, "nothing was continued yet"
    assert "chat other, 1 turn" in kernel.run("%%ask --chat other\nagain").text
    assert "chat other" not in kernel.run("%%ask --chat other --new\nafresh").text
    assert "other" in kernel.run("%xiantong chats").text
    kernel.run("%xiantong reset other")
    assert "other" not in kernel.run("%xiantong chats").text
    assert "chat" not in kernel.run("%%ask --alone\nhello").only_output["data"]["text/plain"].splitlines()[-1]


def test_the_other_forms(kernel):
    assert set(kernel.run("%%ask demo --alone --as text\nhello").only_output["data"]) == {"text/plain"}
    raw = kernel.run("%%ask demo --alone --as raw\nhello").only_output["data"]
    assert raw == {"text/plain": kernel.value("_.text")}
    assert kernel.run("%%ask demo --alone --quiet\nhello").outputs == []
    assert "is not JSON" in kernel.run("%%ask demo --alone --as json\nhello").text
    ran = kernel.run("%%ask demo --alone --as code\nSome code, please.")
    (payload,) = ran.reply["payload"]
    assert payload["source"] == "set_next_input"
    assert payload["text"] == kernel.value("_.code")
    assert payload["text"].strip()


def test_options_reach_the_engine(kernel):
    ran = kernel.run("style = 'Be brief'\n")
    ran = kernel.run("%%ask demo --alone --system @style --max-tokens 5 --temperature 0.5 --stop zzz\nhello")
    assert ran.only_output["metadata"]["xiantong"]["parameters"] == {
        "max_tokens": 5, "system": "Be brief", "temperature": 0.5, "stop": ["zzz"],
    }  # fmt: skip
    assert "cut at --max-tokens" in ran.text
    assert kernel.value("(_.usage.output_tokens, _.stop_reason)") == (5, "max_tokens")


def test_braces_and_dollars_on_the_line_and_in_the_cell_stay_as_typed(kernel):
    kernel.run("name = 'WRONG'")
    kernel.run("%%ask demo --alone --system '{name} $name' --to r\nf'{name}' $name {{x}}")
    assert kernel.value("r.parameters['system']") == "{name} $name"


def test_help_is_where_people_look(kernel):
    assert "--max-tokens" in kernel.run("%%ask -h\nx").text
    assert "--max-tokens" in kernel.run("%ask -h").text
    assert "connect" in kernel.run("%xiantong help").text
    ran = kernel.run("%ask?")
    (payload,) = ran.reply["payload"]
    assert "TARGET" in payload["data"]["text/plain"]


def test_the_commands_of_a_newcomer(fresh_kernel):
    kernel = fresh_kernel
    assert "Nothing is in use yet" in kernel.run("%xiantong list").text
    connected = kernel.run("%xiantong connect demo").text
    for stage in ("reached", "authenticated", "model answered", "first token", "finished"):
        assert re.search(rf"{stage}\s+\d+ ms", connected), connected
    assert "toy" in connected
    assert "→" in kernel.run("%xiantong list").text
    assert kernel.run("%ask hello").status == "ok"
    assert "xiantong-nb 0." in kernel.run("%xiantong version").text


def test_the_demo_is_connected_with_a_model_at_most(fresh_kernel):
    kernel = fresh_kernel
    assert "demo:toy-2" in kernel.run("%xiantong connect demo --model toy-2").text
    refused = kernel.run("%xiantong connect demo --name mine --base-url http://127.0.0.1:9")
    assert "a model and nothing else" in refused.text
    assert "a model and nothing else" in kernel.run("%xiantong connect demo --default").text
    kernel.run("import xiantong_nb; made = xiantong_nb.connect('demo', model='toy-3')")
    assert kernel.value("made.slug") == "demo"
    assert "toy-3" in kernel.run("%ask hello").text


def test_a_fault_of_what_is_in_use_is_listed(kernel):
    kernel.run("import os; os.environ['OPENROUTER_API_KEY'] = 'bad key'")
    ran = kernel.run("%xiantong list")
    kernel.run("del os.environ['OPENROUTER_API_KEY']")
    assert ran.status == "ok"
    assert "OPENROUTER_API_KEY" in ran.text
    assert "demo" in ran.text


def test_loading_twice_and_unloading(fresh_kernel):
    kernel = fresh_kernel
    assert kernel.run("%load_ext xiantong_nb\n%reload_ext xiantong_nb\n%reload_ext xiantong_nb").status == "ok"
    assert kernel.run("%%ask demo\nhello").status == "ok"
    kernel.run("%unload_ext xiantong_nb")
    ran = kernel.run("%%ask demo\nhello")
    assert "not found" in ran.text
    assert kernel.run("__import__('xiantong_nb').last()").only_output["type"] == "execute_result"


def test_the_engine_ends_with_its_kernel_even_when_that_is_killed(fresh_kernel):
    kernel = fresh_kernel
    kernel.run("%%ask demo\nhello")
    engine = kernel.value("__import__('xiantong_nb.engine').engine.shared().pid")
    os.kill(kernel.pid, signal.SIGKILL)
    for _ in range(100):
        try:
            os.kill(engine, 0)
        except ProcessLookupError:
            return
        if zombie(engine):
            return
        time.sleep(0.1)
    pytest.fail("the engine outlived its kernel by 10 s")


def zombie(pid: int) -> bool:
    """Whether a process has ended and only waits to be collected by whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
