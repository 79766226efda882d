"""The value of a table: rows, frames, figures, a page, JSON and back; what it shows is harmless."""

from __future__ import annotations

import html.parser
import json
import pickle

import matplotlib as mpl
import pandas as pd
import pytest

from tests.test_comparison import BUSY, answer
from xiantong_nb.errors import IncompleteReply, UsageError
from xiantong_nb.events import Usage
from xiantong_nb.reply import Reply
from xiantong_nb.request import Text
from xiantong_nb.results import Cell, Results
from xiantong_nb.scoring import Judge
from xiantong_nb.tally import quantile, tally

mpl.use("agg")

MADE = Results(
    (
        Cell(0, "one?", "a:m", 0, answer("Yes", seconds=1.0), score=1, values={"n": 1, "text": "mine"}),
        Cell(0, "one?", "a:m", 1, answer("yes ", seconds=3.0), score=0.5, values={"n": 1, "text": "mine"}),
        Cell(0, "one?", "b:m", 0, Reply(ended=BUSY.message), BUSY, values={"n": 1, "text": "mine"}),
        Cell(
            0, "one?", "b:m", 1, Reply((Text("ha"),), ended="cut"), IncompleteReply("cut"), values={"n": 1, "text": ""}
        ),
        Cell(1, "two?", "a:m", 0, answer("no", seconds=2.0, cost=None), unscored="failed", values={"n": 2, "text": ""}),
        Cell(1, "two?", "a:m", 1, answer("maybe", seconds=9.0, usage=Usage()), values={"n": 2, "text": ""}),
        Cell(1, "two?", "b:m", 0, values={"n": 2, "text": ""}),
        Cell(1, "two?", "b:m", 1, answer("no", model="n"), verdict="8", score="fine", values={"n": 2, "text": ""}),
    ),
    ("waited 3 s",),
    Judge("j:m", "Rate {answer}"),
)


def test_every_state_has_its_row():
    rows = MADE.rows()
    assert [row["state"] for row in rows] == [
        "complete", "complete", "failed", "incomplete", "complete", "complete", "not asked", "complete",
    ]  # fmt: skip
    assert rows[0]["text"] == "Yes", "a template's column does not hide the answer"
    assert rows[0]["n"] == 1
    assert rows[2]["error"] == BUSY.message
    assert [cell.error for cell in MADE.errors] == [BUSY, MADE[3].error]
    assert (MADE.complete, len(MADE), MADE.targets) == (False, 8, ("a:m", "b:m"))
    assert repr(MADE) == "<Results of 2 prompts by a:m, b:m: 5 of 8 answered>"


def test_frames():
    frame = MADE.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (8, len(MADE.rows()[0]))
    wide = MADE.pivot()
    assert wide.shape == (2, 4)
    assert wide.loc[(0, "one?"), ("a:m", 1)] == "yes "
    assert list(wide.columns) == [("a:m", 0), ("a:m", 1), ("b:m", 0), ("b:m", 1)]
    once = Results(tuple(cell for cell in MADE if not cell.repeat))
    assert list(once.pivot("seconds").columns) == ["a:m", "b:m"]
    with pytest.raises(UsageError, match="no column 'x'"):
        MADE.pivot("x")


def test_the_summary_adds_up_what_it_says():
    head, first, second = MADE.summary().lines()
    told = dict(zip(head, first, strict=True))
    assert told == {
        "target": "a:m", "answers": "4 of 4", "failed": "", "not asked": "", "first word s": "0.50", "median s": "2.50",
        "p95 s": "9.00", "tokens in": "30", "out": "90", "USD": "$0.75 and more", "agreement": "50%", "score": "0.75",
    }  # fmt: skip
    told = dict(zip(head, second, strict=True))
    assert (told["answers"], told["failed"], told["not asked"], told["score"]) == ("1 of 4", "2", "1", "fine 1")
    assert [quantile([3, 1, 2, 4], share) for share in (0, 0.25, 0.5, 0.95)] == [1, 1, 2, 4]
    assert quantile([], 0.5) is None
    bools = [row | {"score": at % 2 == 0} for at, row in enumerate(MADE.rows()[:4])]
    assert "50% true" in tally(bools).plain


def test_a_plot_has_a_box_for_each_target():
    axes = MADE.plot()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a:m", "b:m"]
    assert axes.get_ylabel() == "seconds"
    assert MADE.plot("score", ax=axes) is axes
    with pytest.raises(UsageError, match="no figures in 'text'"):
        MADE.plot("text")


def test_json_and_back_pickled_too():
    again = Results.from_json(MADE.to_json())
    assert again == MADE
    assert [str(cell.error) for cell in again.errors] == [str(cell.error) for cell in MADE.errors]
    assert pickle.loads(pickle.dumps(MADE)) == MADE
    for bad in ("", "{}", "[]", json.dumps({"xiantong_results": 2}), MADE.to_json().replace('"row": 0', '"row": "x"')):
        with pytest.raises(UsageError, match="no results"):
            Results.from_json(bad)


class Seen(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_the_page_stands_alone_and_is_harmless(tmp_path):
    bad = "<script>alert(1)</script> ![x](http://evil/x.png) **bold**"
    made = Results(
        (
            Cell(0, bad, "a:<b>", 0, answer(bad), score="<i>", values={}),
            Cell(0, bad, "b:m", 0, Reply(ended="x"), BUSY),
            Cell(0, bad, "c:m", 0),
        ),
        ("<b>note",),
        Judge("j:m", "<u> {answer}"),
    )
    text = made.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text
    seen = Seen()
    seen.feed(text)
    kinds = {tag for tag, _ in seen.tags}
    assert not kinds & {"script", "img", "link", "iframe", "i", "b", "u", "object"}
    assert "strong" in kinds
    assert not [attrs for _, attrs in seen.tags if "src" in attrs or any(name.startswith("on") for name in attrs)]
    for told in ("a:<b>", "<b>note", "score <i>", "failed: a is busy", "not asked", "<u> {answer}", "<script>"):
        assert told in seen.text


def test_what_a_notebook_shows_is_short_and_says_what_is_cut():
    many = Results(tuple(Cell(n, f"prompt {n} " * 50, "a:m", 0, answer("\x1b[31m<b>|x" * 50)) for n in range(40)))
    shown = many._repr_mimebundle_()
    assert set(shown) == {"text/markdown", "text/plain"}
    for text in shown.values():
        assert "10 of 40 rows" in text
        assert "prompt 9" in text
        assert "prompt 10" not in text
        assert "\x1b" not in text
        assert len(text) < 6000
    assert "<b>" not in shown["text/markdown"]
    assert "Rate {answer}" in MADE._repr_mimebundle_()["text/plain"]
    assert Results(())._repr_mimebundle_()
