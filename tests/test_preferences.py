"""`%config Xiantong` in real kernels and a terminal: what is set holds from the next question on."""

from __future__ import annotations

import re

import pytest

from tests.conftest import kernel_env
from tests.fault_server import BLOCK, BLOCK_END, CLOSE, END, START, head, sse, text
from tests.kernels import Kernel
from tests.test_terminal import run
from tests.test_terminal import terminal as terminal  # noqa: PLC0414  # a fixture
from xiantong_nb.notebook.preferences import Xiantong

TRAITS = Xiantong.class_traits(config=True)
ASK = "%%ask demo --alone\nhello"


@pytest.fixture
def configured(tmp_path):
    """A kernel whose profile says something, some of it wrong."""

    def start(*lines: str) -> Kernel:
        profile = tmp_path / "ipython" / "profile_default"
        profile.mkdir(parents=True)
        (profile / "ipython_config.py").write_text("\n".join(["c = get_config()", *lines]))
        kernels.append(Kernel(kernel_env(tmp_path)))
        return kernels[0]

    kernels: list[Kernel] = []
    yield start
    for kernel in kernels:
        kernel.stop()


def test_each_is_listed_with_its_help_and_its_value(kernel):
    shown = " ".join(kernel.run("%config Xiantong").text.split())
    assert set(TRAITS) == {"target", "rate", "footer", "thinking", "money"}
    for name, trait in TRAITS.items():
        assert f"Xiantong.{name}=<" in shown
        assert " ".join(trait.help.split()) in shown
        assert f"Current: {trait.default_value!r}" in shown
    assert "Xiantong" in kernel.run("%config").text


def test_the_line_under_an_answer_can_be_shorter_or_gone(fresh_kernel):
    assert "a toy, free" in fresh_kernel.run(ASK).text
    fresh_kernel.run("%config Xiantong.money = False")
    without = fresh_kernel.run(ASK)
    assert "a toy, free" not in without.text
    assert re.search(r"<sub>toy-1 · demo · \d+ tokens in, \d+ out · \d", without.only_output["data"]["text/markdown"])
    fresh_kernel.run("%config Xiantong.footer = False")
    bare = fresh_kernel.run(ASK).only_output
    assert "<sub>" not in bare["data"]["text/markdown"]
    assert "tokens in" not in bare["data"]["text/plain"]
    assert bare["metadata"]["xiantong"]["usage"]["output_tokens"] > 0
    assert "tokens in" not in fresh_kernel.run("_").text, "a reply that is named later is shown so, too"
    fresh_kernel.run("%config Xiantong.footer = True")
    assert "tokens in" in fresh_kernel.run("_").text


def test_what_must_be_said_of_a_question_stays_without_the_footer(fresh_kernel):
    fresh_kernel.run("%config Xiantong.footer = False")
    fresh_kernel.run("%%ask demo\nhello")
    said = fresh_kernel.run("%%ask demo\nhello again").only_output["data"]["text/plain"].splitlines()[-1]
    assert re.fullmatch(r"chat default, 1 turn, about \d+ tokens", said)


def test_reasoning_can_be_left_out_of_every_paint(fresh_kernel):
    assert any(
        "<details" in paint["text/markdown"] for paint in fresh_kernel.run("%%ask demo:toy-3 --alone\nx").paints()
    )
    fresh_kernel.run("%config Xiantong.thinking = False")
    ran = fresh_kernel.run("%%ask demo:toy-3 --alone --to thought\nx")
    assert not any("<details" in paint.get("text/markdown", "") for paint in ran.paints())
    assert "weigh every word" not in ran.text
    assert "weigh every word" in fresh_kernel.value("thought.thinking")


def test_the_rate_of_painting(tmp_path, faults):
    """Twelve words, each some frames after the other: at the lowest rate only the first is painted before the end."""
    steps: list = [head() + sse(START, BLOCK)]
    for number in range(12):
        steps += [sse(text(f"word{number} ")), 0.15]
    faults.play([*steps, sse(BLOCK_END, *END), CLOSE])
    kernel = Kernel({**kernel_env(tmp_path), "ANTHROPIC_BASE_URL": faults.url})
    try:
        kernel.run("%load_ext xiantong_nb")
        paints = {}
        for rate in (0.2, 60):
            kernel.run(f"%config Xiantong.rate = {rate}")
            ran = kernel.run("%%ask --alone\nhi")
            paints[rate] = sum("word0" in paint["text/markdown"] for paint in ran.paints())
    finally:
        kernel.stop()
    assert paints[0.2] == 2
    assert paints[60] > 3


