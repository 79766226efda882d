"""IPython in a real terminal: text streams, nothing is painted twice, Ctrl-C keeps what came."""

from __future__ import annotations

import re
import subprocess
import sys

import pexpect
import pytest

from tests.conftest import kernel_env
from tests.fault_server import failure
from xiantong_nb.engine import Engine

PROMPT = r"In \[\d+\]: "


@pytest.fixture
def terminal(tmp_path):
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        env={**kernel_env(tmp_path), "TERM": "dumb"},
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 200),
    )
    child.expect(PROMPT)
    run(child, "%load_ext xiantong_nb")
    yield child
    child.close(force=True)


def run(child, *lines: str) -> str:
    for line in lines[:-1]:
        child.sendline(line)
        child.expect(r"\.\.\.: ")
    child.sendline(lines[-1])
    child.expect(PROMPT)
    return child.before


def test_text_streams_once_with_a_footer(terminal):
    shown = run(terminal, "%%ask demo", "hello", "", "")
    answer = run(terminal, "print(_.text)")
    words = re.findall(r"[A-Za-z]{6,}", answer)
    assert words
    assert all(shown.count(w) >= 1 for w in words)
    assert re.search(r"\ntoy-1 · demo · \d+ tokens in, \d+ out · a toy, free · \d", shown)
    assert shown.count("I am toy-1") <= 1 + answer.count("I am toy-1") // 2
    assert "\x1b" not in shown


def test_lanes_are_printed_once_each_when_they_have_ended(terminal):
    shown = run(terminal, "%%ask demo:toy-1 demo:toy-2 --to made", "hello", "", "")
    for label, words in (("demo:toy-1", "I am **toy-1**"), ("demo:toy-2", "I am **toy-2**")):
        assert shown.count(f"── {label} ──") == 1
        assert shown.count(words) == 1
        section = shown[shown.index(f"── {label} ──") :]
        assert re.search(r"\ncomplete · first word \d+\.\d\d s · .* tokens in, \d+ out · a toy, free · \d", section)
    assert "2 of 2 finished" in shown
    assert "<Comparison of demo:toy-1, demo:toy-2>" in shown
    assert "\x1b" not in shown
    assert "complete" in run(terminal, "made.table()")


def test_a_line_says_how_far_the_lanes_are_and_ctrl_c_keeps_what_came(terminal):
    run(terminal, "%xiantong use demo")
    for line in ("%%ask toy-1 toy-2 --alone --to part --max-tokens 24000", "an endless answer please", ""):
        terminal.sendline(line)
        terminal.expect(r"\.\.\.: ")
    terminal.sendline("")
    terminal.expect(r"\rdemo:toy-1 [\d,]+ characters · demo:toy-2 [\d,]+ characters")
    terminal.sendintr()
    terminal.expect(PROMPT)
    assert terminal.before.count("[incomplete: interrupted]") == 2
    assert "0 of 2 finished, 2 incomplete" in terminal.before
    assert "Traceback" not in terminal.before
    assert "[False, False]" in run(terminal, "print([r.complete for r in part])")


