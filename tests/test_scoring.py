"""Scores: what a judge's words mean, what a function may give."""

from __future__ import annotations

import numpy as np
import pytest

from xiantong_nb.errors import UsageError
from xiantong_nb.reply import Reply
from xiantong_nb.scoring import Judge, NoScore, scored, verdict


@pytest.mark.parametrize(
    ("said", "score"),
    [("7", 7), ("7.5", 7.5), ("**8**", 8), ("Score: 9", 9), ("6/10.", 6), ("Rating: **4** / 5", 4), ("-1", -1),
     ("8\n\nIt is right.", 8), ("It is right, but long.\n\nScore: 6", 6), ("Yes.", True), ("no", False),
     ("It is fine.\n8\n", 8), ("It is fine.\n\nScore: 8/10 \n \n", 8), ("7 \n", 7),
     ("good", "good"), ("\n good \nbecause it is", "good"), ("2 of 3 are right", "2 of 3 are right")],
)  # fmt: skip
def test_a_verdict_is_read(said, score):
    read = verdict(said)
    assert (read, type(read)) == (score, type(score))


@pytest.mark.parametrize(
    "said",
    ["", " \n", "long " * 40, "9" * 4301, f"{'9' * 400}.5", f"Score: {'9' * 5000}\n", f"It is right.\n{'9' * 4301}"],
)
def test_no_verdict_is_said(said):
    with pytest.raises(NoScore):
        verdict(said)


def test_a_function_gives_numbers_bools_text_or_nothing():
    for given in (1, 0.5, True, "good", None):
        assert scored(lambda _p, _r, given=given: given, "p", Reply()) is given
    assert scored(lambda p, r: len(p + r.text), "four", Reply()) == 4
    made = scored(lambda _p, _r: np.float64(0.5), "p", Reply())
    assert (made, type(made)) == (0.5, float)
    with pytest.raises(NoScore, match="ZeroDivisionError: division by zero"):
        scored(lambda _p, _r: 1 / 0, "p", Reply())
    with pytest.raises(NoScore, match="not list"):
        scored(lambda _p, _r: [1], "p", Reply())


def test_a_judge_is_asked_with_the_answer_as_it_is():
    judge = Judge("a:m", "Q {prompt} A {answer} {{answer}} {x}")
    assert judge.question("{answer}", "{prompt} {x}") == "Q {answer} A {prompt} {x} {answer} {x}"
    with pytest.raises(UsageError, match="no place for the answer"):
        Judge("a:m", "Rate {prompt}")
    assert "Rate the answer" in Judge("a:m").question("q", "a")
