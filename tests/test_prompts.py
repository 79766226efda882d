"""Prompts from lists, columns and templates; what is no prompt is said before anything is asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb.errors import UsageError
from xiantong_nb.prompts import filled, prompts_in

COLUMNS = {"text": ["cat", "dog"], "n": [1, 2]}


@pytest.mark.parametrize(
    "given_as", [["cat", "dog"], ("cat", "dog"), pd.Series(COLUMNS["text"]), pl.Series(COLUMNS["text"]),
                 np.array(COLUMNS["text"]), iter(["cat", "dog"]), pd.DataFrame(COLUMNS)["text"]],
    ids=lambda each: type(each).__module__.partition(".")[0] + "-" + type(each).__name__,
)  # fmt: skip
def test_whatever_holds_texts_gives_prompts(given_as):
    assert [(type(p.text), p.text) for p in prompts_in(given_as)] == [(str, "cat"), (str, "dog")]


@pytest.mark.parametrize("data", [COLUMNS, pd.DataFrame(COLUMNS, index=[7, 9]), pl.DataFrame(COLUMNS),
                                  [{"text": "cat", "n": 1}, {"text": "dog", "n": 2}]])  # fmt: skip
def test_a_template_is_filled_row_by_row(data):
    made = prompts_in('Say {text} {n} times as {"json": {}} or {{text}}', data)
    assert [p.text for p in made] == [
        f'Say {t} {n} times as {{"json": {{}}}} or {{text}}' for t, n in zip(*COLUMNS.values(), strict=True)
    ]
    assert [dict(p.values) for p in made] == [{"text": "cat", "n": 1}, {"text": "dog", "n": 2}]
    assert {type(p.values["n"]) for p in made} == {int}


@given(st.text(), st.text())
def test_a_value_is_put_in_as_it_is(before, value):
    template = before.replace("{", "").replace("}", "") + "{x}"
    assert filled(template, {"x": value}) == template.removesuffix("{x}") + value


@pytest.mark.parametrize(
    ("asked", "data", "says"),
    [
        (["a", None], None, "Prompt 1 is missing"),
        (["a", float("nan")], None, "Prompt 1 is missing"),
        (pd.Series(["a", pd.NA]), None, "Prompt 1 is missing"),
        (["a", 5], None, "Prompt 1 is no text but int"),
        (["a", " "], None, "Prompt 1 is empty"),
        ([], None, "no prompts"),
        (5, None, "not int"),
        (pd.DataFrame(COLUMNS), None, "several columns"),
        (COLUMNS, None, "several columns"),
        ("{text}", 5, "not int"),
        ("{text}", {"text": []}, "empty"),
        ("{text}", {"text": ["a"], "n": []}, "not of one length"),
        ("{other}", COLUMNS, "names {other}, which is no column"),
        ("plain", COLUMNS, "names no column"),
        ("{text}", {"text": ["a", None]}, "Row 1 has no value for {text}"),
        (["{text}"], COLUMNS, "a template, not list"),
    ],
)
def test_what_is_no_prompt_is_explained(asked, data, says):
    with pytest.raises(UsageError) as caught:
        prompts_in(asked, data)
    assert says in str(caught.value)