def test_the_target_is_chosen_from_now_on_also_when_it_says_what_it_said(fresh_kernel):
    fresh_kernel.run("%config Xiantong.target = 'demo:toy-2'")
    assert "I am **toy-2**" in fresh_kernel.run("%%ask\nhello").text
    fresh_kernel.run("%xiantong use toy-1")
    assert "I am **toy-1**" in fresh_kernel.run("%%ask\nhello").text
    fresh_kernel.run("%config Xiantong.target = 'demo:toy-2'")
    assert "I am **toy-2**" in fresh_kernel.run("import xiantong_nb; xiantong_nb.ask('hello')").text
    fresh_kernel.run("%config Xiantong.target = ''")
    assert "Nothing connected yet" in fresh_kernel.run("%%ask\nhello").text


@pytest.mark.parametrize(
    ("assigned", "says"),
    [
        ("rate = 0", "should not be less than 0.2"),
        ("rate = 'often'", "float"),
        ("footer = 'no'", "boolean"),
        ("money = 3", "boolean"),
        ("target = 5", "unicode string"),
        ("target = 'demo:toy-9'", "demo has no model 'toy-9'"),
        ("target = 'sk-ant-api03-CANARY-0123456789-wxyz'", "looks like a key"),
        ("thinkng = False", "Did you mean `thinking`?"),
    ],
)
def test_what_is_no_value_is_refused_and_changes_nothing(kernel, assigned, says):
    before = kernel.run("%config Xiantong").text
    ran = kernel.run(f"%config Xiantong.{assigned}")
    assert says in ran.text, ran.text
    assert "Traceback" not in ran.text
    assert "CANARY" not in ran.text
    assert kernel.run("%config Xiantong").text == before


def test_the_configuration_file_says_it_for_every_kernel(configured):
    kernel = configured("c.Xiantong.target = 'demo:toy-2'", "c.Xiantong.money = False")
    assert kernel.run("%load_ext xiantong_nb").text == ""
    ran = kernel.run("%%ask\nhello")
    assert "I am **toy-2**" in ran.text
    assert "a toy, free" not in ran.text


def test_a_wrong_line_of_the_file_is_told_and_takes_nothing_else_away(configured):
    kernel = configured("c.Xiantong.rate = 'often'", "c.Xiantong.foter = False", "c.Xiantong.money = False")
    ran = kernel.run("%load_ext xiantong_nb")
    assert ran.status == "ok"
    assert "Left at its default" in ran.text
    assert "Did you mean `footer`?" in ran.text
    assert "a toy, free" not in kernel.run(ASK).text


def test_a_target_of_the_file_that_can_not_be_asked_lets_nothing_else_be_asked_instead(configured):
    kernel = configured("c.Xiantong.target = 'openrouter'")
    assert "OpenRouter is not connected" in kernel.run("%load_ext xiantong_nb").text
    kernel.run("import os; os.environ['ANTHROPIC_BASE_URL'] = 'http://127.0.0.1:1'")
    ran = kernel.run("%%ask\nhello")
    assert ran.error["ename"] == "NotConnected"
    assert "OpenRouter is not connected" in ran.text
    kernel.run("%xiantong use demo")
    assert "I am **toy-1**" in kernel.run("%%ask\nhello").text


def test_unloading_takes_it_away_and_loading_again_brings_it_back(fresh_kernel):
    fresh_kernel.run("%unload_ext xiantong_nb")
    assert "Xiantong" not in fresh_kernel.run("%config").text
    fresh_kernel.run("%load_ext xiantong_nb")
    assert fresh_kernel.run("%config").text.count("Xiantong") == 1
    fresh_kernel.run("%config Xiantong.money = False")
    assert "a toy, free" not in fresh_kernel.run(ASK).text


def test_in_a_terminal(terminal):
    run(terminal, "%config Xiantong.target = 'demo:toy-3'")
    assert "[thinking]" in run(terminal, "%ask --alone hello")
    run(terminal, "%config Xiantong.thinking = False")
    run(terminal, "%config Xiantong.footer = False")
    shown = run(terminal, "%ask --alone hello")
    assert "I am **toy-3**" in shown
    assert "[thinking]" not in shown
    assert "tokens in" not in shown
