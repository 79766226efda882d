"""What several targets answered, as a value: found by name, counted, told apart, kept as JSON."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb import errors
from xiantong_nb.comparison import Comparison, LaneResult
from xiantong_nb.errors import Busy, IncompleteReply, UsageError, XiantongError
from xiantong_nb.events import Usage
from xiantong_nb.reply import Reply
from xiantong_nb.request import Image, Opaque, Redacted, Text, Thinking, ToolUse


def answer(text="Hello", **also) -> Reply:
    whole = {"complete": True, "model": "m", "connection": "a", "seconds": 2.0, "first_token_seconds": 0.5}
    return Reply(**whole | {"blocks": (Text(text),), "usage": Usage(10, 30), "cost": 0.25, "cost_source": "x"} | also)


BUSY = Busy("a is busy (529).", where="at http://h", hint="Wait.")
MADE = Comparison(
    "hi",
    (
        LaneResult("a:m", ("sonnet", "m"), answer("one two three", seconds=1.5)),
        LaneResult("a:m#2", ("sonnet#2", "m#2"), answer("one two four", cost=0.1)),
        LaneResult("b:m", ("b", "m"), Reply(ended=BUSY.message, model="m", connection="b"), BUSY),
        LaneResult(
            "c:n",
            ("c:n", "n"),
            Reply((Text("ha"),), model="n", ended="cut", cost=None, usage=Usage(5, 1)),
            IncompleteReply("cut"),
        ),
    ),
    notes=("chat default, 1 turn, about 5 tokens",),
)


@pytest.mark.parametrize(
    ("which", "at"),
    [(0, 0), (-1, 3), ("a:m", 0), ("sonnet", 0), ("a:m#2", 1), ("sonnet#2", 1), ("m#2", 1), ("b", 2), ("n", 3)],
)
def test_a_lane_is_found_by_its_number_label_and_names(which, at):
    assert MADE[which] is MADE.lanes[at].reply


@pytest.mark.parametrize(
    ("which", "says"), [(4, "no lane 4"), (-5, "no lane"), ("x", "no lane"), ("m", "several lanes")]
)
def test_what_names_none_or_several_is_explained(which, says):
    with pytest.raises(UsageError, match=says) as caught:
        MADE[which]
    assert "a:m, a:m#2, b:m, c:n" in caught.value.hint


def test_it_is_a_sequence_of_replies_in_the_order_of_the_line():
    assert len(MADE) == 4
    assert [reply.text for reply in MADE] == ["one two three", "one two four", "", "ha"]
    assert MADE.labels == ("a:m", "a:m#2", "b:m", "c:n")
    assert [lane.state for lane in MADE.lanes] == ["complete", "complete", "failed", "incomplete"]
    assert list(MADE.errors) == ["b:m", "c:n"]
    assert MADE.complete is False
    assert repr(MADE) == "<Comparison of a:m, a:m#2, b:m, c:n, 2 not complete>"


def test_the_fastest_and_the_cheapest_are_whole_answers():
    assert MADE.fastest is MADE[0]
    assert MADE.cheapest is MADE[1]
    nothing = Comparison("hi", MADE.lanes[2:])
    assert nothing.fastest is nothing.cheapest is None
    unpriced = Comparison("hi", (LaneResult("a:m", (), answer(cost=None)), *MADE.lanes))
    assert unpriced.cheapest is MADE[1]


def test_figures_are_there_where_they_are_known():
    first, _, failed, cut = MADE.rows()
    assert (first["tokens_per_second"], first["sent_tokens"], first["output_tokens"]) == (30.0, 10, 30)
    assert (failed["error"], failed["state"], failed["text"]) == ("a is busy (529).", "failed", "")
    cached = Comparison("hi", (LaneResult("a:m", (), answer(usage=Usage(10, 30, cache_read_tokens=5))),)).rows()
    assert cached[0]["sent_tokens"] == 15, "with what the cache had"
    assert (cut["output_tokens"], cut["tokens_per_second"], cut["cost"]) == (None, None, None)
    assert answer(first_token_seconds=2.0).tokens_per_second is None, "an answer in one piece has no speed"


def test_a_table_shows_itself():
    data = MADE.table()._repr_mimebundle_()
    head, rule, first, *rest = data["text/markdown"].split("\n")
    assert head == "| target | state | first word s | tokens&#47;s | tokens in | out | USD | s |"
    assert set(rule) == set("| -")
    assert first == "| a&#58;m | complete | 0.50 | 30 | 10 | 30 | 0.25 | 1.50 |"
    assert len(rest) == 3
    assert data["text/plain"] == repr(MADE.table())
    assert data["text/plain"].splitlines()[3].split() == ["b:m", "failed", "0.00"]


def test_without_pandas_a_frame_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)  # as where it is not installed
    with pytest.raises(UsageError, match="pandas") as caught:
        MADE.to_frame()
    assert "pip install 'xiantong-nb[frame]'" in caught.value.hint
    assert "rows()" in caught.value.hint


def test_a_frame_has_a_row_a_lane():
    frame = MADE.to_frame()
    assert list(frame["target"]) == list(MADE.labels)
    assert list(frame.columns) == list(MADE.rows()[0])


def test_a_diff_is_of_two_lanes():
    changed = MADE.diff("sonnet", 1)
    assert (changed.old_label, changed.new_label) == ("a:m", "a:m#2")
    assert list(changed.pieces()) == [("=", "one two "), ("-", "three"), ("+", "four")]


# JSON


def test_json_gives_an_equal_one_back():
    again = Comparison.from_json(MADE.to_json())
    assert again == MADE
    assert again.to_json() == MADE.to_json()
    error = again.errors["b:m"]
    assert (type(error), error.message, error.where, error.hint) == (Busy, BUSY.message, BUSY.where, BUSY.hint)
    assert [lane.state for lane in again.lanes] == [lane.state for lane in MADE.lanes]
    with pytest.raises(UsageError, match="was loaded"):
        again.continue_with(0)


def test_it_can_be_copied_and_pickled():
    live = replace(MADE, goes_on=lambda *_: "default")
    for again in (pickle.loads(pickle.dumps(live)), copy.deepcopy(live)):
        assert again == MADE
        assert list(again.errors) == list(MADE.errors)


TEXTS = st.text(st.characters(codec=None), max_size=20)
NUMBERS = st.none() | st.integers(0, 10**9)
TIMES = st.floats(0, 1e6, allow_nan=False)
BLOCKS = st.one_of(
    st.builds(Text, TEXTS),
    st.builds(Thinking, TEXTS, TEXTS),
    st.builds(Redacted, TEXTS),
    st.builds(ToolUse, TEXTS, TEXTS, TEXTS),
    st.builds(Opaque, TEXTS, TEXTS),
    st.builds(Image, TEXTS, TEXTS, TEXTS),
)
REPLIES = st.builds(
    Reply,
    blocks=st.lists(BLOCKS, max_size=3).map(tuple),
    complete=st.booleans(),
    model=TEXTS,
    usage=st.builds(Usage, NUMBERS, NUMBERS, NUMBERS, cost=st.none() | TIMES),
    stop_reason=st.none() | TEXTS,
    ended=TEXTS,
    seconds=TIMES,
    first_token_seconds=st.none() | TIMES,
    cost=st.none() | TIMES,
    citations=st.lists(st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=2).map(tuple),
    parameters=st.dictionaries(TEXTS, TEXTS | TIMES | st.lists(TEXTS, max_size=2), max_size=2),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)
KINDS = st.sampled_from([XiantongError, IncompleteReply, UsageError, Busy, errors.KeyRefused, errors.NoAnswer])
LANES = st.builds(
    LaneResult,
    TEXTS,
    st.lists(TEXTS, max_size=2).map(tuple),
    REPLIES,
    st.none() | st.builds(lambda kind, a, b, c: kind(a, where=b, hint=c), KINDS, TEXTS, TEXTS, TEXTS),
)


@given(st.builds(Comparison, TEXTS, st.lists(LANES, max_size=3).map(tuple), st.lists(TEXTS, max_size=2).map(tuple)))
def test_any_comparison_goes_through_json(made):
    text = made.to_json()
    assert json.loads(text)["xiantong_comparison"] == 1
    again = Comparison.from_json(text)
    assert again == made
    assert again.to_json() == text


def broken(**changes):
    return json.dumps(json.loads(MADE.to_json()) | changes)


LANE = json.loads(MADE.to_json())["lanes"][0]


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{}", "3", "nonsense", b"\xff\xfe", "[" * 100_000,
        broken(xiantong_comparison=2), broken(lanes=None), broken(lanes=[{}]), broken(prompt=3),
        broken(lanes=[LANE | {"reply": {"blocks": [{"Nothing": {}}]}}]),
        broken(lanes=[LANE | {"reply": {"blocks": [{}]}}]),
        broken(lanes=[LANE | {"reply": {"blocks": [{"Text": {"text": 3}}]}}]),
        broken(lanes=[LANE | {"reply": {"blocks": 3}}]),
        broken(lanes=[LANE | {"reply": {"made_up": 3}}]),
        broken(lanes=[LANE | {"reply": {"seconds": "soon"}}]),
        broken(lanes=[LANE | {"error": {"message": 3}}]),
    ],
)  # fmt: skip
def test_what_is_no_comparison_is_refused(text):
    with pytest.raises(UsageError, match="to_json") as caught:
        Comparison.from_json(text)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", ["Nothing", "annotations", "bare", "E", ""])
def test_an_error_of_no_known_kind_is_one_of_the_root(kind):
    lanes = [LANE | {"error": {"kind": kind, "message": "so it was"}}]
    (error,) = Comparison.from_json(broken(lanes=lanes)).errors.values()
    assert (type(error), str(error)) == (XiantongError, "so it was")