SCRIPT = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "xiantong_nb")
shell.run_cell_magic("ask", "demo:toy-1 demo:toy-2", "hello")
"""


def test_a_file_gets_the_lanes_without_a_line_that_moves(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=kernel_env(tmp_path), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.count("── demo:toy-") == 2
    assert "\r" not in done.stdout
    assert "characters" not in done.stdout


def test_an_assigned_question_may_end_in_a_question_mark(terminal):
    run(terminal, "%xiantong use demo")
    shown = run(terminal, "r = %ask --alone who are you?")
    assert "I am **toy-1**" in shown
    assert "Out[" not in shown
    assert "toy-1 · demo" in shown
    assert "I am **toy-1**" in run(terminal, "r"), "shown as usual when it is named"


def test_the_other_forms(terminal):
    run(terminal, "%xiantong use demo")
    assert "not JSON" in run(terminal, "%ask --alone --as json hello")
    quiet = run(terminal, "%ask --alone --quiet hello")
    assert "<Reply of demo:toy-1" in quiet
    assert "a toy, free" not in quiet


def test_ctrl_c_keeps_what_came(terminal):
    terminal.sendline("%ask --alone --to part --max-tokens 24000 " + "hello")
    terminal.expect("Nothing connected yet")
    terminal.expect(PROMPT)
    run(terminal, "%xiantong use demo")
    terminal.sendline("%ask --alone --to part --max-tokens 24000 an endless answer please")
    terminal.expect("answer please\r\n")  # the echo of what was typed
    terminal.expect(r"(\w+\W+){8}")
    terminal.sendintr()
    terminal.expect(PROMPT)
    assert "incomplete: interrupted" in terminal.before
    assert "Traceback" not in terminal.before
    assert "False" in run(terminal, "print(part.complete, len(part.text) > 20)")


def test_errors_are_short(terminal):
    shown = run(terminal, "%ask hello")
    assert "Nothing connected yet" in shown
    assert "Traceback" not in shown
    assert "%%ask demo" in shown


def test_a_key_is_typed_unseen_and_serves_the_plain_terminal_too(terminal, tmp_path):
    key = "sk-CANARY-0123456789-wxyz"
    with Engine.start(api_key=key) as locked:
        terminal.sendline(f"%xiantong connect custom --base-url {locked.base_url} --model toy-1 --ask-key")
        terminal.expect(r"Key \(not shown\): ")
        terminal.sendline(key)
        terminal.expect("Tested and saved: custom")
        assert "CANARY" not in terminal.before
        terminal.expect(PROMPT)
        assert "I am **toy-1**" in run(terminal, "%ask hello")

        plain = pexpect.spawn(
            sys.executable, ["-m", "xiantong_nb", "edit", "custom", "--model", "toy-2", "--ask-key"],
            env={**kernel_env(tmp_path), "TERM": "dumb"}, encoding="utf-8", timeout=60,
        )  # fmt: skip
        plain.expect(r"Key \(not shown\): ")
        plain.sendline("sk-WRONG-CANARY-0123456789-wxyz")
        plain.expect("authenticated +failed")
        plain.expect("Nothing was saved")
        plain.expect(pexpect.EOF)
        plain.close()
        assert plain.exitstatus == 1
        assert "Traceback" not in plain.before
        assert "WRONG" not in plain.before
        assert "I am **toy-1**" in run(terminal, "%ask hello")


def test_ctrl_c_at_the_prompt_saves_nothing(terminal, tmp_path):
    terminal.sendline("%xiantong connect openrouter --model a/b")
    terminal.expect(r"Key \(not shown\): ")
    terminal.sendintr()
    terminal.expect(PROMPT)
    assert "Traceback" not in terminal.before
    assert not (tmp_path / ".xiantong").exists()


def test_a_wait_counts_down_in_its_line_and_ctrl_c_ends_it(tmp_path, faults):
    busy = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    faults.play(failure(429, busy, retry_after="3"), failure(429, busy, retry_after="50"))
    child = pexpect.spawn(
        sys.executable, ["-m", "xiantong_nb", "ask", "hello"],
        env={**kernel_env(tmp_path), "TERM": "dumb", "ANTHROPIC_BASE_URL": faults.url, "ANTHROPIC_MODEL": "m"},
        encoding="utf-8", timeout=60,
    )  # fmt: skip
    child.expect(r"slow down\r*\n")
    for left in (3, 2, 1):
        child.expect(rf"\r?Trying again in {left} s …")
    child.expect(r"\r*\n.*slow down\r*\n.*in 50 s")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in child.before
    assert len(faults.seen) == 2


def test_values_warnings_rehearsals_and_a_second_try(terminal):
    run(terminal, "%xiantong use demo")
    run(terminal, "name = 'Ada'")
    shown = run(terminal, "%ask --alone --dry-run who is {name}, and who {nmae}?")
    assert "{nmae} is sent as typed: there is no nmae; did you mean name?" in shown
    assert "who is Ada, and who {nmae}?" in shown
    assert "Not sent: demo:toy-1" in shown
    assert re.search(r"\d+ tokens \(counted by demo\)", shown)
    shown = run(terminal, "%ask --alone --schema dict who are you?")
    assert "[the first answer did not fit (it is not JSON): asked once more]" in shown
    assert shown.count("I am **toy-1**") == 2, "what a terminal has shown stays"
    assert "[this does not fit the schema: it is not JSON]" in shown
    assert "UnfitReply: The answer does not fit the schema" in shown
